package checkers

import (
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// peekHistory draws final peeks of three keys at three nodes; key c is never written.
func peekHistory(d *dice) *history.History {
	ops := []history.Op{
		{Session: "s", F: history.FWrite, Key: "a", Arg: history.IntValue(1), Type: history.Ok, Return: 1},
		{Session: "s", F: history.FWrite, Key: "b", Arg: history.IntValue(1), Return: history.Never,
			Type: history.Info},
		{Session: "s", F: history.FWrite, Key: "c", Arg: history.IntValue(1), Type: history.Fail, Return: 1},
	}
	for _, key := range []string{"a", "b", "c"} {
		for _, node := range []string{"n1", "n2", "n3"} {
			op := history.Op{Session: "s", F: history.FPeek, Key: key, Node: node}
			op.Call, op.Return = endOf, endOf+1
			if op.Type = history.Fail; !d.bool(3) {
				op.Type = history.Ok
				if !d.bool(4) {
					op.Result = history.IntValue(1)
				} else if d.bool(2) {
					op.Result = history.ListValue()
				}
			}
			ops = append(ops, op)
		}
	}
	h := historyOf(ops, endOf)
	h.Header.Nodes = []string{"n1", "n2", "n3"}
	return h
}

// convergenceAgrees compares the checker with the definition.
func convergenceAgrees(t testing.TB, d *dice) {
	h := peekHistory(d)
	answered := map[string]bool{}
	diverged, chances := map[string]bool{}, map[string]bool{}
	for i := range h.Len() {
		for j := range h.Len() {
			x, y := &h.Ops()[i], &h.Ops()[j]
			if x.F != history.FPeek || y.F != history.FPeek || x.Type != history.Ok || y.Type != history.Ok {
				continue
			}
			answered[x.Node] = true
			if x.Key != y.Key || x.Node == y.Node {
				continue
			}
			if x.Key != "c" {
				chances[x.Key] = true
			}
			_, fullX := x.Result.AsInt()
			_, fullY := y.Result.AsInt()
			if fullX != fullY {
				diverged[x.Key] = true
			}
		}
	}
	want := Valid
	switch {
	case len(diverged) > 0:
		want = Invalid
	case len(answered) < 3 || len(chances) == 0:
		want = Unknown
	}
	v := checked(Convergent(), h)[Convergence]
	if v.Result != want || v.Counts[KindDivergence] != int64(len(diverged)) ||
		v.Opportunities != int64(len(chances)) {
		sayHistory(t, h, "%+v, want %v, diverged %v, opportunities %v", v, want, diverged, chances)
	}
	provesItself(t, Convergent(), v, endOf)
}

func TestConvergenceAgreesWithTwin(t *testing.T) { many(t, 5_000, convergenceAgrees) }

func FuzzConvergence(f *testing.F) { fuzz(f, convergenceAgrees) }

// TestPeeksAwayFromHome: what a node answers about a key that it is no replica of is no divergence.
func TestPeeksAwayFromHome(t *testing.T) {
	peek := func(node string, v history.Value, home ...string) history.Op {
		return history.Op{Session: "s", F: history.FPeek, Key: "a", Node: node, Result: v, Type: history.Ok,
			Call: endOf, Return: endOf + 1, Ev: &history.Evidence{By: node, Home: home}}
	}
	write := history.Op{Session: "s", F: history.FWrite, Key: "a", Arg: history.IntValue(1), Type: history.Ok,
		Return: 1}
	one, nothing := history.IntValue(1), history.Value{}
	for what, c := range map[string]struct {
		ops  []history.Op
		want Result
	}{
		"away": {[]history.Op{peek("n1", one, "n1", "n2"), peek("n2", one, "n1", "n2"),
			peek("n3", nothing, "n1", "n2")}, Valid},
		"at home":     {[]history.Op{peek("n1", one, "n1", "n2"), peek("n2", nothing, "n1", "n2")}, Invalid},
		"unsaid":      {[]history.Op{peek("n1", one), peek("n2", nothing)}, Invalid},
		"one at home": {[]history.Op{peek("n1", one, "n1"), peek("n2", nothing, "n1")}, Unknown},
	} {
		h := historyOf(append([]history.Op{write}, c.ops...), endOf)
		h.Header.Nodes = []string{"n1", "n2", "n3"}
		if v := Convergent().Check(t.Context(), h)[0]; v.Result != c.want {
			t.Errorf("%s: %v %s", what, v.Result, v.Reason)
		}
	}
}
