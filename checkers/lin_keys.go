package checkers

import (
	"fmt"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// deedKind says what a deed does to its key.
type deedKind uint8

const (
	readDeed  deedKind = iota // it saw value
	writeDeed                 // it set value, or (AppendList) appended it
	casDeed                   // it found old and set value
	notDeed                   // a refused cas that did not tell what it found: anything but old
	goneDeed                  // dropped from the analysis
)

// deedOf is what one operation did to one key. Failed operations did nothing and have none; neither have
// reads without an answer. A cas that was refused and told what it found is a read of that.
type deedOf struct {
	call, ret int64 // ret is history.Never for deeds that are not sure
	op        int32 // place of the operation
	value     int32 // number of the value; AppendList, Set: of a read, place in keyHistory.lists
	old       int32 // casDeed, notDeed: number of the expected value
	kind      deedKind
	sure      bool // it happened; otherwise it may have happened at any time after its call, or never
}

// keyHistory is the history of one key.
type keyHistory struct {
	h       *history.History
	model   Model
	key     string
	values  valueTable
	deeds   []deedOf   // by call
	lists   []listRead // AppendList, Set: what reads returned
	numbers []int32    // of the elements of all lists
	blocks  []block    // memory for the register
	failed  []failedWrite
	places  []int32 // all operations
	beyond  bool    // there is more than deeds can tell: removals, questions about one element
	wrong   []int32 // operations that are wrong by themselves: refused because it was what they expected
	odd     string  // why the model does not fit this key; "" when it does
}

// listRead is a list that was read: its place in keyHistory.numbers. A null list is empty.
type listRead struct {
	from, to int
	noList   bool // what was read is something else
}

// failedWrite is a value whose write certainly did not happen.
type failedWrite struct {
	value, op int32
}

// name returns the value with that number, as sentences write it.
func (k *keyHistory) name(value int32) string { return brief(k.values.name(value)) }

// take makes k the history of one key, from the places of the operations that touch it; what it was is
// overwritten. An operation over several keys is taken apart into one for each of its keys, which a
// linearizable store allows as well; that they take effect together is not checked.
func (k *keyHistory) take(key string, places []int32) {
	k.key, k.places, k.odd, k.beyond = key, places, "", false
	k.values.reset()
	k.deeds = slices.Grow(k.deeds[:0], len(places))
	k.lists, k.numbers, k.failed, k.wrong = k.lists[:0], k.numbers[:0], k.failed[:0], k.wrong[:0]
	for _, i := range places {
		if k.h.Key(int(i)) >= 0 && k.h.F(int(i)) != history.FTxn {
			k.takeSingle(i)
		} else {
			k.takePart(i)
		}
	}
}

// takeSingle adds the deed of an operation on this key alone.
func (k *keyHistory) takeSingle(i int32) {
	h := k.h
	switch f := h.F(int(i)); f {
	case history.FPeek:
		// Promises nothing.
	case history.FRead:
		if n, isInt := h.ResultInt(int(i)); isInt && !k.collects() {
			k.sawNumber(i, k.values.integer(n))
		} else if ints, areInts := h.ResultInts(int(i)); areInts && k.collects() {
			k.sawList(i, k.listOfInts(ints))
		} else if h.Type(int(i)) == history.Ok {
			k.saw(i, h.Result(int(i)))
		}
	case history.FWrite, history.FAppend, history.FAdd:
		if n, isInt := h.ArgInt(int(i)); isInt && k.changedBy(f) {
			k.mayHaveDone(i, k.deed(i, writeDeed, k.values.integer(n)))
		} else {
			k.change(i, f, h.Arg(int(i)))
		}
	case history.FDelete:
		k.change(i, f, history.Value{})
	case history.FCAS:
		k.takeCAS(i)
	case history.FRemove, fContains:
		if k.beyond = true; k.model != Set {
			k.oddity(i, "the model has no "+f)
		}
	default:
		k.oddity(i, "the model has no "+f)
	}
}

// oddity notes that the key cannot be judged, unless the operation certainly did nothing. The first reason
// stays.
func (k *keyHistory) oddity(i int32, why string) {
	if k.odd == "" && k.h.Type(int(i)) != history.Fail {
		k.odd = fmt.Sprintf("%s (event %d)", why, k.h.Op(int(i)).Invoked)
	}
}

// deed returns the deed of an operation, which is sure.
func (k *keyHistory) deed(i int32, kind deedKind, value int32) deedOf {
	return deedOf{call: k.h.Call(int(i)), ret: k.h.Return(int(i)), op: i, kind: kind, value: value,
		sure: true}
}

// saw adds a read.
func (k *keyHistory) saw(i int32, v history.Value) {
	if !k.collects() {
		k.sawNumber(i, k.values.number(v))
		return
	}
	if _, isList := v.AsList(); k.model == Set && !isList && !v.IsNull() {
		k.oddity(i, "a read of a set returned "+v.String())
	}
	k.sawList(i, k.listOf(v))
}

func (k *keyHistory) sawList(i int32, list listRead) {
	k.deeds = append(k.deeds, k.deed(i, readDeed, int32(len(k.lists))))
	k.lists = append(k.lists, list)
}

func (k *keyHistory) sawNumber(i, value int32) { k.deeds = append(k.deeds, k.deed(i, readDeed, value)) }

// listOf returns a value that was read from a list.
func (k *keyHistory) listOf(v history.Value) listRead {
	list, isList := v.AsList()
	from := len(k.numbers)
	for at := range list {
		k.numbers = append(k.numbers, k.values.number(list[at]))
	}
	return listRead{from: from, to: len(k.numbers), noList: !isList && !v.IsNull()}
}

// listOfInts returns a list of integers that was read.
func (k *keyHistory) listOfInts(ints []int64) listRead {
	from := len(k.numbers)
	for _, n := range ints {
		k.numbers = append(k.numbers, k.values.integer(n))
	}
	return listRead{from: from, to: len(k.numbers)}
}

// list returns the elements that the read d returned; anything that is no list is empty.
func (k *keyHistory) list(d *deedOf) []int32 {
	read := &k.lists[d.value]
	return k.numbers[read.from:read.to]
}

// change adds a write, a delete (a write of null), an append or an add.
func (k *keyHistory) change(i int32, f string, v history.Value) {
	if !k.changedBy(f) {
		k.oddity(i, "the model has no "+f)
		return
	}
	k.mayHaveDone(i, k.deed(i, writeDeed, k.values.number(v)))
}

// changedBy reports whether the model has a change f.
func (k *keyHistory) changedBy(f string) bool {
	switch k.model {
	case AppendList:
		return f == history.FAppend
	case Set:
		return f == history.FAdd
	}
	return f == history.FWrite || f == history.FDelete
}

// collects reports whether reads return many values.
func (k *keyHistory) collects() bool { return k.model == AppendList || k.model == Set }

// mayHaveDone adds a deed that has an effect, as far as it is known to have happened.
func (k *keyHistory) mayHaveDone(i int32, d deedOf) {
	switch k.h.Type(int(i)) {
	case history.Ok:
		k.deeds = append(k.deeds, d)
	case history.Fail:
		k.failed = append(k.failed, failedWrite{d.value, d.op})
	default:
		d.ret, d.sure = history.Never, false
		k.deeds = append(k.deeds, d)
	}
}

func (k *keyHistory) takeCAS(i int32) {
	d := k.deed(i, casDeed, 0)
	if ints, _ := k.h.ArgInts(int(i)); len(ints) == 2 && k.model == CASRegister {
		d.old, d.value = k.values.integer(ints[0]), k.values.integer(ints[1])
	} else {
		arg := k.h.Arg(int(i))
		args, _ := arg.AsList()
		if k.model != CASRegister || len(args) != 2 {
			k.oddity(i, "the model has no "+history.FCAS+" "+arg.String())
			return
		}
		d.old, d.value = k.values.number(args[0]), k.values.number(args[1])
	}
	if k.h.Type(int(i)) == history.Ok {
		k.answered(d)
	} else if d.old != d.value { // else it changes nothing, whether it happened or not
		k.mayHaveDone(i, d)
	}
}

// answered adds a cas that was answered, as what its answer says that it was.
func (k *keyHistory) answered(d deedOf) {
	answer := history.Op{Type: history.Ok, Result: k.h.Result(int(d.op))}
	swapped, found, ok := answer.CASResult()
	switch {
	case !ok:
		k.oddity(d.op, "a cas completed with "+answer.Result.String())
	case len(found) > 0:
		if value := k.values.number(found[0]); value != d.old {
			k.sawNumber(d.op, value)
		} else {
			k.wrong = append(k.wrong, d.op)
		}
	case !swapped:
		d.kind = notDeed
		k.deeds = append(k.deeds, d)
	case d.old == d.value: // it changes nothing
		k.sawNumber(d.op, d.old)
	default:
		k.deeds = append(k.deeds, d)
	}
}

// takePart adds what an operation over several keys did to this one.
func (k *keyHistory) takePart(i int32) {
	op := k.h.Op(int(i))
	switch {
	case op.F == history.FTxn:
		k.takeTxn(i, &op)
	case op.F == history.FPeek, op.F == history.FRead && op.Type != history.Ok:
	case op.F != history.FRead:
		k.oddity(i, "the model has no "+op.F+" of several keys")
	default:
		list, _ := op.Result.AsList()
		for at, key := range op.Keys {
			switch {
			case key != k.key:
			case len(list) != len(op.Keys):
				k.oddity(i, "a read of several keys returned another number of values")
			default:
				k.saw(i, list[at])
			}
		}
	}
}

// takeTxn adds the micro-operation of a transaction on this key.
func (k *keyHistory) takeTxn(i int32, op *history.Op) {
	used := false
	eachMicroOf(op, func(f, key string, value history.Value) {
		switch {
		case key != k.key:
		case used:
			k.oddity(i, "a transaction uses the key twice")
		case f == "w":
			k.change(i, history.FWrite, value)
		case f == "append":
			k.change(i, history.FAppend, value)
		case f != "r":
			k.oddity(i, "the model has no "+f)
		case op.Type == history.Ok:
			k.saw(i, value)
		}
		used = used || key == k.key
	})
}

// eachMicroOf calls yield for the micro-operations of a transaction, and returns what is wrong with it, ""
// for nothing: then it is not known which keys it changed.
func eachMicroOf(op *history.Op, yield func(f, key string, value history.Value)) (wrong string) {
	done := op.Arg
	if op.Type == history.Ok {
		done = op.Result
	}
	micros, ok := done.AsList()
	if !ok {
		return "a transaction with " + done.String()
	}
	for _, micro := range micros {
		fields, _ := micro.AsList()
		if len(fields) != 3 || fields[1].Kind() != history.String {
			wrong = "a transaction with " + micro.String()
			continue
		}
		f, _ := fields[0].AsString()
		key, _ := fields[1].AsString()
		yield(f, key, fields[2])
	}
	return wrong
}
