package checkers

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// setTwin is what becomes of the elements of a set by the definition.
type setTwin struct {
	counts    map[string]int64
	latencies []int64 // of stable and stale elements
	lost      []int64 // of lost ones
}

// has returns how often a read has an element.
func has(r *history.Op, element history.Value) (times int) {
	list, _ := r.Result.AsList()
	for _, e := range list {
		if e.Equal(element) {
			times++
		}
	}
	return times
}

// judgeElements judges every element by itself.
func (s *setTwin) judgeElements(ops []history.Op) {
	var elements, judged []history.Value
	for i := range ops {
		list, _ := ops[i].Result.AsList()
		elements = append(append(elements, list...), ops[i].Arg)
	}
	for _, e := range elements {
		if !e.IsNull() && !slices.ContainsFunc(judged, e.Equal) {
			judged = append(judged, e)
			s.judge(ops, e)
		}
	}
}

func (s *setTwin) judge(ops []history.Op, e history.Value) {
	var with, without, adds []*history.Op
	known, twice := history.Never, false
	for i := range ops {
		switch op := &ops[i]; {
		case op.F == history.FAdd && op.Arg.Equal(e) && op.Type != history.Fail:
			adds = append(adds, op)
			known = min(known, op.Return)
		case op.F == history.FRead && op.Type == history.Ok && has(op, e) > 0:
			with = append(with, op)
			known = min(known, op.Return)
			twice = twice || has(op, e) > 1
		case op.F == history.FRead && op.Type == history.Ok:
			without = append(without, op)
		}
	}
	tooSoon := slices.ContainsFunc(with, func(r *history.Op) bool {
		return !slices.ContainsFunc(adds, func(a *history.Op) bool { return a.Call <= r.Return })
	})
	switch {
	case tooSoon && len(adds) == 0:
		s.counts[KindPhantom]++
		return
	case tooSoon:
		s.counts[FutureRead]++
		return
	case twice:
		s.counts[KindDuplicated]++
	}
	s.classify(with, without, known)
}

func (s *setTwin) classify(with, without []*history.Op, known int64) {
	if known == history.Never {
		return
	}
	lost, missed, until, last := false, false, known, known
	for _, r := range with {
		last = max(last, r.Call)
	}
	for _, m := range without {
		if m.Call <= known {
			continue
		}
		missed, until = true, max(until, m.Call)
		lost = lost || !slices.ContainsFunc(with, func(r *history.Op) bool { return r.Return >= m.Call })
	}
	switch {
	case lost:
		s.counts[KindLostElement]++
		s.lost = append(s.lost, last-known)
		return
	case len(with) == 0:
		s.counts["never read"]++
		return
	case missed:
		s.counts[KindStaleElement]++
	default:
		s.counts["stable"]++
	}
	s.latencies = append(s.latencies, until-known)
}

// drawSet draws a small history of a set: adds that mostly take effect, reads that mostly have everything.
func drawSet(d *dice) *history.History {
	ops := make([]history.Op, 2+d.n(8))
	var state []history.Value
	text := d.bool(4)
	element := func() history.Value {
		n := int64(d.n(4))
		if text {
			return history.StringValue(fmt.Sprintf("e%d", n))
		}
		return history.IntValue(n)
	}
	for i := range ops {
		op := &ops[i]
		*op = history.Op{Session: fmt.Sprintf("s%d", d.n(3)), Key: "k", F: history.FAdd, Type: history.Ok}
		op.Call, op.Return = d.span(10)
		op.Call, op.Return = op.Call+int64(i), op.Return+int64(i)
		if d.bool(2) {
			op.Arg = element()
			if d.outcome(op); op.Type != history.Fail && !slices.ContainsFunc(state, op.Arg.Equal) {
				state = append(state, op.Arg)
			}
			continue
		}
		list := slices.Clone(state)
		switch {
		case len(list) > 0 && d.bool(3):
			at := d.n(len(list))
			list = slices.Delete(list, at, at+1)
		case d.bool(6):
			list = append(list, element())
		case d.bool(4):
			list = slices.DeleteFunc(list, func(history.Value) bool { return d.bool(2) })
		}
		op.F, op.Result = history.FRead, history.ListValue(list...)
		if len(list) == 0 && d.bool(2) {
			op.Result = history.Value{}
		}
		if d.bool(12) {
			op.Type, op.Result = history.Fail, history.Value{}
		}
	}
	return historyOf(ops, history.Never)
}

func compareSet(t testing.TB, h *history.History) map[string]int64 {
	t.Helper()
	c := setFull{SetOptions{Linearizable: true}}
	f := &setFindings{tally: newTally(PropertySet), h: h, options: c.options}
	objects := objectsOf(h, func(f string) bool { return f == history.FAdd })
	if odd := judgeObjects(context.Background(), objects, f.judge); odd != "" {
		t.Fatal(odd)
	}
	got := map[string]int64{"never read": f.neverRead, "stable": f.stable, KindPhantom: f.counts[KindPhantom],
		FutureRead: f.counts[FutureRead], KindDuplicated: f.counts[KindDuplicated], KindLostElement: f.lost,
		KindStaleElement: f.stale}
	twin := &setTwin{counts: map[string]int64{}}
	for _, ops := range opsByKey(h) {
		twin.judgeElements(ops)
	}
	for _, list := range [][]int64{f.stableLatencies, f.lostLatencies, twin.latencies, twin.lost} {
		slices.Sort(list)
	}
	for kind, n := range got {
		if n != twin.counts[kind] {
			sayHistory(t, h, "%v, want %v", got, twin.counts)
		}
	}
	if !slices.Equal(f.stableLatencies, twin.latencies) || !slices.Equal(f.lostLatencies, twin.lost) {
		sayHistory(t, h, "latencies %v %v, want %v %v", f.stableLatencies, f.lostLatencies, twin.latencies,
			twin.lost)
	}
	v := c.Check(context.Background(), h)[0]
	if v.Counts[KindLostElement] != f.lost || v.Counts[KindStaleElement] != f.stale {
		sayHistory(t, h, "%v, want %v", v, got)
	}
	provesItself(t, c, v, history.Never)
	return got
}

// TestSetAgainstDefinition compares what becomes of elements with the definition on small histories.
func TestSetAgainstDefinition(t *testing.T) {
	sum := map[string]int64{}
	many(t, 3000, func(t testing.TB, d *dice) {
		for kind, n := range compareSet(t, severalKeys(d, drawSet)) {
			sum[kind] += n
		}
	})
	t.Log(sum)
	for kind, n := range sum {
		if n == 0 {
			t.Errorf("no %s in all histories", kind)
		}
	}
}

func FuzzSet(f *testing.F) {
	fuzz(f, func(t testing.TB, d *dice) { compareSet(t, severalKeys(d, drawSet)) })
}
