package checkers

import (
	"cmp"
	"math"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// decideBlind decides about the cas that were refused without telling what they found, in a history that is
// linearizable without them. Such a refusal says only that the value was another than the one expected.
//
// It is wrong when it lies strictly inside the time in which that value was certainly there: after one
// operation of the value had returned and before another was called, nothing else can have been written.
// It is right when it finds its place in an order that explains the rest. What is neither is searched: there
// ambiguous operations that nobody observed may be what it found, so they are not left out.
func (c *chains) decideBlind(t *tally) decision {
	open := false
	found := t.total
	orders := [2][]standing{c.standings(false), c.standings(true)}
	for i := range c.deeds {
		d := &c.deeds[i]
		if d.kind != notDeed || c.fits(d, orders[0]) || c.fits(d, orders[1]) {
			continue
		}
		if from, to := c.forced(d.old); from < d.call && d.ret < to {
			c.reportBlind(t, d)
		} else {
			open = true
		}
	}
	if t.total > found || !open {
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

// standing is when a value is there in one order that explains the history.
type standing struct{ from, to int64 }

// fits reports whether the refusal d finds its place in an order: before its value was there, or after.
func (c *chains) fits(d *deedOf, order []standing) bool {
	s := order[d.old]
	return s.from >= d.call || s.to <= d.ret
}

// standings returns by value when it is there in an order of everything but the refusals, in which all
// takes effect as early as it can, or as late as it can. A value that is in no chain is never there.
func (c *chains) standings(late bool) []standing {
	out := make([]standing, len(c.blocks))
	for v := range out {
		out[v] = standing{history.Never, history.Never}
	}
	values := c.valueOrder()
	if late {
		c.placeLate(values, out)
	} else {
		c.placeEarly(values, out)
	}
	for i, v := range values[:max(len(values)-1, 0)] {
		out[v].to = out[values[i+1]].from
	}
	return out
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

// placeEarly lets every operation take effect as early as it can, and notes when producers do.
func (c *chains) placeEarly(values []int32, out []standing) {
	now := int64(math.MinInt64)
	for _, v := range values {
		slot := c.begins[c.of[v]] + 2*c.at[v]
		now = max(now, c.slots[slot].call)
		out[v].from = now
		now = max(now, c.slots[slot+1].call)
	}
}

// placeLate lets every operation take effect as late as it can, and notes when producers do.
func (c *chains) placeLate(values []int32, out []standing) {
	now := history.Never
	for i := range values {
		v := values[len(values)-1-i]
		slot := c.begins[c.of[v]] + 2*c.at[v]
		now = min(now, c.slots[slot+1].ret, c.slots[slot].ret)
		out[v].from = now
	}
	out[0].from = math.MinInt64
}

// reportBlind reports the refusal d, of a value that was there all the time.
func (c *chains) reportBlind(t *tally, d *deedOf) {
	before, after := int32(-1), int32(-1)
	for i := range c.deeds {
		switch o := &c.deeds[i]; {
		case !o.inBlock(d.old):
		case o.ret == c.blocks[d.old].first && before < 0:
			before = int32(i)
		case o.call == c.blocks[d.old].last:
			after = int32(i)
		}
	}
	if after < 0 {
		after = before
	}
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
