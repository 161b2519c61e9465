package checkers

import (
	"cmp"
	"math"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// refusals are the cas that were refused without telling what they found, in a history that is linearizable
// without them: each says that at some moment of its time the value was another than the one expected.
//
// One is wrong when it lies strictly inside the time in which that value was certainly there: after one
// operation of the value had returned and before another was called, nothing else can have been written.
//
// Otherwise all of them together are tried to be placed in an order of the chains that explains the rest.
// Let the values be u(1), u(2), .. in that order, and b(i) the moment at which u(i) was set. The other
// operations allow exactly the moments b(1) <= b(2) <= .. with E(i) <= b(i) <= L(i), where E(i) is the
// largest call up to the producer of u(i) and L(i) the smallest return from there on. A refusal of u(i) in
// [c, r] has a moment at which the value was another iff b(i) >= c or b(i+1) <= r. The b(i) that can be
// reached are an interval [E(i), H(i)]: a moment y of b(i+1) up to H(i) is reached from b(i) = y, where u(i)
// is there for no time; one beyond it best from b(i) = H(i), if y <= r for every refusal of u(i) with
// c > H(i). So H(i+1) is the least of L(i+1) and those r, and there is a placement in this order iff no H(i)
// is below its E(i).
//
// Ambiguous writes that nobody observed can be put between two chains, or behind the last, where that helps:
// behind all that was called of what comes before.
// What finds no place is searched.
type refusals struct {
	*chains
	list  []int32 // their deeds, by value
	spare []int32 // deeds of the writes that can be put anywhere, by call
}

// segment is a value in the order.
type segment struct {
	value       int32
	early, late int64 // E and L
	used        int64 // the largest call up to the last of its reads: it is there until then
	root        bool  // it is the first of its chain
}

// decideBlind decides about the refusals.
func (c *chains) decideBlind(t *tally) decision {
	r := &refusals{chains: c}
	found := t.total
	for i := range c.deeds {
		switch d := &c.deeds[i]; {
		case d.kind == writeDeed && !d.sure:
			r.spare = append(r.spare, int32(i))
		case d.kind == notDeed:
			r.list = append(r.list, int32(i))
			if from, to := c.forced(d.old); from < d.call && d.ret < to {
				c.reportBlind(t, d)
			}
		}
	}
	slices.SortStableFunc(r.list, func(a, b int32) int { return cmp.Compare(c.deeds[a].old, c.deeds[b].old) })
	if t.total > found || r.placed(r.segments()) {
		return decision{engine: engineChains}
	}
	return decision{engine: engineChains + "+" + enginePorcupine, job: c.job()}
}

// forced returns the times between which a value was certainly there: the smallest return and the largest
// call of its operations.
func (c *chains) forced(v int32) (from, to int64) {
	if c.of[v] < 0 {
		return history.Never, math.MinInt64
	}
	return c.blocks[v].first, c.blocks[v].last
}

// segments returns the values in an order of the chains that explains the rest.
func (r *refusals) segments() []segment {
	values := r.valueOrder()
	list := make([]segment, len(values))
	call, ret := int64(math.MinInt64), history.Never
	for i, v := range values {
		slot := r.slotsOf(int(r.of[v]))[2*r.at[v]:]
		call = max(call, slot[0].call)
		list[i] = segment{value: v, early: call, root: r.at[v] == 0}
		call = max(call, slot[1].call)
		list[i].used = call
	}
	for i := range slices.Backward(list) {
		slot := r.slotsOf(int(r.of[values[i]]))[2*r.at[values[i]]:]
		ret = min(ret, slot[0].ret, slot[1].ret)
		list[i].late = ret
	}
	return list
}

// valueOrder returns the values of all chains in an order that explains the history. Chain i must come
// before chain j when i.first < j.last; with no two that must each come before the other, chains by the
// smaller of first and last are in such an order, of equal ones those first whose last is not behind their
// first.
func (c *chains) valueOrder() []int32 {
	order := make([]int, len(c.list))
	for i := range order {
		order[i] = i
	}
	forward := func(ch *chain) int {
		if ch.first < ch.last {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &c.list[a], &c.list[b]
		return cmp.Or(cmp.Compare(min(x.first, x.last), min(y.first, y.last)),
			cmp.Compare(forward(x), forward(y)))
	})
	// The initial value comes before all others, also when nobody read it.
	at := slices.Index(order, int(c.of[0]))
	order = slices.Insert(slices.Delete(order, at, at+1), 0, int(c.of[0]))
	var values []int32
	for _, id := range order {
		values = append(values, c.list[id].values...)
	}
	return values
}

// placed reports whether all refusals find their places in the order.
func (r *refusals) placed(list []segment) bool {
	high := int64(math.MinInt64) // H; of the initial value, which was there from the beginning
	for i := range list {
		gone := r.goneBy(list[i].value, high)
		next := segment{early: history.Never, late: history.Never, root: true} // the end of time
		if i+1 < len(list) {
			next = list[i+1]
		}
		if gone < next.early && next.root && gone >= list[i].used {
			gone = r.bridge(gone)
		}
		if high = min(gone, next.late); high < next.early {
			return false
		}
	}
	return true
}

// goneBy returns when a value that was set at high must be gone, for its refusals.
func (r *refusals) goneBy(v int32, high int64) int64 {
	at, _ := slices.BinarySearchFunc(r.list, v, func(i, v int32) int {
		return cmp.Compare(r.deeds[i].old, v)
	})
	gone := history.Never
	for ; at < len(r.list) && r.deeds[r.list[at]].old == v; at++ {
		if d := &r.deeds[r.list[at]]; d.call > high {
			gone = min(gone, d.ret)
		}
	}
	return gone
}

// bridge puts a spare write behind a value that must be gone by a time, at that time: the value was set
// before, and what follows comes after. It returns when the spare write's value must be gone, or the given
// time when there is no such write.
func (r *refusals) bridge(gone int64) int64 {
	if len(r.spare) == 0 {
		return gone
	}
	d := &r.deeds[r.spare[0]]
	if d.call > gone {
		return gone
	}
	r.spare = r.spare[1:]
	return r.goneBy(d.value, gone)
}

// reportBlind reports the refusal d, of a value that was there all the time.
func (c *chains) reportBlind(t *tally, d *deedOf) {
	before, after := c.endsOf(d.old)
	places := append(c.grounds(c.blocks[d.old].producer, before, after), d.op)
	t.addAt(c.h, WrongRefusal, c.key, func(w *witness) string {
		text := w.did(w.at(d.op)) + " although " + c.name(d.old) + " was there all the time: "
		if before >= 0 {
			text += c.over(w, before) + " " + earlier(c.deeds[before].ret, d.call) + ", and "
		}
		last := &c.deeds[after]
		return text + w.did(w.at(last.op)) + " " + span(last.call-d.ret) + " later"
	}, places...)
}

// endsOf returns the deed of a value that returned first, -1 for none, and the one that was called last.
func (c *chains) endsOf(value int32) (before, after int32) {
	if ends, known := c.ends[value]; known {
		return ends[0], ends[1]
	}
	before, after = -1, -1
	for i := range c.deeds {
		switch o := &c.deeds[i]; {
		case !o.inBlock(value):
		case o.ret == c.blocks[value].first && before < 0:
			before = int32(i)
		case o.call == c.blocks[value].last:
			after = int32(i)
		}
	}
	if c.ends == nil {
		c.ends = map[int32][2]int32{}
	}
	c.ends[value] = [2]int32{before, after}
	return before, after
}
