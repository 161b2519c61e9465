package checkers

import (
	"cmp"
	"slices"
	"strconv"
)

// reportInside reports that deed i was called although something at one of the slots behind it had
// returned. Of those the nearest is shown.
func (c *chains) reportInside(t *tally, i int32, behind []slotTimes) {
	d := &c.deeds[i]
	at := slices.IndexFunc(behind, func(s slotTimes) bool { return s.ret < d.call })
	proof := behind[at].returned
	kind := FutureRead
	if d.kind == readDeed {
		if kind = NewOldInversion; c.deeds[proof].kind == casDeed && c.acknowledged(proof) {
			kind = StaleRead
		}
	}
	say := func(w *witness) string {
		return w.did(w.at(d.op)) + " although " + c.over(w, proof) + " " +
			earlier(c.deeds[proof].ret, d.call) + "; " + c.path(d.value, c.deeds[proof].value)
	}
	t.addAt(c.h, kind, c.key, say, c.groundsOf(i, proof)...)
}

// path says how one value of a chain led to another.
func (c *chains) path(from, to int32) string {
	values := c.list[c.of[from]].values[c.at[from] : c.at[to]+1]
	text := c.key + " went from " + c.name(values[0])
	if len(values) == 1 {
		return c.key + " was " + c.name(from) + " only once"
	}
	if len(values) > pathMost {
		return text + " to " + c.name(to) + " by " + strconv.Itoa(len(values)-1) + " cas"
	}
	for _, v := range values[1:] {
		text += " to " + c.name(v)
	}
	return text
}

// pathMost is how many values of a chain a sentence lists.
const pathMost = 5

// longestShown is how many values a part of a chain may have whose producers are all shown. A longer one is
// shown by its ends alone, and so is no violation by itself any more.
const longestShown = 64

// groundsOf returns the operations of deeds of one chain, and those without which they would not be in one:
// the producers of all its values from the earliest of theirs to the latest.
func (c *chains) groundsOf(deeds ...int32) []int32 {
	values := make([]int32, len(deeds))
	for i, d := range deeds {
		values[i] = c.deeds[d].value
	}
	byPlace := func(v, w int32) int { return cmp.Compare(c.at[v], c.at[w]) }
	return c.groundsBetween(slices.MinFunc(values, byPlace), slices.MaxFunc(values, byPlace), deeds...)
}

// groundsBetween is groundsOf with the producers of all values of the chain from one to another.
func (c *chains) groundsBetween(from, to int32, deeds ...int32) []int32 {
	all := slices.Clone(deeds)
	if between := c.list[c.of[from]].values[c.at[from] : c.at[to]+1]; len(between) <= longestShown {
		for _, v := range between {
			all = append(all, c.blocks[v].producer)
		}
	}
	return c.grounds(all...)
}

// nearest returns two deeds of a chain that stand as near to each other as possible, in whichever order: one
// that returned before a time, and one that was called after another time.
func (c *chains) nearest(id int, before, after int64) (returned, due int32) {
	slots := c.slotsOf(id)
	one, other, gap := -1, -1, len(slots)
	for at, s := range slots {
		if s.ret < before {
			one = at
		}
		if s.call > after {
			other = at
		}
		if one >= 0 && other >= 0 && max(one-other, other-one) < gap {
			gap = max(one-other, other-one)
			returned, due = slots[one].returned, slots[other].due
		}
	}
	return returned, due
}

// reportClash reports two chains that must each come before the other: a, of chain i, had returned before
// b, of chain j, was called; and x, of j, before y, of i. Of the initial chain a is missing: it comes before
// all others anyway.
func (c *chains) reportClash(t *tally, i, j int) {
	if c.list[j].root == 0 {
		i, j = j, i
	}
	if t.count(ChainsDisagree, 1); !t.wants(3, 0) {
		return
	}
	if c.list[i].root == 0 {
		c.explainClashWithInitial(t, i, j)
		return
	}
	a, y := c.nearest(i, c.list[j].last, c.list[j].first)
	x, b := c.nearest(j, c.deeds[y].call, c.deeds[a].ret)
	t.explainAt(c.h, ChainsDisagree, c.key, func(w *witness) string {
		return c.after(w, b, a) + ", but " + c.after(w, y, x) + "; " + c.unbrokenBy(a, y) + ", and " +
			c.unbrokenBy(x, b)
	}, append(c.groundsOf(a, y), c.groundsOf(x, b)...)...)
}

// explainClashWithInitial is reportClash where i is the initial chain: y is the first of it that was called
// after x had returned.
func (c *chains) explainClashWithInitial(t *tally, i, j int) {
	slots := c.slotsOf(i)
	y := slots[slices.IndexFunc(slots, func(s slotTimes) bool { return s.call > c.list[j].first })].due
	own := c.slotsOf(j)
	x := own[slices.IndexFunc(own, func(s slotTimes) bool { return s.ret == c.list[j].first })].returned
	to := c.deeds[y].value
	t.explainAt(c.h, ChainsDisagree, c.key, func(w *witness) string {
		return c.after(w, y, x) + ", but " + c.unbroken(0, to)
	}, append(c.groundsBetween(0, to, y), c.groundsOf(x)...)...)
}

// after says how long a deed was called after another had returned.
func (c *chains) after(w *witness, late, soon int32) string {
	d := &c.deeds[late]
	return w.did(w.at(d.op)) + " " + span(d.call-c.deeds[soon].ret) + " after " + c.over(w, soon)
}

// unbroken is path, and says that no other value can have come between.
func (c *chains) unbroken(from, to int32) string {
	if from == to {
		return c.path(from, to)
	}
	return c.path(from, to) + " with nothing between"
}

// unbrokenBy is unbroken for the values of two deeds of one chain, in whichever order.
func (c *chains) unbrokenBy(a, b int32) string {
	from, to := c.deeds[a].value, c.deeds[b].value
	if c.at[from] > c.at[to] {
		from, to = to, from
	}
	return c.unbroken(from, to)
}
