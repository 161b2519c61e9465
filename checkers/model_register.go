package checkers

import (
	"github.com/rashomon-harness/rashomon/history"
)

// takeRegister takes an operation of a register.
func takeRegister(p *plan, op *history.Op, a *act) (why string) {
	switch op.F {
	case history.FRead:
		a.kind, a.value = actRead, p.values.number(op.Result)
	case history.FWrite:
		a.kind, a.value = actWrite, p.values.number(op.Arg)
	case history.FDelete:
		a.kind = actWrite
	default:
		return unknownTo(op)
	}
	return ""
}

// takeCASRegister takes an operation of a register with compare-and-set.
func takeCASRegister(p *plan, op *history.Op, a *act) (why string) {
	if op.F == history.FCAS {
		return takeCAS(p, op, a, func(v history.Value) history.Value { return v })
	}
	return takeRegister(p, op, a)
}

// takeCAS takes a compare-and-set. A refused one that told what it found is a read of that; one that
// changes nothing is a read, or when it is not known to have happened, nothing. plain makes equal what the
// model does not tell apart.
func takeCAS(p *plan, op *history.Op, a *act, plain func(history.Value) history.Value) (why string) {
	args, _ := op.Arg.AsList()
	if len(args) != 2 {
		return unknownTo(op)
	}
	old := p.values.number(plain(args[0]))
	a.kind, a.old, a.value = actCAS, old, p.values.number(plain(args[1]))
	if !a.sure {
		if a.old == a.value {
			a.kind = noAct
		}
		return ""
	}
	swapped, found, ok := op.CASResult()
	switch {
	case !ok:
		return oddAnswer(op)
	case len(found) > 0:
		a.kind, a.value = actRead, p.values.number(plain(found[0]))
		if a.value == old {
			a.kind = actWrong
		}
	case !swapped:
		a.kind, p.blind = actNot, true
	case a.old == a.value:
		a.kind = actRead
	}
	return ""
}

// takeMutex takes an operation of a mutex, which is a compare-and-set of the holder. A holder is a session,
// whose process may have been replaced since it acquired; without sessions it is a process.
func takeMutex(p *plan, op *history.Op, a *act) (why string) {
	if op.F != fAcquire && op.F != fRelease {
		return unknownTo(op)
	}
	if done, is := op.Result.AsBool(); is && !done {
		return ""
	}
	name := history.IntValue(int64(op.Process))
	if op.Session != "" {
		name = history.StringValue(op.Session)
	}
	holder := p.values.number(name)
	a.kind, a.value = actCAS, holder
	if op.F == fRelease {
		a.old, a.value = holder, 0
	}
	return ""
}

// readyNumbers returns the machine of one value: its state is the value's number.
func readyNumbers(p *plan) (m machine, why string) {
	p.byValue, p.initial = true, true
	p.weakens = p.spec.Name != "mutex"
	states := make([]any, len(p.values.names)) // made once: a number in an interface is an allocation
	for v := range states {
		states[v] = int32(v)
	}
	return machine{
		init: states[0],
		step: func(state any, a *act) (bool, any) {
			now := state.(int32)
			switch a.kind {
			case actRead:
				return now == a.value, state
			case actWrite:
				return true, states[a.value]
			case actNot:
				return now != a.old, state
			}
			if now == a.old { // actCAS
				return true, states[a.value]
			}
			return !a.sure, state // it may have found something else, and done nothing
		},
		equal: func(x, y any) bool { return x.(int32) == y.(int32) },
		hash:  func(state any) uint64 { return mix(uint64(state.(int32)) + 1) },
		size:  func(any) int64 { return 0 },
	}, ""
}

// takeKV takes an operation of one key of a map.
func takeKV(p *plan, op *history.Op, a *act) (why string) {
	switch op.F {
	case fGet, history.FRead:
		a.kind, a.value = actRead, p.values.number(presence(op.Result))
	case fPut, history.FWrite:
		a.kind, a.value = actWrite, p.values.number(presence(op.Arg))
	case history.FAppend:
		if _, isText := op.Arg.AsString(); !isText {
			return unknownTo(op)
		}
		a.kind, a.value = actConcat, p.values.number(presence(op.Arg))
	case history.FCAS:
		return takeCAS(p, op, a, presence)
	default:
		return takeRegister(p, op, a)
	}
	return ""
}

// presence takes the empty string for nothing: answers in the wild do not tell the two apart.
func presence(v history.Value) history.Value {
	if text, is := v.AsString(); is && text == "" {
		return history.Value{}
	}
	return v
}

// needsKV is needsMakers without appends; with them a value depends on all that came before.
func needsKV(p *plan, i int32, add func(int32)) {
	if p.byValue {
		needsMakers(p, i, add)
	} else {
		needsChangesBefore(p, i, add)
	}
}
