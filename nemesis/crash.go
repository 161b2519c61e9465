package nemesis

import "github.com/rashomon-harness/rashomon/plan"

// The shapes of crashes: what becomes of writes that were not synced to disk.
const (
	KeepUnsynced = "keep-unsynced"
	LoseUnsynced = "lose-unsynced"
	TearUnsynced = "tear-unsynced"
	WipeDisk     = "wipe-disk"
)

var crash = family{
	name:    "crash",
	summary: "ends nodes at once and starts them again when it heals",
	needs:   "Killer",
	shapes: []shape{
		{name: LoseUnsynced, about: "a power loss: writes that were not synced are gone"},
		{name: KeepUnsynced, about: "a crash of the process: the operating system keeps what was written"},
		{name: TearUnsynced, about: "a power loss: each unsynced write is kept, dropped or torn, by the " +
			"seed"},
		{name: WipeDisk, about: "the node comes back with an empty disk"},
	},
	targets: groupWords,
	resolve: resolveCrash,
}

// resolveCrash keeps nodes that are down already in the action when the word names them ("all"), so that
// they stay down as long as the fault lasts.
func resolveCrash(f *plan.Fault, v *View, a *Action) { a.Nodes, a.Skip = chooseUp(f, v) }
