package nemesis

import (
	"time"

	"github.com/rashomon-harness/rashomon/plan"
)

// The shapes of clock faults.
const (
	ClockStep     = "step"
	ClockForward  = "step-forward"
	ClockBack     = "step-back"
	ClockDrift    = "drift"
	ClockFast     = "drift-fast"
	ClockSlow     = "drift-slow"
	ClockFreeze   = "freeze"
	ppmOfDriftMax = 50_000 // clocks worse than 5% are broken hardware, not drift
)

var (
	usualStep  = Range{int64(100 * time.Millisecond), int64(5 * time.Second)}
	usualDrift = Range{1_000, 20_000}
)

var clock = family{
	name:    "clock",
	summary: "bends the clocks of nodes, and sets them right when it heals",
	needs:   "ClockSkewer",
	shapes: []shape{
		{name: ClockStep, about: "the wall clock jumps forward or back",
			unit: nanos, usual: usualStep, sign: either},
		{name: ClockForward, about: "the wall clock jumps forward",
			unit: nanos, usual: usualStep},
		{name: ClockBack, about: "the wall clock jumps back",
			unit: nanos, usual: usualStep, sign: minus},
		{name: ClockDrift, about: "both clocks run fast or slow",
			unit: ppm, usual: usualDrift, most: ppmOfDriftMax, sign: either, opposable: true},
		{name: ClockFast, about: "both clocks run fast",
			unit: ppm, usual: usualDrift, most: ppmOfDriftMax, opposable: true},
		{name: ClockSlow, about: "both clocks run slow",
			unit: ppm, usual: usualDrift, most: ppmOfDriftMax, sign: minus, opposable: true},
		{name: ClockFreeze, about: "the wall clock stands still"},
	},
	targets: append(groupWords[:len(groupWords):len(groupWords)], opposedNodes),
	resolve: resolveClock,
}

// resolveClock hits nodes that are down as well: their clocks go on. Opposed clocks are the worst case
// of a lease: the leader's is slow, so that it believes in its lease for longest, and all others are fast.
func resolveClock(f *plan.Fault, v *View, a *Action) {
	if f.Targets != opposedNodes {
		a.Nodes, a.Skip = choose(f, v, v.Nodes)
		return
	}
	if v.Leader == "" {
		a.Skip = noLeader
		return
	}
	if a.Fault.Amount > 0 {
		a.Fault.Amount = -a.Fault.Amount
	}
	a.Nodes, a.Against = []string{v.Leader}, without(v.Nodes, v.Leader)
}
