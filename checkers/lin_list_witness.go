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
	lost, next, read := l.op(d), l.op(&l.deeds[l.lastAppend]), l.op(&l.deeds[l.longest])
	t.add(kind, l.key, func(w *witness) string {
		return w.did(read) + " without " + l.name(d.value) + " although " + w.whose(lost) + " had returned " +
			earlier(lost.Return, next.Call) + " than " + w.whose(next) + ", which it has, began"
	}, lost, next, read)
}

// reportMissing reports that the read d lacks the element of the append that had returned.
func (l *linList) reportMissing(t *tally, kind string, d, missing *deedOf) {
	op, write := l.op(d), l.op(missing)
	t.add(kind, l.key, func(w *witness) string {
		return w.did(op) + " without " + l.name(missing.value) + " although " + w.whose(write) +
			" had returned " + earlier(write.Return, op.Call)
	}, op, write)
}

// reportInversion reports that the read d returned less than a read that had returned before.
func (l *linList) reportInversion(t *tally, d, more *deedOf) {
	op, before := l.op(d), l.op(more)
	next := l.values.number(&l.list(more)[len(l.list(d))])
	t.add(NewOldInversion, l.key, func(w *witness) string {
		return w.did(op) + " without " + l.name(next) + " although " + w.whose(before) +
			", which has it, had returned " + earlier(before.Return, op.Call)
	}, op, before, l.appendOf(next))
}

// reportReordered reports that the append d comes before one that had returned when d was called.
func (l *linList) reportReordered(t *tally, d, earliest *deedOf) {
	op, before := l.op(d), l.op(earliest)
	read := l.op(&l.deeds[l.longest])
	t.add(ReorderedAppend, l.key, func(w *witness) string {
		return w.did(read) + " with " + l.name(d.value) + " before " + l.name(earliest.value) + " although " +
			w.whose(before) + " had returned " + earlier(before.Return, op.Call) + " than " + w.whose(op) +
			" began"
	}, before, op, read)
}
