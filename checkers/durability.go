package checkers

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// The kinds of anomalies of durability.
const (
	KindLostWrite   = "lost-write"  // an acknowledged write gave way to an earlier state
	KindLostAppend  = "lost-append" // an acknowledged element is not in the list
	KindDuplicated  = "duplicated"  // an element is in the list twice
	KindResurrected = "resurrected" // the state has what was deleted, or what a failed write wrote
	KindPhantom     = "phantom"     // the state has what nobody wrote
)

// Durable returns the checker of durability: what was acknowledged is in the state that is left when
// every fault is healed, unless something replaced it.
//
// The final state of a key is what the ordinary final reads answered and what replicas answered to peeks
// in that phase. A register's acknowledged write w is lost iff each of these answers is a value whose write
// returned before w was called (the initial value was there before all). An acknowledged element is
// lost iff no answer's list has it. So what only some replica still holds is not called lost; Measures
// counts it, as "hidden_writes": no ordinary final read shows it. A final value of a write whose
// outcome is unknown loses nothing: it may have landed last.
//
// A final answer that is a list, of a register to which no list was ever written, has several versions (see
// Conflicts): it counts as one answer for each. Where some read had several versions and the key may have
// been deleted, nothing is decided: a delete takes only what its author knew. Neither is a list of lists,
// if no list was appended.
//
// The final state of a key is unknown, and with it the verdict if nothing else is wrong, when all ordinary
// final reads of it failed and not every peek was answered. Opportunities are the acknowledged writes
// whose key has a known final state. Measures: "keys_unknown", "hidden_writes".
func Durable() Checker { return durable{} }

type durable struct{}

// Properties implements Checker.
func (durable) Properties() []string { return []string{Durability} }

// Check implements Checker.
func (durable) Check(ctx context.Context, h *history.History) []Verdict {
	d := &durability{tally: newTally(Durability), accesses: accessesByKey(h)}
	states := d.finalStates()
	stopped := ""
	for i, k := range withStates(d.keys, states) {
		if ctx.Err() != nil {
			stopped = fmt.Sprintf("stopped after %d keys: %v", i, ctx.Err())
			break
		}
		d.judge(&k, states[k.key])
	}
	why := cmp.Or(stopped, d.left)
	if h.FinalFrom() == history.Never {
		why = "there are no final reads"
	}
	v := d.verdict("", why)
	v.Measures = map[string]float64{"keys_unknown": float64(d.unknown), "hidden_writes": float64(d.hidden)}
	return []Verdict{v}
}

// durability is the work of the checker.
type durability struct {
	*tally
	*accesses
	unknown int    // keys that cannot be judged
	left    string // why the last of them cannot
	hidden  int    // acknowledged, shown by a replica only
}

// finalState is what the final phase answered about one key.
type finalState struct {
	answers []access // ordinary reads first, then peeks
	reads   int      // how many of the answers are of ordinary reads
	since   int64    // when the first of the answers was called, nanoseconds
	silent  bool     // some node answered no peek of the key
}

// known reports whether the state can be judged by.
func (s *finalState) known() bool {
	return s != nil && (s.reads > 0 || !s.silent)
}

// finalStates returns the final state of every key that was read or peeked in the final phase.
func (d *durability) finalStates() map[string]*finalState {
	h, from := d.h, d.h.FinalFrom()
	states := map[string]*finalState{}
	state := func(key string) *finalState {
		if states[key] == nil {
			states[key] = &finalState{since: history.Never}
		}
		return states[key]
	}
	for i := range h.Len() {
		if h.Call(i) < from || h.F(i) != history.FRead {
			continue
		}
		d.each(i, func(key int32, a access) {
			s := state(d.name(key))
			s.add(h, a)
			s.reads++
		})
	}
	for key, replicas := range finalPeeks(h) {
		s := state(key)
		for _, r := range replicas {
			if r.op == none {
				s.silent = true
				continue
			}
			a := access{op: r.op, outcome: history.Ok}
			d.setResult(&a)
			s.add(h, a)
		}
	}
	return states
}

func (s *finalState) add(h *history.History, a access) {
	s.answers = append(s.answers, a)
	s.since = min(s.since, h.Call(int(a.op)))
}

// withStates adds the keys that nothing but final peeks know.
func withStates(keys []keyAccesses, states map[string]*finalState) []keyAccesses {
	known := make(map[string]bool, len(keys))
	for i := range keys {
		known[keys[i].key] = true
	}
	for _, key := range slices.Sorted(maps.Keys(states)) {
		if !known[key] {
			keys = append(keys, keyAccesses{key: key})
		}
	}
	return keys
}

// leave notes that a key cannot be judged.
func (d *durability) leave(k *keyAccesses) {
	d.unknown++
	d.left = fmt.Sprintf("no final read of %s was answered (keys like that: %d)", k.key, d.unknown)
	if k.odd != "" {
		d.left = fmt.Sprintf("%s %s (keys like that: %d)", k.key, k.odd, d.unknown)
	}
}

// judge judges one key.
func (d *durability) judge(k *keyAccesses, s *finalState) {
	list, acknowledged := false, false
	for i := range k.list {
		a := &k.list[i]
		list = list || a.kind == appends
		acknowledged = acknowledged || a.kind != reads && a.certain()
	}
	if !s.known() || k.odd != "" {
		if acknowledged || k.odd != "" {
			d.leave(k)
		}
		return
	}
	versions := d.severalVersions(k, s)
	switch {
	case versions.odd != "":
		k.odd = versions.odd
		d.leave(k)
	case list || versions.list:
		d.judgeList(k, s)
	default:
		d.judgeRegister(k, s)
	}
}

// state is a value as a key of maps.
type state struct {
	integer int64
	text    string // of any value that is no integer
}

// nullState is the state of null.
var nullState = stateOf(history.Value{})

func stateOf(v history.Value) state {
	if n, ok := v.AsInt(); ok {
		return state{integer: n}
	}
	return state{text: v.String()}
}

// state returns the state that an access reads or makes.
func (all *accesses) state(a *access) state {
	switch a.form {
	case formInt:
		return state{integer: a.value}
	case formNull:
		return nullState
	}
	return stateOf(all.value(a))
}

// told returns the operation at a place as the sentences of a witness name it.
func (w *witness) told(place int32) string { return w.did(w.at(place)) }
