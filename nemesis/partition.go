package nemesis

import (
	"fmt"
	"slices"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/plan"
)

// The shapes of partitions.
const (
	IsolateOne       = "isolate-one"
	IsolateLeader    = "isolate-leader"
	Halves           = "halves"
	MajorityMinority = "majority-minority"
	Bridge           = "bridge"
	Ring             = "ring"
	OneWayIn         = "one-way-in"
	OneWayOut        = "one-way-out"
)

// The sides that clients can be on. Clients on a side count as members of it: the cut separates them
// from the nodes of the other side just as it separates the nodes from each other.
const (
	clientsBoth     = "both"        // on neither side: every client reaches every node
	clientsMajority = "majority"    // the larger side; of two equal ones that without the target
	clientsMinority = "minority"    // the other one
	clientsTarget   = "with-target" // the side of the target
	clientsSplit    = "split"       // half of the sessions, drawn, on either side
)

var partition = family{
	name:    "partition",
	summary: "cuts the network in parts that do not hear each other",
	needs:   "Partitioner",
	shapes: []shape{
		{name: IsolateOne, about: "the target alone on one side, all others on the other"},
		{name: IsolateLeader, own: true, about: "the leader alone on one side, all others on the other"},
		{name: Halves, about: "the target and others up to half of the nodes, rounded down, against the " +
			"rest"},
		{name: MajorityMinority, about: "the target and others, a minority of drawn size, against the rest"},
		{name: Bridge, about: "two sides that do not hear each other; the target hears both"},
		{name: Ring, own: true, about: "the nodes form a circle, drawn; each hears only its two neighbours"},
		{name: OneWayIn, about: "the target does not hear the others, and they hear it"},
		{name: OneWayOut, about: "the others do not hear the target, and it hears them"},
	},
	targets: []string{anyNode, leaderNode, followerNode},
	clients: []string{clientsBoth, clientsMajority, clientsMinority, clientsTarget, clientsSplit},
	resolve: resolvePartition,
}

func resolvePartition(f *plan.Fault, v *View, a *Action) {
	if f.Shape == Ring {
		resolveRing(f, v, a)
		return
	}
	near, far, skip := sides(f, v)
	if skip == "" && len(near)*len(far) == 0 {
		skip = fmt.Sprintf("%s needs more than %d nodes", f.Shape, len(v.Nodes))
	}
	if skip != "" {
		a.Skip = skip
		return
	}
	near, far = seatClients(f, v, near, far)
	a.Groups = [][]string{near, far}
	if f.Shape != OneWayOut {
		a.Cut = cutPairs(a.Cut, far, near, v.Nodes)
	}
	if f.Shape != OneWayIn {
		a.Cut = cutPairs(a.Cut, near, far, v.Nodes)
	}
}

// sides returns the nodes on the target's side and those on the other. For a bridge, which is on
// neither, near is the smaller side.
func sides(f *plan.Fault, v *View) (near, far []string, skip string) {
	byRole := *f
	if f.Shape == IsolateLeader {
		byRole.Targets = leaderNode
	}
	target, skip := chooseOne(&byRole, v, v.Nodes)
	if skip != "" {
		return nil, nil, skip
	}
	key, count, rest := keyed.Key(f.Pick).Named("sides"), len(v.Nodes), without(v.Nodes, target)
	size := 1
	switch f.Shape {
	case Halves:
		size = count / 2
	case MajorityMinority:
		if count < 3 {
			return nil, nil, fmt.Sprintf("a cluster of %d nodes has no minority", count)
		}
		size = 1 + key.Named("size").N((count-1)/2)
	case Bridge:
		near = shuffled(key, rest)[:len(rest)/2]
		return inOrder(v.Nodes, near), without(rest, near...), ""
	}
	near = append([]string{target}, shuffled(key, rest)[:max(size-1, 0)]...)
	return inOrder(v.Nodes, near), without(v.Nodes, near...), ""
}

// seatClients adds the clients to the sides they are on, after the nodes.
func seatClients(f *plan.Fault, v *View, near, far []string) (nearAll, farAll []string) {
	larger, smaller := &far, &near
	if len(near) > len(far) {
		larger, smaller = &near, &far
	}
	switch f.Clients {
	case clientsMajority:
		*larger = append(*larger, AllClients)
	case clientsMinority:
		*smaller = append(*smaller, AllClients)
	case clientsTarget:
		near = append(near, AllClients)
	case clientsSplit:
		half := shuffled(keyed.Key(f.Pick).Named("clients"), v.Clients)[:len(v.Clients)/2]
		near, far = append(near, inOrder(v.Clients, half)...), append(far, without(v.Clients, half...)...)
	}
	return near, far
}

// cutPairs appends the directed links from one group to another. Two clients have no link.
func cutPairs(cut [][2]string, from, to, nodes []string) [][2]string {
	for _, x := range from {
		for _, y := range to {
			if slices.Contains(nodes, x) || slices.Contains(nodes, y) {
				cut = append(cut, [2]string{x, y})
			}
		}
	}
	return cut
}

// resolveRing cuts every link between nodes that are no neighbours in a circle of drawn order. With five
// nodes each hears a majority, and no two hear the same one.
func resolveRing(f *plan.Fault, v *View, a *Action) {
	count := len(v.Nodes)
	if count < 4 {
		a.Skip = fmt.Sprintf("in a ring of %d nodes all are neighbours", count)
		return
	}
	a.Nodes = slices.Clone(v.Nodes)
	circle := shuffled(keyed.Key(f.Pick).Named("ring"), v.Nodes)
	for _, x := range v.Nodes {
		for _, y := range v.Nodes {
			apart := (slices.Index(circle, x) - slices.Index(circle, y) + count) % count
			if apart > 1 && apart < count-1 {
				a.Cut = append(a.Cut, [2]string{x, y})
			}
		}
	}
}

// inOrder returns the members of chosen in the order they have in all.
func inOrder(all, chosen []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(n string) bool { return !slices.Contains(chosen, n) })
}
