package checkers

import (
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// TestVersionsAreNoAnomaly: a list that nobody wrote may be several versions, which stores without leaders
// return. A checker that does not know them leaves the key out, and says so.
func TestVersionsAreNoAnomaly(t *testing.T) {
	list, num := history.ListValue, history.IntValue
	op := func(session, f string, call int64, arg, result history.Value) history.Op {
		return history.Op{Session: session, F: f, Key: "k", Arg: arg, Result: result, Type: history.Ok,
			Call:   call,
			Return: call + 5}
	}
	registers := historyOf([]history.Op{op("a", history.FWrite, 0, num(1), num(1)),
		op("b", history.FWrite, 1, num(2), num(2)),
		op("c", history.FRead, 10, history.Value{}, list(num(1), num(2)))}, endOf)
	sets := historyOf([]history.Op{op("a", history.FAdd, 0, num(1), num(1)),
		op("b", history.FAdd, 1, num(2), num(2)),
		op("c", history.FRead, 10, history.Value{}, list(list(num(1)), list(num(2))))}, endOf)
	ofLists := historyOf([]history.Op{op("a", history.FAdd, 0, list(num(1)), list(num(1))),
		op("c", history.FRead, 10, history.Value{}, list(list(num(1))))}, endOf)
	if v := SetFull(SetOptions{}).Check(t.Context(), ofLists)[0]; v.Result != Valid {
		t.Errorf("a set of lists: %v %q %v", v.Result, v.Reason, v.Counts)
	}
	for _, c := range []struct {
		checker Checker
		h       *history.History
		because string
	}{
		{Causal(), registers, "several versions"},
		{SetFull(SetOptions{}), sets, "no list of elements"},
	} {
		for _, v := range c.checker.Check(t.Context(), c.h) {
			if v.Result != Unknown || !strings.Contains(v.Reason, c.because) {
				t.Errorf("%s: %v %q %v", v.Property, v.Result, v.Reason, v.Counts)
			}
		}
	}
}
