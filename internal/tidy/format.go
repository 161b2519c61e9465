package tidy

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"io/fs"
	"slices"
	"strings"
)

// formatProblems asks that files are formatted by gofmt.
func formatProblems(src *source, _ *Rules) []Problem {
	var problems []Problem
	for _, f := range src.files {
		formatted, err := format.Source(f.text)
		if err != nil || bytes.Equal(formatted, f.text) {
			continue // what does not parse was an error before
		}
		have, want := bytes.Split(f.text, []byte("\n")), bytes.Split(formatted, []byte("\n"))
		line := 0
		for line < min(len(have), len(want)) && bytes.Equal(have[line], want[line]) {
			line++
		}
		problems = append(problems, Problem{f.path, line + 1, "not formatted: run gofmt -w on the file"})
	}
	return problems
}

// testProblems bans two things from test files: sleeping, which makes a test slow where it waits too long and
// wrong where it waits too little, and skipping, with which a green run says nothing.
func testProblems(src *source, _ *Rules) []Problem {
	var problems []Problem
	for _, f := range src.files {
		if !f.test {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if message := refuseInTest(call); message != "" {
				problems = append(problems, src.problem(call.Pos(), message))
			}
			return true
		})
	}
	return problems
}

// refuseInTest returns why a test may not make the call, "" when it may.
func refuseInTest(call *ast.CallExpr) string {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	x, _ := sel.X.(*ast.Ident)
	switch {
	case x != nil && x.Name == "time" && sel.Sel.Name == "Sleep":
		return "a test does not sleep; allowed: wait for the event itself, or virtual time"
	case slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name):
		return "a test is not skipped; allowed: tests that run everywhere"
	}
	return ""
}

// modProblems asks that go.mod changes no dependency behind the reader's back: a replaced or excluded
// version does not reach those who install the module.
func modProblems(tree fs.FS) ([]Problem, error) {
	text, err := fs.ReadFile(tree, "go.mod")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var problems []Problem
	for i, line := range strings.Split(string(text), "\n") {
		word, _, _ := strings.Cut(strings.ReplaceAll(strings.TrimSpace(line), "(", " "), " ")
		if word == "replace" || word == "exclude" {
			problems = append(problems, Problem{"go.mod", i + 1,
				fmt.Sprintf("%s is not allowed: require the version that is meant", word)})
		}
	}
	return problems, err
}
