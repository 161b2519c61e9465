package checkers

import (
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// conflictKey are the accesses to a register, or a set, by call time: what was read for certain, and every
// attempt to write or delete. Of a set, adds are writes of the element, and removes deletes of it.
type conflictKey struct {
	keyAccesses
	set       bool
	changed   bool
	anyChange int32 // the first one
}

// conflictSplit takes a history apart into keys.
type conflictSplit struct {
	*accesses
	byNumber []conflictKey
}

// conflictKeys returns the keys of a history, in the order of their numbers, or why there are none.
func conflictKeys(all *accesses) (keys []conflictKey, broken string) {
	s := &conflictSplit{accesses: all}
	for i := range all.h.Len() {
		switch f := all.h.F(i); f {
		case history.FPeek:
		case history.FRead:
			all.each(i, func(key int32, a access) {
				k := s.key(key)
				k.list = append(k.list, a)
			})
		case history.FWrite, history.FDelete:
			s.change(i, f == history.FWrite, false)
		case history.FAdd, history.FRemove:
			s.change(i, f == history.FAdd, true)
		case history.FTxn:
			if broken = s.changeTxn(i); broken != "" {
				return nil, broken
			}
		default:
			s.oddKeys(i, "is changed by "+f)
		}
	}
	return slices.DeleteFunc(s.byNumber, func(k conflictKey) bool { return !k.changed }), ""
}

// key returns the key with a number.
func (s *conflictSplit) key(number int32) *conflictKey {
	for int(number) >= len(s.byNumber) {
		key := s.name(int32(len(s.byNumber)))
		s.byNumber = append(s.byNumber, conflictKey{keyAccesses: keyAccesses{key: key}})
	}
	return &s.byNumber[number]
}

// change enters a write or a delete, of a set or not.
func (s *conflictSplit) change(i int, writing, set bool) {
	key := s.h.Key(i)
	if key < 0 {
		s.oddKeys(i, "is changed together with other keys")
		return
	}
	a := access{op: int32(i), session: s.session(i), outcome: s.h.Type(i), kind: deletes}
	if writing {
		a.kind = writes
	}
	if writing || set {
		s.setArg(&a, a.kind)
	}
	k := s.key(key)
	if !k.changed {
		k.changed, k.set, k.anyChange = true, set, a.op
	}
	if k.set != set {
		k.odd = "is used both as a register and as a set"
	}
	k.list = append(k.list, a)
}

// oddKeys notes of the keys of an operation that did not fail that it cannot be told what it did to them.
func (s *conflictSplit) oddKeys(i int, odd string) {
	if s.h.Type(i) == history.Fail {
		return
	}
	for _, number := range s.h.Keys(i) {
		s.odd1(number, odd)
	}
	if s.h.Key(i) >= 0 {
		s.odd1(s.h.Key(i), odd)
	}
}

func (s *conflictSplit) odd1(number int32, odd string) {
	if k := s.key(number); k.odd == "" {
		k.odd, k.changed = odd, true
	}
}

// changeTxn notes the keys of a transaction as odd, and reports why that cannot be done.
func (s *conflictSplit) changeTxn(i int) (wrong string) {
	if s.h.Type(i) == history.Fail {
		return ""
	}
	op := s.h.Op(i)
	return eachMicroOf(&op, func(_, key string, _ history.Value) {
		s.odd1(s.number(key), "is used by transactions")
	})
}

// authorNumbers numbers by actor the sessions on their devices.
func authorNumbers(all *accesses) []int32 {
	type author struct {
		session int32
		device  string
	}
	numbers := map[author]int32{}
	byActor := make([]int32, all.h.ActorCount())
	for i := range byActor {
		byActor[i] = none
	}
	for i := range all.h.Len() {
		at := &byActor[all.h.Actor(i)]
		if *at != none {
			continue
		}
		a := author{all.session(i), all.h.Op(i).Device}
		n, known := numbers[a]
		if !known {
			n = int32(len(numbers))
			numbers[a] = n
		}
		*at = n
	}
	return byActor
}

// conflictValues are the values of a key.
type conflictValues struct {
	h       *history.History
	all     *accesses
	list    []access
	numbers elementNumbers
	puts    []int32 // by value: its write's place in list, one that did not fail if there is one; or none
	again   []bool  // by value: several writes of it did not fail
	ids     []int32 // of the values that were written or read, one after the other
	head    []int32 // by place in list: where its values begin in ids; the last one is the end

	final     *finalState // nil when it is not known
	answers   [][]int32   // by answer: its values
	answered  []int32     // by value: the first answer that has it, none for none
	strange   bool        // an answer has a value that nobody wrote
	nothing   int32       // the first answer without values, none for none
	mayHappen []bool      // by place in list: it did not fail, or its value was read
	over      []bool      // by value: it is superseded
	tops      map[int32]*latestChanges
}

// enter takes in a key, or tells why it cannot be judged.
func (v *conflictValues) enter(k *conflictKey) (odd string) {
	v.list = k.list
	least, most := valueSpan(k.list)
	v.numbers.reset(least, most, len(k.list))
	v.puts, v.again, v.ids, v.head = v.puts[:0], v.again[:0], v.ids[:0], v.head[:0]
	for i := range k.list {
		a := &k.list[i]
		v.head = append(v.head, int32(len(v.ids)))
		switch {
		case a.kind == deletes && !k.set:
		case a.kind != reads && a.form != formInt && !v.plain(a):
			return "has " + v.all.value(a).String() + " written to it, which is no single value"
		case a.kind == reads && k.set && !v.isSet(a):
			return "is a set that was read as " + brief(v.all.value(a))
		default:
			v.ids = v.appendIDs(v.ids, a)
		}
		if a.kind == writes && v.put(int32(i), k.set) {
			return "had " + v.all.value(a).String() + " written to it several times"
		}
	}
	v.head = append(v.head, int32(len(v.ids)))
	return ""
}

// plain reports whether an access has a value that is neither null nor a list.
func (v *conflictValues) plain(a *access) bool {
	value := v.all.value(a)
	return !value.IsNull() && value.Kind() != history.List
}

// isSet reports whether a read answered a list of plain values, or null.
func (v *conflictValues) isSet(a *access) bool {
	if a.form == formNull {
		return true
	}
	if _, ints := v.h.ResultInts(int(a.op)); ints && a.form == formResult {
		return true
	}
	value := v.all.value(a)
	list, ok := value.AsList()
	return ok && !slices.ContainsFunc(list, func(e history.Value) bool { return e.Kind() == history.List })
}

// put enters the write at a place in list, and reports whether its value had been written before.
func (v *conflictValues) put(place int32, set bool) (twice bool) {
	id := v.ids[len(v.ids)-1]
	old := v.puts[id]
	failed := func(place int32) bool { return v.list[place].outcome == history.Fail }
	switch {
	case old == none || failed(old):
		v.puts[id] = place
	case !failed(place):
		v.again[id] = true
	}
	return old != none && !set
}

// appendIDs appends the numbers of the values that an access has.
func (v *conflictValues) appendIDs(to []int32, a *access) []int32 {
	switch a.form {
	case formNull:
		return to
	case formInt:
		return append(to, v.id(v.numbers.ints.number(a.value)))
	}
	if ints, ok := v.h.ResultInts(int(a.op)); ok && a.form == formResult {
		for _, n := range ints {
			to = append(to, v.id(v.numbers.ints.number(n)))
		}
		return to
	}
	value := v.all.value(a)
	list, isList := value.AsList()
	if !isList {
		list = []history.Value{value}
	}
	for i := range list {
		to = append(to, v.id(v.numbers.number(&list[i])))
	}
	return to
}

// id makes room for a value's number, which is at most one more than there are.
func (v *conflictValues) id(n int32) int32 {
	if int(n) == len(v.puts) {
		v.puts, v.again = append(v.puts, none), append(v.again, false)
	}
	return n
}

// shown returns the values of the access at a place in list.
func (v *conflictValues) shown(place int) []int32 { return v.ids[v.head[place]:v.head[place+1]] }

// call returns when the access at a place in list was called.
func (v *conflictValues) call(place int32) int64 { return v.h.Call(int(v.list[place].op)) }

// end returns when the access at a place in list returned, Never if nobody knows when it took effect.
func (v *conflictValues) end(place int32) int64 {
	if v.list[place].outcome != history.Ok {
		return history.Never
	}
	return v.h.Return(int(v.list[place].op))
}

// enterFinal takes in the final state.
func (v *conflictValues) enterFinal(s *finalState) {
	v.final, v.answers = nil, v.answers[:0]
	v.strange, v.nothing = false, none
	if s.known() {
		v.final = s
		for i := range s.answers {
			v.answers = append(v.answers, v.appendIDs(nil, &s.answers[i]))
		}
	}
	v.answered = slices.Grow(v.answered[:0], len(v.puts))[:len(v.puts)]
	for id := range v.answered {
		v.answered[id] = none
	}
	for i, ids := range v.answers {
		if len(ids) == 0 && v.nothing == none {
			v.nothing = int32(i)
		}
		for _, id := range ids {
			v.strange = v.strange || v.puts[id] == none
			if v.answered[id] == none {
				v.answered[id] = int32(i)
			}
		}
	}
}

// answerOp returns the operation that gave an answer.
func (v *conflictValues) answerOp(answer int32) int32 { return v.final.answers[answer].op }

// before reports whether a change was acknowledged before the final answers were asked for.
func (v *conflictValues) before(a *access) bool {
	return a.certain() && v.final != nil && v.h.Return(int(a.op)) < v.final.since
}
