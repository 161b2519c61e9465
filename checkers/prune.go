package checkers

import "github.com/rashomon-harness/rashomon/history"

// pruning makes a register's history smaller, and its ambiguous operations sure, without changing whether
// it is linearizable.
//
// An ambiguous producer of a value that nobody observed is dropped. Exact: take an order of all operations
// that explains the history, and leave those producers out. Whoever found a value u in it came after a
// producer of u as the last producer; that one is still there, because u was observed. (Only "anything but
// old" may become wrong, so with blind refusals in the history nothing is dropped.) What an ambiguous cas
// found counts as observed when what it set is.
//
// An ambiguous producer of an observed value that has no other producer certainly happened, and before
// the first of the value's observers returned. Exact: it is closed at that moment. Recorded histories whose
// search took minutes and gigabytes take a fraction of a second after this.
type pruning struct {
	*register
	seen     []int64 // by value: the smallest return of the deeds that certainly observed it
	by       []int32 // by value: that deed, -1 for none
	observed []bool  // by value: maybe only by a deed that may not have happened
}

// prune prunes r. Where a closed operation would return before its call it reports a future read. It
// returns whether there are blind refusals.
func (r *register) prune(t *tally) (blind bool) {
	p := pruning{register: r, seen: make([]int64, len(r.blocks)), by: make([]int32, len(r.blocks)),
		observed: make([]bool, len(r.blocks))}
	for v := range r.blocks {
		p.seen[v], p.by[v] = history.Never, -1
	}
	for i := range r.deeds {
		d := &r.deeds[i]
		blind = blind || d.kind == notDeed
		if v, ok := d.observed(); ok {
			p.note(v, d.ret, int32(i))
		}
	}
	for p.followAmbiguousCAS() {
	}
	r.closer = make([]int32, len(r.deeds))
	for i := range r.deeds {
		r.closer[i] = -1
	}
	for i := range r.deeds {
		p.settle(t, int32(i), blind)
	}
	return blind
}

// note takes down that deed i certainly found v and was over at ret. It reports whether that is news.
func (p *pruning) note(v int32, ret int64, i int32) bool {
	news := !p.observed[v] || ret < p.seen[v]
	p.observed[v] = true
	if ret < p.seen[v] {
		p.seen[v], p.by[v] = ret, i
	}
	return news
}

// followAmbiguousCAS observes what each ambiguous cas found whose own value was observed, and reports
// whether there was news. Backwards, because a chain of cas runs forwards.
func (p *pruning) followAmbiguousCAS() bool {
	news := false
	for i := len(p.deeds) - 1; i >= 0; i-- {
		d := &p.deeds[i]
		switch {
		case d.kind != casDeed || d.sure || !p.observed[d.value]:
		case p.sole(d.value):
			news = p.note(d.old, min(d.ret, p.seen[d.value]), int32(i)) || news
		case !p.observed[d.old]:
			p.observed[d.old], news = true, true
		}
	}
	return news
}

// sole reports whether v has exactly one producer and is not the initial value.
func (p *pruning) sole(v int32) bool { return v != 0 && p.blocks[v].producers == 1 }

// settle drops, closes or leaves deed i.
func (p *pruning) settle(t *tally, i int32, blind bool) {
	d := &p.deeds[i]
	if !d.produces() {
		return
	}
	switch {
	case p.sole(d.value) && p.seen[d.value] < d.call:
		p.reportFutureChain(t, i)
	case d.sure:
	case p.by[d.value] >= 0 && p.sole(d.value):
		d.ret, d.sure, p.closer[i] = p.seen[d.value], true, p.by[d.value]
	case !p.observed[d.value] && !blind:
		d.kind = goneDeed
	}
}

// reportFutureChain reports that deed i began after a value was read that was made from its own by
// ambiguous cas.
func (p *pruning) reportFutureChain(t *tally, i int32) {
	chain := []int32{p.deeds[i].op}
	v := p.deeds[i].value
	for len(chain) <= len(p.deeds) {
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
