package checkers

import (
	"context"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

func TestLinearizableDrawings(t *testing.T) {
	goldens(t, "linearizable", func(t *testing.T, name string, h *history.History) string {
		model, ok := map[string]Model{"register": Register, "cas": CASRegister, "list": AppendList,
			"set": Set}[name]
		if !ok {
			t.Fatalf("%s: no such model", name)
		}
		return describe(Linearizable(model, LinOptions{}).Check(context.Background(), h)[0])
	})
}

// TestOperationsOutOfOrder checks that it is times that count, not the order in which operations are told.
func TestOperationsOutOfOrder(t *testing.T) {
	one := history.IntValue(1)
	h := history.FromOps([]history.Op{
		{F: history.FAppend, Key: "k", Arg: one, Type: history.Ok, Call: 100, Return: 110},
		{F: history.FAppend, Key: "k", Arg: one, Type: history.Ok, Call: 0, Return: 10, Process: 1},
		{F: history.FRead, Key: "k", Result: history.ListValue(one), Type: history.Ok, Call: 20, Return: 30,
			Process: 2},
	})
	if v := Linearizable(AppendList, LinOptions{}).Check(context.Background(), h)[0]; v.Result != Valid {
		t.Errorf("got %+v", v)
	}
}
