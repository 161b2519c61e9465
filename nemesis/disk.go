package nemesis

import "github.com/rashomon-harness/rashomon/plan"

// The shapes of disk faults.
const (
	DiskSlow  = "slow"
	DiskStall = "stall"
	DiskEIO   = "eio"
	DiskFull  = "full"
)

var disk = family{
	name:    "disk",
	summary: "makes the disks of nodes slow, or makes them refuse writes",
	needs:   "DiskFaulter",
	shapes: []shape{
		{name: DiskSlow, about: "every sync takes longer", unit: times, usual: Range{10, 100},
			most: 1_000_000},
		{name: DiskStall, about: "no sync ends until the fault heals"},
		{name: DiskEIO, about: "writes fail; a node that stops itself is started again when the fault heals"},
		{name: DiskFull, about: "writes fail for want of room; healed as eio is"},
	},
	targets: groupWords,
	resolve: resolveDisk,
}

func resolveDisk(f *plan.Fault, v *View, a *Action) { a.Nodes, a.Skip = choose(f, v, v.Nodes) }
