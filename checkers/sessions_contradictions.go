package checkers

import (
	"math/bits"
	"slices"
	"strings"
)

// step is an operation that goes back from value a to value b inside a component.
type step struct{ a, b int32 }

// mostExplained is how many contradictions of a key are looked at closely.
const mostExplained = 8

// report counts and explains the contradictions under a set of guarantees, for which components was
// called last. Counted are the operations that step back from the value that their session learned last
// to one whose write was called earlier, where the order cannot have both; at least one a component.
func (g *orderGraph) report(f *sessionFindings, set uint8) {
	steps := g.pairs()
	var initial, others []step // back to the initial value, and to others
	count := int64(0)
	add := func(s step) {
		count++
		if s.b == 0 {
			initial = append(initial, s)
		} else {
			others = append(others, s)
		}
	}
	for i := range g.edges {
		e := &g.edges[i]
		a, b := g.last[e.from], e.to
		c := g.graph.component[b]
		if e.label&set == 0 || a <= b || g.graph.component[a] != c || g.graph.component[e.from] != c {
			continue
		}
		steps[c] = step{}
		add(step{a, b})
	}
	for _, s := range steps {
		if s.a > 0 {
			add(s)
		}
	}
	worth := slices.Concat(initial, others)
	worth = worth[:min(len(worth), mostExplained)]
	f.tallies[guarantees].count(combination(set), count)
	g.explain(f, f.tallies[guarantees], set, worth)
	if bits.OnesCount8(set) == 1 {
		single := f.tallies[bits.TrailingZeros8(set)]
		single.count(combination(set), count)
		g.explain(f, single, set, worth)
	}
}

// pairs returns two values of each component that has two, the later one first; by component.
func (g *orderGraph) pairs() []step {
	first := make([]int32, g.graph.search.found) // its first value, plus one
	steps := make([]step, len(first))
	for v := range int32(len(g.write)) {
		c := g.graph.component[v]
		if first[c] == 0 {
			first[c] = v + 1
		} else if steps[c].a == 0 {
			steps[c] = step{v, first[c] - 1}
		}
	}
	return steps
}

// explain adds to t the shortest cycles found through the two values of each step.
func (g *orderGraph) explain(f *sessionFindings, t *tally, set uint8, steps []step) {
	for _, s := range steps {
		if f.effort <= 0 {
			return
		}
		if t.wants(2, int(g.write[s.a])) { // the write of a, what goes back to b
			g.explainStep(f, t, set, s)
		}
	}
}

func (g *orderGraph) explainStep(f *sessionFindings, t *tally, set uint8, s step) {
	cycle := append(g.path(f, set, s.b, s.a), g.path(f, set, s.a, s.b)...)
	ops := make([]int32, 0, len(cycle))
	for _, e := range cycle {
		if e.op != none {
			ops = append(ops, e.op)
		}
	}
	pairs := slices.Clone(ops)
	for _, e := range cycle {
		if int(e.from) < len(g.write) && g.write[e.from] != none && distinct(ops) < 6 {
			ops = append(ops, g.write[e.from])
		}
	}
	key := g.key
	say := func(w *witness) string { return sayCycle(w, key, pairs) }
	t.explainAt(f.h, combination(set), key, say, ops...)
}

// distinct returns how many different operations there are among places.
func distinct(places []int32) int {
	n := 0
	for i, p := range places {
		if !slices.Contains(places[:i], p) {
			n++
		}
	}
	return n
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
func sayCycle(w *witness, key string, pairs []int32) string {
	said := make([]string, 0, len(pairs)/2)
	for pair := range slices.Chunk(pairs, 2) {
		said = append(said, then(w, pair[0], pair[1]))
	}
	if len(said) == 1 {
		return said[0]
	}
	return "no order of the values of " + key + " allows all of: " + strings.Join(said, "; ")
}
