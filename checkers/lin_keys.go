package checkers

import (
	"cmp"
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
	op        int32 // index of the operation
	value     int32 // number of the value; AppendList: of a read, place of the list in keyHistory.lists
	old       int32 // casDeed, notDeed: number of the expected value
	kind      deedKind
	sure      bool // it happened; otherwise it may have happened at any time after its call, or never
}

// keyHistory is the history of one key.
type keyHistory struct {
	key    string
	ops    []history.Op // of the whole history
	values valueTable
	deeds  []deedOf         // by call
	lists  []*history.Value // AppendList: what reads returned
	failed []failedWrite
	wrong  []int32 // operations that are wrong by themselves: refused because it was what they expected
	odd    string  // why the model does not fit this key; "" when it does
}

// failedWrite is a value whose write certainly did not happen.
type failedWrite struct {
	value, op int32
}

func (k *keyHistory) op(d *deedOf) *history.Op { return &k.ops[d.op] }

// name returns the value with that number, as sentences write it.
func (k *keyHistory) name(value int32) string { return brief(*k.values.names[value]) }

// splitter takes a history apart into its keys.
type splitter struct {
	model Model
	ops   []history.Op
	keys  map[string]*keyHistory
	last  *keyHistory // used last
	odd   string      // why no key can be judged, "" for none
}

// splitByKey returns the histories of the keys, by key. Linearizability is local (Herlihy and Wing 1990,
// theorem 1): a history is linearizable iff that of every key is. An operation over several keys is taken
// apart into one for each of its keys, which a linearizable store allows as well; that they take effect
// together is not checked here.
func splitByKey(h *history.History, model Model) []*keyHistory {
	s := splitter{model: model, ops: h.Ops(), keys: map[string]*keyHistory{}}
	for i := range s.ops {
		s.take(int32(i), &s.ops[i])
	}
	keys := make([]*keyHistory, 0, len(s.keys))
	for _, k := range s.keys {
		k.odd = cmp.Or(k.odd, s.odd)
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b *keyHistory) int { return cmp.Compare(a.key, b.key) })
	byCall := func(a, b deedOf) int { return cmp.Compare(a.call, b.call) }
	for _, k := range keys {
		if !slices.IsSortedFunc(k.deeds, byCall) {
			slices.SortStableFunc(k.deeds, byCall)
		}
	}
	return keys
}

func (s *splitter) key(name string) *keyHistory {
	if s.last != nil && s.last.key == name {
		return s.last
	}
	k := s.keys[name]
	if k == nil {
		k = &keyHistory{key: name, ops: s.ops}
		k.values.number(&history.Value{})
		s.keys[name] = k
	}
	s.last = k
	return k
}

// take adds the deeds of one operation.
func (s *splitter) take(i int32, op *history.Op) {
	switch op.F {
	case history.FPeek:
		// Promises nothing.
	case history.FRead:
		s.takeRead(i, op)
	case history.FTxn:
		s.takeTxn(i, op)
	default:
		for _, key := range op.Keys {
			s.oddity(op, key, "the model has no "+op.F+" of several keys")
		}
		if len(op.Keys) == 0 {
			s.takeChange(i, op)
		}
	}
}

func (s *splitter) takeChange(i int32, op *history.Op) {
	switch op.F {
	case history.FWrite, history.FAppend:
		s.change(i, op, op.Key, op.F, &op.Arg)
	case history.FDelete:
		s.change(i, op, op.Key, op.F, &history.Value{})
	case history.FCAS:
		s.takeCAS(i, op)
	default:
		s.oddity(op, op.Key, "the model has no "+op.F)
	}
}

// oddity notes that a key cannot be judged, unless the operation certainly did nothing. The first reason
// stays.
func (s *splitter) oddity(op *history.Op, key, why string) {
	if k := s.key(key); k.odd == "" && op.Type != history.Fail {
		k.odd = fmt.Sprintf("%s (event %d)", why, op.Invoked)
	}
}

// unclear notes that no key can be judged, because it is not known which ones the operation changed.
func (s *splitter) unclear(op *history.Op, why string) {
	if s.odd == "" && op.Type != history.Fail {
		s.odd = fmt.Sprintf("%s (event %d)", why, op.Invoked)
	}
}

func (s *splitter) takeRead(i int32, op *history.Op) {
	if op.Type != history.Ok {
		return
	}
	if len(op.Keys) == 0 {
		s.saw(i, op, op.Key, &op.Result)
		return
	}
	list, _ := op.Result.AsList()
	for at, key := range op.Keys {
		if len(list) != len(op.Keys) {
			s.oddity(op, key, "a read of several keys returned another number of values")
			continue
		}
		s.saw(i, op, key, &list[at])
	}
}

// saw adds a read of one key.
func (s *splitter) saw(i int32, op *history.Op, key string, v *history.Value) {
	k := s.key(key)
	d := deedOf{call: op.Call, ret: op.Return, op: i, kind: readDeed, sure: true}
	if s.model == AppendList {
		d.value = int32(len(k.lists))
		k.lists = append(k.lists, v)
	} else {
		d.value = k.values.number(v)
	}
	k.deeds = append(k.deeds, d)
}

// change adds a write, a delete (a write of null) or an append to one key.
func (s *splitter) change(i int32, op *history.Op, key, f string, v *history.Value) {
	if (f == history.FAppend) != (s.model == AppendList) {
		s.oddity(op, key, "the model has no "+f)
		return
	}
	k := s.key(key)
	d := deedOf{call: op.Call, ret: op.Return, op: i, value: k.values.number(v), kind: writeDeed}
	s.mayHaveDone(k, op, d)
}

// mayHaveDone adds a deed that has an effect, as far as it is known to have happened.
func (s *splitter) mayHaveDone(k *keyHistory, op *history.Op, d deedOf) {
	switch op.Type {
	case history.Ok:
		d.sure = true
		k.deeds = append(k.deeds, d)
	case history.Fail:
		k.failed = append(k.failed, failedWrite{d.value, d.op})
	default:
		d.ret = history.Never
		k.deeds = append(k.deeds, d)
	}
}

func (s *splitter) takeCAS(i int32, op *history.Op) {
	args, _ := op.Arg.AsList()
	if s.model != CASRegister || len(args) != 2 {
		s.oddity(op, op.Key, "the model has no "+op.F+" "+op.Arg.String())
		return
	}
	k := s.key(op.Key)
	d := deedOf{call: op.Call, ret: op.Return, op: i, kind: casDeed}
	d.old, d.value = k.values.number(&args[0]), k.values.number(&args[1])
	if op.Type == history.Ok {
		swapped, found, ok := op.CASResult()
		switch {
		case !ok:
			s.oddity(op, op.Key, "a cas completed with "+op.Result.String())
			return
		case len(found) > 0 && found[0].Equal(args[0]):
			k.wrong = append(k.wrong, i)
			return
		case len(found) > 0:
			s.saw(i, op, op.Key, &found[0])
			return
		case !swapped:
			d.kind = notDeed
		}
	}
	if d.kind == casDeed && d.old == d.value {
		// It changes nothing: a read of old when it was done, nothing at all when that is not known.
		if op.Type == history.Ok {
			s.saw(i, op, op.Key, &args[0])
		}
		return
	}
	s.mayHaveDone(k, op, d)
}

// takeTxn takes a transaction apart into its micro-operations.
func (s *splitter) takeTxn(i int32, op *history.Op) {
	done := op.Arg
	if op.Type == history.Ok {
		done = op.Result
	}
	micros, ok := done.AsList()
	if !ok {
		s.unclear(op, "a transaction with "+done.String())
	}
	var used []string
	for _, micro := range micros {
		fields, _ := micro.AsList()
		if len(fields) != 3 || fields[1].Kind() != history.String {
			s.unclear(op, "a transaction with "+micro.String())
			continue
		}
		f, _ := fields[0].AsString()
		key, _ := fields[1].AsString()
		if slices.Contains(used, key) {
			s.oddity(op, key, "a transaction uses the key twice")
			continue
		}
		used = append(used, key)
		switch {
		case f == "w":
			s.change(i, op, key, history.FWrite, &fields[2])
		case f == "append":
			s.change(i, op, key, history.FAppend, &fields[2])
		case f != "r":
			s.oddity(op, key, "the model has no "+f)
		case op.Type == history.Ok:
			s.saw(i, op, key, &fields[2])
		}
	}
}
