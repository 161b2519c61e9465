package checkers

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// staleTwin is the staleness of a read by the definition: all moments at which its write, and each other,
// can have taken effect are tried out.
type staleTwin struct {
	least, most int   // k-staleness, over all of them
	t           int64 // t-staleness, the least
}

// tryStaleness returns the staleness of read r of a register with one key, and whether it can be measured.
func tryStaleness(ops []history.Op, r *history.Op) (twin staleTwin, ok bool) {
	var writes []history.Op
	sameValue := 0
	for _, op := range ops {
		if op.F != history.FRead && op.Type != history.Fail {
			writes = append(writes, op)
			if op.Arg.Equal(r.Result) {
				sameValue++
			}
		}
	}
	twin = staleTwin{least: len(ops), t: history.Never}
	try := func(own int, moment int64) {
		ok = true
		twin.meet(writes, own, moment, r)
	}
	if r.Result.IsNull() {
		try(-1, -1)
	}
	for i := range writes {
		c := &writes[i]
		if !c.Arg.Equal(r.Result) || c.Call > r.Return {
			continue
		}
		last := min(c.Return, r.Return)
		if sameValue == 1 && !r.Result.IsNull() {
			for _, other := range ops { // they have seen this write
				if other.F == history.FRead && other.Type == history.Ok && other.Result.Equal(r.Result) &&
					other.Return >= c.Call {
					last = min(last, other.Return)
				}
			}
		}
		for moment := c.Call; moment <= last; moment++ {
			try(i, moment)
		}
	}
	return twin, ok
}

// meet takes in the case that r saw the write with the number own, which took effect at a moment.
func (s *staleTwin) meet(writes []history.Op, own int, moment int64, r *history.Op) {
	certain, possible, t := 0, 0, int64(0)
	for i := range writes {
		w := &writes[i]
		if i == own || w.Type != history.Ok || w.Return >= r.Call {
			continue
		}
		if w.Return >= moment {
			possible++
		}
		if w.Call > moment {
			certain++
			t = max(t, r.Call-w.Return)
		}
	}
	s.least, s.most, s.t = min(s.least, certain), max(s.most, possible), min(s.t, t)
}

// drawStaleRegister draws a small history of a register; values are unique or not.
func drawStaleRegister(d *dice) *history.History {
	ops := make([]history.Op, 2+d.n(8))
	unique, inTurn := d.bool(2), d.bool(3)
	written, now := []history.Value{{}}, int64(0)
	for i := range ops {
		op := &ops[i]
		*op = history.Op{Session: fmt.Sprintf("s%d", d.n(3)), Key: "k", F: history.FRead, Type: history.Ok}
		op.Call, op.Return = d.span(12)
		if d.bool(2) {
			op.Result = written[d.n(len(written))]
			continue
		}
		op.F, op.Arg = history.FWrite, history.IntValue(int64(1+d.n(2)))
		if unique {
			op.Arg = history.IntValue(int64(i + 1))
		}
		if inTurn {
			op.Call, op.Return = now, now+int64(d.n(3))
			now = op.Return + 1 + int64(d.n(2))
		}
		d.outcome(op)
		if d.bool(10) {
			op.Arg = history.StringValue([]string{"text", "more"}[d.n(2)])
		}
		if d.bool(12) {
			op.F, op.Arg = history.FDelete, history.Value{}
		}
		written = append(written, op.Arg)
	}
	return historyOf(ops, history.Never)
}

// drawStaleList draws a small history of a list.
func drawStaleList(d *dice) *history.History {
	ops := make([]history.Op, 2+d.n(8))
	var list []int64
	for i := range ops {
		op := &ops[i]
		*op = history.Op{Session: fmt.Sprintf("s%d", d.n(3)), Key: "k", F: history.FAppend, Type: history.Ok}
		op.Call, op.Return = d.span(12)
		if i > 0 && d.bool(2) {
			op.F = history.FRead
			op.Result = history.IntsValue(list[:d.n(len(list)+1)]...)
			if len(list) > 1 && d.bool(5) {
				op.Result = history.IntsValue(list[1:]...)
			}
			continue
		}
		op.Arg = history.IntValue(int64(i + 1))
		d.outcome(op)
		list = append(list, int64(i+1))
	}
	return historyOf(ops, history.Never)
}

// lackStaleness returns the staleness of a read of a list: what it lacks of what had been appended.
func lackStaleness(ops []history.Op, r *history.Op) (twin staleTwin) {
	list, _ := r.Result.AsList()
	for _, op := range ops {
		has := slices.ContainsFunc(list, op.Arg.Equal)
		if op.F == history.FAppend && op.Type == history.Ok && op.Return < r.Call && !has {
			twin.least++
			twin.t = max(twin.t, r.Call-op.Return)
		}
	}
	twin.most = twin.least
	return twin
}

// severalKeys draws up to three small histories of one key and returns them as one, each with a key of its
// own.
func severalKeys(d *dice, draw func(d *dice) *history.History) *history.History {
	var all []history.Op
	for key := range 1 + d.n(3) {
		ops := draw(d).Ops()
		for i := range ops {
			ops[i].Key = fmt.Sprintf("k%d", key)
		}
		all = append(all, ops...)
	}
	return historyOf(all, history.Never)
}

// opsByKey returns the operations of each key.
func opsByKey(h *history.History) map[string][]history.Op {
	keys := map[string][]history.Op{}
	for _, op := range h.Ops() {
		keys[op.Key] = append(keys[op.Key], op)
	}
	return keys
}

// twinOf returns the staleness of an operation on a key, and whether it is a read that can be measured.
func twinOf(ops []history.Op, r *history.Op) (twin staleTwin, ok bool) {
	if r.F != history.FRead {
		return twin, false
	}
	sure := func(f string) bool {
		return slices.ContainsFunc(ops, func(op history.Op) bool {
			return op.F == f && op.Type != history.Fail
		})
	}
	if sure(history.FAppend) {
		return lackStaleness(ops, r), true
	}
	return tryStaleness(ops, r)
}

// compareStaleness compares the figures of all reads, and the verdict under a bound, with twins.
func compareStaleness(t testing.TB, h *history.History) (sum map[string]int64) {
	t.Helper()
	s := staleness{StalenessOptions{MaxVersions: 1}}
	f, _ := s.find(context.Background(), h)
	var k, late []int64
	var measured, surely, tooStale, tooLate int64
	for _, ops := range opsByKey(h) {
		for i := range ops {
			twin, ok := twinOf(ops, &ops[i])
			if !ok {
				continue
			}
			measured++
			if twin.least == twin.most {
				surely++
			}
			if twin.least > 0 {
				k, late = append(k, int64(twin.least)), append(late, twin.t)
			}
			if twin.least > 1 {
				tooStale++
			}
			if twin.t > 3 {
				tooLate++
			}
		}
	}
	slices.Sort(k)
	slices.Sort(late)
	v := s.Check(context.Background(), h)[0]
	late3 := staleness{StalenessOptions{MaxTime: 3}}
	if late := late3.Check(context.Background(), h)[0]; late.Counts[KindTooStale] != tooLate {
		sayHistory(t, h, "%v, want %d too stale", late, tooLate)
	} else {
		provesItself(t, late3, late, history.Never)
	}
	got := f.figures.calm
	slices.Sort(got.k)
	slices.Sort(got.t)
	if got.of != measured || !slices.Equal(got.k, k) || !slices.Equal(got.t, late) ||
		f.figures.exact > surely || v.Counts[KindTooStale] != tooStale {
		sayHistory(t, h, "%d reads, k %v, t %v, %d exact, %d too stale; want %d, %v, %v, at most %d, %d",
			got.of, got.k, got.t, f.figures.exact, v.Counts[KindTooStale],
			measured, k, late, surely, tooStale)
	}
	provesItself(t, s, v, history.Never)
	for _, a := range v.Anomalies {
		showsNewer(t, h, a)
	}
	return map[string]int64{"measured": measured, "stale": int64(len(k)), "exact": f.figures.exact,
		"lower bounds": measured - f.figures.exact, KindTooStale: tooStale, "opportunities": f.opportunities}
}

// showsNewer fails unless every write of a witness that is not of the value read had returned before the
// read, which is called last.
func showsNewer(t testing.TB, h *history.History, a Anomaly) {
	t.Helper()
	read := a.Ops[len(a.Ops)-1]
	for _, op := range a.Ops {
		if op.F != history.FRead && !op.Arg.Equal(read.Result) && !op.Precedes(&read) {
			sayHistory(t, h, "%s: %s had not returned", a.Sentence, op.Short())
		}
	}
}

// TestStalenessAgainstDefinition compares figures with the definition on small histories.
func TestStalenessAgainstDefinition(t *testing.T) {
	for name, draw := range map[string]func(d *dice) *history.History{
		"register": drawStaleRegister, "list": drawStaleList,
	} {
		t.Run(name, func(t *testing.T) {
			sum := map[string]int64{}
			many(t, 3000, func(t testing.TB, d *dice) {
				for what, n := range compareStaleness(t, severalKeys(d, draw)) {
					sum[what] += n
				}
			})
			t.Log(sum)
			for what, n := range sum {
				if n == 0 && !(name == "list" && what == "lower bounds") {
					t.Errorf("no %s in all histories: nothing is tested", what)
				}
			}
		})
	}
}

func FuzzStaleness(f *testing.F) {
	fuzz(f, func(t testing.TB, d *dice) {
		if d.bool(2) {
			compareStaleness(t, severalKeys(d, drawStaleList))
		} else {
			compareStaleness(t, severalKeys(d, drawStaleRegister))
		}
	})
}
