package checkers

import (
	"slices"
	"strconv"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// listTwin decides the session guarantees of a list by definition, over all pairs and triples of
// operations.
type listTwin struct {
	ops     []history.Op
	counts  [guarantees]int64
	chances [guarantees]int64
}

func ints(v history.Value) []int64 {
	list, _ := v.AsList()
	all := make([]int64, len(list))
	for i := range list {
		all[i], _ = list[i].AsInt()
	}
	return all
}

// past returns what the session of op appended, and saw, before it.
func (tw *listTwin) past(op *history.Op) (own, seen []int64) {
	for i := range tw.ops {
		x := &tw.ops[i]
		if x.Session != op.Session || x.Type != history.Ok || !x.Precedes(op) {
			continue
		}
		if x.F == history.FAppend {
			e, _ := x.Arg.AsInt()
			own = append(own, e)
		} else {
			seen = append(seen, ints(x.Result)...)
		}
	}
	return own, seen
}

// lacking reports whether list lacks one of the elements.
func lacking(list, elements []int64) bool {
	return slices.ContainsFunc(elements, func(e int64) bool { return !slices.Contains(list, e) })
}

func (tw *listTwin) count(g guarantee, past []int64, bad bool) {
	if len(past) > 0 {
		tw.chances[g]++
		if bad {
			tw.counts[g]++
		}
	}
}

func (tw *listTwin) run() {
	for i := range tw.ops {
		op := &tw.ops[i]
		if op.Type != history.Ok {
			continue
		}
		own, seen := tw.past(op)
		if op.F == history.FRead {
			tw.count(ryw, own, lacking(ints(op.Result), own))
			tw.count(mr, seen, lacking(ints(op.Result), seen))
			continue
		}
		e, _ := op.Arg.AsInt()
		shown, badOwn, badSeen := false, false, false
		for j := range tw.ops {
			if r := &tw.ops[j]; r.F == history.FRead && r.Type == history.Ok {
				list := ints(r.Result)
				if at := slices.Index(list, e); at >= 0 {
					shown = true
					badOwn = badOwn || lacking(list[:at], own)
					// That e itself was read before it was appended is another matter.
					badSeen = badSeen || lacking(list[:at+1], seen)
				}
			}
		}
		if shown {
			tw.count(mw, own, badOwn)
			tw.count(wfr, seen, badSeen)
		}
	}
}

// listHistory draws a small history of one list: of a store with a few orders of the elements, whose
// prefixes are read, mostly of the first.
func listHistory(d *dice) *history.History {
	ops := make([]history.Op, 2+d.n(9))
	values := 0
	for i := range ops {
		op := &ops[i]
		*op = history.Op{Session: "s" + strconv.Itoa(1+d.n(3)), Key: "k", F: history.FRead, Type: history.Ok}
		op.Call, op.Return = d.span(8)
		if d.bool(2) {
			values++
			op.F, op.Arg = history.FAppend, history.IntValue(int64(values))
			d.outcome(op)
		}
	}
	orders := make([][]int64, 3)
	for i := range orders {
		for v := range values {
			orders[i] = slices.Insert(orders[i], d.n(len(orders[i])+1), int64(v+1))
		}
		if d.bool(4) && values > 0 {
			orders[i] = append(orders[i], int64(1+d.n(values)))
		}
	}
	slices.Sort(orders[0])
	for i := range ops {
		op := &ops[i]
		if op.F != history.FRead {
			continue
		}
		from := orders[max(0, d.n(5)-2)]
		if n := d.n(len(from) + 2); n <= len(from) {
			op.Result = history.IntsValue(from[:n]...)
		}
		if d.bool(12) {
			op.Type, op.Result = history.Fail, history.Value{}
		}
	}
	d.sequence(ops)
	return historyOf(ops, history.Never)
}

// listsAgree compares the checker of lists with its twin.
func listsAgree(t testing.TB, d *dice) {
	h := listHistory(d)
	c := Sessions(ListOrder)
	got, twin := checked(c, h), listTwin{ops: h.Ops()}
	twin.run()
	for g := ryw; g < guarantees; g++ {
		v := got[guaranteeNames[g]]
		if v.Counts[guaranteeKinds[g]] != twin.counts[g] || v.Opportunities != twin.chances[g] {
			sayHistory(t, h, "%s: %d of %d, want %d of %d", v.Property,
				v.Counts[guaranteeKinds[g]], v.Opportunities, twin.counts[g], twin.chances[g])
		}
		provesItself(t, c, v, history.Never)
	}
	if t.Failed() {
		sayHistory(t, h, "witness")
	}
}

func TestListsAgreeWithTwin(t *testing.T) { many(t, 5_000, listsAgree) }

func FuzzLists(f *testing.F) { fuzz(f, listsAgree) }
