package nemesis

import "github.com/rashomon-harness/rashomon/plan"

var operator = family{
	name:    "operator",
	summary: "what a human operator does; not a fault, and over at once",
	needs:   "Operator",
	shapes:  []shape{{name: "promote", about: "orders the target to become leader"}},
	targets: []string{bestNode, anyNode, followerNode},
	instant: true,
	resolve: resolveOperator,
}

func resolveOperator(f *plan.Fault, v *View, a *Action) {
	if f.Targets != bestNode && f.Targets != "" {
		a.Nodes, a.Skip = chooseUp(f, v)
		return
	}
	if v.Best == "" {
		a.Skip = "no follower's log position is known"
		return
	}
	a.Nodes = []string{v.Best}
}
