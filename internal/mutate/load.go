package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// sourcePackage is the package whose files are mutated, with types.
type sourcePackage struct {
	dir    string // absolute
	root   string // of the module
	module string
	fset   *token.FileSet
	files  []*sourceFile // all that are not tests, by name
	types  *types.Package
	info   *types.Info
}

// sourceFile is one file of the package.
type sourceFile struct {
	path    string // absolute
	name    string // below the module's root, with slashes
	text    []byte
	ast     *ast.File
	imports map[string]string // import path to the name that the file gives it, "" for its own
}

// listed is what `go list` says about a package.
type listed struct {
	Dir, ImportPath, Export string
	GoFiles, CgoFiles       []string
	Module                  *struct{ Path, Dir string }
	DepOnly                 bool
}

// load reads the package in a directory and checks its types. What it imports is read from the compiler's
// export data, so that a package that does not compile is an error here.
func load(ctx context.Context, dir string) (*sourcePackage, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	target, exports, err := list(ctx, dir)
	if err != nil {
		return nil, err
	}
	if target.Module == nil || len(target.CgoFiles) > 0 {
		return nil, fmt.Errorf("%s: want a package of a module, without cgo", dir)
	}
	pkg := &sourcePackage{dir: dir, root: target.Module.Dir, module: target.Module.Path,
		fset: token.NewFileSet(),
		info: &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{},
			Defs: map[*ast.Ident]types.Object{}}}
	var parsed []*ast.File
	for _, name := range target.GoFiles {
		f, err := pkg.parse(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, f.ast)
	}
	open := func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("no export data of %s", path)
		}
		return os.Open(exports[path])
	}
	conf := types.Config{Importer: importer.ForCompiler(pkg.fset, "gc", open)}
	pkg.types, err = conf.Check(target.ImportPath, pkg.fset, parsed, pkg.info)
	if err != nil {
		return nil, fmt.Errorf("types of %s: %w", target.ImportPath, err)
	}
	return pkg, nil
}

// list asks the go command for the package in dir and the export data of all that it imports.
func list(ctx context.Context, dir string) (target *listed, exports map[string]string, err error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-export", "-deps",
		"-json=Dir,ImportPath,Export,GoFiles,CgoFiles,Module,DepOnly", ".")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, nil, fmt.Errorf("go list in %s: %w\n%s", dir, err, stderr.Bytes())
	}
	exports = map[string]string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, nil, fmt.Errorf("go list in %s: %w", dir, err)
		}
		exports[p.ImportPath] = p.Export
		if !p.DepOnly {
			target = &p
		}
	}
	if target == nil {
		return nil, nil, fmt.Errorf("no package in %s", dir)
	}
	return target, exports, nil
}

func (pkg *sourcePackage) parse(name string) (*sourceFile, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.ParseFile(pkg.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	below, err := filepath.Rel(pkg.root, name)
	if err != nil {
		return nil, err
	}
	f := &sourceFile{path: name, name: filepath.ToSlash(below), text: text, ast: parsed,
		imports: map[string]string{}}
	for _, spec := range parsed.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		f.imports[p] = ""
		if spec.Name != nil {
			f.imports[p] = spec.Name.Name
		}
	}
	pkg.files = append(pkg.files, f)
	return f, nil
}

// named returns the files of the package that the patterns match; names of tests are passed over, since
// that is what a shell makes of *.go.
func (pkg *sourcePackage) named(patterns []string) ([]*sourceFile, error) {
	wanted := map[*sourceFile]bool{}
	for _, p := range patterns {
		if strings.HasSuffix(p, "_test.go") {
			continue
		}
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, err
		}
		found := false
		for _, f := range pkg.files {
			matches, err := filepath.Match(abs, f.path)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p, err)
			}
			wanted[f] = wanted[f] || matches
			found = found || matches
		}
		if !found {
			return nil, fmt.Errorf("%s: no such file in the package; allowed: what is built here", p)
		}
	}
	return slices.DeleteFunc(slices.Clone(pkg.files), func(f *sourceFile) bool { return !wanted[f] }), nil
}

// constant reports whether e is a constant expression.
func (pkg *sourcePackage) constant(e ast.Expr) bool { return pkg.info.Types[e].Value != nil }

// positive returns the value of an integer literal that is at least one.
func (pkg *sourcePackage) positive(e ast.Expr) (int64, bool) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.INT {
		return 0, false
	}
	k, exact := constant.Int64Val(constant.ToInt(pkg.info.Types[e].Value))
	return k, exact && k > 0
}

// integer reports whether e has an integer type that is not a type parameter.
func (pkg *sourcePackage) integer(e ast.Expr) bool {
	basic, ok := pkg.info.TypeOf(e).Underlying().(*types.Basic)
	return ok && basic.Info()&types.IsInteger != 0
}

// shifts reports whether one of the expressions has, outside of calls and elements, a shift of a constant by
// something that is none: such a shift takes its type from where it stands.
func (pkg *sourcePackage) shifts(all ...ast.Expr) bool {
	return slices.ContainsFunc(all, func(e ast.Expr) bool {
		switch e := e.(type) {
		case *ast.ParenExpr:
			return pkg.shifts(e.X)
		case *ast.UnaryExpr:
			return pkg.shifts(e.X)
		case *ast.BinaryExpr:
			shift := e.Op == token.SHL || e.Op == token.SHR
			return shift && pkg.constant(e.X) && !pkg.constant(e.Y) || pkg.shifts(e.X) ||
				!shift && pkg.shifts(e.Y)
		}
		return false
	})
}

// uses reports whether some identifier of the package is the name.
func (pkg *sourcePackage) uses(name string) bool {
	for _, f := range pkg.files {
		if strings.Contains(string(f.text), name) {
			return true
		}
	}
	return false
}
