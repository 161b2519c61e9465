package checkers

import (
	"math"

	"github.com/rashomon-harness/rashomon/history"
)

// takeCounter takes an operation of a counter.
func takeCounter(_ *plan, op *history.Op, a *act) (why string) {
	switch op.F {
	case history.FIncr, fDecr, history.FAdd:
		by, ok := op.Arg.AsInt()
		if op.Arg.IsNull() && op.F != history.FAdd {
			by, ok = 1, true
		}
		if !ok || by == math.MinInt64 {
			return unknownTo(op)
		}
		if op.F == fDecr {
			by = -by
		}
		a.kind, a.amount = actSum, by
	case history.FRead:
		sum, ok := op.Result.AsInt()
		if a.sure && !ok && !op.Result.IsNull() {
			return oddAnswer(op)
		}
		a.kind, a.amount = actReadSum, sum
	default:
		return unknownTo(op)
	}
	return ""
}

// readyCounter returns the machine of a counter. The state is the sum.
func readyCounter(p *plan) (m machine, why string) {
	var sums runningSums
	for i := range p.acts {
		if a := &p.acts[i]; a.kind == actSum && !sums.take(increment{delta: a.amount}) {
			return machine{}, "it counts further than 64 bits"
		}
	}
	return machine{
		init: int64(0),
		step: func(state any, a *act) (bool, any) {
			now := state.(int64)
			if a.kind == actSum {
				return true, now + a.amount
			}
			return now == a.amount, state
		},
		equal: func(x, y any) bool { return x.(int64) == y.(int64) },
		hash:  func(state any) uint64 { return mix(uint64(state.(int64)) + 1) },
		size:  func(any) int64 { return 8 },
	}, ""
}
