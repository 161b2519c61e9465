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
		value := d.state(&answers[i])
		if from.illegal(value) {
			return history.Never
		}
		ended = max(ended, from[value].ended)
	}
	return ended
}

// judgeLegal finds final values that only a failed write wrote, or nobody.
func (d *durability) judgeLegal(k *keyAccesses, s *finalState, from origins) {
	for i := range s.answers {
		a := &s.answers[i]
		if !from.illegal(d.state(a)) {
			continue
		}
		o, tried := from[d.state(a)]
		if !tried {
			d.addAt(d.h, KindPhantom, k.key, func(w *witness) string {
				return fmt.Sprintf("at the end %s, which nobody wrote", w.told(a.op))
			}, a.op)
		} else {
			d.addAt(d.h, KindResurrected, k.key, func(w *witness) string {
				return w.whose(w.at(o.failed)) + " failed; at the end " + w.told(a.op) + ", which has it"
			}, o.failed, a.op)
		}
		return
	}
}

// lose counts an acknowledged write or delete that the final answers do not reflect.
func (d *durability) lose(k *keyAccesses, lost, answer *access, from origins) {
	older, op, end := from[d.state(answer)].last, lost.op, answer.op
	if lost.kind == deletes {
		d.addAt(d.h, KindResurrected, k.key, func(w *witness) string {
			return fmt.Sprintf("%s, after %s had returned; at the end %s",
				w.told(op), w.whose(w.at(older)), w.told(end))
		}, older, op, end)
		return
	}
	d.addAt(d.h, KindLostWrite, k.key, func(w *witness) string {
		if older == none {
			return w.told(op) + ", acknowledged; at the end " + w.told(end) + ", and nobody deleted it"
		}
		return fmt.Sprintf("%s, acknowledged; at the end %s, which %s had made %s", w.told(op), w.told(end),
			w.whose(w.at(older)), earlier(w.at(older).Return, w.at(op).Call))
	}, op, end, older)
}
