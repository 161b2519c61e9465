package checkers

import (
	"fmt"

	"github.com/rashomon-harness/rashomon/history"
)

// added says who added an element: "s1 added 3 to k at n1 (op 1)".
func (w *witness) added(op int32) string {
	o := w.at(op)
	return fmt.Sprintf("%s added %v to %s%s (op %d)", o.Session, o.Arg.String(), o.Key, place(o), w.number(o))
}

// addOf names an add as a thing: "s1's add of 3 (op 1)".
func (w *witness) addOf(op int32) string {
	o := w.at(op)
	return fmt.Sprintf("%s's add of %v (op %d)", o.Session, o.Arg.String(), w.number(o))
}

// event names an operation that made an element known, an add or a read.
func (w *witness) event(op int32) string {
	if o := w.at(op); o.F == history.FRead {
		return fmt.Sprintf("%s's read of it (op %d)", o.Session, w.number(o))
	}
	return w.addOf(op)
}

// reportPhantom reports an element that nobody added, or only adds that failed.
func (f *setFindings) reportPhantom(key string, e setElement) {
	f.addAt(f.h, KindPhantom, key, func(w *witness) string {
		if e.failed != none {
			return fmt.Sprintf("%s although %s failed, and nobody else added it", w.did(w.at(e.first)),
				w.addOf(e.failed))
		}
		return w.did(w.at(e.first)) + ", but nobody added " + f.nameIn(e)
	}, e.first, e.failed)
}

// nameIn returns the text of an element as the first read that has it does.
func (f *setFindings) nameIn(e setElement) string {
	v, _ := answer(f.h, objectRead{e.first, e.of})
	list, _ := v.AsList()
	return list[e.where].String()
}

// reportFuture reports an element that was read before any add of it was called.
func (f *setFindings) reportFuture(key string, e setElement) {
	f.addAt(f.h, FutureRead, key, func(w *witness) string {
		r, add := w.at(e.first), w.at(e.add)
		return fmt.Sprintf("%s although %s began only %s later", w.did(r), w.addOf(e.add),
			span(add.Call-r.Return))
	}, e.first, e.add)
}

// reportDuplicated reports an element that a read has more than once.
func (f *setFindings) reportDuplicated(key string, e setElement) {
	f.addAt(f.h, KindDuplicated, key, func(w *witness) string {
		return w.did(w.at(e.twice)) + " with the element of " + w.addOf(e.add) + " more than once"
	}, e.twice, e.add)
}

// reportLost reports an element that no read has any more.
func (f *setFindings) reportLost(key string, e setElement, known int32) {
	f.addAt(f.h, KindLostElement, key, func(w *witness) string {
		gone := w.at(e.absent)
		s := fmt.Sprintf("%s, but %s lacks it", w.added(e.add), readOf(w, gone))
		if e.last == none {
			return s + fmt.Sprintf(", called %s after %s had returned; no read ever had it",
				span(gone.Call-w.at(known).Return), w.event(known))
		}
		return s + fmt.Sprintf(", called %s after the last read that had it, %s, had returned",
			span(gone.Call-w.at(e.last).Return), w.event(e.last))
	}, e.add, known, e.last, e.absent)
}

// readOf names a read as a thing with its value and place: "s2's read of [1 2] at n2 (op 3)".
func readOf(w *witness, op *history.Op) string {
	return fmt.Sprintf("%s's %s%s (op %d)", op.Session, thing(op, false), place(op), w.number(op))
}

// reportStale reports an element that was missing for a while.
func (f *setFindings) reportStale(key string, e setElement, known int32) {
	f.addAt(f.h, KindStaleElement, key, func(w *witness) string {
		stale := w.at(e.absent)
		return fmt.Sprintf("%s, but %s lacks it, called %s after %s had returned; %s has it again",
			w.added(e.add), readOf(w, stale), span(stale.Call-w.at(known).Return), w.event(known),
			readOf(w, w.at(e.last)))
	}, e.add, known, e.absent, e.last)
}
