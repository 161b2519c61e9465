package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// Everything in the tables can be asked for by name, in every form.
func TestExplainEverything(t *testing.T) {
	c := newConsole(t.TempDir())
	code, contents := c.do("explain")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, c.err.String())
	}
	for _, topic := range c.topics() {
		if len(topic.Entries) == 0 || !strings.Contains(contents, topic.Name) {
			t.Errorf("topic %s is empty, or missing in the contents", topic.Name)
		}
		for _, e := range topic.Entries {
			code, out := c.do("explain", e.Name)
			if code != 0 || !strings.Contains(out, e.Name) || e.Meaning == "" {
				t.Errorf("%s %s: exit %d, %s", topic.Name, e.Name, code, out)
			}
			for _, d := range e.Details {
				if code, _ := c.do("explain", d.Name); code != 0 || d.Meaning == "" {
					t.Errorf("%s %s %s: exit %d", topic.Name, e.Name, d.Name, code)
				}
			}
		}
	}
	if _, out := c.do("explain", "--output", "markdown"); !strings.Contains(out, "### `replication`") {
		t.Error(out)
	}
	_, out := c.do("explain", "--output", "json")
	var topics []topic
	if err := json.Unmarshal([]byte(out), &topics); err != nil || len(topics) != len(c.topics()) {
		t.Errorf("%v: %s", err, out)
	}
	_, out = c.do("explain", "config.failover_timeout")
	golden(t, "explain.golden", out)
}

// Every mark of the store is explained.
func TestSituationsAreComplete(t *testing.T) {
	if len(situations) != int(refimpl.NumMarks) {
		t.Errorf("%d marks are explained, there are %d", len(situations), refimpl.NumMarks)
	}
}

// Every kind of anomaly and every property that the checkers declare is explained.
func TestAnomaliesAreComplete(t *testing.T) {
	var explained []string
	for _, e := range slices.Concat(anomalies, properties) {
		explained = append(explained, e.Name)
		for _, d := range e.Details {
			explained = append(explained, d.Name)
		}
	}
	names, err := filepath.Glob("../../checkers/*.go")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	found := 0
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for word, text := range exportedWords(f) {
			found++
			if word != "NotExercised" && !slices.Contains(explained, text) {
				t.Errorf("checkers.%s, %q, is not explained", word, text)
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d kinds and properties were found: the test looks in the wrong place", found)
	}
}

// exportedWords returns the exported string constants of a file whose values are words joined by dashes.
func exportedWords(f *ast.File) map[string]string {
	words := map[string]string{}
	for _, decl := range f.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			values := spec.(*ast.ValueSpec)
			for i, name := range values.Names {
				if i >= len(values.Values) || !name.IsExported() {
					continue
				}
				if lit, ok := values.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
					text, _ := strconv.Unquote(lit.Value)
					words[name.Name] = text
				}
			}
		}
	}
	return words
}
