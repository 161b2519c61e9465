package tidy

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// tree returns a small tree that keeps the house rules, with files changed or added.
func tree(changes map[string]string) fstest.MapFS {
	files := map[string]string{
		"go.mod":                    "module github.com/rashomon-harness/rashomon\n\ngo 1.26\n",
		"history/history.go":        "// Package history is made up.\npackage history\n",
		"plan/plan.go":              "// Package plan is made up.\npackage plan\n",
		"checkers/checkers.go":      "// Package checkers is made up.\npackage checkers\n",
		"internal/tidy/ratchet.txt": "# nothing\n",
	}
	for name, text := range changes {
		files[name] = text
	}
	fs := fstest.MapFS{}
	for name, text := range files {
		fs[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fs
}

// problemsOf returns the problems of the tree with the changes, one a line.
func problemsOf(t *testing.T, changes map[string]string) string {
	t.Helper()
	problems, err := Check(tree(changes), House())
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, p := range problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// want fails unless got is exactly one problem, that begins and ends as told.
func want(t *testing.T, got, begin, end string) {
	t.Helper()
	if strings.Contains(got, "\n") || !strings.HasPrefix(got, begin) || !strings.HasSuffix(got, end) {
		t.Errorf("got:\n%s\nwant one problem: %s .. %s", got, begin, end)
	}
}

// inPackage returns a Go file of package plan whose function f has the body, from line 6 on.
func inPackage(imports, body string) string {
	line := "// Nothing is imported."
	if imports != "" {
		line = fmt.Sprintf("import %q", imports)
	}
	return fmt.Sprintf("package plan\n\n%s\n\nfunc f(m map[string]int) {\n%s\n}\n", line, body)
}

func TestCleanTree(t *testing.T) {
	if got := problemsOf(t, nil); got != "" {
		t.Errorf("a tree without faults has problems:\n%s", got)
	}
}
