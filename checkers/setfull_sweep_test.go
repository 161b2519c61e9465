package checkers

import (
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// addSetOf returns the history of a set with one key as decideAddSet wants it.
func addSetOf(h *history.History) *addSet {
	s := &addSet{}
	var numbers elementNumbers
	numbers.reset(0, 0, 0)
	for i := range h.Len() {
		op := h.Op(i)
		switch {
		case op.Type == history.Fail:
		case op.F == history.FAdd:
			s.adds = append(s.adds, setAdd{call: op.Call, ret: op.Return, op: int32(i),
				element: numbers.number(&op.Arg), sure: op.Type == history.Ok})
		case op.Type == history.Ok:
			r := setRead{call: op.Call, ret: op.Return, op: int32(i)}
			list, _ := op.Result.AsList()
			for at := range list {
				r.elements = append(r.elements, numbers.number(&list[at]))
			}
			s.reads = append(s.reads, r)
		}
	}
	s.elements = numbers.count()
	return s
}

// placeable reports whether the operations that are not done can be put in some order that agrees with
// their times and answers, with the elements of a set there already.
func (s *addSet) placeable(done uint32, there uint32) bool {
	sure := false
	soonest := history.Never
	for i := range len(s.adds) + len(s.reads) {
		_, ret, _ := s.act(i)
		if done>>i&1 == 0 && ret != history.Never {
			sure, soonest = true, min(soonest, ret)
		}
	}
	if !sure {
		return true
	}
	for i := range len(s.adds) + len(s.reads) {
		call, _, after := s.act(i)
		if done>>i&1 != 0 || call > soonest {
			continue
		}
		if i >= len(s.adds) && after != there {
			continue
		}
		if s.placeable(done|1<<i, there|after) {
			return true
		}
	}
	return false
}

// act returns the times of an operation, adds first, and the elements that it adds or has.
func (s *addSet) act(i int) (call, ret int64, elements uint32) {
	if i < len(s.adds) {
		a := &s.adds[i]
		return a.call, a.ret, 1 << a.element
	}
	r := &s.reads[i-len(s.adds)]
	for _, e := range r.elements {
		elements |= 1 << e
	}
	return r.call, r.ret, elements
}

// cutDown returns what a flaw has as its witness: its operations, in the set of the elements that they add,
// and of those at fault.
func (s *addSet) cutDown(f *setFlaw) *addSet {
	part := &addSet{elements: s.elements}
	in := slices.Clone(f.elements)
	for _, a := range s.adds {
		if slices.Contains(f.ops, a.op) {
			part.adds = append(part.adds, a)
			in = append(in, a.element)
		}
	}
	for _, r := range s.reads {
		if slices.Contains(f.ops, r.op) {
			r.elements = slices.DeleteFunc(slices.Clone(r.elements), func(e int32) bool {
				return !slices.Contains(in, e)
			})
			part.reads = append(part.reads, r)
		}
	}
	return part
}

func compareAddSet(t testing.TB, h *history.History, counts map[string]int64) {
	t.Helper()
	s := addSetOf(h)
	if h.Len()%2 == 0 { // the order in which it gets them is all the same
		slices.Reverse(s.adds)
		slices.Reverse(s.reads)
	}
	flaws := decideAddSet(s)
	if legal := s.placeable(0, 0); legal != (len(flaws) == 0) {
		sayHistory(t, h, "linearizable: %v, flaws: %v", legal, flaws)
	}
	for i := range flaws {
		if part := s.cutDown(&flaws[i]); part.placeable(0, 0) || len(flaws[i].ops) > 4 {
			sayHistory(t, h, "the witness is linearizable: %v", flaws[i])
		}
		counts[flaws[i].kind]++
	}
	if len(flaws) == 0 {
		counts["linearizable"]++
	}
}

// TestAddSetAgainstDefinition compares the sweep with all orders of small histories.
func TestAddSetAgainstDefinition(t *testing.T) {
	counts := map[string]int64{}
	many(t, 8000, func(t testing.TB, d *dice) { compareAddSet(t, drawSet(d), counts) })
	t.Log(counts)
	for _, kind := range []string{PhantomRead, FutureRead, ReadsDisagree, StaleRead, NewOldInversion,
		ReorderedAdd, "linearizable"} {
		if counts[kind] == 0 {
			t.Errorf("no %s in all histories", kind)
		}
	}
}

func FuzzAddSet(f *testing.F) {
	fuzz(f, func(t testing.TB, d *dice) { compareAddSet(t, drawSet(d), map[string]int64{}) })
}
