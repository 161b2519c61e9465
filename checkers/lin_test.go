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
