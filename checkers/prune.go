package checkers

import "github.com/rashomon-harness/rashomon/history"

// pruning makes a register's history smaller, and its ambiguous operations sure, without changing whether
// it is linearizable. No value has two producers.
//
// An ambiguous producer of a value that nobody observed is dropped. Exact: take an order of all operations
// that explains the history, and leave those producers out. Whoever found a value u in it came after the
// producer of u as the last producer; that one is still there, because u was observed. (Only "anything but
// old" may become wrong, so with blind refusals in the history nothing is dropped.) What an ambiguous cas
// found counts as observed when what it set is.
//
// An ambiguous producer of an observed value certainly happened, and before the first of the value's
// observers returned. Exact: it is closed at that moment. Recorded histories whose search took minutes and
// gigabytes take a fraction of a second after this.
type pruning struct {
	*register
	seen []int64 // by value: the smallest return of the deeds that certainly observed it
	by   []int32 // by value: that deed, -1 for none
	left []int32 // by value: how many ambiguous cas from it were not followed yet
}

// prune prunes r. Where a closed operation would return before its call it reports a future read. It
// returns whether there are blind refusals.
func (r *register) prune(t *tally) (blind bool) {
	p := pruning{register: r, seen: make([]int64, len(r.blocks)), by: make([]int32, len(r.blocks)),
		left: make([]int32, len(r.blocks))}
	for v := range r.blocks {
		p.seen[v], p.by[v] = history.Never, -1
	}
	for i := range r.deeds {
		d := &r.deeds[i]
		blind = blind || d.kind == notDeed
		if v, ok := d.observed(); ok {
			p.note(v, d.ret, int32(i))
		} else if d.kind == casDeed {
			p.left[d.old]++
		}
	}
	p.followAmbiguousCAS()
	r.closer = make([]int32, len(r.deeds))
	for i := range r.deeds {
		r.closer[i] = -1
	}
	for i := range r.deeds {
		p.settle(t, int32(i), blind)
	}
	return blind
}

// note takes down that deed i certainly found v and was over at ret.
func (p *pruning) note(v int32, ret int64, i int32) {
	if ret < p.seen[v] {
		p.seen[v], p.by[v] = ret, i
	}
}

// followAmbiguousCAS observes what each ambiguous cas found whose own value was observed: first of those
// values from which no other ambiguous cas is left to be followed. That leaves those that are made of each
// other in a circle.
func (p *pruning) followAmbiguousCAS() {
	followed := make([]bool, len(p.blocks))
	for _, circles := range []bool{false, true} {
		for v := range p.blocks {
			if !circles || p.by[v] >= 0 {
				p.follow(int32(v), circles, followed)
			}
		}
	}
}

// follow follows the ambiguous cas that made v, the one that made what it found, and so on, as far as their
// values are ready, or ready or not.
func (p *pruning) follow(v int32, regardless bool, followed []bool) {
	for !followed[v] && (p.left[v] == 0 || regardless) {
		i := p.blocks[v].producer
		if i < 0 || p.deeds[i].kind != casDeed || p.deeds[i].sure {
			return
		}
		followed[v] = true
		old := p.deeds[i].old
		p.left[old]--
		if p.by[v] >= 0 {
			p.note(old, p.seen[v], i)
		}
		v = old
	}
}

// settle drops, closes or leaves deed i.
func (p *pruning) settle(t *tally, i int32, blind bool) {
	d := &p.deeds[i]
	switch {
	case !d.produces():
	case p.seen[d.value] < d.call:
		p.reportFutureChain(t, i)
	case d.sure:
	case p.by[d.value] >= 0:
		d.ret, d.sure, p.closer[i] = p.seen[d.value], true, p.by[d.value]
	case !blind:
		d.kind = goneDeed
	}
}

// reportFutureChain reports that deed i began after a value was read that was made from its own by
// ambiguous cas.
func (p *pruning) reportFutureChain(t *tally, i int32) {
	chain := []int32{p.deeds[i].op}
	v := p.deeds[i].value
	for { // never in a circle: what observed a value was not noted later than it
		d := &p.deeds[p.by[v]]
		chain = append(chain, d.op)
		if d.kind != casDeed || p.wasSure(d) {
			break
		}
		v = d.value
	}
	origin, last := chain[0], chain[len(chain)-1]
	t.addAt(p.h, FutureRead, p.key, func(w *witness) string {
		from, to := w.at(origin), w.at(last)
		return w.did(to) + " although " + p.name(v) + " goes back to " + w.whose(from) +
			", which began only " + span(from.Call-to.Return) + " later"
	}, chain...)
}

// wasSure reports whether d was acknowledged, and not merely made sure.
func (p *pruning) wasSure(d *deedOf) bool { return p.h.Type(int(d.op)) == history.Ok }
