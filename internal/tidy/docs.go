package tidy

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// docProblems asks for a comment on every exported name at the top level and on the exported methods of
// exported types; a comment on a group serves for all its names. Each package has one package comment.
func docProblems(src *source, _ *Rules) []Problem {
	var problems []Problem
	commented := map[string][]*file{} // by package: its files with a package comment
	for _, f := range src.files {
		if f.test {
			continue
		}
		with := commented[f.dir]
		if f.ast.Doc != nil {
			with = append(with, f)
		}
		commented[f.dir] = with
		for _, decl := range f.ast.Decls {
			for _, name := range undocumented(decl) {
				problems = append(problems, src.problem(name.Pos(),
					name.Name+" is exported and has no comment: say what it means, its units, its errors"))
			}
		}
	}
	return append(problems, packageDocProblems(src, commented)...)
}

func packageDocProblems(src *source, commented map[string][]*file) []Problem {
	var problems []Problem
	for _, dir := range slices.Sorted(maps.Keys(commented)) {
		with := commented[dir]
		if len(with) == 1 {
			continue
		}
		at := slices.IndexFunc(src.files, func(f *file) bool { return f.dir == dir && !f.test })
		message := fmt.Sprintf("package %s has no package comment: one file must have it", dir)
		if len(with) > 1 {
			at = slices.Index(src.files, with[1])
			message = fmt.Sprintf("package %s has a second package comment: %s has one", dir, with[0].path)
		}
		problems = append(problems, src.problem(src.files[at].ast.Name.Pos(), message))
	}
	return problems
}

// undocumented returns the exported names of a declaration that have no comment.
func undocumented(decl ast.Decl) []*ast.Ident {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiver(d))) {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		if d.Doc == nil && d.Tok != token.IMPORT {
			return undocumentedSpecs(d.Specs)
		}
	}
	return nil
}

func undocumentedSpecs(specs []ast.Spec) []*ast.Ident {
	var names []*ast.Ident
	for _, spec := range specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Doc == nil && s.Comment == nil && s.Name.IsExported() {
				names = append(names, s.Name)
			}
		case *ast.ValueSpec:
			if s.Doc != nil || s.Comment != nil {
				continue
			}
			for _, name := range s.Names {
				if name.IsExported() {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// receiver returns the name of the type that a method belongs to, "" for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return ""
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

// functionName returns a function's name as the ratchet has it: "Name" or "Type.Name".
func functionName(d *ast.FuncDecl) string {
	return strings.TrimPrefix(receiver(d)+"."+d.Name.Name, ".")
}
