package checkers

import (
	"fmt"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// linDice draws from a string of bytes, as fuzzing supplies it, and zeros behind its end.
type linDice []byte

// roll returns a number in [0, n).
func (d *linDice) roll(n int) int {
	if len(*d) == 0 {
		return 0
	}
	b := int((*d)[0])
	*d = (*d)[1:]
	return b % n
}

// oneIn is true once in n rolls.
func (d *linDice) oneIn(n int) bool { return d.roll(n) == n-1 }

// linScenario is what kind of small histories are drawn.
type linScenario struct {
	model  Model
	unique bool // written values
	blind  bool // some refused cas do not tell what they found
	most   int  // operations
	chains bool // most operations are cas, and they take long

	checked int // histories
}

// draw draws a history of one key: mostly operations that ran in some order, some of whose answers are then
// changed, with few different times.
func (s *linScenario) draw(d *linDice) *history.History {
	n := 2 + d.roll(s.most-1)
	ops := make([]history.Op, n)
	type moment struct{ op, at int }
	order := make([]moment, n)
	span := 2 + d.roll(2*n)
	longest := 4
	if s.chains {
		longest = span
	}
	for i := range ops {
		call := d.roll(span)
		ret := call + d.roll(longest)
		ops[i] = history.Op{Session: fmt.Sprintf("s%d", i+1), Key: "k", Call: int64(call),
			Return: int64(ret), Done: 2*i + 1}
		order[i] = moment{i, call + d.roll(ret-call+1)}
	}
	slices.SortStableFunc(order, func(a, b moment) int { return a.at - b.at })
	var state history.Value
	values := []history.Value{{}}
	for _, m := range order {
		s.fill(d, &ops[m.op], &state, &values)
	}
	slices.SortStableFunc(ops, func(a, b history.Op) int { return int(a.Call - b.Call) })
	for i := range ops {
		ops[i].Index, ops[i].Invoked = i, 2*i
	}
	return history.FromOps(ops)
}

// fill makes up what an operation did, given the state at its moment.
func (s *linScenario) fill(d *linDice, op *history.Op, state *history.Value, values *[]history.Value) {
	next := history.IntValue(int64(1 + d.roll(3)))
	if s.unique {
		next = history.IntValue(int64(len(*values)))
	}
	op.Type = history.Ok
	changes := 3
	if s.chains {
		changes = 6
	}
	switch kind := d.roll(8); {
	case kind < changes && s.model == AppendList:
		op.F, op.Arg = history.FAppend, next
	case kind < changes && kind > 0 && s.model == CASRegister:
		op.F, op.Arg, op.Result = history.FCAS, history.ListValue(*state, next), history.BoolValue(true)
		if d.oneIn(3) {
			op.Arg = history.ListValue((*values)[d.roll(len(*values))], next)
		} else if s.chains && d.oneIn(4) { // made of what is only made later
			op.Arg = history.ListValue(history.IntValue(int64(len(*values)+1)), next)
		}
	case kind < changes:
		op.F, op.Arg = history.FWrite, next
		if !s.unique && d.oneIn(8) {
			op.F, op.Arg = history.FDelete, history.Value{}
		}
	default:
		op.F, op.Result = history.FRead, *state
		if d.oneIn(12) {
			op.Type, op.Result = history.Fail, history.Value{}
		} else if d.oneIn(4) {
			s.misread(d, op, *values)
		}
		return
	}
	if s.model != AppendList {
		*values = append(*values, next)
	} else if s.unique {
		*values = append(*values, next)
	}
	s.happen(d, op, state)
}

// misread replaces what a read returned.
func (s *linScenario) misread(d *linDice, op *history.Op, values []history.Value) {
	if s.model != AppendList {
		op.Result = values[d.roll(len(values))]
		if d.oneIn(3) {
			op.Result = history.IntValue(int64(len(values) + d.roll(3))) // of the future, if of anybody
		}
		return
	}
	list, _ := op.Result.AsList()
	list = slices.Clone(list)
	switch {
	case len(list) > 0 && d.oneIn(2):
		list = list[:len(list)-1]
	case len(list) > 1:
		list[0], list[len(list)-1] = list[len(list)-1], list[0]
	default:
		list = append(list, history.IntValue(int64(1+d.roll(len(values)+3))))
	}
	op.Result = history.ListValue(list...)
}

// happen lets op take effect, or fail, or end unknown.
func (s *linScenario) happen(d *linDice, op *history.Op, state *history.Value) {
	takes := true
	roll := d.roll(16)
	if (op.F == history.FCAS || !s.unique) && roll > 8 && roll != 13 {
		roll = 14 // many are ambiguous, so that some are only known from what others did
	}
	switch roll {
	case 15, 14:
		takes = d.oneIn(2)
		op.Type, op.Return, op.Result, op.Done = history.Info, history.Never, history.Value{}, -1
	case 13:
		takes = d.oneIn(8)
		op.Type, op.Result = history.Fail, history.Value{}
	}
	if op.F == history.FCAS {
		args, _ := op.Arg.AsList()
		if fits := args[0].Equal(*state); !fits && op.Type == history.Ok && !d.oneIn(6) {
			takes, op.Result = false, history.ListValue(history.BoolValue(false), *state)
			if s.blind && d.oneIn(2) {
				op.Result = history.BoolValue(false)
			}
		} else if !fits && op.Type != history.Ok {
			takes = false
		} else if op.Type == history.Ok && s.blind && s.chains && d.oneIn(3) {
			takes, op.Result = false, history.BoolValue(false) // wrong, unless another order helps
		} else if op.Type == history.Ok && d.oneIn(24) {
			takes, op.Result = false, history.ListValue(history.BoolValue(false), args[0])
		}
	}
	if !takes {
		return
	}
	switch op.F {
	case history.FCAS:
		args, _ := op.Arg.AsList()
		*state = args[1]
	case history.FAppend:
		list, _ := state.AsList()
		*state = history.ListValue(append(slices.Clip(list), op.Arg)...)
	default: // a delete's is null
		*state = op.Arg
	}
}
