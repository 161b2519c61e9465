package main

import (
	"fmt"
	"go/constant"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/internal/mutate/schemata"
)

// TestForms compares every mutant with the expression that it says it is: the source of the function with
// the mutant's text in place of the original's, evaluated as a constant for all operands.
func TestForms(t *testing.T) {
	in, err := find(t.Context(), []string{"testdata/forms"})
	if err != nil {
		t.Fatal(err)
	}
	binary, err := in.build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &suite{binary: binary, dir: in.pkg.dir, memory: 1 << 30, procs: 1}
	lines := strings.Split(string(in.files[0].text), "\n")
	original := answersOf(t, s, "")
	for _, m := range in.mutants {
		line := lines[m.line-1]
		expression, mutated := returned(line), returned(line[:m.col-1]+"("+m.mutated+")"+
			without(line[m.col-1:], m.original))
		want := maps.Clone(original)
		for call := range want {
			f := strings.Fields(call)
			if f[0] != strings.Split(line, `"`)[1] {
				continue // the other functions answer what they did
			}
			if value := evaluate(t, expression, f[1:]); value != original[call] {
				t.Errorf("%s, original: %s, want %s", call, original[call], value)
			}
			want[call] = evaluate(t, mutated, f[1:])
		}
		got := answersOf(t, s, fmt.Sprintf("%s=%d", schemata.Mutant, m.number))
		for _, call := range slices.Sorted(maps.Keys(want)) {
			if got[call] != want[call] {
				t.Errorf("%s: %s is %s, want %s: %s", m.key(), call, got[call], want[call], mutated)
				break
			}
		}
	}
	if len(in.mutants) < 50 {
		t.Errorf("only %d mutants", len(in.mutants))
	}
}

// TestEnvironment holds that a binary that is told nonsense does not run the original in silence.
func TestEnvironment(t *testing.T) {
	in, err := find(t.Context(), []string{"testdata/forms"})
	if err != nil {
		t.Fatal(err)
	}
	binary, err := in.build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &suite{binary: binary, dir: in.pkg.dir, memory: 1 << 30, procs: 1}
	for _, env := range []string{
		schemata.Mutant + "=0", schemata.Mutant + "=65536", schemata.Mutant + "=-1", schemata.Mutant + "=x",
		schemata.Hits + "=" + t.TempDir(),
	} {
		o, err := s.run(t.Context(), []string{"TestForms"}, time.Minute, env)
		name, _, _ := strings.Cut(env, "=")
		if err != nil || o.passed || !strings.Contains(o.output, name+"=") {
			t.Errorf("%s: passed %v, %v", env, o.passed, err)
		}
	}
}

// without cuts the expression from the beginning of a line, whatever blanks are between its words.
func without(line, expression string) string {
	for _, word := range strings.Fields(expression) {
		line = strings.TrimPrefix(strings.TrimLeft(line, " "), word)
	}
	return line
}

// returned is the expression that the function on a line returns.
func returned(line string) string {
	_, expression, _ := strings.Cut(line, "return ")
	return strings.TrimSuffix(expression, " },")
}

// evaluate gives the value of an expression of the operands a, b, p and q.
func evaluate(t *testing.T, expression string, operands []string) string {
	t.Helper()
	pkg := types.NewPackage("operands", "operands")
	for i, name := range []string{"a", "b", "p", "q"} {
		tv, err := types.Eval(token.NewFileSet(), nil, token.NoPos, operands[i])
		if err != nil {
			t.Fatal(err)
		}
		pkg.Scope().Insert(types.NewConst(token.NoPos, pkg, name, types.Default(tv.Type), tv.Value))
	}
	tv, err := types.Eval(token.NewFileSet(), pkg, token.NoPos, expression)
	if err != nil || tv.Value == nil || tv.Value.Kind() == constant.Unknown {
		t.Fatalf("%s: %v", expression, err)
	}
	return tv.Value.String()
}

// answersOf runs the package's test and returns what each call answered.
func answersOf(t *testing.T, s *suite, env string) map[string]string {
	t.Helper()
	o, err := s.run(t.Context(), []string{"TestForms"}, time.Minute, env)
	if err != nil || !o.passed {
		t.Fatal(err, o.output)
	}
	answers := map[string]string{}
	for line := range strings.Lines(o.output) {
		if call, found := strings.CutPrefix(strings.TrimSpace(line), "answer "); found {
			at := strings.LastIndexByte(call, ' ')
			answers[call[:at]] = call[at+1:]
		}
	}
	return answers
}
