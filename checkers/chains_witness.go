package checkers

import (
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

// groundsOf returns the operations of deeds of one chain, and those without which they would not be in one:
// the producers of all its values from the earliest of theirs to the latest.
func (c *chains) groundsOf(deeds ...int32) []int32 {
	first, last := int32(-1), int32(-1)
	for _, i := range deeds {
		if v := c.deeds[i].value; first < 0 || c.at[v] < c.at[first] {
			first = v
		}
		if v := c.deeds[i].value; last < 0 || c.at[v] > c.at[last] {
			last = v
		}
	}
	all := slices.Clone(deeds)
	for _, v := range c.list[c.of[first]].values[c.at[first] : c.at[last]+1] {
		all = append(all, c.blocks[v].producer)
	}
	return c.grounds(all...)
}

// soonestOf returns the deed of a chain that returned first.
func (c *chains) soonestOf(id int) int32 {
	for _, s := range c.slotsOf(id) {
		if s.returned >= 0 && s.ret == c.list[id].first {
			return s.returned
		}
	}
	return -1
}

// latestOf returns the deed of a chain that was called last.
func (c *chains) latestOf(id int) int32 {
	for _, s := range c.slotsOf(id) {
		if s.due >= 0 && s.call == c.list[id].last {
			return s.due
		}
	}
	return -1
}

// reportClash reports two chains that must each come before the other: a, of chain i, had returned before
// b, of chain j, was called; and x, of j, before y, of i. Of the initial chain a is missing: it comes before
// all others anyway.
func (c *chains) reportClash(t *tally, i, j int) {
	if c.list[j].root == 0 {
		i, j = j, i
	}
	a, y := c.soonestOf(i), c.latestOf(i)
	x, b := c.soonestOf(j), c.latestOf(j)
	ofI, ofJ := []int32{y}, []int32{x}
	if c.list[i].root != 0 {
		ofI, ofJ = append(ofI, a), append(ofJ, b)
	}
	places := append(c.groundsOf(ofI...), c.groundsOf(ofJ...)...)
	if c.list[i].root == 0 {
		places = append(places, c.groundsOf(c.rootward(y)...)...)
	}
	after := func(w *witness, late, soon int32) string {
		d := &c.deeds[late]
		return w.did(w.at(d.op)) + " " + span(d.call-c.deeds[soon].ret) + " after " + c.over(w, soon)
	}
	t.addAt(c.h, ChainsDisagree, c.key, func(w *witness) string {
		if c.list[i].root == 0 {
			return after(w, y, x) + ", but " + c.unbroken(0, c.deeds[y].value)
		}
		return after(w, b, a) + ", but " + after(w, y, x) + "; " + c.unbrokenBy(a, y) + ", and " +
			c.unbrokenBy(x, b)
	}, places...)
}

// rootward returns a deed and the producers of its chain's values up to it.
func (c *chains) rootward(i int32) []int32 {
	deeds := []int32{i}
	v := c.deeds[i].value
	for _, before := range c.list[c.of[v]].values[:c.at[v]+1] {
		if p := c.blocks[before].producer; p >= 0 {
			deeds = append(deeds, p)
		}
	}
	return deeds
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
