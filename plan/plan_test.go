package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/internal/keyed"
)

// combinations are one of each combinator, and some of them inside each other, over 6 threads.
func combinations() map[string]func() Source {
	a := func() Source { return &script{name: "a", lo: 0, hi: 3, gap: 7 * ms, left: 60, faultEvery: 5} }
	b := func() Source { return &script{name: "b", lo: 3, hi: 6, gap: 3 * ms, left: 90, waitAll: true} }
	busy := func() Source { return &script{name: "c", lo: 0, hi: 6, left: 200} }
	return map[string]func() Source{
		"merge":    func() Source { return Merge(a(), b()) },
		"sequence": func() Source { return Sequence(b(), a(), b()) },
		"until":    func() Source { return Until(150*ms, busy()) },
		"limit":    func() Source { return Limit(17, a()) },
		"stagger":  func() Source { return Stagger(busy(), 5*ms, 500, keyed.New(1)) },
		"explicit": func() Source { return somePlan(200).Source() },
		"nested": func() Source {
			return Sequence(Until(200*ms, Merge(Stagger(a(), 0, 300, keyed.New(2)), b())), Limit(9, Merge(a(), b())))
		},
	}
}

// somePlan is an explicit plan of n operations over 6 threads and some faults, in no order.
func somePlan(n int) *Explicit {
	e := &Explicit{}
	key := keyed.New(77)
	for i := range n {
		k := key.With(uint64(i))
		e.Ops = append(e.Ops, TimedOp{At: k.Between(0, 300*ms), Op: Op{
			ID: history.OpID{Thread: int32(i % 6), N: int32(i/6 + 1)}, F: "read", Key: "e",
		}})
	}
	for i := range 7 {
		e.Faults = append(e.Faults, Fault{ID: fmt.Sprintf("f%d", i), Family: "pause",
			At: key.With2(1, uint64(i)).Between(0, 300*ms)})
	}
	return e
}

func TestAskingTwiceChangesNothing(t *testing.T) {
	for name, make := range combinations() {
		for seed := range uint64(40) {
			key := keyed.New(seed)
			once := drive(t, make(), 6, 2000*ms, key, 0)
			often := drive(t, make(), 6, 2000*ms, key, 3)
			if !slices.Equal(once, often) {
				t.Fatalf("%s, seed %d: asking more often changed what is dispatched", name, seed)
			}
			if len(once) < 10 {
				t.Fatalf("%s, seed %d: only %d lines", name, seed, len(once))
			}
		}
	}
}

func TestMergeKeepsEachSourcesTimes(t *testing.T) {
	// Two threads a source and latencies below two gaps: no source ever has to wait for a thread.
	a := &script{name: "a", lo: 0, hi: 6, gap: 10 * ms, left: 4}
	b := &script{name: "b", lo: 6, hi: 12, gap: 15 * ms, left: 3}
	got := drive(t, Merge(a, b), 12, 1000*ms, keyed.New(3), 1)
	want := []string{"0 0.1 a", "0 6.1 b", "10000000 1.1 a", "15000000 7.1 b", "20000000 2.1 a", "30000000 3.1 a",
		"30000000 8.1 b"}
	if !slices.Equal(got[:len(got)-1], want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestMergeAnswers(t *testing.T) {
	fixed := func(k StepKind, until int64) Source { return answer{k, until} }
	tests := []struct {
		name    string
		sources []Source
		kind    StepKind
		until   int64
	}{
		{"nothing", nil, Done, 0},
		{"all done", []Source{fixed(Done, 0), fixed(Done, 0)}, Done, 0},
		{"done and pending", []Source{fixed(Done, 0), fixed(Pending, 0)}, Pending, 0},
		{"pending and wait", []Source{fixed(Pending, 0), fixed(Wait, 9)}, Wait, 9},
		{"wait and pending", []Source{fixed(Wait, 9), fixed(Pending, 0)}, Wait, 9},
		{"earliest wait", []Source{fixed(Wait, 9), fixed(Wait, 4), fixed(Wait, 6)}, Wait, 4},
		{"an operation beats a wait", []Source{fixed(Wait, 9), fixed(DoOp, 0)}, DoOp, 0},
		{"an operation after one that is done", []Source{fixed(Done, 0), fixed(DoOp, 0)}, DoOp, 0},
	}
	for _, tt := range tests {
		src := Merge(tt.sources...)
		for range 3 {
			var step Step
			src.Next(&Context{Free: NewThreads(1)}, &step)
			if step.Kind != tt.kind || tt.kind == Wait && step.Until != tt.until {
				t.Errorf("%s: got kind %d until %d", tt.name, step.Kind, step.Until)
			}
			src.Update(&Context{}, &history.Event{})
		}
	}
}

// answer is a source that always says the same.
type answer struct {
	kind  StepKind
	until int64
}

func (a answer) Next(_ *Context, step *Step)     { step.Kind, step.Until = a.kind, a.until }
func (a answer) Update(*Context, *history.Event) {}

func TestSequenceWaitsForTheOneBefore(t *testing.T) {
	a := &script{name: "a", lo: 0, hi: 2, left: 4, waitAll: true}
	b := &script{name: "b", lo: 0, hi: 2, left: 2}
	got := drive(t, Sequence(a, b), 2, 1000*ms, keyed.New(5), 1)
	keys := make([]string, 0, len(got))
	for _, line := range got {
		keys = append(keys, line[strings.LastIndexByte(line, ' ')+1:])
	}
	if want := []string{"a", "a", "a", "a", "b", "b", "done"}; !slices.Equal(keys, want) {
		t.Errorf("got %v", got)
	}
	if b.updates < 8 {
		t.Errorf("the second source was told of %d events; the first one's are 8", b.updates)
	}
}

func TestUntil(t *testing.T) {
	tests := []struct {
		src   Source
		now   int64
		kind  StepKind
		until int64
	}{
		{answer{DoOp, 0}, 9, DoOp, 0},
		{answer{DoOp, 0}, 10, Done, 0},
		{answer{Wait, 9}, 5, Wait, 9},
		{answer{Wait, 30}, 5, Wait, 10},
		{answer{Pending, 0}, 5, Wait, 10},
		{answer{Pending, 0}, 10, Done, 0},
		{answer{Done, 0}, 5, Done, 0},
	}
	for i, tt := range tests {
		var step Step
		Until(10, tt.src).Next(&Context{Now: tt.now}, &step)
		if step.Kind != tt.kind || tt.kind == Wait && step.Until != tt.until {
			t.Errorf("case %d: got kind %d until %d", i, step.Kind, step.Until)
		}
	}
}

func TestLimitCountsOperationsOnly(t *testing.T) {
	got := drive(t, Limit(6, &script{name: "a", lo: 0, hi: 6, left: 100, faultEvery: 3}), 6, 1000*ms, keyed.New(1), 1)
	ops := 0
	for _, line := range got {
		if strings.HasSuffix(line, " a") {
			ops++
		}
	}
	if ops != 6 || len(got) != 6+2+1 {
		t.Errorf("got %d operations in %v", ops, got)
	}
}

func BenchmarkNext(b *testing.B) {
	idle := func() Source { return answer{Wait, 1 << 60} }
	src := Until(1<<62, Merge(Stagger(&script{name: "a", lo: 0, hi: 9, left: 1 << 60}, 0, 1e6, keyed.New(1)), idle()))
	ctx := &Context{Free: NewThreads(9)}
	var step Step
	b.ReportAllocs()
	for b.Loop() {
		src.Next(ctx, &step)
		if step.Kind == Wait {
			ctx.Now = step.Until
		}
	}
}
