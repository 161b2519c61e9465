package checkers

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/rashomon-harness/rashomon/history"
)

// allGuarantees is the set of the four guarantees, by bit.
const allGuarantees = 1<<guarantees - 1

// judgeOrders judges a key whose values are unique and whose version order is not known. Each guarantee
// says of pairs of values that the first is not after the second in the order:
//
//	read your writes     s wrote a .. s read b    ⇒  a ≤ b
//	monotonic reads      s read a  .. s read b    ⇒  a ≤ b
//	monotonic writes     s wrote a .. s wrote b   ⇒  a ≤ b
//	writes follow reads  s read a  .. s wrote b   ⇒  a ≤ b
//
// and the initial value is before all others. An order exists iff no cycle goes through two values. The
// guarantees of one set are violated together iff their constraints alone have such a cycle; the smallest
// sets that are violated are named.
func (f *sessionFindings) judgeOrders(k *keyAccesses) {
	g, why := newOrderGraph(k)
	if why != "" {
		f.leave(k.key, why)
		return
	}
	g.constrain(f, k)
	if !g.components(allGuarantees) {
		return
	}
	broken := false
	for single := ryw; single < guarantees; single++ {
		if g.components(1 << single) {
			broken = true
			g.report(f, f.tallies[single], 1<<single)
			g.report(f, f.tallies[guarantees], 1<<single)
		}
	}
	for size := 2; size <= int(guarantees) && !broken; size++ {
		for set := uint8(0); set <= allGuarantees && !broken; set++ {
			if bits.OnesCount8(set) == size && g.components(set) {
				broken = true
				g.report(f, f.tallies[guarantees], set)
			}
		}
	}
}

// combination names the anomaly of a set of guarantees by those of its members.
func combination(set uint8) string {
	var kinds []string
	for g := ryw; g < guarantees; g++ {
		if set&(1<<g) != 0 {
			kinds = append(kinds, guaranteeKinds[g])
		}
	}
	return strings.Join(kinds, "+")
}

// always marks an edge that holds whatever guarantees are asked for.
const always uint8 = 1 << guarantees

// orderEdge says that what stands at from is not after what stands at to.
type orderEdge struct {
	from, to int32
	label    uint8       // the guarantee that says so, as a bit, or always
	op       *history.Op // the operation that the edge enters a session's past by or judges; nil for none
}

// orderGraph has a node for each value and one for each thing that a session learned: the largest value,
// in whatever order there is, that it has written, or read, so far. Chaining those keeps the graph linear
// in the operations.
type orderGraph struct {
	key     string
	ids     map[int64]int32
	write   []*history.Op // by value node; nil for the initial value, node 0, and where it is not recorded
	deleted bool          // the key may have been deleted, so that null need not be the initial value
	last    []int32       // by node: of a value the node itself, of a session's past the value learned last
	edges   []orderEdge
	graph   digraph
}

// newOrderGraph returns the graph of the values alone. why tells what does not fit.
func newOrderGraph(k *keyAccesses) (g *orderGraph, why string) {
	g = &orderGraph{key: k.key, ids: map[int64]int32{}, write: []*history.Op{nil}, last: []int32{0}}
	for i := range k.list {
		a := &k.list[i]
		switch {
		case a.kind == reads:
		case a.kind == appends:
			return nil, "is appended to as well as read and written"
		case a.kind == deletes:
			g.deleted = g.deleted || a.op.Type != history.Fail
		default:
			if why := g.addWrite(a); why != "" {
				return nil, why
			}
		}
	}
	for i := range k.list {
		a := &k.list[i]
		v, isInt := a.value.AsInt()
		if _, known := g.ids[v]; a.kind == reads && isInt && !known {
			g.addValue(v, nil)
		}
	}
	return g, ""
}

// addWrite enters a written value, or tells why it does not fit. One that only failed writes wrote has no
// node: to read it is an anomaly of another kind.
func (g *orderGraph) addWrite(a *access) (why string) {
	v, isInt := a.value.AsInt()
	id, known := g.ids[v]
	switch {
	case a.op.Type == history.Fail:
		if !known && isInt {
			g.ids[v] = -1
		}
	case !isInt:
		return "has a written value that is no integer: " + a.value.String()
	case known && id >= 0:
		return fmt.Sprintf("was written the value %d twice", v)
	default:
		g.addValue(v, a.op)
	}
	return ""
}

// addValue gives a value its node, behind the initial value.
func (g *orderGraph) addValue(v int64, write *history.Op) {
	id := int32(len(g.write))
	g.ids[v] = id
	g.write, g.last = append(g.write, write), append(g.last, id)
	g.edges = append(g.edges, orderEdge{0, id, always, nil})
}

// node returns the node of a value, -1 for one that has no place in the order: only failed writes wrote
// it, or it is null where that may be the trace of a delete.
func (g *orderGraph) node(a *access) int32 {
	if a.kind == deletes {
		return -1
	}
	if a.value.IsNull() {
		if g.deleted {
			return -1
		}
		return 0
	}
	if v, isInt := a.value.AsInt(); isInt {
		if id, known := g.ids[v]; known {
			return id
		}
	}
	return -1
}

// past is what a session has written, or read, so far: the newest node of its chain, 0 while there is
// nothing but, perhaps, the initial value, before which nothing can be anyway.
type past struct{ node int32 }

// learn puts a value into the past.
func (p *past) learn(g *orderGraph, value int32, op *history.Op) {
	node := int32(len(g.last))
	g.last = append(g.last, value)
	if p.node != 0 {
		g.edges = append(g.edges, orderEdge{p.node, node, always, nil})
	}
	g.edges = append(g.edges, orderEdge{value, node, always, op})
	p.node = node
}

// constrain enters what the sessions did, and counts the opportunities: what came after something written
// or read that is not the initial value.
func (g *orderGraph) constrain(f *sessionFindings, k *keyAccesses) {
	for _, s := range bySession(k.list) {
		var wrote, read past
		inSessionOrder(s.list, func(a *access) {
			v := g.node(a)
			switch {
			case v <= 0:
			case a.kind == reads:
				read.learn(g, v, a.op)
			default:
				wrote.learn(g, v, a.op)
			}
		}, func(a *access) {
			v := g.node(a)
			if v < 0 || wrote.node == 0 && read.node == 0 {
				return
			}
			f.tallies[guarantees].chances(1)
			byWrote, byRead := ryw, mr
			if a.kind != reads {
				byWrote, byRead = mw, wfr
			}
			g.judge(f, byWrote, wrote, v, a)
			g.judge(f, byRead, read, v, a)
		})
	}
	g.graph.build(len(g.last), g.edges)
}

// judge enters the constraint that the value of an access is not before a past. Opportunities are those
// of reads only: a write cannot contradict other writes of the same order by itself.
func (g *orderGraph) judge(f *sessionFindings, by guarantee, p past, value int32, a *access) {
	if p.node == 0 {
		return
	}
	if a.kind == reads {
		f.tallies[by].chances(1)
	}
	g.edges = append(g.edges, orderEdge{p.node, value, 1 << by, a.op})
}

// components finds the strongly connected components under a set of guarantees, and reports whether one
// of them holds two values.
func (g *orderGraph) components(set uint8) bool {
	g.graph.components(set | always)
	seen := make([]bool, len(g.last)+1)
	for v := range g.write {
		c := g.graph.component[v]
		if seen[c] {
			return true
		}
		seen[c] = true
	}
	return false
}

// step is an operation that goes back from value a to value b inside a component.
type step struct{ a, b int32 }

// report counts and explains the contradictions under a set of guarantees, for which components was
// called last. Counted are the operations that step back from the value that their session learned last
// to one whose write was called earlier, where the order cannot have both; at least one a component.
func (g *orderGraph) report(f *sessionFindings, t *tally, set uint8) {
	kind := combination(set)
	first := map[int32]int32{} // by component: its first value
	steps := map[int32]step{}  // by component: two of its values
	for v := range int32(len(g.write)) {
		c := g.graph.component[v]
		if u, ok := first[c]; !ok {
			first[c] = v
		} else if _, ok := steps[c]; !ok {
			steps[c] = step{v, u}
		}
	}
	var worth []step
	for i := range g.edges {
		e := &g.edges[i]
		a, b := g.last[e.from], e.to
		c := g.graph.component[b]
		if e.label&set == 0 || a <= b || g.graph.component[a] != c || g.graph.component[e.from] != c {
			continue
		}
		t.count(kind, 1)
		delete(steps, c)
		worth = append(worth, step{a, b})
	}
	for c := range int32(len(g.last)) {
		if s, ok := steps[c]; ok {
			t.count(kind, 1)
			worth = append(worth, s)
		}
	}
	slices.SortStableFunc(worth, func(x, y step) int { return int(min(x.b, 1) - min(y.b, 1)) })
	for _, s := range worth[:min(len(worth), 8)] {
		g.explain(f, t, kind, set, s)
	}
}

// explain adds the shortest cycle found through the two values of a step.
func (g *orderGraph) explain(f *sessionFindings, t *tally, kind string, set uint8, s step) {
	if f.effort <= 0 {
		return
	}
	cycle := append(g.path(f, set, s.b, s.a), g.path(f, set, s.a, s.b)...)
	ops := make([]*history.Op, 0, len(cycle))
	for _, e := range cycle {
		if e.op != nil {
			ops = append(ops, e.op)
		}
	}
	pairs := slices.Clone(ops)
	for _, e := range cycle {
		if len(newWitness(ops...).ops) < 6 && int(e.from) < len(g.write) {
			ops = append(ops, g.write[e.from])
		}
	}
	t.explain(kind, g.key, func(w *witness) string { return sayCycle(w, g.key, pairs) }, ops...)
}

// path returns the edges of a path between two values of a component with the fewest operations.
func (g *orderGraph) path(f *sessionFindings, set uint8, from, to int32) []orderEdge {
	indices, visited := g.graph.path(set|always, from, to)
	f.effort -= visited
	edges := make([]orderEdge, len(indices))
	for i, at := range indices {
		edges[i] = g.edges[at]
	}
	return edges
}

// sayCycle tells the constraints of a cycle: the operations come in pairs, one that a session knew of and
// the later one that is bound by it.
func sayCycle(w *witness, key string, pairs []*history.Op) string {
	said := make([]string, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		said = append(said, then(w, pairs[i], pairs[i+1]))
	}
	if len(said) == 1 {
		return said[0]
	}
	return "no order of the values of " + key + " allows all of: " + strings.Join(said, "; ")
}
