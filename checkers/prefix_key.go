package checkers

import "github.com/rashomon-harness/rashomon/history"

// dialogueKey is what the history proves about one key of a pair.
type dialogueKey struct {
	*counting // nil when the writes did not come one after the other
	h         *history.History
	ids       valueIndex // numbers the values that were written or read
	written   []int32    // by value: the one write that can have made it; none when there is none, or two
	read      []int32    // by value: the read of it that returned first, none for none
	cleared   bool       // null may stand for something else than the initial value
}

// newDialogueKey goes through the accesses to a key. Of an odd one nothing is known.
func newDialogueKey(h *history.History, all *keyAccesses) *dialogueKey {
	if all.odd != "" {
		return &dialogueKey{h: h, cleared: true}
	}
	list := all.list
	k := &dialogueKey{h: h, counting: newCounting(h, list)}
	least, most := valueSpan(list)
	k.ids.reset(least, most, len(list))
	for i := range list {
		a := &list[i]
		if a.outcome == history.Fail {
			continue
		}
		if a.kind != reads && a.form == formNull {
			k.cleared = true
			continue
		}
		if v, ok := a.integer(); ok {
			k.enter(a, k.ids.number(v))
		}
	}
	return k
}

// enter takes note of who read or wrote a value. Values that were written twice have no write.
func (k *dialogueKey) enter(a *access, id int32) {
	if int(id) == len(k.written) {
		k.written, k.read = append(k.written, none), append(k.read, none)
	}
	switch {
	case a.kind == reads && (k.read[id] == none || compareReturns(k.h, a.op, k.read[id]) < 0):
		k.read[id] = a.op
	case a.kind == reads:
	case k.written[id] == none:
		k.written[id] = a.op
	default:
		k.written[id] = writtenTwice
	}
}

// writtenTwice stands in dialogueKey.written for two writes.
const writtenTwice int32 = -2

// writeOf returns the one write that can have made a value, none when there is none, or two.
func (k *dialogueKey) writeOf(v int64) int32 {
	if id := k.ids.find(v); id >= 0 {
		return max(none, k.written[id])
	}
	return none
}

// knownBefore returns an operation that proves that a value, which one write made, was there before op was
// called: somebody had read it, or the session of op had written it. It is none when there is none.
func (k *dialogueKey) knownBefore(all *accesses, v int64, write, op int32) int32 {
	if all.session(int(write)) == all.session(int(op)) && precedes(k.h, write, op) &&
		k.h.Type(int(write)) == history.Ok {
		return write
	}
	if by := k.read[k.ids.find(v)]; by != none && precedes(k.h, by, op) {
		return by
	}
	return none
}

// replaced reports whether the value that was shown was certainly there before write: it is the initial
// value, or its write was acknowledged before write was called. by is its write.
func (k *dialogueKey) replaced(shown *access, write int32) (certain bool, by int32) {
	if shown.form == formNull {
		return !k.cleared, none
	}
	v, ok := shown.integer()
	if !ok {
		return false, none
	}
	by = k.writeOf(v)
	return by != none && k.h.Type(int(by)) == history.Ok && precedes(k.h, by, write), by
}
