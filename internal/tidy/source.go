package tidy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"
)

// source is a parsed tree.
type source struct {
	fset  *token.FileSet
	files []*file // by path
}

// file is one Go file.
type file struct {
	path string // in the tree
	dir  string // the package's: "" never occurs, the root is "."
	test bool
	text []byte
	ast  *ast.File
}

// parse reads every Go file of the tree but those under testdata, in hidden directories, and in modules of
// their own.
func parse(tree fs.FS) (*source, error) {
	src := &source{fset: token.NewFileSet()}
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if entry.IsDir() {
			if base == "testdata" || base != "." && (strings.HasPrefix(base, ".") || isModule(tree, name)) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		return src.add(tree, name)
	})
	return src, err
}

// isModule reports whether a directory has a go.mod.
func isModule(tree fs.FS, dir string) bool {
	_, err := fs.Stat(tree, path.Join(dir, "go.mod"))
	return err == nil
}

func (src *source) add(tree fs.FS, name string) error {
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return err
	}
	parsed, err := parser.ParseFile(src.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	src.files = append(src.files, &file{
		path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), text: text, ast: parsed,
	})
	return nil
}

// problem returns a problem at a node of one of the tree's files.
func (src *source) problem(at token.Pos, message string) Problem {
	p := src.fset.Position(at)
	return Problem{File: p.Filename, Line: p.Line, Message: message}
}

// covers reports whether one of the patterns names the package: "plan" names itself, "refimpl/..." itself
// and all below, "..." all.
func covers(patterns []string, dir string) bool {
	for _, p := range patterns {
		if matches(p, dir) {
			return true
		}
	}
	return false
}

func matches(pattern, dir string) bool {
	if pattern == "..." {
		return true
	}
	root, below := strings.CutSuffix(pattern, "/...")
	return dir == root || below && strings.HasPrefix(dir, root+"/")
}
