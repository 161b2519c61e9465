package checkers

import (
	"fmt"
	"math"

	"github.com/rashomon-harness/rashomon/history"
)

// origin is where a value of a register can come from: the writes of that value that did not fail (for
// null: the deletes) and whether there is one that failed.
type origin struct {
	last   *history.Op // the one that returned last; nil for none
	ended  int64       // when it returned, Never if its outcome is unknown; math.MinInt64 for none
	failed *history.Op
}

// origins are the origins of a key's values, by value.
type origins map[string]*origin

// newOrigins returns the origins of all values written to a key. The initial value has one without writes.
func newOrigins(list []access) origins {
	all := origins{nullKey: {ended: math.MinInt64}}
	for i := range list {
		a := &list[i]
		if a.kind == reads {
			continue
		}
		key := nullKey
		if a.kind != deletes {
			key = a.value.String()
		}
		o := all[key]
		if o == nil {
			o = &origin{ended: math.MinInt64}
			all[key] = o
		}
		switch {
		case a.op.Type == history.Fail:
			o.failed = a.op
		case a.op.Return > o.ended:
			o.last, o.ended = a.op, a.op.Return
		}
	}
	return all
}

// nullKey is the text of null, under which origins has the deletes.
var nullKey = (&history.Value{}).String()

// of returns the origin of a value, nil when nobody tried to write it.
func (o origins) of(v *history.Value) *origin { return o[v.String()] }

// legal reports whether a value can have come into the register at all.
func (o *origin) legal(v *history.Value) bool { return o != nil && (o.last != nil || v.IsNull()) }

// judgeRegister judges a key that is written and deleted.
func (d *durability) judgeRegister(k *keyAccesses, s *finalState) {
	from := newOrigins(k.list)
	d.judgeLegal(k, s, from)
	ordinary, all := latest(s.answers[:s.reads], from), latest(s.answers, from)
	for i := range k.list {
		a := &k.list[i]
		if a.kind == reads || a.op.Type != history.Ok || a.op.Return >= s.since {
			continue
		}
		d.chances(1)
		switch {
		case all < a.op.Call:
			d.lose(k, a, &s.answers[0], from)
		case s.reads > 0 && ordinary < a.op.Call && a.kind == writes:
			d.hidden++
		}
	}
}

// latest returns the latest return among the writes that can have made the answers. An answer that
// cannot be legal stands for anything: what made it is unknown.
func latest(answers []access, from origins) int64 {
	ended := int64(math.MinInt64)
	for i := range answers {
		o := from.of(answers[i].value)
		if !o.legal(answers[i].value) {
			return history.Never
		}
		ended = max(ended, o.ended)
	}
	return ended
}

// judgeLegal finds final values that only a failed write wrote, or nobody.
func (d *durability) judgeLegal(k *keyAccesses, s *finalState, from origins) {
	for i := range s.answers {
		a := &s.answers[i]
		o := from.of(a.value)
		if o.legal(a.value) {
			continue
		}
		if o == nil {
			d.add(KindPhantom, k.key, func(w *witness) string {
				return fmt.Sprintf("at the end %s, which nobody wrote", w.did(a.op))
			}, a.op)
		} else {
			d.add(KindResurrected, k.key, func(w *witness) string {
				return w.whose(o.failed) + " failed; at the end " + w.did(a.op) + ", which has it"
			}, o.failed, a.op)
		}
		return
	}
}

// lose counts an acknowledged write or delete that the final answers do not reflect.
func (d *durability) lose(k *keyAccesses, lost, answer *access, from origins) {
	older := from.of(answer.value).last
	if lost.kind == deletes {
		d.add(KindResurrected, k.key, func(w *witness) string {
			return fmt.Sprintf("%s, after %s had returned; at the end %s",
				w.did(lost.op), w.whose(older), w.did(answer.op))
		}, older, lost.op, answer.op)
		return
	}
	d.add(KindLostWrite, k.key, func(w *witness) string {
		if older == nil {
			return w.did(lost.op) + ", acknowledged; at the end " + w.did(answer.op) +
				", and nobody deleted it"
		}
		return fmt.Sprintf("%s, acknowledged; at the end %s, which %s had made %s",
			w.did(lost.op), w.did(answer.op), w.whose(older), earlier(older.Return, lost.op.Call))
	}, lost.op, answer.op, older)
}
