package refimpl

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestBugTable: names are unique, as a list of bugs does not say the mode, and every bug fits into the set.
func TestBugTable(t *testing.T) {
	seen := map[string]bool{}
	for i, b := range BugTable() {
		if b.Name == "" || b.Meaning == "" || b.Mode != SingleLeader && b.Mode != Leaderless {
			t.Errorf("bug %d is not documented: %+v", i, b)
		}
		if seen[b.Name] {
			t.Errorf("two bugs are called %s", b.Name)
		}
		seen[b.Name] = true
		if set := Bugs(1) << i; !set.Has(Bug(i)) || set.Has(Bug(i+1)) || Bugs(0).Has(Bug(i)) {
			t.Errorf("%s does not fit into a set of bugs", b.Name)
		}
	}
}

// TestNoBugIsAStub: the code of a bug's mode, or the client's, asks for it.
func TestNoBugIsAStub(t *testing.T) {
	dirs := map[string][]string{
		SingleLeader: {"singleleader", "client"},
		Leaderless:   {"leaderless", "client"},
	}
	asked := bugsAskedFor(t)
	names := bugIdentifiers(t)
	if len(names) != int(NumBugs) {
		t.Fatalf("%d of %d bugs were found in bugs.go", len(names), NumBugs)
	}
	for i, b := range BugTable() {
		if !slices.ContainsFunc(dirs[b.Mode], func(dir string) bool { return asked[dir][names[i]] }) {
			t.Errorf("%s (%s) is switched on in none of %v", names[i], b.Name, dirs[b.Mode])
		}
	}
}

// bugIdentifiers returns what the bugs are called in the code, in the order of BugTable.
func bugIdentifiers(t *testing.T) []string {
	file, err := parser.ParseFile(token.NewFileSet(), "bugs.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		kv, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		id, isID := kv.Key.(*ast.Ident)
		info, isInfo := kv.Value.(*ast.CompositeLit)
		if isID && isInfo {
			name, _ := strconv.Unquote(info.Elts[0].(*ast.BasicLit).Value)
			byName[name] = id.Name
		}
		return true
	})
	var ids []string
	for _, b := range BugTable() {
		if id := byName[b.Name]; id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// bugsAskedFor returns, by directory below this one, which refimpl.Bug.. the code has as an argument of a
// call: of Has, or of what calls it.
func bugsAskedFor(t *testing.T) map[string]map[string]bool {
	asked := map[string]map[string]bool{}
	note := func(dir string, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			for _, arg := range call.Args {
				sel, ok := arg.(*ast.SelectorExpr)
				if ok && strings.HasPrefix(sel.Sel.Name, "Bug") {
					asked[dir][sel.Sel.Name] = true
				}
			}
			return true
		})
	}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		if asked[dir] == nil {
			asked[dir] = map[string]bool{}
		}
		note(dir, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if dirs := slices.Sorted(maps.Keys(asked)); !slices.Contains(dirs, "singleleader") {
		t.Fatalf("no code was found, only %v", dirs)
	}
	return asked
}
