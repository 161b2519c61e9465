package checkers

import "slices"

// judgeCycles finds the operations that are causally before themselves: they are among those that could
// not be taken.
func (c *causality) judgeCycles() {
	if c.findings.stopped != "" {
		return
	}
	var rest []int32
	for _, op := range c.live() {
		if c.rank[op] == 0 {
			rest = append(rest, op)
		}
	}
	for _, circle := range c.circles(rest, c.eachBefore) {
		c.findings.count(KindCyclicCO)
		c.note(coCircles, causalCase{circle: circle, weight: len(circle.members)})
	}
}

// eachBefore calls yield with each operation that is immediately and causally before op.
func (c *causality) eachBefore(op int32, yield func(before int32)) {
	for _, before := range c.before(op) {
		yield(before)
	}
	from, _ := c.readsOf(op)
	for _, write := range from {
		if write != initially {
			yield(write)
		}
	}
}

// eachEarlier is eachBefore with what must come before op in any one order of the writes.
func (c *causality) eachEarlier(op int32, yield func(before int32)) {
	c.eachBefore(op, yield)
	c.conflictsOf(op, func(at int32) { yield(c.cf[at].write) })
}

// judgeConflicts judges causal convergence: whether some order of all operations agrees with the causal
// order and the conflicts. One does if no conflict contradicts the order in which they were taken.
func (c *causality) judgeConflicts() {
	if c.findings.stopped != "" || !c.backward {
		return
	}
	done := make([]bool, len(c.rank))
	n := inOrder(len(c.rank), c.order, func(op int32) int32 {
		blocker := nobody
		c.eachEarlier(op, func(before int32) {
			if !done[before] {
				blocker = before
			}
		})
		return blocker
	}, func(op int32) bool {
		done[op] = true
		return true
	})
	if n == len(c.order) {
		return
	}
	rest := slices.DeleteFunc(slices.Clone(c.order), func(op int32) bool { return done[op] })
	for _, circle := range c.circles(rest, c.eachEarlier) {
		c.findings.ccv.count(KindCyclicCF, 1)
		c.note(cfCircles, causalCase{circle: circle, weight: len(circle.members)})
	}
}

// causalCircle is a group of operations each of which is before each.
type causalCircle struct {
	members []int32
	in      []int32 // by operation: the number of its group among all groups
}

// has reports whether op is in the group.
func (g *causalCircle) has(op int32) bool { return g.in[op] == g.in[g.members[0]] }

// circles returns the groups of the given operations each of which is before each, where before yields
// what is immediately before an operation.
func (c *causality) circles(ops []int32, before func(op int32, yield func(before int32))) []*causalCircle {
	if len(ops) == 0 {
		return nil
	}
	in := make([]int32, len(c.rank))
	for i := range in {
		in[i] = nobody
	}
	for i, op := range ops {
		in[op] = int32(i)
	}
	edges := make([]orderEdge, 0, 3*len(ops))
	toItself := make([]bool, len(ops))
	for i, op := range ops {
		before(op, func(b int32) {
			if in[b] != nobody {
				edges = append(edges, orderEdge{from: in[b], to: int32(i), label: 1})
				toItself[i] = toItself[i] || b == op
			}
		})
	}
	var d digraph
	d.build(len(ops), edges)
	d.components(1)
	members := make([][]int32, len(ops))
	for i, op := range ops {
		in[op] = d.component[i]
		members[in[op]] = append(members[in[op]], op)
	}
	var found []*causalCircle
	for i, op := range ops {
		group := members[d.component[i]]
		if group[0] == op && (len(group) > 1 || toItself[i]) {
			found = append(found, &causalCircle{members: group, in: in})
		}
	}
	return found
}

// judgeTogether judges whether one sequence of what op knew explains all that it read at once: the write of
// each value must come after all other writes of its key.
func (c *causality) judgeTogether(op int32, clock []int32) {
	from, keys := c.readsOf(op)
	n := len(from)
	if c.effort -= n * n * (n + len(c.ops)); c.effort < 0 {
		c.findings.skipped = "there are too many reads of many keys to judge each as one"
		return
	}
	via := make([][]int32, n) // by place i and place j: a write after from[i] that must come before from[j]
	for i := range via {
		via[i] = slices.Repeat([]int32{nobody}, n)
	}
	for j, key := range keys {
		k := &c.keys[key]
		for s := range k.slots {
			write := k.slots[s].last(clock[k.slots[s].chain])
			for i := range from {
				if write != nobody && write != from[j] && from[i] != initially && c.knew(write, from[i]) {
					via[i][j] = write
				}
			}
		}
	}
	if round := shortestRound(via); round != nil {
		c.findings.cc.count(KindCyclicCF, 1)
		x := causalCase{read: op, key: keys[round[0]], weight: len(round)}
		for at, i := range round {
			j := round[(at+1)%len(round)]
			x.legs = append(x.legs, causalLeg{from[i], via[i][j], from[j]})
		}
		c.note(together, x)
	}
}

// shortestRound returns a shortest circle in the graph with an edge from i to j where edge[i][j] is not
// nobody; nil for no circle.
func shortestRound(edge [][]int32) []int {
	var best []int
	for start := range edge {
		by := slices.Repeat([]int{-1}, len(edge))
		queue := []int{start}
		for len(queue) > 0 {
			i := queue[0]
			queue = queue[1:]
			for j, write := range edge[i] {
				if write != nobody && by[j] < 0 {
					by[j] = i
					queue = append(queue, j)
				}
			}
		}
		if by[start] < 0 {
			continue
		}
		round := []int{start}
		for i := by[start]; i != start; i = by[i] {
			round = append(round, i)
		}
		if slices.Reverse(round); best == nil || len(round) < len(best) {
			best = round
		}
	}
	return best
}
