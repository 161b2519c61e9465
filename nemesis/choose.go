package nemesis

import (
	"fmt"
	"slices"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/plan"
)

// The words for targets. Each family allows some of them, and the name of any node.
const (
	anyNode       = "any"       // one node, drawn
	leaderNode    = "leader"    // the leader, as the nodes' status tells
	followerNode  = "follower"  // one node that does not lead, drawn
	followerNodes = "followers" // every node that does not lead
	minorityNodes = "minority"  // fewer than half of the nodes, drawn, at least one
	majorityNodes = "majority"  // the smallest number that is more than half of the nodes, drawn
	allNodes      = "all"       // every node
	opposedNodes  = "opposed"   // clock: the leader one way, every other node the other way
	bestNode      = "most-up-to-date"
)

var groupWords = []string{anyNode, leaderNode, followerNode, followerNodes,
	minorityNodes, majorityNodes, allNodes}

const noLeader = "no leader is known"

// choose resolves a word for targets to nodes, in the cluster's order. Where the word leaves a choice,
// only members of pool are chosen. It returns why when there is nothing to choose.
func choose(f *plan.Fault, v *View, pool []string) (nodes []string, skip string) {
	key := keyed.Key(f.Pick).Named("targets")
	count := len(v.Nodes)
	switch f.Targets {
	case anyNode, "":
		return draw(key, pool, 1)
	case leaderNode:
		if v.Leader == "" {
			return nil, noLeader
		}
		return []string{v.Leader}, ""
	case followerNode:
		return draw(key, without(pool, v.Leader), 1)
	case followerNodes:
		if v.Leader == "" {
			return nil, noLeader
		}
		return without(v.Nodes, v.Leader), ""
	case minorityNodes:
		if count < 3 {
			return nil, fmt.Sprintf("a cluster of %d nodes has no minority", count)
		}
		return draw(key, pool, 1+key.Named("size").N((count-1)/2))
	case majorityNodes:
		return draw(key, v.Nodes, count/2+1)
	case allNodes:
		return slices.Clone(v.Nodes), ""
	}
	if !slices.Contains(v.Nodes, f.Targets) {
		return nil, fmt.Sprintf("%s is no node of the cluster", f.Targets)
	}
	return []string{f.Targets}, ""
}

// chooseOne is choose for families whose shapes have one target.
func chooseOne(f *plan.Fault, v *View, pool []string) (node, skip string) {
	nodes, skip := choose(f, v, pool)
	switch {
	case skip != "":
		return "", skip
	case len(nodes) != 1:
		return "", fmt.Sprintf("%s needs one target, %s are %d nodes", f.Shape, f.Targets, len(nodes))
	}
	return nodes[0], ""
}

// chooseUp is choose for faults that hit running processes. Nodes that are down already are drawn only
// when there are no others, and nodes that are down altogether leave nothing to do.
func chooseUp(f *plan.Fault, v *View) (nodes []string, skip string) {
	up := v.up()
	if len(up) == 0 {
		return nil, "every node is down already"
	}
	nodes, skip = choose(f, v, up)
	if skip == "" && !slices.ContainsFunc(nodes, func(n string) bool { return slices.Contains(up, n) }) {
		return nil, fmt.Sprintf("%s is down already", nodes[0])
	}
	return nodes, skip
}

// draw returns n members of pool, fewer when it has not so many, in pool's order.
func draw(key keyed.Key, pool []string, n int) (nodes []string, skip string) {
	if len(pool) == 0 {
		return nil, "there is no such node at the moment"
	}
	chosen := shuffled(key, pool)[:min(n, len(pool))]
	return slices.DeleteFunc(slices.Clone(pool), func(p string) bool {
		return !slices.Contains(chosen,
			p)
	}), ""
}

// shuffled returns the members of pool in an order drawn at key (Fisher and Yates).
func shuffled(key keyed.Key, pool []string) []string {
	out := slices.Clone(pool)
	for i := len(out) - 1; i > 0; i-- {
		j := key.With(uint64(i)).N(i + 1)
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// without returns pool without the given names.
func without(pool []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(pool), func(p string) bool { return slices.Contains(names, p) })
}

// up returns the nodes that are up.
func (v *View) up() []string { return without(v.Nodes, v.Down...) }
