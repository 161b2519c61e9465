package tidy

import (
	"errors"
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"sync"
)

// checked is a package of the tree with types.
type checked struct {
	files []*file
	info  *types.Info
}

// typer checks packages of the tree, and what they import, for their types. It goes on after errors: a
// tree that does not build is the compiler's business, and a type that stays unknown is reported where
// it matters.
type typer struct {
	src     *source
	rules   *Rules
	checked map[string]*types.Package // by import path
}

// errCycle ends the search for types where packages import each other, which does not compile.
var errCycle = errors.New("import cycle")

// check returns the non-test files of a package with their types.
func (t *typer) check(dir string) *checked {
	c := &checked{info: &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{},
		Uses:  map[*ast.Ident]types.Object{},
		Defs:  map[*ast.Ident]types.Object{},
	}}
	var parsed []*ast.File
	for _, f := range t.src.files {
		if f.dir == dir && !f.test {
			c.files, parsed = append(c.files, f), append(parsed, f.ast)
		}
	}
	t.run(dir, parsed, c.info, false)
	return c
}

func (t *typer) run(path string, files []*ast.File, info *types.Info, headsOnly bool) *types.Package {
	conf := types.Config{Importer: t, Error: func(error) {}, IgnoreFuncBodies: headsOnly, FakeImportC: true}
	p, _ := conf.Check(path, t.src.fset, files, info)
	return p
}

// Import returns a package that is imported: of the tree by its declarations, of the standard library from
// its source, any other as an empty one.
func (t *typer) Import(path string) (*types.Package, error) {
	if p, seen := t.checked[path]; seen {
		if p == nil {
			return nil, errCycle
		}
		return p, nil
	}
	if standard(path) {
		return importStandard(path)
	}
	t.checked[path] = nil
	p := types.NewPackage(path, "")
	if dir, inside := t.rules.inside(path); inside {
		var files []*ast.File
		for _, f := range t.src.files {
			if f.dir == dir && !f.test {
				files = append(files, f.ast)
			}
		}
		p = t.run(path, files, nil, true)
	}
	p.MarkComplete()
	t.checked[path] = p
	return p, nil
}

// standardLibrary reads packages from GOROOT. It is shared, since reading takes its time.
var standardLibrary = struct {
	sync.Mutex
	types.Importer
}{Importer: importer.ForCompiler(token.NewFileSet(), "source", nil)}

func importStandard(path string) (*types.Package, error) {
	standardLibrary.Lock()
	defer standardLibrary.Unlock()
	return standardLibrary.Import(path)
}
