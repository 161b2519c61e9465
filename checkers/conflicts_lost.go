package checkers

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/rashomon-harness/rashomon/history"
)

// latestChanges are the two changes of a session that ended last: who may know what the session was shown
// until then.
type latestChanges struct {
	ends   [2]int64
	places [2]int32
}

func (l *latestChanges) add(place int32, end int64) {
	if end >= l.ends[0] {
		l.ends[1], l.places[1] = l.ends[0], l.places[0]
		l.ends[0], l.places[0] = end, place
	} else if end > l.ends[1] {
		l.ends[1], l.places[1] = end, place
	}
}

// mayKnow reports whether a change other than one may know what was shown at a time.
func (l *latestChanges) mayKnow(other int32, time int64) bool {
	if l == nil {
		return false
	}
	at := 0
	if l.places[0] == other {
		at = 1
	}
	return l.places[at] != none && l.ends[at] >= time
}

// supersede finds out which values may be superseded.
func (v *conflictValues) supersede() {
	v.findHappened()
	v.tops = map[int32]*latestChanges{}
	for i := range v.list {
		a := &v.list[i]
		if a.kind == reads || !v.mayHappen[i] {
			continue
		}
		top := v.tops[a.session]
		if top == nil {
			top = &latestChanges{ends: [2]int64{math.MinInt64, math.MinInt64}, places: [2]int32{none, none}}
			v.tops[a.session] = top
		}
		top.add(int32(i), v.abandoned(a))
	}
	v.over = slices.Grow(v.over[:0], len(v.puts))[:len(v.puts)]
	clear(v.over)
	for i := range v.list {
		a := &v.list[i]
		time := v.h.Call(int(a.op))
		if a.kind == reads {
			time = v.h.Return(int(a.op))
		}
		for _, id := range v.shown(i) {
			v.over[id] = v.over[id] || v.tops[a.session].mayKnow(v.puts[id], time)
		}
	}
}

// findHappened finds out which changes may have happened.
func (v *conflictValues) findHappened() {
	v.mayHappen = slices.Grow(v.mayHappen[:0], len(v.list))[:len(v.list)]
	clear(v.mayHappen)
	for i := range v.list {
		a := &v.list[i]
		if a.kind != reads {
			v.mayHappen[i] = v.mayHappen[i] || a.outcome != history.Fail
			continue
		}
		for _, id := range v.shown(i) {
			v.seen(id)
		}
	}
	for _, ids := range v.answers {
		for _, id := range ids {
			v.seen(id)
		}
	}
}

func (v *conflictValues) seen(id int32) {
	if put := v.puts[id]; put != none {
		v.mayHappen[put] = true
	}
}

// abandoned returns when nobody went on with an operation any more: it had completed, with whatever outcome.
func (v *conflictValues) abandoned(a *access) int64 {
	if a.outcome != history.Info {
		return v.h.Return(int(a.op))
	}
	if op := v.h.Op(int(a.op)); op.Done >= 0 {
		return v.h.EventTime(op.Done)
	}
	return history.Never
}

// survivor is a change that explains a final answer.
type survivor struct {
	place  int32 // in list, none for none
	answer int32
}

// survivors are the changes that explain the final answers.
type survivors struct {
	call, end int64    // the latest of each
	last      survivor // the one that ended last
}

func (v *conflictValues) survivors() survivors {
	s := survivors{call: math.MinInt64, end: math.MinInt64, last: survivor{none, none}}
	meet := func(place, answer int32) {
		s.call = max(s.call, v.call(place))
		if end := v.end(place); s.last.place == none || end > s.end {
			s.end, s.last = end, survivor{place, answer}
		}
	}
	for id, answer := range v.answered {
		if put := v.puts[id]; answer != none && put != none {
			meet(put, answer)
		}
	}
	if v.nothing == none {
		return s
	}
	for i := range v.list {
		if v.list[i].kind == deletes && v.mayHappen[i] {
			meet(int32(i), v.nothing)
		}
	}
	return s
}

// finalKnown reports whether the final state of a key is known, and leaves it out if that matters.
func (f *conflictFindings) finalKnown(k *conflictKey) bool {
	acknowledged := func(a access) bool { return a.kind == writes && a.certain() }
	if f.final == nil && slices.ContainsFunc(f.list, acknowledged) {
		f.leave(k.key, "has no final read that was answered")
	}
	return f.final != nil
}

// judgeLost judges the writes of a register by its final state.
func (f *conflictFindings) judgeLost(k *conflictKey) {
	if !f.finalKnown(k) {
		return
	}
	if f.strange && !f.KeepsSiblings {
		f.leave(k.key, "has a value at the end that nobody wrote")
		return
	}
	changes := 0
	for i := range f.list {
		if f.list[i].kind != reads && f.mayHappen[i] {
			changes++
		}
	}
	stay := f.survivors()
	for i := range f.list {
		a := &f.list[i]
		if a.kind != writes || !f.before(a) {
			continue
		}
		f.acknowledged++
		id := f.shown(i)[0]
		if f.over[id] {
			continue
		}
		lost := f.answered[id] == none
		if changes > 1 || lost {
			f.chances(1)
		}
		if lost {
			f.lose(k, a, &stay)
		}
	}
}

// lose counts a write that is gone.
func (f *conflictFindings) lose(k *conflictKey, a *access, stay *survivors) {
	kind := KindLostWrite
	switch {
	case f.KeepsSiblings || stay.last.place == none:
	case stay.call > f.h.Return(int(a.op)):
		f.unseen++
		return
	case stay.end < f.h.Call(int(a.op)):
		kind = KindOverwrittenByOlder
	default:
		kind = KindSilentlyOverwritten
	}
	f.lost++
	answer, op := int32(0), a.op
	if stay.last.place != none {
		answer = stay.last.answer
	}
	ops := []int32{op, f.answerOp(answer)}
	by := none
	if stay.last.place != none {
		by = f.list[stay.last.place].op
		ops = append(ops, by)
	}
	for _, id := range f.answers[answer] {
		if put := f.puts[id]; put != none && !f.KeepsSiblings {
			ops = append(ops, f.list[put].op)
		}
	}
	f.addAt(f.h, kind, k.key, func(w *witness) string { return sayLost(w, op, ops[1], by) }, ops...)
}

// sayLost says that a write gave way to another one, none for none, as an answer shows.
func sayLost(w *witness, lost, answer, by int32) string {
	said := w.told(lost) + ", acknowledged, and nobody who wrote later had read it; at the end " +
		w.told(answer)
	if by == none {
		return said + ", and nobody deleted it"
	}
	l, s := w.at(lost), w.at(by)
	said += "; what stayed is " + w.whose(s)
	switch {
	case s.Type == history.Ok && s.Precedes(l):
		said += ", " + earlier(s.Return, l.Call)
	case l.Precedes(s):
		said += ", " + span(s.Call-l.Return) + " later"
	default:
		said += ", concurrent with it"
	}
	if dots, left := dotsOf(l), dotsOf(w.at(answer)); dots != "" && left != "" {
		said += "; the store held it as " + dots + " and kept " + left
	}
	return said
}

// dotsOf names the writes of an operation by its evidence, "" when there is none.
func dotsOf(op *history.Op) string {
	if op.Ev == nil || op.Ev.Quorum == nil {
		return ""
	}
	names := make([]string, len(op.Ev.Quorum.Dots))
	for i, d := range op.Ev.Quorum.Dots {
		names[i] = d.Source + ":" + strconv.FormatInt(d.N, 10)
	}
	return strings.Join(names, ", ")
}

// judgeElements judges the elements that were added to a set and that nobody can have removed.
func (f *conflictFindings) judgeElements(k *conflictKey) {
	if !f.finalKnown(k) {
		return
	}
	removed := make([]bool, len(f.puts))
	for i := range f.list {
		if a := &f.list[i]; a.kind == deletes && a.outcome != history.Fail {
			removed[f.shown(i)[0]] = true
		}
	}
	for i := range f.list {
		a := &f.list[i]
		if a.kind != writes || !f.before(a) {
			continue
		}
		id := f.shown(i)[0]
		if removed[id] || f.again[id] {
			continue
		}
		f.chances(1)
		if f.answered[id] != none {
			continue
		}
		op, answer := a.op, f.answerOp(0)
		f.addAt(f.h, KindLostElement, k.key, func(w *witness) string {
			return w.told(op) + ", acknowledged, and nobody removed it; at the end " + w.told(answer) +
				", without it"
		}, op, answer)
	}
}
