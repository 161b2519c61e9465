package nemesis

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/plan"
)

func view(nodes int) View {
	v := View{Leader: "n2", Best: "n3", Clients: []string{"r1", "r2", "r3", "r4"}}
	for i := range nodes {
		v.Nodes = append(v.Nodes, fmt.Sprintf("n%d", i+1))
	}
	return v
}

// matrix draws which packets a cut stops: a row for each sender, "x" for what is lost.
func matrix(v *View, cut [][2]string) string {
	ends := append(append(slices.Clone(v.Nodes), v.Clients...), AllClients)
	var b strings.Builder
	for _, from := range ends {
		fmt.Fprintf(&b, "  %-7s ", from)
		for _, to := range ends {
			if slices.Contains(cut, [2]string{from, to}) {
				b.WriteString("x")
			} else {
				b.WriteString(".")
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// The exact cut of every shape, for one draw.
func TestPartitionsGolden(t *testing.T) {
	v := view(5)
	var b strings.Builder
	for _, s := range partition.shapes {
		for _, side := range partition.clients {
			if s.name == Ring && side != clientsBoth {
				continue
			}
			a := Resolve(&plan.Fault{Family: "partition", Shape: s.name, Clients: side, Pick: 42}, &v)
			fmt.Fprintf(&b, "%s, clients %s: %v %s\n%s", s.name, side, a.Groups, a.Skip, matrix(&v, a.Cut))
		}
	}
	golden(t, "partitions.golden", b.String())
}

// twin says, straight from the shapes' descriptions, which packets between nodes are lost, given the side
// of the target. ring and bridge have tests of their own.
func twin(shape string, near []string, from, to string) bool {
	fromNear, toNear := slices.Contains(near, from), slices.Contains(near, to)
	switch shape {
	case OneWayIn:
		return !fromNear && toNear
	case OneWayOut:
		return fromNear && !toNear
	}
	return fromNear != toNear
}

func TestPartitionSides(t *testing.T) {
	sizes := map[string]func(n int) (lo, hi int){
		IsolateOne:       func(int) (int, int) { return 1, 1 },
		IsolateLeader:    func(int) (int, int) { return 1, 1 },
		Halves:           func(n int) (int, int) { return n / 2, n / 2 },
		MajorityMinority: func(n int) (int, int) { return 1, (n - 1) / 2 },
		OneWayIn:         func(int) (int, int) { return 1, 1 },
		OneWayOut:        func(int) (int, int) { return 1, 1 },
	}
	for shape, size := range sizes {
		for n := 3; n <= 7; n++ {
			v := view(n)
			lo, hi := size(n)
			smallest, largest, hit := n, 0, map[string]bool{}
			for pick := range uint64(400) {
				a := Resolve(&plan.Fault{Family: "partition", Shape: shape, Targets: anyNode, Pick: pick}, &v)
				near := a.Groups[0]
				smallest, largest = min(smallest, len(near)), max(largest, len(near))
				for _, node := range near {
					hit[node] = true
				}
				for _, from := range v.Nodes {
					for _, to := range v.Nodes {
						if got := slices.Contains(a.Cut, [2]string{from, to}); got != twin(shape, near, from,
							to) {
							t.Fatalf("%s of %d, pick %d, side %v: %s->%s cut: %v", shape, n, pick, near,
								from, to, got)
						}
					}
				}
			}
			if smallest != lo || largest != hi {
				t.Errorf("%s of %d: sides of %d to %d, want %d to %d", shape, n, smallest, largest, lo, hi)
			}
			if want := map[bool]int{true: 1, false: n}[shape == IsolateLeader]; len(hit) != want {
				t.Errorf("%s of %d: %d different nodes hit, want %d", shape, n, len(hit), want)
			}
		}
	}
}

func TestPartitionTargetIsOnItsSide(t *testing.T) {
	v := view(5)
	for _, shape := range []string{IsolateOne, Halves, MajorityMinority, OneWayIn, OneWayOut} {
		for _, target := range []string{"leader", "n2", "n5", "follower"} {
			for pick := range uint64(50) {
				a := Resolve(&plan.Fault{Family: "partition", Shape: shape, Targets: target, Pick: pick}, &v)
				leader := slices.Contains(a.Groups[0], "n2")
				switch {
				case (target == "leader" || target == "n2") && !leader,
					target == "n5" && !slices.Contains(a.Groups[0], "n5"),
					target == "follower" && len(a.Groups[0]) == 1 && leader:
					t.Fatalf("%s %s: sides %v", shape, target, a.Groups)
				}
			}
		}
	}
}

func TestBridge(t *testing.T) {
	for n := 3; n <= 7; n++ {
		v := view(n)
		for pick := range uint64(50) {
			a := Resolve(&plan.Fault{Family: "partition", Shape: Bridge, Targets: "leader", Pick: pick}, &v)
			for _, pair := range a.Cut {
				if slices.Contains(pair[:], "n2") {
					t.Fatalf("the bridge is cut: %v", pair)
				}
			}
			near, far := len(a.Groups[0]), len(a.Groups[1])
			if near+far != n-1 || far-near > 1 || far < near || len(a.Cut) != 2*near*far {
				t.Fatalf("bridge of %d: %v, %d links cut", n, a.Groups, len(a.Cut))
			}
		}
	}
}

// In a ring every node hears two others, both ways, and all are connected.
func TestRing(t *testing.T) {
	for n := 4; n <= 7; n++ {
		v := view(n)
		a := Resolve(&plan.Fault{Family: "partition", Shape: Ring, Pick: uint64(n)}, &v)
		hears := map[string][]string{}
		for _, x := range v.Nodes {
			for _, y := range v.Nodes {
				lost := slices.Contains(a.Cut, [2]string{x, y})
				if lost != slices.Contains(a.Cut, [2]string{y, x}) {
					t.Errorf("%s-%s is cut one way", x, y)
				}
				if x != y && !lost {
					hears[x] = append(hears[x], y)
				}
			}
		}
		reached := []string{"n1"}
		for i := 0; i < len(reached); i++ {
			if len(hears[reached[i]]) != 2 {
				t.Errorf("ring of %d: %s hears %v", n, reached[i], hears[reached[i]])
			}
			for _, y := range hears[reached[i]] {
				if !slices.Contains(reached, y) {
					reached = append(reached, y)
				}
			}
		}
		if len(reached) != n {
			t.Errorf("ring of %d: n1 is connected to %v only", n, reached)
		}
	}
}

func TestChoose(t *testing.T) {
	v := view(5)
	v.Down = []string{"n4"}
	one := func(names ...string) [][]string {
		var sets [][]string
		for _, name := range names {
			sets = append(sets, []string{name})
		}
		return sets
	}
	for _, tc := range []struct {
		word string
		want [][]string // every set of nodes that may be drawn from a pool of nodes that are up; each must be
	}{
		{"any", one("n1", "n2", "n3", "n5")},
		{"leader", one("n2")},
		{"follower", one("n1", "n3", "n5")},
		{"followers", [][]string{{"n1", "n3", "n4", "n5"}}},
		{"minority", append(one("n1", "n2", "n3", "n5"), []string{"n1", "n2"}, []string{"n1", "n3"},
			[]string{"n1", "n5"}, []string{"n2", "n3"}, []string{"n2", "n5"}, []string{"n3", "n5"})},
		{"majority", subsets(v.Nodes, 3)},
		{"all", [][]string{v.Nodes}},
		{"n3", one("n3")},
	} {
		want, got := map[string]bool{}, map[string]bool{}
		for _, set := range tc.want {
			want[strings.Join(set, " ")] = true
		}
		for pick := range uint64(1000) {
			a := Resolve(&plan.Fault{Family: "crash", Shape: LoseUnsynced, Targets: tc.word, Pick: pick}, &v)
			got[strings.Join(a.Nodes, " ")] = true
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: drew %v, want %v", tc.word, got, want)
		}
	}
}

// subsets returns the subsets of size n of names.
func subsets(names []string, n int) [][]string {
	if n == 0 {
		return [][]string{nil}
	}
	var sets [][]string
	for i, first := range names {
		for _, rest := range subsets(names[i+1:], n-1) {
			sets = append(sets, append([]string{first}, rest...))
		}
	}
	return sets
}

func TestSkips(t *testing.T) {
	noLead, down, two := view(5), view(5), view(2)
	noLead.Leader, noLead.Best = "", ""
	down.Down = down.Nodes
	for _, tc := range []struct {
		fault plan.Fault
		view  View
		want  string
	}{
		{plan.Fault{Family: "partition", Shape: IsolateLeader}, noLead, "no leader is known"},
		{plan.Fault{Family: "crash", Targets: "leader"}, noLead, "no leader is known"},
		{plan.Fault{Family: "clock", Shape: ClockDrift, Targets: "opposed"}, noLead, "no leader is known"},
		{plan.Fault{Family: "operator"}, noLead, "no follower's log position is known"},
		{plan.Fault{Family: "crash", Targets: "any"}, down, "every node is down already"},
		{plan.Fault{Family: "pause", Targets: "n1"}, View{Nodes: down.Nodes, Down: []string{"n1"}},
			"n1 is down already"},
		{plan.Fault{Family: "crash", Targets: "minority"}, two, "a cluster of 2 nodes has no minority"},
		{plan.Fault{Family: "crash", Targets: "n9"}, two, "n9 is no node of the cluster"},
		{plan.Fault{Family: "partition", Shape: Ring}, view(3), "in a ring of 3 nodes all are neighbours"},
		{plan.Fault{Family: "partition", Shape: Bridge}, two, "bridge needs more than 2 nodes"},
		{plan.Fault{Family: "partition", Shape: IsolateOne}, view(1), "isolate-one needs more than 1 nodes"},
		{plan.Fault{Family: "flood"}, view(5), "there is no family of faults named flood"},
	} {
		if a := Resolve(&tc.fault, &tc.view); a.Skip != tc.want || len(a.Cut) > 0 {
			t.Errorf("%s %s %s: %q, want %q", tc.fault.Family, tc.fault.Shape, tc.fault.Targets, a.Skip,
				tc.want)
		}
	}
}

// Every shape with every word for targets that its family allows does something in a healthy cluster.
func TestEveryWordResolves(t *testing.T) {
	v := view(5)
	for _, fam := range families() {
		for _, s := range fam.shapes {
			for _, word := range append(slices.Clone(fam.targets), "", "n4") {
				f := plan.Fault{Family: fam.name, Shape: s.name, Targets: word, Amount: 1, Pick: 3}
				if a := Resolve(&f, &v); a.Skip != "" || len(a.Nodes)+len(a.Cut) == 0 {
					t.Errorf("%s %s %q: %+v", fam.name, s.name, word, a)
				}
			}
		}
	}
}

func TestOpposedClocks(t *testing.T) {
	v := view(3)
	for _, amount := range []int64{300, -300} {
		a := Resolve(&plan.Fault{Family: "clock", Shape: ClockDrift, Targets: opposedNodes, Amount: amount},
			&v)
		if a.Fault.Amount != -300 || !slices.Equal(a.Nodes, []string{"n2"}) ||
			!slices.Equal(a.Against, []string{"n1", "n3"}) {
			t.Errorf("%+v; want the leader slow by 300 ppm, the others against it", a)
		}
	}
}

func TestLinks(t *testing.T) {
	v := view(3)
	for _, tc := range []struct{ targets, clients, want string }{
		{"n1", "both", "[[n1 n2] [n1 n3] [n2 n1] [n3 n1] [n1 clients] [clients n1]]"},
		{"n1", "none", "[[n1 n2] [n1 n3] [n2 n1] [n3 n1]]"},
		{"all", "none", "[[n1 n2] [n1 n3] [n2 n1] [n2 n3] [n3 n1] [n3 n2]]"},
	} {
		f := plan.Fault{Family: "link", Shape: LinkSlow, Targets: tc.targets, Clients: tc.clients}
		if got := fmt.Sprint(Resolve(&f, &v).Cut); got != tc.want {
			t.Errorf("%s, clients %s: %s, want %s", tc.targets, tc.clients, got, tc.want)
		}
	}
}
