package checkers

import (
	"fmt"

	"github.com/rashomon-harness/rashomon/history"
)

// listEnd is what is known of a list at the end, by the text of the element.
type listEnd struct {
	attempts map[string]*history.Op // an append of the element, one that did not fail if there is one
	cleared  int64                  // when the last delete or overwriting write returned, -1 for none
	ordinary map[string]bool        // shown by an ordinary final read
	all      map[string]bool        // shown by a final read or a peek
	twice    map[string]bool        // counted as duplicated
}

func newListEnd(list []access) *listEnd {
	l := &listEnd{
		attempts: map[string]*history.Op{},
		cleared:  -1,
		ordinary: map[string]bool{}, all: map[string]bool{}, twice: map[string]bool{},
	}
	for i := range list {
		a := &list[i]
		switch {
		case a.kind == appends:
			e := a.value.String()
			if old := l.attempts[e]; old == nil || old.Type == history.Fail {
				l.attempts[e] = a.op
			}
		case a.kind != reads && a.op.Type != history.Fail:
			l.cleared = max(l.cleared, a.op.Return)
		}
	}
	return l
}

// judgeList judges a key that is appended to.
func (d *durability) judgeList(k *keyAccesses, s *finalState) {
	l := newListEnd(k.list)
	for i := range s.answers {
		d.judgeElements(k.key, l, &s.answers[i], i < s.reads)
	}
	for i := range k.list {
		a := &k.list[i]
		if a.kind != appends || a.op.Type != history.Ok || a.op.Return >= s.since || a.op.Call <= l.cleared {
			continue
		}
		d.chances(1)
		switch e := a.value.String(); {
		case !l.all[e]:
			answer := s.answers[0].op
			d.add(KindLostAppend, k.key, func(w *witness) string {
				return fmt.Sprintf("%s, acknowledged; at the end %s, without it", w.did(a.op), w.did(answer))
			}, a.op, answer)
		case s.reads > 0 && !l.ordinary[e]:
			d.hidden++
		}
	}
}

// judgeElements takes note of the elements that an answer shows, and counts those that should not be
// there, or not twice; each only once, however many answers show it.
func (d *durability) judgeElements(key string, l *listEnd, answer *access, ordinary bool) {
	list, _ := answer.value.AsList()
	here := make(map[string]bool, len(list))
	for i := range list {
		e := list[i].String()
		switch {
		case here[e] && !l.twice[e]:
			l.twice[e] = true
			d.add(KindDuplicated, key, func(w *witness) string {
				return fmt.Sprintf("at the end %s, which has %s twice", w.did(answer.op), e)
			}, l.attempts[e], answer.op)
		case !l.all[e] && l.cleared < 0:
			d.judgeOrigin(key, e, l.attempts[e], answer.op)
		}
		here[e], l.all[e] = true, true
		l.ordinary[e] = l.ordinary[e] || ordinary
	}
}

// judgeOrigin counts an element that nobody appended, or only an append that failed. It is not asked
// about lists that were also written whole.
func (d *durability) judgeOrigin(key, e string, by, answer *history.Op) {
	switch {
	case by == nil:
		d.add(KindPhantom, key, func(w *witness) string {
			return fmt.Sprintf("at the end %s with %s, which nobody appended", w.did(answer), e)
		}, answer)
	case by.Type == history.Fail:
		d.add(KindResurrected, key, func(w *witness) string {
			return fmt.Sprintf("%s failed; at the end %s, which has it", w.whose(by), w.did(answer))
		}, by, answer)
	}
}
