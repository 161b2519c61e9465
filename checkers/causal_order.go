package checkers

import "context"

// mostClockBytes bounds the memory for clocks, about.
const mostClockBytes = 1 << 30

// causality is the causal order of a history: who was before whom in a session and who read from whom,
// closed under transitivity by clocks. Operations are taken in an order that agrees with it.
type causality struct {
	*causalChains
	ctx       context.Context
	clocks    *causalClocks
	now       [][]int32 // by chain of a session: the clock of its last operation so far; nil before and after
	scratch   []int32   // the clock of an ambiguous operation
	order     []int32   // the operations that were taken, in the order in which they were
	rank      []int32   // by operation: its place in order, from 1; 0 for not taken yet
	cf        []conflict
	pending   []conflict
	cfHead    []int32 // by operation: the first in cf of those that must come before it, plus one
	backward  bool    // one of cf contradicts order
	cases     [caseLists][]causalCase
	finder    *pathFinder
	effort    int      // steps left for reads of several keys
	mostBytes int64    // of clocks
	shown     []string // the witnesses of circles, see fresh
}

// conflict says that a write must come before another of its key in any one order of the writes, because a
// read returned the other although it knew the first.
type conflict struct {
	write int32 // the one before
	read  int32
	key   int32
	slot  int32 // of the write; conflicts of one write are sorted by key and slot
	next  int32 // the next in cf of the same write, plus one
}

// newCausality returns the causal order of what happened, before any operation was taken.
func newCausality(ctx context.Context, d *causalDeeds) *causality {
	n := len(d.happened)
	c := &causality{causalChains: newCausalChains(d), ctx: ctx, clocks: newCausalClocks(n),
		rank: make([]int32, n), cfHead: make([]int32, n), effort: 200_000_000,
		mostBytes: mostClockBytes}
	c.now = make([][]int32, len(c.ops))
	return c
}

// judge takes the operations in causal order and judges the reads of each.
func (c *causality) judge() {
	ops := c.live()
	c.order = make([]int32, 0, len(ops))
	inOrder(len(c.rank), ops, c.blocker, func(op int32) bool {
		going := len(c.order)&4095 != 0 || c.goesOn(len(ops))
		if going {
			c.take(op)
		}
		return going
	})
}

// goesOn reports whether there is time and memory to go on.
func (c *causality) goesOn(ops int) bool {
	if err := c.ctx.Err(); err != nil {
		c.findings.stop("stopped after %d of %d operations: %v", len(c.order), ops, err)
	} else if c.clocks.bytes > c.mostBytes {
		c.findings.stop("stopped after %d of %d operations: the clocks of %d chains need more than %d MiB",
			len(c.order), ops, len(c.ops), c.mostBytes>>20)
	}
	return c.findings.stopped == ""
}

// blocker returns an operation that is causally before op and was not taken yet, nobody for no such one.
func (c *causality) blocker(op int32) int32 {
	for _, before := range c.before(op) {
		if c.rank[before] == 0 {
			return before
		}
	}
	from, _ := c.readsOf(op)
	for _, write := range from {
		if write != initially && c.rank[write] == 0 {
			return write
		}
	}
	return nobody
}

// take takes an operation: all that is causally before it was taken already.
func (c *causality) take(op int32) {
	clock := c.begin(op)
	from, keys := c.readsOf(op)
	for _, key := range keys {
		if c.keys[key].knows(clock) {
			c.findings.chance()
		}
	}
	for _, write := range from {
		if write != initially && clock[c.chain[write]] < c.place[write] {
			c.clocks.join(clock, write)
		}
	}
	c.order = append(c.order, op)
	c.rank[op] = int32(len(c.order))
	c.judgeReads(op, clock)
	c.end(op, clock)
}

// begin returns the clock of what is before op in its session.
func (c *causality) begin(op int32) []int32 {
	chain := c.chain[op]
	at := &c.scratch
	if chain != nobody {
		at = &c.now[chain]
	} else {
		clear(c.scratch)
	}
	*at = c.grown(*at)
	clock := *at
	for _, b := range c.before(op) {
		if c.chain[b] != chain {
			c.clocks.join(clock, b)
		}
	}
	return clock
}

// end lets op be the last operation of its chain.
func (c *causality) end(op int32, clock []int32) {
	if c.chain[op] == nobody {
		c.settle(op, clock)
		clock = c.grown(clock)
		c.scratch = clock
	}
	chain := c.chain[op]
	clock[chain] = c.place[op]
	keys := c.writesOf(op)
	for _, key := range keys {
		if k := &c.causalDeeds.keys[key]; k.odd == "" {
			k.enter(op, chain, c.place[op])
		}
	}
	if len(keys) > 0 || c.keep[c.accesses.session(int(op))] {
		c.clocks.keep(op, chain, clock)
	}
	if int(chain) < len(c.now) && int(c.place[op]) == len(c.ops[chain]) {
		c.now[chain] = nil
	}
}

// grown returns a clock that has all chains there are.
func (c *causality) grown(clock []int32) []int32 {
	return append(clock, make([]int32, len(c.ops)-len(clock))...)
}

// knew reports whether write is causally before op, or is op. The clock of op was kept.
func (c *causality) knew(op, write int32) bool {
	return c.clocks.of(op, c.chain[write]) >= c.place[write]
}

// judgeReads judges what op read by its clock, before op itself counts.
func (c *causality) judgeReads(op int32, clock []int32) {
	from, keys := c.readsOf(op)
	sound, crossed := true, false
	for i, write := range from {
		var bad, across bool
		if write == initially {
			bad = c.judgeInitial(op, keys[i], clock)
		} else {
			bad, across = c.judgeRead(op, keys[i], write, clock)
		}
		sound, crossed = sound && !bad, crossed || across
	}
	if len(from) > 1 && sound && crossed {
		c.judgeTogether(op, clock)
	}
}

// judgeInitial judges a read of the initial value.
func (c *causality) judgeInitial(op, key int32, clock []int32) (bad bool) {
	k := &c.keys[key]
	for i := range k.slots {
		s := &k.slots[i]
		if s.places[0] <= clock[s.chain] {
			c.findings.count(KindWriteCOInitRead)
			c.note(initReads, causalCase{key: key, read: op, from: nobody, write: s.last(clock[s.chain])})
			return true
		}
	}
	return false
}

// judgeRead judges a read by the last write of each chain that was causally before it: earlier ones of the
// chain were before that one. Unless the read is bad by itself, it puts those before the write that it
// returned; across means that one of them was taken after that.
func (c *causality) judgeRead(op, key, from int32, clock []int32) (bad, across bool) {
	k := &c.keys[key]
	c.pending = c.pending[:0]
	for i := range k.slots {
		s := &k.slots[i]
		write := s.last(clock[s.chain])
		if write == nobody || write == from {
			continue
		}
		if c.rank[write] < c.rank[from] {
			if c.knew(from, write) {
				continue
			}
		} else if across = true; c.knew(write, from) {
			c.findings.count(KindWriteCORead)
			c.note(coReads, causalCase{key: key, read: op, from: from, write: write})
			return true, across
		}
		c.pending = append(c.pending, conflict{write: write, read: op, key: key, slot: int32(i)})
	}
	at := int32(0)
	for _, x := range c.pending {
		at = c.conflicts(from, at, x)
	}
	c.backward = c.backward || across
	return false, across
}

// conflicts enters a conflict of the write from, behind place prev of its list (0 for its beginning, else a
// place in cf plus one), and returns its own place. The list is sorted; a later write of the same slot takes
// the place of an earlier one.
func (c *causality) conflicts(from, prev int32, x conflict) int32 {
	at := &c.cfHead[from]
	if prev != 0 {
		at = &c.cf[prev-1].next
	}
	for *at != 0 {
		e := &c.cf[*at-1]
		if e.key == x.key && e.slot == x.slot {
			if c.place[e.write] < c.place[x.write] {
				e.write, e.read = x.write, x.read
			}
			return *at
		}
		if e.key > x.key || e.key == x.key && e.slot > x.slot {
			break
		}
		at = &e.next
	}
	x.next = *at
	*at = int32(len(c.cf)) + 1
	c.cf = append(c.cf, x)
	return int32(len(c.cf))
}

// conflictsOf calls yield with the place in cf of everything that must come before a write.
func (c *causality) conflictsOf(write int32, yield func(at int32)) {
	for at := c.cfHead[write]; at != 0; at = c.cf[at-1].next {
		yield(at - 1)
	}
}
