package checkers

import "math"

// inBlock reports whether d belongs to the block of v.
func (d *deedOf) inBlock(v int32) bool {
	if found, ok := d.observed(); ok && found == v {
		return true
	}
	return d.produces() && d.value == v
}

// firstOf returns the deed of v's block that was over first, if it can be one that was acknowledged.
func (r *register) firstOf(v int32) int32 {
	found := int32(-1)
	for i := range r.deeds {
		d := &r.deeds[i]
		if d.ret != r.blocks[v].first || !d.inBlock(v) {
			continue
		}
		if found = int32(i); r.acknowledged(found) {
			break
		}
	}
	return found
}

// over names deed i and says that it was over: acknowledged, or by what was observed.
func (r *register) over(w *witness, i int32) string {
	text := w.whose(w.at(r.deeds[i].op))
	if r.acknowledged(i) {
		return text + " had returned"
	}
	return text + " had taken effect"
}

// explainStale counts one stale observation and explains it, if it is small enough: deed i observed old
// although new is newer and was in place. Five deeds tell it at most: the producer of old, an operation of
// its block that returned before the producer of new was called, that producer, an operation of new's
// block that returned before i was called, and i.
func (r *register) explainStale(t *tally, kind string, i, old, new int32) {
	t.count(kind, 1)
	writer := r.blocks[new].producer
	proof, before := writer, int32(-1) // new was in place by proof; old was by before
	size := 2
	if old != 0 {
		before = r.blocks[old].producer
		size++
		if !r.acknowledged(before) || r.deeds[before].ret >= r.deeds[writer].call {
			before = -2 // to be searched
			size++
		}
	}
	if kind == NewOldInversion {
		proof = -2
		size++
	}
	if !t.wants(size, int(r.deeds[i].op)) {
		return
	}
	if before == -2 {
		before = r.firstOf(old)
	}
	if proof == -2 {
		proof = r.firstOf(new)
	}
	say := func(w *witness) string { return r.sayStale(w, i, writer, proof, before) }
	t.explainAt(r.h, kind, r.key, say, r.grounds(r.blocks[old].producer, before, writer, proof, i)...)
}

// sayStale tells a stale observation: deed i, the producer of the newer value, by what that was in place,
// and what returned before it was called (-1 when i observed the initial value, than which all is newer).
func (r *register) sayStale(w *witness, i, writer, proof, before int32) string {
	d := &r.deeds[i]
	text := w.did(w.at(d.op)) + " although " + r.over(w, proof) + " " + earlier(r.deeds[proof].ret, d.call)
	if before < 0 {
		return text
	}
	old, _ := d.observed()
	write := w.at(r.deeds[writer].op)
	text += "; " + r.name(r.deeds[writer].value) + " is newer than " + r.name(old) + ": "
	if writer == proof {
		text += "its " + write.F
	} else {
		text += w.whose(write)
	}
	return text + " began " + span(write.Call-r.deeds[before].ret) + " after " + r.over(w, before)
}

// explainDisagreement explains two blocks that are each newer than the other: a, of old's block, returned
// before b, of new's, was called; and c, of new's, before d, of old's. With the two producers these are at
// most six deeds; of the candidates for the four the choice with the fewest is taken.
func (r *register) explainDisagreement(t *tally, old, new int32) {
	firstsA, lastsD := r.candidates(old, new)
	firstsC, lastsB := r.candidates(new, old)
	var best [4]int32
	fewest := math.MaxInt
	each := func(a, b, c, d int32) {
		if r.deeds[a].ret >= r.deeds[b].call || r.deeds[c].ret >= r.deeds[d].call {
			return
		}
		ops := r.grounds(r.blocks[old].producer, r.blocks[new].producer, a, b, c, d)
		if len(ops) < fewest {
			best, fewest = [4]int32{a, b, c, d}, len(ops)
		}
	}
	for _, a := range firstsA {
		for _, b := range lastsB {
			for _, c := range firstsC {
				for _, d := range lastsD {
					each(a, b, c, d)
				}
			}
		}
	}
	say := func(w *witness) string { return r.sayDisagreement(w, best) }
	t.explainAt(r.h, ReadsDisagree, r.key, say,
		r.grounds(r.blocks[old].producer, r.blocks[new].producer, best[0], best[1], best[2], best[3])...)
}

// candidates returns deeds of v's block: those that may have returned before one of other's was called, and
// those that may have been called after one of other's had returned. The best ones come first; then the
// producer, and one that is both.
func (r *register) candidates(v, other int32) (firsts, lasts []int32) {
	firsts = []int32{r.firstOf(v)}
	for i := range r.deeds {
		d := &r.deeds[i]
		if !d.inBlock(v) {
			continue
		}
		if d.call == r.blocks[v].last && len(lasts) == 0 {
			lasts = append(lasts, int32(i))
		}
		if len(firsts) == 1 && d.ret < r.blocks[other].last && d.call > r.blocks[other].first {
			firsts = append(firsts, int32(i))
		}
	}
	lasts = append(lasts, firsts[1:]...)
	if p := r.blocks[v].producer; r.acknowledged(p) {
		firsts = append(firsts, p)
	}
	return firsts, lasts
}

// sayDisagreement tells of b called after a was over, and d after c.
func (r *register) sayDisagreement(w *witness, deeds [4]int32) string {
	after := func(late, soon int32) string {
		d := &r.deeds[late]
		return w.did(w.at(d.op)) + " " + span(d.call-r.deeds[soon].ret) + " after " + r.over(w, soon)
	}
	return after(deeds[1], deeds[0]) + ", but " + after(deeds[3], deeds[2]) +
		": each of the two values is newer than the other"
}
