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

// always marks an edge that holds whatever guarantees are asked for.
const always uint8 = 1 << guarantees

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
// sets that are violated are named: those of which no part is violated.
//
// Where answers tell versions, what these show is reported, and the values are asked only if that is nothing.
func (f *sessionFindings) judgeOrders(k *keyAccesses) {
	g := &f.graph
	if why := g.reset(f, k); why != "" {
		f.leave(k.key, why)
		return
	}
	g.constrain(f, k)
	if g.evidenceFits(f, k) {
		f.evidence = true
		if f.judgeEvidence(g, k) {
			return
		}
	}
	if !g.components(allGuarantees) {
		return
	}
	var violated []uint8
	for _, set := range smallestFirst {
		part := func(smaller uint8) bool { return smaller&set == smaller }
		if set&readers == 0 && !g.foreseen || slices.ContainsFunc(violated, part) || !g.components(set) {
			continue
		}
		violated = append(violated, set)
		g.report(f, set)
	}
}

// readers are the guarantees that bind reads. The others alone cannot be violated unless a value was read
// before it was written: each of their constraints is about a later write than the one before it.
const readers uint8 = 1<<ryw | 1<<mr

// smallestFirst has the sets of guarantees, those with fewer members first.
var smallestFirst = func() (sets []uint8) {
	for size := 1; size <= int(guarantees); size++ {
		for set := uint8(1); set <= allGuarantees; set++ {
			if bits.OnesCount8(set) == size {
				sets = append(sets, set)
			}
		}
	}
	return sets
}()

// combination names the anomaly of a set of guarantees: that of its only member, or all their names.
func combination(set uint8) string {
	if bits.OnesCount8(set) == 1 {
		return guaranteeKinds[bits.TrailingZeros8(set)]
	}
	var names []string
	for g := range guarantees {
		if set&(1<<g) != 0 {
			names = append(names, guaranteeNames[g])
		}
	}
	return strings.Join(names, " + ")
}

// orderGraph has a node for each value and one for each thing that a session learned: the largest value,
// in whatever order there is, that it has written, or read, so far. Chaining those keeps the graph linear
// in the operations. Its memory is used again for the next key.
type orderGraph struct {
	key     string
	ids     valueIndex
	write   []int32 // by value node; none for the initial value, node 0, and where it is not recorded
	deleted bool    // the key may have been deleted, so that null need not be the initial value
	// foreseen is set when some value was read before it was written.
	foreseen bool
	last     []int32 // by node: of a value the node itself, of a session's past the value learned last
	edges    []orderEdge
	graph    digraph
	seen     []int32       // by component, see components
	told     []toldVersion // by value node: its version, the source plus one; see evidenceFits
	byTold   []toldVersion
}

// failedOnly is the number of a value that only failed writes wrote. It has no node: to read it is an
// anomaly of another kind.
const failedOnly int32 = -2

// reset makes g the graph of a key's values alone. why tells what does not fit.
func (g *orderGraph) reset(f *sessionFindings, k *keyAccesses) (why string) {
	g.key, g.deleted, g.foreseen = k.key, false, false
	g.write, g.last, g.edges = append(g.write[:0], none), append(g.last[:0], 0), g.edges[:0]
	least, most := valueSpan(k.list)
	g.ids.reset(least, most, len(k.list))
	for i := range k.list {
		a := &k.list[i]
		switch {
		case a.kind == reads:
		case a.kind == appends:
			return "is appended to as well as read and written"
		case a.kind == deletes:
			g.deleted = g.deleted || a.outcome != history.Fail
		default:
			if why := g.addWrite(f, a); why != "" {
				return why
			}
		}
	}
	for i := range k.list {
		if v, isInt := k.list[i].integer(); k.list[i].kind == reads && isInt && g.ids.find(v) == -1 {
			g.addValue(v, none)
		}
	}
	return ""
}

// addWrite enters a written value, or tells why it does not fit.
func (g *orderGraph) addWrite(f *sessionFindings, a *access) (why string) {
	v, isInt := a.integer()
	known := g.ids.find(v)
	switch {
	case a.outcome == history.Fail:
		if known == -1 && isInt {
			g.ids.set(v, failedOnly)
		}
	case !isInt:
		value := f.value(a)
		return "has a written value that is no integer: " + value.String()
	case known >= 0:
		return fmt.Sprintf("was written the value %d twice", v)
	default:
		g.addValue(v, a.op)
	}
	return ""
}

// addValue gives a value its node, behind the initial value.
func (g *orderGraph) addValue(v int64, write int32) {
	id := int32(len(g.write))
	g.ids.set(v, id)
	g.write, g.last = append(g.write, write), append(g.last, id)
	g.edges = append(g.edges, orderEdge{0, id, none, always})
}

// node returns the node of a value, -1 for one that has no place in the order: only failed writes wrote
// it, or it is null where that may be the trace of a delete.
func (g *orderGraph) node(a *access) int32 {
	switch {
	case a.kind == deletes:
	case a.form == formInt:
		return max(-1, g.ids.find(a.value))
	case a.form == formNull && !g.deleted:
		return 0
	}
	return -1
}

// past is what a session has written, or read, so far: the newest node of its chain, 0 while there is
// nothing but, perhaps, the initial value, before which nothing can be anyway.
type past struct{ node int32 }

// learn puts a value into the past. One that was learned just before is there already.
func (p *past) learn(g *orderGraph, value, op int32) {
	if p.node != 0 && g.last[p.node] == value {
		return
	}
	node := int32(len(g.last))
	g.last = append(g.last, value)
	if p.node != 0 {
		g.edges = append(g.edges, orderEdge{p.node, node, none, always})
	}
	g.edges = append(g.edges, orderEdge{value, node, op, always})
	p.node = node
}

// constrain enters what the sessions did, and counts the opportunities: what came after something written
// or read that is not the initial value.
func (g *orderGraph) constrain(f *sessionFindings, k *keyAccesses) {
	for _, run := range f.split.split(k.list) {
		var wrote, read past
		f.split.inSessionOrder(f.h, run, func(a *access) {
			switch v := g.node(a); {
			case v <= 0:
			case a.kind == reads:
				read.learn(g, v, a.op)
				g.foreseen = g.foreseen || g.write[v] != none && precedes(f.h, a.op, g.write[v])
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
	g.edges = append(g.edges, orderEdge{p.node, value, a.op, 1 << by})
}

// components finds the strongly connected components under a set of guarantees, and reports whether one
// of them holds two values.
func (g *orderGraph) components(set uint8) bool {
	g.seen = sized(g.seen, int(g.graph.components(set|always)))
	for v := range g.write {
		c := g.graph.component[v]
		if g.seen[c] != 0 {
			return true
		}
		g.seen[c] = 1
	}
	return false
}
