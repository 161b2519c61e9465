package checkers

import (
	"math"
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/rashomon-harness/rashomon/history"
)

// tiny is what one operation of a small history did, with its values as numbers. States are strings of such
// numbers: of a register one, 0 being null; of a list its elements.
type tiny struct {
	call, ret int64 // ret is history.Never unless sure
	kind      tinyKind
	sure      bool
	old, new  byte
	saw       string // tinyRead
}

type tinyKind uint8

const (
	tinyRead   tinyKind = iota // saw that state
	tinyWrite                  // sets new
	tinyAppend                 // adds new at the end
	tinyCAS                    // found old, sets new
	tinyNot                    // found anything but old
	tinyWrong                  // is impossible
)

// step is the sequential definition of registers and lists: whether an operation fits a state, and the state
// that it leaves.
func (o *tiny) step(state string) (next string, fits bool) {
	switch o.kind {
	case tinyRead:
		return state, state == o.saw
	case tinyWrite:
		return string(rune(o.new)), true
	case tinyAppend:
		return state + string(rune(o.new)), true
	case tinyNot:
		return state, state != string(rune(o.old))
	case tinyCAS:
		if state == string(rune(o.old)) {
			return string(rune(o.new)), true
		}
		return state, !o.sure
	}
	return state, false
}

// tinyHistory is a small history for the two twins of the checker: the definition, tried out, and porcupine.
// They share the sequential definition with each other, and nothing with the checker.
type tinyHistory struct {
	ops    []tiny
	start  string
	values []history.Value // by number
}

// tinyOf returns the history of the given operations.
func tinyOf(ops []history.Op, model Model) *tinyHistory {
	h := &tinyHistory{start: "\x00", values: []history.Value{{}}}
	if model == AppendList {
		h.start = ""
	}
	for i := range ops {
		op := &ops[i]
		if op.Type == history.Fail || op.F == history.FRead && op.Type != history.Ok {
			continue
		}
		o := tiny{call: op.Call, ret: op.Return, sure: op.Type == history.Ok}
		if !o.sure {
			o.ret = history.Never
		}
		h.take(op, &o, model)
		h.ops = append(h.ops, o)
	}
	return h
}

func (h *tinyHistory) number(v history.Value) byte {
	at := slices.IndexFunc(h.values, v.Equal)
	if at < 0 {
		at = len(h.values)
		h.values = append(h.values, v)
	}
	return byte(at)
}

func (h *tinyHistory) take(op *history.Op, o *tiny, model Model) {
	switch op.F {
	case history.FRead:
		o.kind = tinyRead
		if model != AppendList {
			o.saw = string(rune(h.number(op.Result)))
			return
		}
		list, isList := op.Result.AsList()
		if !isList && !op.Result.IsNull() {
			o.kind = tinyWrong
		}
		for _, e := range list {
			o.saw += string(rune(h.number(e)))
		}
	case history.FWrite:
		o.kind, o.new = tinyWrite, h.number(op.Arg)
	case history.FDelete:
		o.kind = tinyWrite
	case history.FAppend:
		o.kind, o.new = tinyAppend, h.number(op.Arg)
	case history.FCAS:
		h.takeCAS(op, o)
	}
}

func (h *tinyHistory) takeCAS(op *history.Op, o *tiny) {
	args, _ := op.Arg.AsList()
	o.kind, o.old, o.new = tinyCAS, h.number(args[0]), h.number(args[1])
	refused, current := casRefused(op)
	switch {
	case current != nil && current.Equal(args[0]):
		o.kind = tinyWrong
	case current != nil:
		o.kind, o.saw = tinyRead, string(rune(h.number(*current)))
	case refused:
		o.kind = tinyNot
	}
}

// explainable reports whether some order of the operations agrees with their times and answers: the
// definition of linearizability, tried out.
func (h *tinyHistory) explainable() bool {
	sure := uint32(0)
	for i := range h.ops {
		if h.ops[i].sure {
			sure |= 1 << i
		}
	}
	d := definition{h.ops, sure, make(map[tried]struct{}, 64)}
	return d.from(0, h.start)
}

// definition looks for an order.
type definition struct {
	ops   []tiny
	sure  uint32 // those that must be in it
	tried map[tried]struct{}
}

// tried is a configuration that was looked at: the operations that happened, and the state that they left.
type tried struct {
	done  uint32
	state string
}

func (d *definition) from(done uint32, state string) bool {
	if done&d.sure == d.sure {
		return true
	}
	if _, again := d.tried[tried{done, state}]; again {
		return false
	}
	d.tried[tried{done, state}] = struct{}{}
	first := int64(math.MaxInt64) // the first return of those left
	for i := range d.ops {
		if done&(1<<i) == 0 {
			first = min(first, d.ops[i].ret)
		}
	}
	for i := range d.ops {
		if done&(1<<i) != 0 || d.ops[i].call > first {
			continue
		}
		if next, fits := d.ops[i].step(state); fits && d.from(done|1<<i, next) {
			return true
		}
	}
	return false
}

// porcupine reports whether the general engine, by itself and without pruning, finds the history
// linearizable.
func (h *tinyHistory) porcupine() bool {
	ops := make([]porcupine.Operation, len(h.ops))
	for i := range h.ops {
		o := &h.ops[i]
		ops[i] = porcupine.Operation{ClientId: i, Input: o, Call: o.call, Return: o.ret}
	}
	return porcupine.CheckOperations(porcupine.Model{
		Init: func() any { return h.start },
		Step: func(state, input, _ any) (bool, any) {
			next, fits := input.(*tiny).step(state.(string))
			return fits, next
		},
	}, ops)
}
