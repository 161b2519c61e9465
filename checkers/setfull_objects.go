package checkers

import (
	"context"
	"fmt"

	"github.com/rashomon-harness/rashomon/history"
)

// object is what was done to one key that is a set or a counter: the attempts to change it, failed ones
// too, and the reads that were answered, both by call time.
type object struct {
	key     string
	changes []int32 // places of operations
	reads   []objectRead
	odd     string // why it cannot be judged, "" when it can
}

// objectRead is the answer of a read about one object.
type objectRead struct {
	op int32
	at int32 // the place of the object among the keys of a read of several, -1 for a read of one
}

// objectRole is what an operation is to an object.
type objectRole uint8

const (
	readsObject objectRole = iota
	changesObject
	strangeToObject // it may change the object in a way that its kind does not know
)

// objectSplit takes a history apart into its objects.
type objectSplit struct {
	h       *history.History
	changes func(f string) bool // whether the function changes objects of the kind
	counts  [][strangeToObject + 1]int32
	strange []int32          // by key: the first operation that is strange to it, none for none
	numbers map[string]int32 // of keys, made when a transaction names one
}

// objectsOf returns the objects of a kind: the keys that are changed by its functions, and those that are
// only read. It goes through the history twice, to count and to fill.
func objectsOf(h *history.History, changes func(f string) bool) []object {
	s := &objectSplit{h: h, changes: changes, counts: make([][strangeToObject + 1]int32, h.KeyCount())}
	s.strange = make([]int32, len(s.counts))
	for i := range s.strange {
		s.strange[i] = none
	}
	for i := range h.Len() {
		s.each(i, s.count)
	}
	places, objects := s.makeObjects()
	for i := range h.Len() {
		s.each(i, func(key, op, at int32, role objectRole) {
			switch o := places[key]; {
			case o < 0:
			case role == changesObject:
				objects[o].changes = append(objects[o].changes, op)
			case role == readsObject:
				objects[o].reads = append(objects[o].reads, objectRead{op, at})
			}
		})
	}
	return objects
}

func (s *objectSplit) count(key, op, _ int32, role objectRole) {
	s.counts[key][role]++
	if role == strangeToObject && s.strange[key] == none {
		s.strange[key] = op
	}
}

// makeObjects makes the objects with room for what they will have. places has by key the place of its
// object, -1 for none.
func (s *objectSplit) makeObjects() (places []int32, objects []object) {
	places = make([]int32, len(s.counts))
	for key, n := range s.counts {
		places[key] = -1
		if n[changesObject] == 0 && n[readsObject] == 0 {
			continue
		}
		places[key] = int32(len(objects))
		o := object{key: s.h.KeyName(int32(key)), changes: make([]int32, 0, n[changesObject]),
			reads: make([]objectRead, 0, n[readsObject])}
		if op := s.strange[key]; op != none {
			o.odd = fmt.Sprintf("%s has an operation of another kind, %s", o.key, s.h.F(int(op)))
		}
		objects = append(objects, o)
	}
	return places, objects
}

// each calls yield for every key of operation i. Peeks promise nothing; contains tells of one element
// only.
func (s *objectSplit) each(i int, yield func(key, op, at int32, role objectRole)) {
	role := strangeToObject
	switch f := s.h.F(i); {
	case f == history.FPeek, f == fContains:
		return
	case s.changes(f):
		role = changesObject
	case f == history.FRead && s.h.Type(i) != history.Ok:
		return
	case f == history.FRead:
		role = readsObject
	case s.h.Type(i) == history.Fail:
		return
	}
	if s.h.F(i) == history.FTxn {
		s.eachOfTxn(i, yield)
		return
	}
	if key := s.h.Key(i); key >= 0 {
		yield(key, int32(i), -1, role)
		return
	}
	if role == changesObject && s.h.Type(i) == history.Fail {
		return
	} else if role == changesObject {
		role = strangeToObject
	}
	for at, key := range s.h.Keys(i) {
		yield(key, int32(i), int32(at), role)
	}
}

// eachOfTxn is each of a transaction, which is strange to all its keys; one that makes no sense, to all keys.
func (s *objectSplit) eachOfTxn(i int, yield func(key, op, at int32, role objectRole)) {
	op := s.h.Op(i)
	if wrong := eachMicroOf(&op, func(_, key string, _ history.Value) {
		if n, known := s.number(key); known {
			yield(n, int32(i), -1, strangeToObject)
		}
	}); wrong == "" {
		return
	}
	for key := range s.counts {
		yield(int32(key), int32(i), -1, strangeToObject)
	}
}

// number returns the number of the key of that name, if the history knows it by itself.
func (s *objectSplit) number(key string) (n int32, known bool) {
	if s.numbers == nil {
		s.numbers = make(map[string]int32, len(s.counts))
		for n := range s.counts {
			s.numbers[s.h.KeyName(int32(n))] = int32(n)
		}
	}
	n, known = s.numbers[key]
	return n, known
}

// answer returns what a read answered about its object; ok is false when it answered about another number
// of keys than it was asked for.
func answer(h *history.History, r objectRead) (v history.Value, ok bool) {
	v = h.Result(int(r.op))
	if r.at < 0 {
		return v, true
	}
	list, _ := v.AsList()
	if len(list) != len(h.Keys(int(r.op))) {
		return v, false
	}
	return list[r.at], true
}

// judgeObjects judges the objects of a kind one by one until ctx ends, and returns why not all could be
// judged, "" when all were. judge returns why it could not judge one. One that is only read, and odd, is of
// another kind.
func judgeObjects(ctx context.Context, objects []object, judge func(o *object) string) (unknown string) {
	left, because := 0, ""
	for i := range objects {
		if ctx.Err() != nil {
			return fmt.Sprintf("stopped after %d of %d keys: %v", i, len(objects), ctx.Err())
		}
		odd := objects[i].odd
		if odd == "" {
			odd = judge(&objects[i])
		}
		if odd == "" || len(objects[i].changes) == 0 {
			continue
		}
		if left++; left == 1 {
			because = odd
		}
	}
	if left > 1 {
		because += fmt.Sprintf(", and %d more keys like it", left-1)
	}
	return because
}

// elementNumbers numbers values from 0 in the order of their first use. Integers that lie close together
// are looked up by direct address.
type elementNumbers struct {
	ints  valueIndex
	texts map[string]int32 // of everything but integers, by their text
}

// reset forgets all. The integers to come are mostly n or fewer between least and most.
func (n *elementNumbers) reset(least, most int64, count int) {
	n.ints.reset(least, most, count)
	clear(n.texts)
}

// count returns how many values have a number.
func (n *elementNumbers) count() int32 { return n.ints.count }

// number returns the number of v, the next one when it has none.
func (n *elementNumbers) number(v *history.Value) int32 {
	if i, ok := v.AsInt(); ok {
		return n.ints.number(i)
	}
	text := v.String()
	id, known := n.texts[text]
	if !known {
		if n.texts == nil {
			n.texts = map[string]int32{}
		}
		id = n.ints.count
		n.texts[text] = id
		n.ints.count++
	}
	return id
}
