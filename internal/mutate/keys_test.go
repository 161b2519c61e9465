package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"
	"time"
)

// instrumentText instruments a file that imports nothing.
func instrumentText(t *testing.T, text string) (*instrumented, string) {
	t.Helper()
	pkg := &sourcePackage{module: "example.com", fset: token.NewFileSet(), info: &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}}
	parsed, err := parser.ParseFile(pkg.fset, "a.go", text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	pkg.types, err = (&types.Config{}).Check("p", pkg.fset, []*ast.File{parsed}, pkg.info)
	if err != nil {
		t.Fatal(err)
	}
	pkg.files = []*sourceFile{{path: "/a.go", name: "a.go", text: []byte(text), ast: parsed}}
	in, err := instrument(pkg, pkg.files)
	if err != nil {
		t.Fatal(err)
	}
	return in, string(in.texts["/a.go"])
}

const small = `package p

type T[E any] struct{ e E }

func (t *T[E]) f(a, b int) bool {
	if a < b || // why
		a+1 == b {
		return true
	}
	return func() bool { return a < b }()
}

var v = max(len("constant"), len(w)) > 1<<len(w)
var w []int
`

// TestRewritten shows what is compiled, and that no line moves.
func TestRewritten(t *testing.T) {
	_, got := instrumentText(t, small)
	want := `package p; import schemata_ "example.com/internal/mutate/schemata"

type T[E any] struct{ e E }

func (t *T[E]) f(a, b int) bool {
	if (((((schemata_.Less(2, a ,  b) == schemata_.True)) != (schemata_.On(1) == schemata_.True)) || // why
		((((schemata_.Sum(5, a+1) == b) != (schemata_.On(4) == schemata_.True))` +
		`) != (schemata_.On(1) == schemata_.True))) != (schemata_.On(1) == schemata_.True)) {
		return (schemata_.On(6) != schemata_.True)
	}
	return func() bool { return (schemata_.Less(7, a ,  b) == schemata_.True) }()
}

var v = ((schemata_.Max(10, len("constant"), len(w)) > 1<<len(w)) != (schemata_.On(9) == schemata_.True))
var w []int
`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func keys(in *instrumented) []string {
	var all []string
	for _, m := range in.mutants {
		all = append(all, m.key())
	}
	return all
}

// TestKeys holds that a key says what was mutated, and stays when lines are added and other code changes.
func TestKeys(t *testing.T) {
	before, _ := instrumentText(t, small)
	want := []string{
		"a.go T.f a < b || a+1 == b -> a < b && a+1 == b #1",
		"a.go T.f a < b -> a <= b #1", "a.go T.f a < b -> a >= b #1",
		"a.go T.f a+1 == b -> a+1 != b #1", "a.go T.f a + 1 -> a #1", "a.go T.f true -> false #1",
		"a.go T.f a < b -> a <= b #2", "a.go T.f a < b -> a >= b #2",
		"a.go package max(len(\"constant\"), len(w)) > 1<<len(w) -> " +
			"max(len(\"constant\"), len(w)) <= 1<<len(w) #1",
		"a.go package max(len(\"constant\"), len(w)) -> min(len(\"constant\"), len(w)) #1",
	}
	if got := keys(before); !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	const more = "func g(a, b int) bool { return a < b }\n\n"
	after, _ := instrumentText(t, strings.Replace(small, "type T", more+"type T", 1))
	if got := keys(after)[2:]; !slices.Equal(got, want) {
		t.Errorf("after a change elsewhere:\n%s", strings.Join(got, "\n"))
	}
}

func TestBatches(t *testing.T) {
	here, elsewhere := map[int32]bool{7: true}, map[int32]bool{8: true}
	got := batches([]timed{
		{"A", 300 * time.Millisecond, here}, {"B", 400 * time.Millisecond, elsewhere},
		{"C", 500 * time.Millisecond, here}, {"D", 600 * time.Millisecond, here}, {"E", time.Minute, here},
	}, 7)
	var names []string
	for _, b := range got {
		names = append(names, strings.Join(b.names, "+")+" "+b.took.String())
	}
	if want := "A+C 800ms, D 600ms, E 1m0s"; strings.Join(names, ", ") != want {
		t.Errorf("got %v, want %s", names, want)
	}
}

// TestWatch writes output in pieces of every size.
func TestWatch(t *testing.T) {
	const output = "=== RUN   TestA\n    a_test.go:3: --- FAIL: NotThis (0.00s)\n--- PASS: TestA (0.00s)\n" +
		"    --- FAIL: TestB/sub (0.10s)\n--- FAIL: TestB (0.10s)\npanic: afterwards\n"
	for size := 1; size <= len(output); size++ {
		failures := 0
		w := &watch{failed: func() { failures++ }}
		for piece := range slices.Chunk([]byte(output), size) {
			_, _ = w.Write(piece)
		}
		if w.by != "TestB/sub" || failures != 2 || w.output() != output {
			t.Errorf("pieces of %d: %q, %d failures, kept %q", size, w.by, failures, w.output())
		}
	}
	w := &watch{failed: func() { t.Error("a panic ends by itself") }}
	_, _ = w.Write([]byte(strings.Repeat("x", 5*outputMost) + "\nfatal error: out of memory\n"))
	if w.by != "fatal error: out of memory" || len(w.output()) != outputMost {
		t.Errorf("%q, kept %d bytes", w.by, len(w.output()))
	}
}
