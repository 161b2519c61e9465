package checkers

import (
	"fmt"
	"math"

	"github.com/rashomon-harness/rashomon/history"
)

// listEnd is what is known of a list at the end, by element.
type listEnd struct {
	elements map[state]*elementEnd
	cleared  int64 // when the last delete or overwriting write returned, math.MinInt64 for none
}

// elementEnd is what is known of an element at the end.
type elementEnd struct {
	attempt  int32 // an append of it, one that did not fail if there is one; none for none
	here     int32 // the answer that was found to have it last, counted from 1
	ordinary bool  // shown by an ordinary final read
	shown    bool  // shown by a final read or a peek
	twice    bool  // counted as duplicated
}

func (l *listEnd) element(e state) *elementEnd {
	end := l.elements[e]
	if end == nil {
		end = &elementEnd{attempt: none}
		l.elements[e] = end
	}
	return end
}

func (d *durability) newListEnd(list []access) *listEnd {
	l := &listEnd{elements: map[state]*elementEnd{}, cleared: math.MinInt64}
	for i := range list {
		a := &list[i]
		switch {
		case a.kind == appends:
			e := l.element(d.state(a))
			if e.attempt == none || d.h.Type(int(e.attempt)) == history.Fail {
				e.attempt = a.op
			}
		case a.kind != reads && a.outcome != history.Fail:
			l.cleared = max(l.cleared, d.h.Return(int(a.op)))
		}
	}
	return l
}

// judgeList judges a key that is appended to.
func (d *durability) judgeList(k *keyAccesses, s *finalState) {
	l := d.newListEnd(k.list)
	for i := range s.answers {
		d.judgeElements(k.key, l, s, i)
	}
	for i := range k.list {
		a := &k.list[i]
		if a.kind != appends || !a.certain() || d.h.Return(int(a.op)) >= s.since ||
			d.h.Call(int(a.op)) <= l.cleared {
			continue
		}
		d.chances(1)
		switch e := l.elements[d.state(a)]; {
		case !e.shown:
			op, answer := a.op, s.answers[0].op
			d.addAt(d.h, KindLostAppend, k.key, func(w *witness) string {
				return fmt.Sprintf("%s, acknowledged; at the end %s, without it", w.told(op), w.told(answer))
			}, op, answer)
		case s.reads > 0 && !e.ordinary:
			d.hidden++
		}
	}
}

// judgeElements takes note of the elements that an answer shows, and counts those that should not be
// there, or not twice; each only once, however many answers show it.
func (d *durability) judgeElements(key string, l *listEnd, s *finalState, at int) {
	answer := &s.answers[at]
	d.eachElement(answer, func(element state) {
		e := l.element(element)
		switch {
		case e.here == int32(at+1) && !e.twice:
			e.twice = true
			d.addAt(d.h, KindDuplicated, key, func(w *witness) string {
				return fmt.Sprintf("at the end %s, which has %s twice", w.told(answer.op), element.String())
			}, e.attempt, answer.op)
		case !e.shown && l.cleared == math.MinInt64:
			d.judgeOrigin(key, element, e.attempt, answer.op)
		}
		e.here, e.shown = int32(at+1), true
		e.ordinary = e.ordinary || at < s.reads
	})
}

// eachElement calls yield for every element of a list that was read.
func (d *durability) eachElement(a *access, yield func(element state)) {
	if ints, ok := d.h.ResultInts(int(a.op)); ok && a.form == formResult {
		for _, n := range ints {
			yield(state{integer: n})
		}
		return
	}
	value := d.value(a)
	list, _ := value.AsList()
	for i := range list {
		yield(stateOf(list[i]))
	}
}

// String writes the value of the state.
func (s state) String() string {
	if s.text != "" {
		return s.text
	}
	return history.IntValue(s.integer).String()
}

// judgeOrigin counts an element that nobody appended, or only an append that failed. It is not asked
// about lists that were also written whole.
func (d *durability) judgeOrigin(key string, e state, by, answer int32) {
	switch {
	case by == none:
		d.addAt(d.h, KindPhantom, key, func(w *witness) string {
			return fmt.Sprintf("at the end %s with %s, which nobody appended", w.told(answer), e.String())
		}, answer)
	case d.h.Type(int(by)) == history.Fail:
		d.addAt(d.h, KindResurrected, key, func(w *witness) string {
			return fmt.Sprintf("%s failed; at the end %s, which has it", w.whose(w.at(by)), w.told(answer))
		}, by, answer)
	}
}
