package checkers

import "slices"

// orderEdge says that what stands at from is not after what stands at to.
type orderEdge struct {
	from, to int32
	op       int32 // the operation that the edge enters a session's past by or judges; none for none
	label    uint8 // who says so: the guarantee as a bit, or always
}

// digraph is a directed graph with labelled edges, laid out so that the edges of a node lie together. Its
// memory is used again for the next graph.
type digraph struct {
	edges     []orderEdge
	head      []int32 // edges of node n: out[head[n]:head[n+1]]
	out       []int32 // indices into edges
	component []int32 // by node, after components
	search    tarjan
}

// sized returns s with n elements, all 0.
func sized(s []int32, n int) []int32 {
	s = slices.Grow(s[:0], n)[:n]
	clear(s)
	return s
}

// build lays out the edges of a graph with n nodes.
func (d *digraph) build(n int, edges []orderEdge) {
	d.edges, d.head, d.out = edges, sized(d.head, n+2), sized(d.out, len(edges))
	for i := range edges {
		d.head[edges[i].from+2]++
	}
	for i := 2; i < len(d.head); i++ {
		d.head[i] += d.head[i-1]
	}
	for i := range edges {
		at := &d.head[edges[i].from+1]
		d.out[*at] = int32(i)
		*at++
	}
	d.head = d.head[:n+1]
}

// tarjan is the state of the search for components.
type tarjan struct {
	number []int32 // by node: when it was first visited, from 1; 0 for not yet
	low    []int32 // by node: the earliest node known to be reachable
	stack  []int32 // nodes without a component yet
	calls  []int32 // the path that is being walked
	next   []int32 // by node: the next of its edges to look at
	visits int32
	found  int32
}

// components finds the strongly connected components over the edges whose label is among labels (Tarjan
// 1972, with an explicit stack), and numbers them in component. It returns how many there are.
func (d *digraph) components(labels uint8) int32 {
	n := len(d.head) - 1
	t := &d.search
	d.component = sized(d.component, n)
	t.number, t.low, t.visits, t.found = sized(t.number, n), sized(t.low, n), 0, 0
	t.next = append(t.next[:0], d.head...)
	for v := range int32(n) {
		if t.number[v] == 0 {
			d.walk(v, labels)
		}
	}
	return t.found
}

// walk visits everything that can be reached from root.
func (d *digraph) walk(root int32, labels uint8) {
	t := &d.search
	d.visit(root)
	for len(t.calls) > 0 {
		v := t.calls[len(t.calls)-1]
		if t.next[v] < d.head[v+1] {
			e := &d.edges[d.out[t.next[v]]]
			t.next[v]++
			switch {
			case e.label&labels == 0:
			case t.number[e.to] == 0:
				d.visit(e.to)
			case d.component[e.to] < 0:
				t.low[v] = min(t.low[v], t.number[e.to])
			}
			continue
		}
		t.calls = t.calls[:len(t.calls)-1]
		if len(t.calls) > 0 {
			u := t.calls[len(t.calls)-1]
			t.low[u] = min(t.low[u], t.low[v])
		}
		if t.low[v] == t.number[v] {
			d.close(v)
		}
	}
}

// visit enters a node for the first time. While it has no component, component has -1.
func (d *digraph) visit(v int32) {
	t := &d.search
	t.visits++
	t.number[v], t.low[v], d.component[v] = t.visits, t.visits, -1
	t.stack, t.calls = append(t.stack, v), append(t.calls, v)
}

// close gives all nodes on the stack down to v their component.
func (d *digraph) close(v int32) {
	t := &d.search
	for {
		u := t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
		d.component[u] = t.found
		if u == v {
			break
		}
	}
	t.found++
}

// path returns the edges (their indices) of a path from one node to another of its component, over edges
// whose label is among labels, with the fewest operations on it; and how many nodes were visited. An edge
// without an operation costs nothing, so nodes at the same distance are taken before the next.
func (d *digraph) path(labels uint8, from, to int32) (edges []int32, visited int) {
	by := map[int32]int32{from: -1} // by node: the edge it was reached by
	near, far := []int32{from}, []int32(nil)
	done := map[int32]bool{}
	for !done[to] {
		v := near[len(near)-1]
		near = near[:len(near)-1]
		if !done[v] {
			done[v] = true
			visited++
			for _, at := range d.out[d.head[v]:d.head[v+1]] {
				e := &d.edges[at]
				if e.label&labels == 0 || d.component[e.to] != d.component[from] || done[e.to] {
					continue
				}
				if e.op == none {
					by[e.to] = at
					near = append(near, e.to)
				} else if _, known := by[e.to]; !known {
					by[e.to] = at
					far = append(far, e.to)
				}
			}
		}
		if len(near) == 0 {
			near, far = far, nil
		}
	}
	for v := to; v != from; v = d.edges[by[v]].from {
		edges = append(edges, by[v])
	}
	slices.Reverse(edges)
	return edges, visited
}
