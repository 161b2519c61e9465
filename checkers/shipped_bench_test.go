package checkers

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/history/foreign"
)

// BenchmarkShippedHistories decides the 102 logs of etcd that porcupine ships: by porcupine itself with the
// plainest model of a register with compare-and-set, and by the checker, in one process.
func BenchmarkShippedHistories(b *testing.B) {
	paths, _ := filepath.Glob(filepath.Join(porcupineDir(b), "test_data", "jepsen", "*.log"))
	var histories []*history.History
	for _, path := range paths {
		if h := readShipped(b, path, foreign.PorcupineLog); h.Len() > 0 {
			histories = append(histories, h)
		}
	}
	check := Linearizable(CASRegister, LinOptions{})
	var theirs, ours time.Duration
	for b.Loop() {
		for _, h := range histories {
			began := time.Now()
			legal := porcupine.CheckOperations(plainCAS(), plainCASOperations(h))
			theirs += time.Since(began)
			began = time.Now()
			v := check.Check(context.Background(), h)[0]
			ours += time.Since(began)
			if (v.Result == Valid) != legal {
				b.Fatalf("%v %s, porcupine says %v", v.Result, v.Reason, legal)
			}
		}
	}
	b.ReportMetric(float64(len(histories)), "logs")
	b.ReportMetric(theirs.Seconds()*1e3/float64(b.N), "ms-porcupine")
	b.ReportMetric(ours.Seconds()*1e3/float64(b.N), "ms-ours")
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "times-porcupine")
}

// plainDeed is an operation on a register, as plainCAS takes it.
type plainDeed struct {
	f        string
	old, new history.Value
	found    history.Value // of a read
	swapped  bool          // of a cas
	unknown  bool          // no answer came
}

func plainCAS() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return int64(-1) }, // null
		Step: func(state, input, _ any) (bool, any) {
			d, now := input.(plainDeed), state.(int64)
			switch {
			case d.f == history.FWrite:
				return true, plainNumber(d.new)
			case d.f == history.FRead:
				return d.unknown || plainNumber(d.found) == now, state
			case now == plainNumber(d.old):
				return d.unknown || d.swapped, plainNumber(d.new)
			}
			return d.unknown || !d.swapped, state
		},
	}
}

func plainNumber(v history.Value) int64 {
	if n, isInt := v.AsInt(); isInt {
		return n
	}
	return -1
}

// plainCASOperations returns the operations that did not fail for certain.
func plainCASOperations(h *history.History) []porcupine.Operation {
	var ops []porcupine.Operation
	for i := range h.Len() {
		op := h.Op(i)
		if op.Type == history.Fail {
			continue
		}
		d := plainDeed{f: op.F, new: op.Arg, found: op.Result, unknown: op.Type != history.Ok}
		if args, _ := op.Arg.AsList(); op.F == history.FCAS {
			d.old, d.new = args[0], args[1]
			d.swapped, _, _ = op.CASResult()
		}
		ops = append(ops,
			porcupine.Operation{ClientId: int(op.Process), Input: d, Call: op.Call, Return: op.Return})
	}
	return ops
}
