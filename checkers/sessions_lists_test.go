package checkers

import (
	"slices"
	"strconv"
	"strings"
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

// TestShortListsOfManyElements checks branches that have few of a key's elements.
func TestShortListsOfManyElements(t *testing.T) {
	var ops []history.Op
	add := func(session string, op history.Op) {
		op.Session, op.Key, op.Type, op.Call = session, "k", history.Ok, int64(10*len(ops))
		op.Return = op.Call + 5
		ops = append(ops, op)
	}
	read := func(elements ...int64) { // by a session that reads two lists, and one that appended before
		add("reader", history.Op{F: history.FRead, Result: history.IntsValue(elements...)})
	}
	for e := range int64(100) {
		add("writer", history.Op{F: history.FAppend, Arg: history.IntValue(e)})
	}
	read(1, 2, 3)
	read(1, 2)
	read()
	add("writer", history.Op{F: history.FRead, Result: history.IntsValue(3, 0)})
	got := checked(Sessions(ListOrder), historyOf(ops, history.Never))
	want := map[string]int64{ReadYourWrites: 1, MonotonicReads: 2, MonotonicWrites: 3}
	for property, n := range want {
		if v := got[property]; total(v.Counts) != n {
			t.Errorf("%s: %v, want %d in all", property, v.Counts, n)
		}
	}
}

func total(counts map[string]int64) (n int64) {
	for _, count := range counts {
		n += count
	}
	return n
}

// TestManyBranches checks that many reads of one branch are no matter, and that a key with too many branches
// is left open.
func TestManyBranches(t *testing.T) {
	for _, branches := range []int{1, mostBranches, mostBranches + 1} {
		var ops []history.Op
		for i := range mostBranches + 5 {
			first := int64(i % branches)
			ops = append(ops, history.Op{Session: "s", F: history.FRead, Key: "k", Type: history.Ok,
				Result: history.IntsValue(first), Call: int64(10 * i), Return: int64(10*i + 5)})
		}
		v := checked(Sessions(ListOrder), historyOf(ops, history.Never))[MonotonicReads]
		if left := strings.Contains(v.Reason, "too many lists"); left != (branches > mostBranches) {
			t.Errorf("%d branches: %v %s", branches, v.Result, v.Reason)
		}
	}
}
