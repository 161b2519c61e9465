package tidy

import (
	"fmt"
	"strings"
	"testing"
)

const module = "github.com/rashomon-harness/rashomon/"

func importing(pkg, path string) string {
	return fmt.Sprintf("package %s\n\nimport _ %q\n", pkg, path)
}

func TestImportsFail(t *testing.T) {
	for _, tc := range []struct{ file, path, begin, end string }{
		{"history/new.go", module + "plan",
			"history/new.go:3: package history may not import plan", "allowed of this module: none"},
		{"plan/new.go", module + "checkers",
			"plan/new.go:3: package plan may not import checkers",
			"allowed of this module: history, internal/keyed"},
		{"plan/new.go", "github.com/anishathalye/porcupine",
			"plan/new.go:3: package plan may not import github.com/anishathalye/porcupine",
			"allowed in package checkers alone"},
		{"plan/new_test.go", "github.com/anishathalye/porcupine",
			"plan/new_test.go:3: package plan may not import", "allowed in package checkers alone"},
		{"checkers/new.go", "go.yaml.in/yaml/v3/sub",
			"checkers/new.go:3: package checkers may not import go.yaml.in/yaml/v3/sub",
			"allowed in package harness alone"},
		{"checkers/new.go", "example.com/helpful",
			"checkers/new.go:3: example.com/helpful has no home", "names for it"},
	} {
		pkg, _, _ := strings.Cut(tc.file, "/")
		want(t, problemsOf(t, map[string]string{tc.file: importing(pkg, tc.path)}), tc.begin, tc.end)
	}
}

func TestImportsHold(t *testing.T) {
	for file, path := range map[string]string{
		"plan/new.go":      module + "history",
		"plan/new_test.go": module + "checkers",
		"checkers/new.go":  "github.com/anishathalye/porcupine",
		"history/new.go":   "encoding/json",
	} {
		pkg, _, _ := strings.Cut(file, "/")
		if got := problemsOf(t, map[string]string{file: importing(pkg, path)}); got != "" {
			t.Errorf("%s may import %s, got:\n%s", file, path, got)
		}
	}
}

// The walls that the design rests on, against the table itself.
func TestWalls(t *testing.T) {
	rules := House()
	for _, tc := range []struct{ from, to string }{
		{"refimpl", "history"}, {"refimpl/sim", "targets"}, {"harness", "refimpl"}, {"harness", "results"},
		{"harness", "targets/simulated"}, {"targets", "refimpl"}, {"nemesis", "targets"},
		{"workloads", "harness"}, {"checkers", "plan"}, {"results", "cmd/rashomon"}, {"harness", "ci"},
	} {
		if row, known := rules.allowed(tc.from); !known || covers(row, tc.to) {
			t.Errorf("%s may import %s (known %v)", tc.from, tc.to, known)
		}
	}
}

func TestUnknownPackage(t *testing.T) {
	got := problemsOf(t, map[string]string{"extra/new.go": "// Package extra is made up.\npackage extra\n"})
	want(t, got, "extra/new.go:2: package extra is not in the import table", "internal/tidy/rules.go")
}

func TestDocsFail(t *testing.T) {
	for _, tc := range []struct{ name, decl string }{
		{"Mix", "type Mix struct{}"},
		{"Mix", "func Mix() {}"},
		{"Mix", "const Mix = 1"},
		{"Mix", "var low, Mix int"},
		{"Next", "// Mix is made up.\ntype Mix struct{}\n\nfunc (m *Mix) Next() {}"},
		{"Next", "// Mix is made up.\ntype Mix[T any] struct{}\n\nfunc (m *Mix[T]) Next() {}"},
	} {
		text := "package plan\n\n" + tc.decl + "\n"
		line := strings.Count(text, "\n")
		want(t, problemsOf(t, map[string]string{"plan/new.go": text}),
			fmt.Sprintf("plan/new.go:%d: %s is exported and has no comment", line, tc.name), "its errors")
	}
}

func TestDocsHold(t *testing.T) {
	got := problemsOf(t, map[string]string{"plan/new.go": `package plan

// The shapes.
const (
	Low = iota
	High
)

type mix struct{}

func (mix) Next() {}

// Mix is made up.
func Mix() {}

// Kinds are made up.
type (
	A int
	B int
)

var (
	Zero = 0 // the least
)
`})
	if got != "" {
		t.Errorf("got:\n%s", got)
	}
}

func TestPackageComment(t *testing.T) {
	got := problemsOf(t, map[string]string{"plan/plan.go": "package plan\n"})
	want(t, got, "plan/plan.go:1: package plan has no package comment", "must have it")
	got = problemsOf(t, map[string]string{"plan/q.go": "// Package plan is made up again.\npackage plan\n"})
	want(t, got, "plan/q.go:2: package plan has a second package comment", "plan/plan.go has one")
}

func TestFormat(t *testing.T) {
	got := problemsOf(t, map[string]string{"plan/new.go": "package plan\n\nvar a  = 1\n"})
	want(t, got, "plan/new.go:3: not formatted", "gofmt -w on the file")
}

func TestTestsFail(t *testing.T) {
	got := problemsOf(t, map[string]string{"plan/new_test.go": inPackage("time", "\ttime.Sleep(1)")})
	want(t, got, "plan/new_test.go:6: a test does not sleep", "virtual time")
	got = problemsOf(t, map[string]string{"plan/new_test.go": inPackage("", "\tt.Skip(1)")})
	want(t, got, "plan/new_test.go:6: a test is not skipped", "run everywhere")
}

func TestMod(t *testing.T) {
	head := "module github.com/rashomon-harness/rashomon\n\ngo 1.26\n\n"
	got := problemsOf(t, map[string]string{"go.mod": head + "replace a.b/c => ../c\n"})
	want(t, got, "go.mod:5: replace is not allowed", "that is meant")
	got = problemsOf(t, map[string]string{"go.mod": head + "exclude (\n\ta.b/c v1.0.0\n)\n"})
	want(t, got, "go.mod:5: exclude is not allowed", "that is meant")
}

// function returns a function of so many lines.
func functionOf(lines int) string {
	return "func f() {\n" + strings.Repeat("\tprintln()\n", lines-2) + "}\n"
}

func TestSizesFail(t *testing.T) {
	const head = "package plan\n\n"
	for _, tc := range []struct{ name, text, begin, end string }{
		{"function", head + functionOf(71),
			"plan/new.go:3: function plan/new.go f: 71", "allowed: 70"},
		{"method", head + "type m struct{}\n\n" + strings.Replace(functionOf(80), "f()", "(*m) f()", 1),
			"plan/new.go:5: function plan/new.go m.f: 80", "allowed: 70"},
		{"literal", head + "var f = " + strings.Replace(functionOf(71), " f", "", 1),
			"plan/new.go:3: function plan/new.go func: 71", "allowed: 70"},
		{"file", head + strings.Repeat("// A line.\n", 599),
			"plan/new.go:601: file plan/new.go: 601", "allowed: 600"},
		{"line", head + "// " + strings.Repeat("∅", 108) + "\n",
			"plan/new.go:3: columns plan/new.go: 111", "allowed: 110"},
		{"tabs", head + "func f() {\n\tprintln() // " + strings.Repeat("x", 95) + "\n}\n",
			"plan/new.go:4: columns plan/new.go: 112", "allowed: 110"},
	} {
		want(t, problemsOf(t, map[string]string{"plan/new.go": tc.text}), tc.begin, tc.end)
	}
	got := problemsOf(t, map[string]string{
		"plan/new.go": head + functionOf(70) + "\n// " + strings.Repeat("∅", 107) + "\n",
	})
	if got != "" {
		t.Errorf("just within the rules, got:\n%s", got)
	}
}

func TestRatchet(t *testing.T) {
	text := "package plan\n\n" + functionOf(75)
	with := func(ratchet string) string {
		return problemsOf(t, map[string]string{"plan/new.go": text, "internal/tidy/ratchet.txt": ratchet})
	}
	if got := with("# why\nfunction plan/new.go f 75\n"); got != "" {
		t.Errorf("an exception is not one:\n%s", got)
	}
	want(t, with("function plan/new.go f 74\n"),
		"plan/new.go:3: function plan/new.go f: has grown to 75", "allowed by the ratchet: 74")
	want(t, with("\nfunction plan/new.go f 76\n"),
		"internal/tidy/ratchet.txt:2: function plan/new.go f: has shrunk to 75", "lower its row, 76")
	want(t, with("function plan/new.go f 75\nfile plan/new.go 900\n"),
		"internal/tidy/ratchet.txt:2: file plan/new.go: is within the rules or gone", "remove its row")
	if got := with("function plan/new.go f\n"); !strings.Contains(got, "ratchet.txt:1: no size at the end") {
		t.Errorf("got:\n%s", got)
	}
}
