package checkers

import (
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// soonest is the smallest return of some operations, and whose it is.
type soonest struct {
	ret  int64
	deed int32
}

// behind has for each stage of an order, from 0, the soonest return at a later one.
type behind []soonest

// newBehind returns the soonest returns of no operations at all, at stages up to last.
func newBehind(last int) behind {
	b := make(behind, last+1)
	for stage := range b {
		b[stage].ret = history.Never
	}
	return b
}

// meet takes in what returned at a stage. What comes later counts for the earlier stages after settle.
func (b behind) meet(stage int, ret int64, deed int32) {
	if stage > 0 && ret < b[stage-1].ret {
		b[stage-1] = soonest{ret, deed}
	}
}

// settle is called once, when everything was met.
func (b behind) settle() {
	for stage, s := range slices.Backward(b) {
		b.meet(stage, s.ret, s.deed)
	}
}
