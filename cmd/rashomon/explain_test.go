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

// Every kind of anomaly, every property and every model that the checkers declare is explained.
func TestAnomaliesAreComplete(t *testing.T) {
	explained := func(topics ...topic) (names []string) {
		for _, topic := range topics {
			for _, e := range topic.Entries {
				names = append(names, e.Name)
				for _, d := range e.Details {
					names = append(names, d.Name)
				}
			}
		}
		return names
	}
	kinds, models := explained(anomalyTopic(), propertyTopic()), explained(modelTopic())
	words := exportedWords(t, "../../checkers")
	for name, text := range words {
		known := kinds
		if strings.HasPrefix(name, "Model") {
			known = models
		}
		if !slices.Contains(known, text) {
			t.Errorf("checkers.%s, %q, is not explained", name, text)
		}
	}
	for _, name := range []string{"Linearizability", "CircularCAS", "KindPrefixFell", "ReorderedAdd",
		"ModelKV"} {
		if words[name] == "" {
			t.Errorf("checkers.%s was not found: the test looks in the wrong place", name)
		}
	}
}

// exportedWords returns the exported string constants of a package by name, without those that are reasons,
// engines and names of measures.
func exportedWords(t *testing.T, dir string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]ast.Expr{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		constants(f, values)
	}
	words := map[string]string{}
	for name := range values {
		text, isText := textOf(values[name], values)
		other := name == "NotExercised" || name == "Stopped" || strings.HasPrefix(name, "Measure") ||
			strings.HasPrefix(name, "Engine")
		if isText && ast.IsExported(name) && !other {
			words[name] = text
		}
	}
	return words
}

// constants adds the constants of a file to values, by name.
func constants(f *ast.File, values map[string]ast.Expr) {
	for _, decl := range f.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			spec := spec.(*ast.ValueSpec)
			for i, name := range spec.Names {
				if i < len(spec.Values) {
					values[name.Name] = spec.Values[i]
				}
			}
		}
	}
}

// textOf returns the string that a constant expression stands for, if it is a string put together from
// literals and other constants.
func textOf(expr ast.Expr, constants map[string]ast.Expr) (text string, ok bool) {
	switch x := expr.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(x.Value)
		return text, err == nil && x.Kind == token.STRING
	case *ast.Ident:
		return textOf(constants[x.Name], constants)
	case *ast.BinaryExpr:
		left, ok1 := textOf(x.X, constants)
		right, ok2 := textOf(x.Y, constants)
		return left + right, ok1 && ok2
	}
	return "", false
}
