package checkers

// stepKind says why an operation is after the one before it on a path.
type stepKind uint8

const (
	inSession  stepKind = iota // its session did it later
	readFrom                   // it read what that one wrote
	conflicted                 // some read knew that one and returned this one
)

// causalStep is an operation on a path.
type causalStep struct {
	op  int32
	how stepKind
	cf  int32 // conflicted: place in causality.cf
}

// pathFinder finds paths with few operations, backwards from their end. It goes from node to node at the
// cost of one for each operation that will be on the path. An operation is two nodes: 2·op for being on the
// path, 2·op+1 for being passed by on the way back through a session.
type pathFinder struct {
	c       *causality
	cost    []int32 // by node: the least cost known, plus one; 0 for not reached
	by      []int32 // by node: the node it was reached from
	how     []causalStep
	reached []int32
	queue   [][]int32 // by cost
	effort  int       // nodes that may still be visited
}

func newPathFinder(c *causality) *pathFinder {
	n := 2 * len(c.rank)
	return &pathFinder{c: c, cost: make([]int32, n), by: make([]int32, n), how: make([]causalStep, n),
		effort: 10_000_000}
}

// find returns a path over the operations that are allowed, with conflicts or without; from and to may be
// the same. It returns nil when there is none, or when it gave up.
func (p *pathFinder) find(from, to int32, conflicts bool, allowed func(op int32) bool) []causalStep {
	goal, start := 2*from, 2*to
	p.queue = append(p.queue[:0], nil)
	p.expand(start, 0, from, conflicts, allowed)
	var path []causalStep
	for d := 0; d < len(p.queue) && path == nil && p.effort > 0; d++ {
		for len(p.queue[d]) > 0 && path == nil {
			node := p.queue[d][len(p.queue[d])-1]
			p.queue[d] = p.queue[d][:len(p.queue[d])-1]
			switch {
			case p.cost[node] != int32(d)+1:
			case node == goal:
				path = p.walk(goal, start)
			default:
				p.expand(node, int32(d), from, conflicts, allowed)
			}
		}
	}
	for _, node := range p.reached {
		p.cost[node] = 0
	}
	p.reached = p.reached[:0]
	return path
}

// walk returns the path that was found.
func (p *pathFinder) walk(goal, start int32) []causalStep {
	path := []causalStep{{op: goal / 2}}
	for node := goal; ; {
		step := p.how[node]
		for node = p.by[node]; node&1 == 1; {
			node = p.by[node]
		}
		step.op = node / 2
		path = append(path, step)
		if node == start {
			return path
		}
	}
}

// expand reaches the nodes before a node.
func (p *pathFinder) expand(node, cost, goal int32, conflicts bool, allowed func(op int32) bool) {
	op := node / 2
	p.effort--
	reach := func(to, cost int32, how stepKind, cf int32) {
		if known := p.cost[to]; (known != 0 && known <= cost+1) || !allowed(to/2) {
			return
		} else if known == 0 {
			p.reached = append(p.reached, to)
		}
		p.cost[to], p.by[to], p.how[to] = cost+1, node, causalStep{how: how, cf: cf}
		for int(cost) >= len(p.queue) {
			p.queue = append(p.queue, nil)
		}
		p.queue[cost] = append(p.queue[cost], to)
	}
	for _, before := range p.c.before(op) {
		reach(2*before+1, cost, inSession, 0)
	}
	from, _ := p.c.readsOf(op)
	if node&1 == 1 {
		if op == goal || len(from) > 0 || conflicts && p.c.cfHead[op] != 0 {
			reach(2*op, cost+1, inSession, 0)
		}
		return
	}
	for _, write := range from {
		if write != initially {
			reach(2*write, cost+1, readFrom, 0)
		}
	}
	if conflicts {
		p.c.conflictsOf(op, func(at int32) { reach(2*p.c.cf[at].write, cost+2, conflicted, at) })
	}
}

// causes returns a path in the causal order from one operation to another that is after it.
func (p *pathFinder) causes(from, to int32) []causalStep {
	if from == to {
		return []causalStep{{op: from}}
	}
	first := p.c.rank[from]
	return p.find(from, to, false, func(op int32) bool { return p.c.rank[op] >= first })
}
