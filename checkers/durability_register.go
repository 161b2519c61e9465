package checkers

import (
	"fmt"
	"math"

	"github.com/rashomon-harness/rashomon/history"
)

// origin is where a value of a register can come from: the writes of that value that did not fail (for
// null: the deletes) and whether there is one that failed.
type origin struct {
	ended  int64 // when the last of them returned, Never if its outcome is unknown; math.MinInt64 for none
	last   int32 // the one that returned last; none for none
	failed int32 // none for none
}

// unwritten is the origin of a value that no write is known of.
var unwritten = origin{ended: math.MinInt64, last: none, failed: none}

// origins are the origins of a key's values, by value.
type origins map[state]origin

// newOrigins returns the origins of all values written to a key. The initial value has one without writes.
func (d *durability) newOrigins(list []access) origins {
	all := origins{nullState: unwritten}
	for i := range list {
		a := &list[i]
		if a.kind == reads {
			continue
		}
		value := nullState
		if a.kind != deletes {
			value = d.state(a)
		}
		o, known := all[value]
		if !known {
			o = unwritten
		}
		switch ended := d.h.Return(int(a.op)); {
		case a.outcome == history.Fail:
			o.failed = a.op
		case ended > o.ended:
			o.last, o.ended = a.op, ended
		}
		all[value] = o
	}
	return all
}

// illegal reports whether a value cannot have come into the register at all.
func (o origins) illegal(value state) bool {
	from, known := o[value]
	return !known || from.last == none && value != nullState
}

// judgeRegister judges a key that is written and deleted.
func (d *durability) judgeRegister(k *keyAccesses, s *finalState) {
	from := d.newOrigins(k.list)
	d.judgeLegal(k, s, from)
	ordinary, all := d.latest(s.answers[:s.reads], from), d.latest(s.answers, from)
	for i := range k.list {
		a := &k.list[i]
		if a.kind == reads || !a.certain() || d.h.Return(int(a.op)) >= s.since {
			continue
		}
		d.chances(1)
		switch call := d.h.Call(int(a.op)); {
		case all < call:
			d.lose(k, a, &s.answers[0], from)
		case s.reads > 0 && ordinary < call && a.kind == writes:
			d.hidden++
		}
	}
}

// latest returns the latest return among the writes that can have made the answers. An answer that
// cannot be legal stands for anything: what made it is unknown.
func (d *durability) latest(answers []access, from origins) int64 {
	ended := int64(math.MinInt64)
	for i := range answers {
		d.eachVersion(&answers[i], func(version state) {
			if from.illegal(version) {
				ended = history.Never
			}
			ended = max(ended, from[version].ended)
		})
	}
	return ended
}

// judgeLegal finds final values that only a failed write wrote, or nobody; one a key.
func (d *durability) judgeLegal(k *keyAccesses, s *finalState, from origins) {
	found := false
	for i := range s.answers {
		a := &s.answers[i]
		d.eachVersion(a, func(version state) {
			if !found && from.illegal(version) {
				found = true
				d.illegal(k, a, version, from)
			}
		})
	}
}

// illegal counts a version that cannot have come into the register.
func (d *durability) illegal(k *keyAccesses, answer *access, version state, from origins) {
	o, tried := from[version]
	op := answer.op
	if !tried {
		d.addAt(d.h, KindPhantom, k.key, func(w *witness) string {
			return fmt.Sprintf("at the end %s, which nobody wrote", w.told(op))
		}, op)
		return
	}
	ops := []int32{o.failed, op}
	d.eachVersion(answer, func(version state) { // so that the others are no phantoms
		if other, known := from[version]; known {
			ops = append(ops, max(other.last, other.failed))
		}
	})
	d.addAt(d.h, KindResurrected, k.key, func(w *witness) string {
		return w.whose(w.at(o.failed)) + " failed; at the end " + w.told(op) + ", which has it"
	}, ops...)
}

// lose counts an acknowledged write or delete that the final answers do not reflect.
func (d *durability) lose(k *keyAccesses, lost, answer *access, from origins) {
	older, op, end := none, lost.op, answer.op
	ops := []int32{op, end}
	d.eachVersion(answer, func(version state) {
		by := from[version].last
		if older == none || by != none && compareReturns(d.h, older, by) < 0 {
			older = by
		}
		ops = append(ops, by)
	})
	if lost.kind == deletes {
		d.addAt(d.h, KindResurrected, k.key, func(w *witness) string {
			return fmt.Sprintf("%s, after %s had returned; at the end %s",
				w.told(op), w.whose(w.at(older)), w.told(end))
		}, ops...)
		return
	}
	d.addAt(d.h, KindLostWrite, k.key, func(w *witness) string {
		if older == none {
			return w.told(op) + ", acknowledged; at the end " + w.told(end) + ", and nobody deleted it"
		}
		return fmt.Sprintf("%s, acknowledged; at the end %s, which %s had made %s", w.told(op), w.told(end),
			w.whose(w.at(older)), earlier(w.at(older).Return, w.at(op).Call))
	}, ops...)
}
