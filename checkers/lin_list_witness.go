package checkers

// checkLost reports the acknowledged append i, which is not in the longest list, if anything that has a
// place in the order was called after it had returned.
func (l *linList) checkLost(t *tally, i int32) {
	d := &l.deeds[i]
	kind := StaleRead
	if !l.elements[d.value].met {
		kind = LostAppend
	}
	if l.lastRead >= 0 && l.deeds[l.lastRead].call > d.ret {
		l.reportMissing(t, kind, &l.deeds[l.lastRead], d)
		return
	}
	if l.lastAppend < 0 || l.deeds[l.lastAppend].call <= d.ret {
		return
	}
	next, read := &l.deeds[l.lastAppend], &l.deeds[l.longest]
	t.addAt(l.h, kind, l.key, func(w *witness) string {
		lost := w.at(d.op)
		return w.did(w.at(read.op)) + " without " + l.name(d.value) + " although " + w.whose(lost) +
			" had returned " + earlier(lost.Return, next.call) + " than " + w.whose(w.at(next.op)) +
			", which it has, began"
	}, d.op, next.op, read.op)
}

// reportMissing reports that the read d lacks the element of the append that had returned.
func (l *linList) reportMissing(t *tally, kind string, d, missing *deedOf) {
	t.addAt(l.h, kind, l.key, func(w *witness) string {
		op, write := w.at(d.op), w.at(missing.op)
		return w.did(op) + " without " + l.name(missing.value) + " although " + w.whose(write) +
			" had returned " + earlier(write.Return, op.Call)
	}, d.op, missing.op)
}

// reportInversion reports that the read d returned less than a read that had returned before.
func (l *linList) reportInversion(t *tally, d, more *deedOf) {
	next := l.list(more)[len(l.list(d))]
	t.addAt(l.h, NewOldInversion, l.key, func(w *witness) string {
		op, before := w.at(d.op), w.at(more.op)
		return w.did(op) + " without " + l.name(next) + " although " + w.whose(before) +
			", which has it, had returned " + earlier(before.Return, op.Call)
	}, d.op, more.op, l.appendOf(next))
}

// reportReordered reports that the append d comes before one that had returned when d was called.
func (l *linList) reportReordered(t *tally, d, earliest *deedOf) {
	read := &l.deeds[l.longest]
	t.addAt(l.h, ReorderedAppend, l.key, func(w *witness) string {
		op, before := w.at(d.op), w.at(earliest.op)
		return w.did(w.at(read.op)) + " with " + l.name(d.value) + " before " + l.name(earliest.value) +
			" although " + w.whose(before) + " had returned " + earlier(before.Return, op.Call) + " than " +
			w.whose(op) + " began"
	}, earliest.op, d.op, read.op)
}
