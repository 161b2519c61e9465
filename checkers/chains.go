package checkers

import (
	"math"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// chains is a register with compare-and-set whose new values are unique, all of whose producers are known
// to have happened (see pruning) or are left out.
//
// A chain is a value that was written, or the initial one, and the values that cas made of it, one of the
// other. In any order that explains the history a chain stands together: from the write of its first value
// on nothing else can have been written before the cas that replaces it, which finds it, and so on; and what
// is in it stands in order: the producer of a value, its reads in any order, the cas that replaces it. So
// the history is linearizable iff
//
//   - no value has two cas that replace it, and no values are made of each other in a circle;
//   - inside each chain nothing was called after something that stands behind it had returned: then each
//     operation can take effect at the latest call up to its place;
//   - no two chains must each come before the other, as it is for values in zones, and by the same proof.
//
// A cas that was refused and did not tell what it found has no place in this; see blindRefusals.
type chains struct {
	*register
	list   []chain
	of     []int32 // by value: its chain, -1 for none
	at     []int32 // by value: its place in the chain, from 0
	slots  []slotTimes
	begins []int32            // by chain: its first slot
	ends   map[int32][2]int32 // see endsOf
}

// chain is one chain. Times are of all that is in it.
type chain struct {
	root   int32   // value
	values []int32 // in their order, the root first
	first  int64   // smallest return; math.MinInt64 of the initial chain
	last   int64   // largest call
}

// slotTimes are the times of what stands at one place of a chain: a producer (even places), or the reads of
// a value (odd ones).
type slotTimes struct {
	ret, soonest  int64 // smallest return here; here or behind, in the chain
	call          int64 // largest call here
	returned, due int32 // the deeds whose ret and call these are, -1 for none
}

// decideChains is the engine of registers with compare-and-set and unique values. found is the number of
// anomalies before this key.
func (r *register) decideChains(t *tally, found int64) decision {
	blind := r.prune(t)
	done := decision{engine: engineChains}
	if t.total > found {
		return done
	}
	if r.checkDoubleCAS(t); t.total > found {
		return done
	}
	r.measure()
	if r.zones(t); t.total > found {
		return done // small witnesses, of single values
	}
	c := newChains(r)
	if c.checkRootless(t); t.total > found {
		return done
	}
	c.measureSlots()
	if c.checkInside(t); t.total > found {
		return done
	}
	if c.checkClashes(t); t.total > found || !blind {
		return done
	}
	return c.decideBlind(t)
}

// newChains finds the chains.
func newChains(r *register) *chains {
	n := len(r.blocks)
	c := &chains{register: r, of: make([]int32, n), at: make([]int32, n)}
	next := make([]int32, n) // by value: what a cas made of it, -1 for nothing
	for v := range next {
		next[v], c.of[v] = -1, -1
	}
	roots := []int32{0}
	for i := range r.deeds {
		switch d := &r.deeds[i]; {
		case !d.sure:
		case d.kind == casDeed:
			next[d.old] = d.value
		case d.kind == writeDeed:
			roots = append(roots, d.value)
		}
	}
	places := int32(0)
	all := make([]int32, 0, n) // the values of all chains
	for id, root := range roots {
		ch := chain{root: root, first: history.Never, last: math.MinInt64}
		from := len(all)
		for v := root; v >= 0; v = next[v] {
			c.of[v], c.at[v] = int32(id), int32(len(all)-from)
			all = append(all, v)
		}
		ch.values = all[from:]
		c.list, c.begins = append(c.list, ch), append(c.begins, places)
		places += 2 * int32(len(ch.values))
	}
	c.slots = make([]slotTimes, places)
	return c
}

// checkRootless reports the values that no chain leads to: that ambiguous cas, which must have happened, made
// of a value that nobody produced, or of each other in a circle.
func (c *chains) checkRootless(t *tally) {
	var failed map[int32]int32
	walks := make([]int32, len(c.blocks)) // by value: which walk met it, 0 for none
	for i := range c.deeds {
		d := &c.deeds[i]
		if d.kind != casDeed || !d.sure || c.of[d.value] >= 0 || walks[d.value] != 0 {
			continue
		}
		var path []int32 // deeds, backwards
		v := d.value
		for c.blocks[v].producer >= 0 && walks[v] == 0 {
			walks[v] = int32(i + 1)
			path = append(path, c.blocks[v].producer)
			v = c.deeds[c.blocks[v].producer].old
		}
		switch {
		case c.blocks[v].producer < 0:
			if failed == nil {
				failed = c.failedByValue()
			}
			c.reportUnfounded(t, path[len(path)-1], failed)
		case walks[v] == int32(i+1):
			from := slices.IndexFunc(path, func(p int32) bool { return c.deeds[p].value == v })
			c.reportCircle(t, path[from:])
		}
	}
}

// reportUnfounded reports that cas i, which must have happened, found a value that nobody produced.
func (c *chains) reportUnfounded(t *tally, i int32, failed map[int32]int32) {
	d := &c.deeds[i]
	places := c.grounds(i)
	f, hasFailed := failed[d.old]
	kind := PhantomRead
	if hasFailed {
		kind, places = FailedWriteRead, append(places, f)
	}
	t.addAt(c.h, kind, c.key, func(w *witness) string {
		text := w.did(w.at(d.op)) + ", as what it set was found, although "
		if hasFailed {
			return text + w.whose(w.at(f)) + " had failed" + because(w.at(f))
		}
		return text + "nobody ever wrote " + c.name(d.old)
	}, places...)
}

// reportCircle reports cas that each found what the next one set, and the last what the first set.
func (c *chains) reportCircle(t *tally, deeds []int32) {
	d := &c.deeds[deeds[0]]
	t.addAt(c.h, CircularCAS, c.key, func(w *witness) string {
		return w.did(w.at(d.op)) + ", and " + c.name(d.old) + " goes back to " + c.name(d.value) +
			": neither can have been there first"
	}, c.grounds(deeds...)...)
}

// slot returns where a deed stands, if it stands anywhere: refusals do not, nor what may not have happened,
// whose values are in no chain.
func (c *chains) slot(d *deedOf) (at int32, ok bool) {
	v := d.value
	if d.kind == notDeed || c.of[v] < 0 {
		return 0, false
	}
	at = c.begins[c.of[v]] + 2*c.at[v]
	if d.kind == readDeed {
		at++
	}
	return at, true
}

// measureSlots finds the times of all slots and chains.
func (c *chains) measureSlots() {
	for i := range c.slots {
		c.slots[i] = slotTimes{ret: history.Never, call: math.MinInt64, returned: -1, due: -1}
	}
	for i := range c.deeds {
		d := &c.deeds[i]
		at, ok := c.slot(d)
		if !ok {
			continue
		}
		s := &c.slots[at]
		if d.ret < s.ret {
			s.ret, s.returned = d.ret, int32(i)
		}
		if d.call > s.call {
			s.call, s.due = d.call, int32(i)
		}
	}
	for id := range c.list {
		c.measureChain(id)
	}
}

func (c *chains) measureChain(id int) {
	ch := &c.list[id]
	slots := c.slotsOf(id)
	for i := range slots {
		ch.last = max(ch.last, slots[i].call)
	}
	for i := range slices.Backward(slots) {
		s := &slots[i]
		ch.first = min(ch.first, s.ret)
		s.soonest = ch.first
	}
	if ch.root == 0 {
		ch.first = math.MinInt64
	}
}

func (c *chains) slotsOf(id int) []slotTimes {
	from := c.begins[id]
	return c.slots[from : from+2*int32(len(c.list[id].values))]
}

// checkInside reports what was called although something that stands behind it in its chain had returned.
func (c *chains) checkInside(t *tally) {
	for i := range c.deeds {
		d := &c.deeds[i]
		at, ok := c.slot(d)
		if !ok {
			continue
		}
		id := c.of[d.value]
		slots, place := c.slotsOf(int(id)), at-c.begins[id]
		if int(place)+1 < len(slots) && slots[place+1].soonest < d.call {
			c.reportInside(t, int32(i), slots[place+1:])
		}
	}
}

// zoneOrder returns the chains that had an operation return as zones, by first.
func (c *chains) zoneOrder() []zone {
	order := make([]zone, 0, len(c.list))
	for id := range c.list {
		if ch := &c.list[id]; ch.first < history.Never {
			order = append(order, zone{ch.first, ch.last, int32(id)})
		}
	}
	sortZones(order)
	return order
}

// checkClashes reports chains that must each come before another.
func (c *chains) checkClashes(t *tally) {
	if order := c.zoneOrder(); clashing(order) {
		eachClash(order, func(earlier, later int32) { c.reportClash(t, int(earlier), int(later)) })
	}
}
