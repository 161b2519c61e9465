package nemesis

import "github.com/rashomon-harness/rashomon/plan"

var pause = family{
	name:    "pause",
	summary: "stops nodes in the middle of what they do, as a long garbage collection would",
	needs:   "Pauser",
	shapes: []shape{
		{name: "pause", about: "the process stands still, its clock goes on; then it finds all its mail " +
			"at once"},
	},
	targets: groupWords,
	resolve: resolvePause,
}

func resolvePause(f *plan.Fault, v *View, a *Action) {
	nodes, skip := chooseUp(f, v)
	a.Nodes, a.Skip = without(nodes, v.Down...), skip
}
