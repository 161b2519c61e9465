package sim

import "fmt"

// Settled reports whether the cluster is whole again: every node is up and runs, no fault is active, and
// since the last one ended every node has processed a message of another node, and another node one of
// its. That is less than a message between every pair, because in many protocols followers do not talk to
// each other. missing says what is not so yet, for people.
func (w *World) Settled() (ok bool, missing string) {
	since := w.healed
	for i := range w.faults {
		f := &w.faults[i]
		if f.kind != clogFault || f.amount > w.now {
			return false, fmt.Sprintf("fault %s is still active", f.id)
		}
		since = max(since, f.amount)
	}
	for id := range w.nodes {
		if missing = w.nodes[id].lacks(since, len(w.nodes) == 1); missing != "" {
			return false, fmt.Sprintf("n%d %s", id+1, missing)
		}
	}
	return true, ""
}

// lacks returns what a node lacks to be whole since the given time, "" for nothing.
func (n *node) lacks(since int64, alone bool) string {
	switch {
	case n.halted != "":
		return "stopped itself: " + n.halted
	case n.machine == nil:
		return "is down"
	case n.pauses > 0:
		return "is paused"
	case alone:
		return ""
	case n.heard < since:
		return "has not heard of another node since the last fault ended"
	case n.reached < since:
		return "has not reached another node since the last fault ended"
	}
	return ""
}
