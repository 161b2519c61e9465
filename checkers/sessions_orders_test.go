package checkers

import (
	"slices"
	"strconv"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// orderTwin decides the session guarantees of one key by trying every order of its values.
type orderTwin struct {
	ops    []history.Op
	values []int64 // written by an operation that did not fail, or read though nobody tried to write them

	deleted bool // null may be more than the initial value
}

func newOrderTwin(h *history.History) *orderTwin {
	tw := &orderTwin{ops: h.Ops()}
	failed := map[int64]bool{}
	add := func(v int64, ok bool) {
		if ok && !slices.Contains(tw.values, v) {
			tw.values = append(tw.values, v)
		}
	}
	for i := range h.Len() {
		tw.deleted = tw.deleted || h.Op(i).F == history.FDelete && h.Op(i).Type != history.Fail
		v, ok := written(&h.Ops()[i])
		if ok && h.Op(i).Type == history.Fail {
			failed[v] = true
			continue
		}
		add(v, ok)
	}
	for i := range h.Len() {
		op := &h.Ops()[i]
		v, ok := op.Result.AsInt()
		if refused, current := casRefused(op); op.F == history.FCAS && refused && current != nil {
			v, ok = current.AsInt()
		}
		add(v, ok && !failed[v])
	}
	return tw
}

func written(op *history.Op) (int64, bool) {
	switch op.F {
	case history.FWrite:
		return op.Arg.AsInt()
	case history.FCAS:
		if refused, _ := casRefused(op); !refused {
			args, _ := op.Arg.AsList()
			return args[1].AsInt()
		}
	}
	return 0, false
}

// value returns the value by which an acknowledged operation is ordered, 0 for the initial one.
func (tw *orderTwin) value(op *history.Op) (v int64, isRead, ok bool) {
	if op.Type != history.Ok || op.F == history.FDelete {
		return 0, false, false
	}
	if v, ok := written(op); ok {
		return v, false, true
	}
	seen := op.Result
	if refused, current := casRefused(op); op.F == history.FCAS {
		if !refused || current == nil {
			return 0, false, false
		}
		seen = *current
	}
	if seen.IsNull() {
		return 0, true, !tw.deleted
	}
	v, _ = seen.AsInt()
	return v, true, slices.Contains(tw.values, v)
}

// binding is the guarantee that binds two operations, by whether the first and the second is a read.
var binding = map[[2]bool]guarantee{{false, true}: ryw, {true, true}: mr, {false, false}: mw, {true,
	false}: wfr}

// pairs calls yield with each guarantee's pairs of values: the first is not after the second.
func (tw *orderTwin) pairs(yield func(g guarantee, i, j int, a, b int64)) {
	for i := range tw.ops {
		for j := range tw.ops {
			x, y := &tw.ops[i], &tw.ops[j]
			if x.Session != y.Session || !x.Precedes(y) {
				continue
			}
			a, readA, okA := tw.value(x)
			b, readB, okB := tw.value(y)
			if !okA || !okB {
				continue
			}
			yield(binding[[2]bool{readA, readB}], i, j, a, b)
		}
	}
}

// satisfiable reports whether some order of the values satisfies a set of guarantees.
func (tw *orderTwin) satisfiable(set uint8) bool {
	type pair struct{ a, b int64 }
	var must []pair
	tw.pairs(func(g guarantee, _, _ int, a, b int64) {
		if set&(1<<g) != 0 && a != b {
			must = append(must, pair{a, b})
		}
	})
	place := map[int64]int{0: 0}
	var try func(at int) bool
	try = func(at int) bool {
		if at > len(tw.values) {
			for _, p := range must {
				if place[p.a] > place[p.b] {
					return false
				}
			}
			return true
		}
		for _, v := range tw.values {
			if _, taken := place[v]; !taken {
				place[v] = at
				if try(at + 1) {
					return true
				}
				delete(place, v)
			}
		}
		return false
	}
	return try(1)
}

// chances returns the opportunities of reads your writes and monotonic reads.
func (tw *orderTwin) chances() (count [2]int64) {
	seen := map[[2]int]bool{}
	tw.pairs(func(g guarantee, _, j int, a, _ int64) {
		if at := [2]int{int(g), j}; g <= mr && a != 0 && !seen[at] {
			seen[at] = true
			count[g]++
		}
	})
	return count
}

// registerHistory draws a small history of one register that several sessions write.
func registerHistory(d *dice) *history.History {
	ops := make([]history.Op, 2+d.n(7))
	values := 0
	for i := range ops {
		op := &ops[i]
		*op = history.Op{Session: "s" + strconv.Itoa(1+d.n(3)), Key: "k", F: history.FRead, Type: history.Ok}
		op.Call, op.Return = d.span(8)
		switch d.n(5) {
		case 0, 1:
			if values == 4 {
				break
			}
			values++
			op.F, op.Arg = history.FWrite, history.IntValue(int64(values))
			d.outcome(op)
		case 2:
			if d.bool(8) {
				op.F = history.FDelete
				d.outcome(op)
				break
			}
			if !d.bool(2) || values == 4 {
				break
			}
			values++
			op.F, op.Arg = history.FCAS, history.ListValue(history.Value{}, history.IntValue(int64(values)))
			op.Result = history.BoolValue(true)
			if d.bool(2) {
				op.Result = history.ListValue(history.BoolValue(false), history.IntValue(int64(1+d.n(4))))
			} else {
				d.outcome(op)
			}
		}
	}
	for i := range ops {
		if op := &ops[i]; op.F == history.FRead {
			if v := d.n(values + 2); v > 0 {
				op.Result = history.IntValue(int64(v))
			}
			if d.bool(12) {
				op.Type, op.Result = history.Fail, history.Value{}
			}
		}
	}
	d.sequence(ops)
	return historyOf(ops, history.Never)
}

// ordersAgree compares the checker of unknown orders with its twin.
func ordersAgree(t testing.TB, d *dice) {
	h := registerHistory(d)
	c := Sessions(AnyOrder)
	got, twin := checked(c, h), newOrderTwin(h)
	chances := twin.chances()
	for g := ryw; g <= mr; g++ {
		v := got[guaranteeNames[g]]
		if want := twin.satisfiable(1 << g); want == (v.Result == Invalid) {
			sayHistory(t, h, "%s is %v, an order exists: %v", v.Property, v.Result, want)
		}
		if v.Opportunities != chances[g] {
			sayHistory(t, h, "%s has %d opportunities, want %d", v.Property, v.Opportunities, chances[g])
		}
	}
	all := got[SessionCausality]
	if want := twin.satisfiable(allGuarantees); want == (all.Result == Invalid) {
		sayHistory(t, h, "all together are %v, an order exists: %v", all.Result, want)
	}
	for set := uint8(1); set <= allGuarantees; set++ {
		want := !twin.satisfiable(set)
		for smaller := uint8(1); smaller < set; smaller++ {
			want = want && (smaller&set != smaller || twin.satisfiable(smaller))
		}
		if want != (all.Counts[combination(set)] > 0) {
			sayHistory(t, h, "%s is violated and nothing smaller: %v", combination(set), want)
		}
	}
	for _, v := range got {
		if v.Result == Invalid && len(v.Anomalies) == 0 {
			sayHistory(t, h, "%s is not explained", v.Property)
		}
		provesItself(t, c, v, history.Never)
	}
	if t.Failed() {
		sayHistory(t, h, "witness")
	}
}

func TestOrdersAgreeWithTwin(t *testing.T) { many(t, 5_000, ordersAgree) }

func FuzzOrders(f *testing.F) { fuzz(f, ordersAgree) }

// TestInitialValueIsExplainedFirst checks which of many contradictions is explained: that with the initial
// value.
func TestInitialValueIsExplainedFirst(t *testing.T) {
	var ops []history.Op
	add := func(session, f string, arg, result history.Value) {
		at := int64(10 * len(ops))
		ops = append(ops, history.Op{Session: session, F: f, Key: "k", Arg: arg, Result: result,
			Type: history.Ok, Call: at, Return: at + 1})
	}
	one, two, null := history.IntValue(1), history.IntValue(2), history.Value{}
	add("s1", history.FWrite, one, null)
	add("s1", history.FWrite, two, null)
	for range 2 * mostExplained {
		add("s2", history.FRead, null, two)
		add("s2", history.FRead, null, one)
	}
	add("s3", history.FRead, null, one)
	add("s3", history.FRead, null, null)
	v := checked(Sessions(AnyOrder), historyOf(ops, history.Never))[MonotonicReads]
	if n := total(v.Counts); n <= mostExplained || len(v.Anomalies) == 0 {
		t.Fatalf("%d contradictions, want more than %d", n, mostExplained)
	}
	if last := v.Anomalies[0].Ops[len(v.Anomalies[0].Ops)-1]; !last.Result.IsNull() {
		t.Errorf("explained first: %s", v.Anomalies[0].Sentence)
	}
}
