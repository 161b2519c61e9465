package checkers

import (
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// takeList takes an operation of an append-only list.
func takeList(p *plan, op *history.Op, a *act) (why string) {
	switch op.F {
	case history.FAppend:
		a.kind, a.value = actAppend, p.values.number(op.Arg)
	case history.FRead:
		return takeReadAll(p, op, a)
	default:
		return unknownTo(op)
	}
	return ""
}

// takeReadAll takes a read of all elements.
func takeReadAll(p *plan, op *history.Op, a *act) (why string) {
	if !a.sure {
		return ""
	}
	list, ok := p.values.numberAll(op.Result)
	if !ok {
		return oddAnswer(op)
	}
	a.kind, a.list = actReadAll, list
	return ""
}

// takeQueue takes an operation of a first-in first-out queue.
func takeQueue(p *plan, op *history.Op, a *act) (why string) {
	switch {
	case op.F == fEnqueue && !op.Arg.IsNull():
		a.kind, a.value = actEnqueue, p.values.number(op.Arg)
	case op.F == fDequeue:
		a.kind, a.yes, a.value = actDequeue, !op.Result.IsNull(), p.values.number(op.Result)
	default:
		return unknownTo(op)
	}
	return ""
}

// sequence is the state of a list or a queue. It is never changed; sequences share elements.
type sequence struct {
	elements []int32
	hash     uint64
}

func newSequence(elements []int32) *sequence {
	s := &sequence{elements: elements}
	for _, e := range elements {
		s.hash = mix(s.hash ^ uint64(e) + 1)
	}
	return s
}

// with returns s with one element more.
func (s *sequence) with(element int32) *sequence {
	return &sequence{
		elements: append(slices.Clip(s.elements), element),
		hash:     mix(s.hash ^ uint64(element) + 1),
	}
}

// sequences fills in what machines over sequences have in common.
func (m machine) sequences() machine {
	m.init = newSequence(nil)
	m.equal = func(x, y any) bool {
		a, b := x.(*sequence), y.(*sequence)
		return a.hash == b.hash && slices.Equal(a.elements, b.elements)
	}
	m.hash = func(state any) uint64 { return state.(*sequence).hash }
	m.size = func(state any) int64 { return 4*int64(len(state.(*sequence).elements)) + 32 }
	return m
}

// readyList returns the machine of a list.
func readyList(p *plan) (m machine, why string) {
	p.byValue = true
	m.step = func(state any, a *act) (bool, any) {
		now := state.(*sequence)
		if a.kind == actAppend {
			return true, now.with(a.value)
		}
		return slices.Equal(now.elements, a.list), state
	}
	return m.sequences(), ""
}

// readyQueue returns the machine of a queue. A dequeue of unknown outcome takes the first element, whatever
// it is; it finds none when it is placed behind everything, as if it had not happened.
func readyQueue(p *plan) (m machine, why string) {
	p.byValue = true
	m.step = func(state any, a *act) (bool, any) {
		now := state.(*sequence)
		switch {
		case a.kind == actEnqueue:
			return true, now.with(a.value)
		case len(now.elements) == 0:
			return !a.sure || !a.yes, state
		case a.sure && (!a.yes || now.elements[0] != a.value):
			return false, state
		}
		return true, newSequence(now.elements[1:])
	}
	return m.sequences(), ""
}

// takeSet takes an operation of a set.
func takeSet(p *plan, op *history.Op, a *act) (why string) {
	switch op.F {
	case history.FAdd:
		a.kind, a.value = actAdd, p.values.number(op.Arg)
	case history.FRemove:
		a.kind, a.value = actRemove, p.values.number(op.Arg)
	case fContains:
		if !a.sure {
			return ""
		}
		yes, ok := op.Result.AsBool()
		if !ok {
			return oddAnswer(op)
		}
		a.kind, a.value, a.yes = actHas, p.values.number(op.Arg), yes
	case history.FRead:
		return takeReadAll(p, op, a)
	default:
		return unknownTo(op)
	}
	return ""
}

// elementSet is the state of a set: a bit an element. It is never changed.
type elementSet struct {
	bits []uint64
	hash uint64 // of the elements' hashes the exclusive or
}

func newElementSet(values int) *elementSet { return &elementSet{bits: make([]uint64, values/64+1)} }

func (s *elementSet) has(element int32) bool { return s.bits[element/64]>>(element%64)&1 != 0 }

// flip puts element in if it is out, and out if it is in.
func (s *elementSet) flip(element int32) {
	s.bits[element/64] ^= 1 << (element % 64)
	s.hash ^= mix(uint64(element) + 1)
}

// with returns the set in which element is, or is not.
func (s *elementSet) with(element int32, in bool) *elementSet {
	if s.has(element) == in {
		return s
	}
	next := &elementSet{bits: slices.Clone(s.bits), hash: s.hash}
	next.flip(element)
	return next
}

// readySet returns the machine of a set.
func readySet(p *plan) (m machine, why string) {
	p.byValue = true
	values := len(p.values.names)
	found := map[int32]*elementSet{} // by read
	for i := range p.acts {
		if a := &p.acts[i]; a.kind == actReadAll {
			s := newElementSet(values)
			for _, e := range a.list {
				if !s.has(e) {
					s.flip(e)
				}
			}
			found[a.op] = s
		}
	}
	equal := func(x, y any) bool {
		a, b := x.(*elementSet), y.(*elementSet)
		return a.hash == b.hash && slices.Equal(a.bits, b.bits)
	}
	return machine{
		init: newElementSet(values),
		step: func(state any, a *act) (bool, any) {
			now := state.(*elementSet)
			switch a.kind {
			case actAdd, actRemove:
				return true, now.with(a.value, a.kind == actAdd)
			case actHas:
				return now.has(a.value) == a.yes, state
			}
			return equal(now, found[a.op]), state
		},
		equal: equal,
		hash:  func(state any) uint64 { return state.(*elementSet).hash },
		size:  func(any) int64 { return int64(values/8) + 40 },
	}, ""
}
