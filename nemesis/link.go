package nemesis

import (
	"slices"
	"time"

	"github.com/rashomon-harness/rashomon/plan"
)

// The shapes of link faults.
const (
	LinkSlow      = "slow"
	LinkLossy     = "lossy"
	LinkDuplicate = "duplicate"
	LinkReorder   = "reorder"
)

const clientsNone = "none" // link: only links between nodes

var link = family{
	name:    "link",
	summary: "makes the links of nodes slow or unreliable, in both directions",
	needs:   "Shaper",
	shapes: []shape{
		{name: LinkSlow, about: "every packet is delayed",
			unit: nanos, usual: Range{int64(50 * time.Millisecond), int64(500 * time.Millisecond)}},
		{name: LinkLossy, about: "packets are lost",
			unit: ppm, usual: Range{50_000, 400_000}, most: 1_000_000},
		{name: LinkDuplicate, about: "packets arrive twice",
			unit: ppm, usual: Range{50_000, 400_000}, most: 1_000_000},
		{name: LinkReorder, about: "packets overtake each other: each is delayed by up to the amount",
			unit: nanos, usual: Range{int64(10 * time.Millisecond), int64(200 * time.Millisecond)}},
	},
	targets: groupWords,
	clients: []string{clientsBoth, clientsNone},
	resolve: resolveLink,
}

func resolveLink(f *plan.Fault, v *View, a *Action) {
	nodes, skip := choose(f, v, v.Nodes)
	if skip != "" {
		a.Skip = skip
		return
	}
	a.Nodes = nodes
	for _, x := range v.Nodes {
		for _, y := range v.Nodes {
			if x != y && (slices.Contains(nodes, x) || slices.Contains(nodes, y)) {
				a.Cut = append(a.Cut, [2]string{x, y})
			}
		}
	}
	for _, x := range nodes {
		if f.Clients != clientsNone {
			a.Cut = append(a.Cut, [2]string{x, AllClients}, [2]string{AllClients, x})
		}
	}
	if len(a.Cut) == 0 {
		a.Skip = "there are no links between nodes in a cluster of one"
	}
}
