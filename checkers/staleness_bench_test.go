package checkers

import (
	"context"
	"strconv"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// laggard returns the history of n operations of ten sessions on a store whose reads show one of the last
// four states of the key, half of them changes by a function. perKey operations go to each key.
func laggard(n, perKey int, f string) *history.History {
	ops := make([]history.Op, n)
	d := seeded(1)
	states := map[string][]int64{}
	for i := range ops {
		op := &ops[i]
		*op = history.Op{Session: "s" + strconv.Itoa(d.n(10)), F: history.FRead, Type: history.Ok,
			Key: "k" + strconv.Itoa(i/perKey/10*10+d.n(10)), Call: int64(i) * 10}
		op.Return = op.Call + int64(d.n(100))
		seen := states[op.Key]
		if d.bool(2) {
			next := int64(len(seen) + 1)
			op.F, op.Arg, states[op.Key] = f, history.IntValue(next), append(seen, next)
			if f == history.FIncr {
				op.Arg = history.IntValue(1)
			}
			continue
		}
		shown := seen[:max(0, len(seen)-d.n(4))]
		switch {
		case f == history.FAppend || f == history.FAdd:
			op.Result = history.IntsValue(shown...)
		case f == history.FIncr:
			op.Result = history.IntValue(int64(len(seen)))
		case len(shown) > 0:
			op.Result = history.IntValue(shown[len(shown)-1])
		}
	}
	return historyOf(ops, history.Never)
}

func BenchmarkFigures(b *testing.B) {
	const n = 200_000
	registers, long := laggard(n, 2000, history.FWrite), laggard(n, n, history.FWrite)
	lists := laggard(n, 80, history.FAppend)
	counters, sets := laggard(n, 2000, history.FIncr), laggard(n, 80, history.FAdd)
	for _, c := range []struct {
		name    string
		checker Checker
		history *history.History
	}{
		{"staleness", Staleness(StalenessOptions{}), registers},
		{"staleness of ten keys", Staleness(StalenessOptions{}), long},
		{"staleness, bounded", Staleness(StalenessOptions{MaxVersions: 2}), registers},
		{"staleness of lists", Staleness(StalenessOptions{}), lists},
		{"counters", Counter(CounterOptions{}), counters},
		{"sets", SetFull(SetOptions{}), sets},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.checker.Check(context.Background(), c.history)
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "ops/s")
		})
	}
}

func BenchmarkAddSet(b *testing.B) {
	const n = 2000
	s := &addSet{elements: n}
	size := 0
	for i := range int64(n) {
		s.adds = append(s.adds, setAdd{call: 10 * i, ret: 10*i + 5, op: int32(2 * i), element: int32(i),
			sure: true})
		r := setRead{call: 10*i + 6, ret: 10*i + 8, op: int32(2*i + 1)}
		for e := range int32(i) + 1 {
			r.elements = append(r.elements, e)
		}
		s.reads = append(s.reads, r)
		size += len(r.elements)
	}
	for b.Loop() {
		if flaws := decideAddSet(s); len(flaws) > 0 {
			b.Fatal(flaws[0])
		}
	}
	b.ReportMetric(float64(size*b.N)/b.Elapsed().Seconds(), "elements/s")
}
