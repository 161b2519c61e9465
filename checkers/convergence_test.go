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
