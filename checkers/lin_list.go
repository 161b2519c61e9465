package checkers

import (
	"fmt"
	"math"
)

// linList is a key's history as that of an append-only list.
//
// With unique elements the longest list that was read fixes the order: an append's position is its element's
// place in it, and a read stands right behind the last element that it returned. Acknowledged appends
// that are in no read come behind everything else. So the history is linearizable iff all reads are
// prefixes of the longest and nothing that stands before something else was called after that had returned.
// Ambiguous appends that are in no read are dropped, those that are were over when the first such read
// returned.
//
// A witness shows only some elements' appends. It stands for the history cut down to these elements: a list
// from which the other elements are taken out is a list again, so what holds of the part holds of the
// whole.
type linList struct {
	*keyHistory
	elements []listElement // by number
	unique   bool          // no element was appended twice
	longest  int32         // the deed of the longest read, -1 when there is none
	length   int           // of its list

	lastRead, lastAppend int32 // of those that have a place in the order the ones called last, -1 for none
}

// listElement is one element of a list.
type listElement struct {
	producer  int32 // the deed called first that appends it, -1 for none
	producers int32
	place     int32 // in the longest list, from 1; 0 when it is not in it
	in        int32 // the last read that it was met in, to tell repetitions; -1 for none
	times     int32 // in that read
	met       bool  // in any read
}

// decideList is the engine of lists.
func decideList(k *keyHistory, t *tally, e Engine) decision {
	l := newLinList(k)
	if e == EnginePorcupine {
		return decision{engine: enginePorcupine, job: k.job()}
	}
	found := t.total
	l.checkReads(t)
	switch {
	case l.unique:
		l.findLongest()
		l.checkPrefixes(t)
		l.sweep(t)
		return decision{engine: engineSweep}
	case t.total > found:
		return decision{engine: enginePorcupine}
	}
	return decision{engine: enginePorcupine, job: k.job()}
}

func newLinList(k *keyHistory) *linList {
	l := &linList{keyHistory: k, unique: true, longest: -1, elements: make([]listElement, k.values.size())}
	for e := range l.elements {
		l.elements[e].producer, l.elements[e].in = -1, -1
	}
	for _, id := range k.numbers {
		l.elements[id].met = true
	}
	for i := range k.deeds {
		d := &k.deeds[i]
		if d.kind != writeDeed {
			continue
		}
		e := &l.elements[d.value]
		if e.producers == 0 {
			e.producer = int32(i)
		}
		e.producers++
		l.unique = l.unique && e.producers == 1
	}
	return l
}

// checkReads reports and drops the reads that are wrong by themselves: no list, elements that were not
// appended, or not yet, or that are in it too often.
func (l *linList) checkReads(t *tally) {
	failed := l.failedByValue()
	for i := range l.deeds {
		if d := &l.deeds[i]; d.kind == readDeed && l.wrongRead(t, int32(i), failed) {
			d.kind = goneDeed
		}
	}
}

func (l *linList) wrongRead(t *tally, i int32, failed map[int32]int32) bool {
	d := &l.deeds[i]
	if l.lists[d.value].noList {
		t.addAt(l.h, PhantomRead, l.key, func(w *witness) string {
			return w.did(w.at(d.op)) + ", which is no list"
		}, d.op)
		return true
	}
	for _, id := range l.list(d) {
		e := &l.elements[id]
		if e.in != i {
			e.in, e.times = i, 0
		}
		e.times++
		switch {
		case e.producers == 0:
			reportPhantom(l.keyHistory, t, d, id, failed)
		case d.ret < l.deeds[e.producer].call:
			reportFuture(l.keyHistory, t, d, &l.deeds[e.producer])
		case e.times > e.producers:
			l.reportDuplicate(t, d, id)
		default:
			continue
		}
		return true
	}
	return false
}

func (l *linList) reportDuplicate(t *tally, d *deedOf, id int32) {
	places := []int32{d.op}
	for i := range l.deeds {
		if p := &l.deeds[i]; p.kind == writeDeed && p.value == id {
			places = append(places, p.op)
		}
	}
	t.addAt(l.h, DuplicateAppend, l.key, func(w *witness) string {
		return w.did(w.at(d.op)) + " with " + l.name(id) + " more often than it was appended, by " +
			w.whose(w.at(places[1]))
	}, places...)
}

// findLongest finds the longest read, of several the first, and gives the elements their places.
func (l *linList) findLongest() {
	for i := range l.deeds {
		if d := &l.deeds[i]; d.kind == readDeed && (l.longest < 0 || len(l.list(d)) > l.length) {
			l.longest, l.length = int32(i), len(l.list(d))
		}
	}
	if l.longest < 0 {
		return
	}
	for at, id := range l.list(&l.deeds[l.longest]) {
		l.elements[id].place = int32(at + 1)
	}
}

// checkPrefixes reports and drops the reads that are no prefix of the longest.
func (l *linList) checkPrefixes(t *tally) {
	for i := range l.deeds {
		d := &l.deeds[i]
		if d.kind != readDeed {
			continue
		}
		for at, id := range l.list(d) {
			if l.elements[id].place != int32(at+1) {
				l.reportDiverging(t, d, at, id)
				d.kind = goneDeed
				break
			}
		}
	}
}

// reportDiverging reports that read d has element id at a place where the longest read has another.
func (l *linList) reportDiverging(t *tally, d *deedOf, at int, id int32) {
	longest := &l.deeds[l.longest]
	other := l.list(longest)[at]
	t.addAt(l.h, DivergingReads, l.key, func(w *witness) string {
		return fmt.Sprintf("%s although %s has %s where this has %s: the list has branched at its element %d",
			w.did(w.at(d.op)), w.whose(w.at(longest.op)), l.name(other), l.name(id), at+1)
	}, d.op, longest.op, l.appendOf(id), l.appendOf(other))
}

// appendOf returns the place of the append of an element.
func (l *linList) appendOf(id int32) int32 { return l.deeds[l.elements[id].producer].op }

// sweep reports what stands before something that had returned when it was called. An append stands at the
// stage that is its element's place, a read at that of its last element; what is left out are dropped reads
// and ambiguous appends that no read returned.
func (l *linList) sweep(t *tally) {
	appends, reads := l.measureBehind()
	l.lastRead, l.lastAppend = l.lastCall(readDeed), l.lastCall(writeDeed)
	for i := range l.deeds {
		d := &l.deeds[i]
		switch place := l.placeOf(d); {
		case d.kind == readDeed && d.call > appends[place].ret:
			l.reportMissing(t, StaleRead, d, &l.deeds[appends[place].deed])
		case d.kind == readDeed && d.call > reads[place].ret:
			l.reportInversion(t, d, &l.deeds[reads[place].deed])
		case d.kind == writeDeed && place == 0 && d.sure:
			l.checkLost(t, int32(i))
		case d.kind == writeDeed && place > 0 && d.call > appends[place].ret:
			l.reportReordered(t, d, &l.deeds[appends[place].deed])
		}
	}
}

// placeOf returns the place of an append's element, or of the last element that a read returned: 0 when there
// is none.
func (l *linList) placeOf(d *deedOf) int {
	switch d.kind {
	case readDeed:
		return len(l.list(d))
	case writeDeed:
		return int(l.elements[d.value].place)
	}
	return 0
}

// measureBehind finds the soonest returns behind each place of the longest list. An ambiguous append was over
// when the first read with its element returned, which is among the reads.
func (l *linList) measureBehind() (appends, reads behind) {
	appends, reads = newBehind(l.length), newBehind(l.length)
	for i := range l.deeds {
		d := &l.deeds[i]
		switch d.kind {
		case readDeed:
			reads.meet(l.placeOf(d), d.ret, int32(i))
		case writeDeed:
			appends.meet(l.placeOf(d), d.ret, int32(i))
		}
	}
	appends.settle()
	reads.settle()
	return appends, reads
}

// lastCall returns the deed of that kind that was called last, of several the last one, of reads and of
// appends whose elements were read; -1 for none.
func (l *linList) lastCall(kind deedKind) int32 {
	found, call := int32(-1), int64(math.MinInt64)
	for i := range l.deeds {
		d := &l.deeds[i]
		if d.kind == kind && (kind == readDeed || l.placeOf(d) > 0) && d.call >= call {
			found, call = int32(i), d.call
		}
	}
	return found
}
