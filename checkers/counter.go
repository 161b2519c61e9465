package checkers

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/rashomon-harness/rashomon/history"
)

// PropertyCounter is the property that Counter gives a verdict about.
const PropertyCounter = "counter"

// The kinds of anomalies of counters.
const (
	KindCounterTooLow  = "counter-too-low"  // a read is less than what had been added before it was called
	KindCounterTooHigh = "counter-too-high" // a read is more than all that anybody may have added
)

// CounterOptions says how the history counts.
type CounterOptions struct {
	Function string // the function that adds; history.FIncr by default. "decr" always subtracts
}

// Counter returns the checker of counters, which begin at 0 and are changed by increments: integers, 1
// where none is given. A read lies between two bounds (as in Jepsen's checker of counters):
//
//	lower  the sum of the acknowledged increments that returned before the read was called
//	upper  the sum of the increments, acknowledged or with unknown outcome, called before it returned
//
// An increment by a negative number, or a decrement, moves the upper bound where a positive one moves the
// lower, and the other way round. What failed counts for nothing, and what an increment answers is not
// looked at. A read of null is one of 0. The bounds are necessary, each by itself sharp (some choice of the
// operations that are in doubt reaches it), but reads are not compared with each other: a store may keep
// to them and not be linearizable.
//
// A key whose increments are no integers, which is changed by other operations, or whose sum does not fit
// is left out, and the verdict, unless another key is wrong, Unknown. An opportunity is a read called
// after an acknowledged increment had returned.
func Counter(options CounterOptions) Checker {
	return &counter{function: cmp.Or(options.Function, history.FIncr)}
}

type counter struct{ function string }

// Properties implements Checker.
func (*counter) Properties() []string { return []string{PropertyCounter} }

// Check implements Checker.
func (c *counter) Check(ctx context.Context, h *history.History) []Verdict {
	t := newTally(PropertyCounter)
	objects := objectsOf(h, func(f string) bool { return f == c.function || f == fDecr })
	unknown := judgeObjects(ctx, objects, func(o *object) string {
		k := &counterKey{h: h, object: o, function: c.function}
		if odd := k.sum(); odd != "" {
			return odd
		}
		return k.judge(t)
	})
	return []Verdict{t.verdict("", unknown)}
}

// increment is an attempt to add to a counter that did not fail.
type increment struct {
	op    int32
	delta int64
}

// counterKey is the history of one counter.
type counterKey struct {
	h *history.History
	*object
	function string
	called   runningSums // of all increments, by call
	returned runningSums // of the acknowledged ones, by return
}

// runningSums are increments in some order of time, and how much the first of them added and subtracted.
type runningSums struct {
	list  []increment
	plus  []int64 // of the first n
	minus []int64 // not positive
}

// take adds the next increment, or reports that the sums do not fit.
func (s *runningSums) take(i increment) bool {
	n := len(s.list)
	if n == 0 {
		s.plus, s.minus = append(s.plus, 0), append(s.minus, 0)
	}
	s.list = append(s.list, i)
	s.plus = append(s.plus, s.plus[n]+max(i.delta, 0))
	s.minus = append(s.minus, s.minus[n]+min(i.delta, 0))
	return s.plus[n+1] >= s.plus[n] && s.minus[n+1] <= s.minus[n]
}

// first returns what the first n added and subtracted.
func (s *runningSums) first(n int) (plus, minus int64) {
	if n == 0 {
		return 0, 0
	}
	return s.plus[n], s.minus[n]
}

// delta returns by how much an operation changes the counter, or why that is not known.
func (k *counterKey) delta(op int32) (by int64, odd string) {
	by, ok := k.h.ArgInt(int(op))
	if !ok && k.h.ArgKind(int(op)) == history.Null {
		by, ok = 1, true
	}
	if !ok || by == math.MinInt64 {
		v := k.h.Arg(int(op))
		return 0, fmt.Sprintf("%s is changed by %v, which is no number to add", k.key, v.String())
	}
	if k.h.F(int(op)) != k.function {
		by = -by
	}
	return by, ""
}

// sum adds the increments up in both orders, or tells why it cannot.
func (k *counterKey) sum() (odd string) {
	var sure []increment
	for _, op := range k.changes {
		if k.h.Type(int(op)) == history.Fail {
			continue
		}
		by, odd := k.delta(op)
		if odd != "" {
			return odd
		}
		if !k.called.take(increment{op, by}) {
			return k.key + " counts further than 64 bits"
		}
		if k.h.Type(int(op)) == history.Ok {
			sure = append(sure, increment{op, by})
		}
	}
	slices.SortStableFunc(sure, func(a, b increment) int { return compareReturns(k.h, a.op, b.op) })
	for _, i := range sure {
		k.returned.take(i)
	}
	return ""
}

// judge compares every read with its bounds, or tells why it cannot.
func (k *counterKey) judge(t *tally) (odd string) {
	before := 0 // acknowledged increments that returned before the read was called
	for _, r := range k.reads {
		got, ok := k.value(r)
		if !ok {
			return k.key + " has a value that is no number"
		}
		call, ret := k.h.Call(int(r.op)), k.h.Return(int(r.op))
		for before < len(k.returned.list) && k.h.Return(int(k.returned.list[before].op)) < call {
			before++
		}
		until := sort.Search(len(k.called.list), func(i int) bool {
			return k.h.Call(int(k.called.list[i].op)) > ret
		})
		surePlus, sureMinus := k.returned.first(before)
		plus, minus := k.called.first(until)
		if before > 0 {
			t.chances(1)
		}
		if got < surePlus+minus {
			k.reportTooLow(t, r, before, surePlus+minus, minus)
		}
		if got > plus+sureMinus {
			k.reportTooHigh(t, r, until, plus+sureMinus, sureMinus)
		}
	}
	return ""
}

// value returns what a read found, and whether it was a number.
func (k *counterKey) value(r objectRead) (int64, bool) {
	if r.at < 0 {
		if n, ok := k.h.ResultInt(int(r.op)); ok {
			return n, true
		}
	}
	v, ok := answer(k.h, r)
	n, isInt := v.AsInt()
	return n, ok && (isInt || v.IsNull())
}

// mostIncrements is how many increments a witness shows at most.
const mostIncrements = 5

// witnessed returns a read with the last of the changes that count.
func witnessed(r objectRead, list []increment) []int32 {
	ops := []int32{r.op}
	for _, i := range list[max(0, len(list)-mostIncrements):] {
		ops = append(ops, i.op)
	}
	return ops
}

// reportTooLow reports a read below its lower bound.
func (k *counterKey) reportTooLow(t *tally, r objectRead, before int, lower, minus int64) {
	t.addAt(k.h, KindCounterTooLow, k.key, func(w *witness) string {
		s := fmt.Sprintf("%s although it was at least %d: %s acknowledged before it was called %s %d",
			w.did(w.at(r.op)), lower, changesCount(before), adds(before), lower-minus)
		if minus < 0 {
			s += fmt.Sprintf(", and those called before it returned can have subtracted %d at most", -minus)
		}
		return s
	}, witnessed(r, k.returned.list[:before])...)
}

// reportTooHigh reports a read above its upper bound.
func (k *counterKey) reportTooHigh(t *tally, r objectRead, until int, upper, minus int64) {
	t.addAt(k.h, KindCounterTooHigh, k.key, func(w *witness) string {
		s := fmt.Sprintf("%s although it was at most %d: %s called before it returned %s %d",
			w.did(w.at(r.op)), upper, changesCount(until), adds(until), upper-minus)
		if minus < 0 {
			s += fmt.Sprintf(", and those acknowledged before it was called had subtracted %d", -minus)
		}
		return s
	}, witnessed(r, k.called.list[:until])...)
}

// changesCount names so many changes, adds is the verb that follows.
func changesCount(n int) string {
	if n == 1 {
		return "the one change"
	}
	return fmt.Sprintf("the %d changes", n)
}

func adds(n int) string {
	if n == 1 {
		return "adds"
	}
	return "add"
}
