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
		"sequence": func() Source { return Sequence(b(), a(), b()) },
		"until":    func() Source { return Until(150*ms, busy()) },
		"stagger":  func() Source { return Stagger(busy(), 5*ms, 500, keyed.New(1)) },
		"explicit": func() Source { return somePlan(200).Source() },
		"nested": func() Source {
			first := Until(200*ms, Stagger(a(), 0, 300, keyed.New(2)))
			return Sequence(first, Stagger(b(), 0, 2000, keyed.New(3)))
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

func BenchmarkNext(b *testing.B) {
	src := Until(1<<62, Stagger(&script{name: "a", lo: 0, hi: 9, left: 1 << 60}, 0, 1e6, keyed.New(1)))
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
