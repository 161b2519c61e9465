package checkers

import (
	"sort"
)

// causalChains takes the operations apart into chains, in each of which every operation is causally before
// the next. A session whose operations do not overlap is one chain; one with several devices is as many as
// it has operations under way at once. Ambiguous operations have chains of their own.
type causalChains struct {
	*causalDeeds
	chain   []int32   // by operation: its chain, nobody before it has one
	place   []int32   // by operation: its place on the chain, from 1
	ops     [][]int32 // by chain: its operations
	session [][]int32 // by session: its chains
	keep    []bool    // by session: the clocks of all its operations are needed
	loose   []int32   // the chains of ambiguous operations
	some    [16]int32 // room for before
}

// newCausalChains returns the chains of a history; those of ambiguous operations are found by settle.
func newCausalChains(d *causalDeeds) *causalChains {
	c := &causalChains{causalDeeds: d, chain: make([]int32, len(d.happened)),
		place:   make([]int32, len(d.happened)),
		session: make([][]int32, d.count), keep: make([]bool, d.count)}
	for i := range c.chain {
		c.chain[i] = nobody
		if d.h.Return(i) < d.h.Call(i) {
			d.findings.stop("operation %d returned before it was called", i)
		}
		s := d.accesses.session(i)
		if d.ambiguous[i] {
			c.keep[s] = true
		} else if d.happened[i] {
			c.put(int32(i), c.free(s, d.h.Call(i)))
		}
	}
	for s := range c.session {
		c.keep[s] = c.keep[s] || len(c.session[s]) > 1
	}
	return c
}

// free returns the first chain of a session whose last operation returned before the given time.
func (c *causalChains) free(session int32, call int64) int32 {
	for _, chain := range c.session[session] {
		ops := c.ops[chain]
		if c.h.Return(int(ops[len(ops)-1])) < call {
			return chain
		}
	}
	chain := int32(len(c.ops))
	c.ops = append(c.ops, nil)
	c.session[session] = append(c.session[session], chain)
	return chain
}

// put puts an operation at the end of a chain.
func (c *causalChains) put(op, chain int32) {
	c.ops[chain] = append(c.ops[chain], op)
	c.chain[op], c.place[op] = chain, int32(len(c.ops[chain]))
}

// settle puts an ambiguous operation at the end of a chain all of which is before it, by its clock.
func (c *causalChains) settle(op int32, clock []int32) {
	for _, chain := range c.loose {
		if int(clock[chain]) == len(c.ops[chain]) {
			c.put(op, chain)
			return
		}
	}
	chain := int32(len(c.ops))
	c.ops, c.loose = append(c.ops, nil), append(c.loose, chain)
	c.put(op, chain)
}

// before returns the operations that are immediately before op in its session, on each chain the last one
// that had returned when op was called. It is good until the next call.
func (c *causalChains) before(op int32) []int32 {
	found := c.some[:0]
	chains := c.session[c.accesses.session(int(op))]
	if len(chains) == 1 && c.chain[op] == chains[0] {
		if at := c.place[op]; at > 1 {
			found = append(found, c.ops[chains[0]][at-2])
		}
		return found
	}
	call := c.h.Call(int(op))
	for _, chain := range chains {
		ops := c.ops[chain]
		if n := sort.Search(len(ops), func(i int) bool { return c.h.Return(int(ops[i])) >= call }); n > 0 {
			found = append(found, ops[n-1])
		}
	}
	return found
}

// readsOf returns whom op read from and, at the same places, by which key.
func (c *causalDeeds) readsOf(op int32) (from, key []int32) {
	a, b := c.readHead[op], c.readHead[op+1]
	return c.readFrom[a:b], c.readKey[a:b]
}

// writesOf returns the keys that op wrote.
func (c *causalDeeds) writesOf(op int32) []int32 {
	return c.writeKey[c.writeHead[op]:c.writeHead[op+1]]
}

// causalSlot has the writes of one key by one chain.
type causalSlot struct {
	chain  int32
	places []int32 // on the chain
	ops    []int32
}

// enter enters a write of the key by an operation at the end of its chain.
func (k *causalKey) enter(op, chain, place int32) {
	at := 0
	for at < len(k.chains) && k.chains[at] != chain {
		at++
	}
	if at == len(k.chains) {
		k.chains = append(k.chains, chain)
		k.slots = append(k.slots, causalSlot{chain: chain})
	}
	s := &k.slots[at]
	s.places, s.ops = append(s.places, place), append(s.ops, op)
}

// last returns the last of the writes that are among the first n operations of the chain, nobody if there
// is none. It looks from the end, in steps that grow, for most writes are known to most soon.
func (s *causalSlot) last(n int32) int32 {
	at, step := len(s.places), 1
	for step < at && s.places[at-step] > n {
		at, step = at-step, 2*step
	}
	from := max(0, at-step)
	at = from + sort.Search(at-from, func(i int) bool { return s.places[from+i] > n })
	if at == 0 {
		return nobody
	}
	return s.ops[at-1]
}

// knows reports whether a clock has any write of the key.
func (k *causalKey) knows(clock []int32) bool {
	for i := range k.slots {
		if s := &k.slots[i]; s.places[0] <= clock[s.chain] {
			return true
		}
	}
	return false
}

// inOrder calls visit with each of the operations given, in their order as far as possible, but after
// those that blocker names: the first operation that it still has to wait for, nobody for no other. It
// returns how many were visited: visit stopped it, or the others are on circles, or behind one.
func inOrder(n int, ops []int32, blocker func(op int32) int32, visit func(op int32) bool) (visited int) {
	waits := make([]int32, n) // by operation: the first that waits for it, plus one
	next := make([]int32, n)  // by operation: the next that waits for the same, plus one
	var ready []int32
	for _, op := range ops {
		ready = append(ready, op)
		for len(ready) > 0 {
			op := ready[len(ready)-1]
			ready = ready[:len(ready)-1]
			if by := blocker(op); by != nobody {
				next[op], waits[by] = waits[by], op+1
				continue
			}
			if !visit(op) {
				return visited
			}
			visited++
			for w := waits[op]; w != 0; w = next[w-1] {
				ready = append(ready, w-1)
			}
		}
	}
	return visited
}

// live returns the operations that happened, by call.
func (d *causalDeeds) live() []int32 {
	ops := make([]int32, 0, len(d.happened))
	for i, happened := range d.happened {
		if happened {
			ops = append(ops, int32(i))
		}
	}
	return ops
}
