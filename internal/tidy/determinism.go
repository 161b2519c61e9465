package tidy

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// Packages that a deterministic package may not import, with what is allowed in their place.
var bannedImports = map[string]string{
	"context":          "no deadlines; a driver stops by calling no more",
	"crypto/rand":      "keyed randomness of internal/keyed",
	"hash/maphash":     "a hash that is the same in every process",
	"math/rand":        "keyed randomness of internal/keyed",
	"math/rand/v2":     "keyed randomness of internal/keyed",
	"os":               "inputs as arguments, outputs as results",
	"reflect":          "types that are written out",
	"runtime":          "nothing that depends on the machine",
	"sync":             "one thread, without locks",
	"sync/atomic":      "one thread, without locks",
	"testing/synctest": "test files",
	"unsafe":           "values, never addresses",
}

// What of package time reads the clock or waits for it. Durations and dates are plain values.
var bannedTime = []string{
	"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until",
}

// determinismProblems bans from deterministic packages what makes two runs differ: clocks, global
// randomness, goroutines and channels, the order of maps, differences between platforms. Test files are free.
func determinismProblems(src *source, rules *Rules) []Problem {
	t := &typer{src: src, rules: rules, checked: map[string]*types.Package{}}
	var problems []Problem
	var dirs []string
	for _, f := range src.files {
		if !f.test && covers(rules.Deterministic, f.dir) && !covers(rules.Driven, f.dir) {
			dirs = append(dirs, f.dir)
		}
	}
	for _, dir := range slices.Compact(slices.Sorted(slices.Values(dirs))) {
		c := t.check(dir)
		for _, f := range c.files {
			s := &sight{src: src, info: c.info, file: f}
			s.imports()
			s.constraints()
			ast.Inspect(f.ast, s.node)
			s.mapRanges()
			problems = append(problems, s.problems...)
		}
	}
	return problems
}

// sight is the look at one file of a deterministic package.
type sight struct {
	src      *source
	info     *types.Info
	file     *file
	problems []Problem
}

func (s *sight) report(at token.Pos, what, allowed string) {
	s.problems = append(s.problems, s.src.problem(at,
		fmt.Sprintf("%s in deterministic package %s; allowed: %s", what, s.file.dir, allowed)))
}

func (s *sight) imports() {
	for _, spec := range s.file.ast.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		if allowed, banned := bannedImports[name]; banned {
			s.report(spec.Pos(), "import of "+name, allowed)
		}
	}
}

// constraints bans files that are not part of every build.
func (s *sight) constraints() {
	for _, group := range s.file.ast.Comments {
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, "//go:build") && c.Pos() < s.file.ast.Package {
				s.report(c.Pos(), "build constraint", "the same source on every platform")
			}
		}
	}
}

const (
	oneThread = "one thread; concurrency is the driver's"
	noClock   = "time that comes in with the input"
)

// node looks at one node of the syntax. It has the form that ast.Inspect wants.
func (s *sight) node(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		s.report(n.Pos(), "goroutine", oneThread)
	case *ast.SelectStmt:
		s.report(n.Pos(), "select", oneThread)
	case *ast.ChanType:
		s.report(n.Pos(), "channel", oneThread)
	case *ast.SendStmt:
		s.report(n.Pos(), "send to a channel", oneThread)
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			s.report(n.Pos(), "receive from a channel", oneThread)
		}
	case *ast.Ident:
		if fromPackage(s.info.Uses[n], "time") && slices.Contains(bannedTime, n.Name) {
			s.report(n.Pos(), "time."+n.Name, noClock)
		}
	}
	return true
}

// fromPackage reports whether the object stands at the top level of the package with that path.
func fromPackage(o types.Object, path string) bool {
	return o != nil && o.Pkg() != nil && o.Pkg().Path() == path && o.Parent() == o.Pkg().Scope()
}
