package checkers

import (
	"math"
	"sort"

	"github.com/rashomon-harness/rashomon/history"
)

// staleValues are the values of a register: which writes can have written them, and from when on they
// certainly were there.
type staleValues struct {
	h       *history.History
	all     *accesses
	list    []access
	numbers elementNumbers
	ids     []int32        // by access: the number of its value, -1 for none
	values  []staleValue   // by number; null is the first
	ranked  []int32        // the acknowledged writes by call time
	inTurn  bool           // each of them was called after the one before had returned
	again   bool           // some value was written several times
	writes  [][]staleWrite // if again: by value its writes by call time
	exact   int            // of the reads those that are exact
}

// staleValue is one value. For null the initial state counts as a write that returned before all time.
type staleValue struct {
	writes int32 // that did not fail
	sure   int32 // those of them that were acknowledged
	write  int32 // one of them, none for the initial state
	by     int32 // if there is one write: the operation of the value that returned first, none for no such
	there  int64 // when that had returned
	rank   int32 // how many acknowledged writes were called until then, -1 when it is not counted yet
}

// staleWrite is one of several writes of a value.
type staleWrite struct {
	call  int64
	there int64 // when it and all before it had returned
	by    int32 // the one whose return that is
}

// enter takes the accesses of a key in.
func (v *staleValues) enter(all *accesses, k *keyAccesses) {
	v.h, v.all, v.list = all.h, all, k.list
	least, most := valueSpan(k.list)
	v.numbers.reset(least, most, len(k.list))
	v.ids, v.values, v.ranked = v.ids[:0], v.values[:0], v.ranked[:0]
	v.inTurn, v.again = true, false
	v.value(v.numbers.number(&history.Value{}))
	v.values[0] = staleValue{writes: 1, write: none, by: none, there: math.MinInt64}
	for i := range k.list {
		a := &k.list[i]
		id := int32(-1)
		if a.outcome != history.Fail {
			id = v.number(a)
		}
		v.ids = append(v.ids, id)
		if id < 0 {
			continue
		}
		if x := v.value(id); a.kind != reads {
			v.enterWrite(a, x)
		}
	}
}

// number returns the number of an access's value.
func (v *staleValues) number(a *access) int32 {
	switch {
	case a.form == formNull: // of deletes, too
		return 0
	case a.form == formInt:
		return v.numbers.ints.number(a.value)
	}
	value := v.all.value(a)
	return v.numbers.number(&value)
}

// value returns the value with a number, which is at most one more than there are.
func (v *staleValues) value(id int32) *staleValue {
	if int(id) == len(v.values) {
		v.values = append(v.values, staleValue{write: none, by: none, there: history.Never, rank: -1})
	}
	return &v.values[id]
}

func (v *staleValues) enterWrite(a *access, x *staleValue) {
	x.writes++
	x.write, x.by, x.there = a.op, a.op, v.h.Return(int(a.op))
	v.again = v.again || x.writes > 1
	if a.certain() {
		x.sure++
		if n := len(v.ranked); n > 0 && !precedes(v.h, v.ranked[n-1], a.op) {
			v.inTurn = false
		}
		v.ranked = append(v.ranked, a.op)
	}
}

// rank finds out when the values certainly were there. A read of a value that was written once shows that
// it was.
func (v *staleValues) rank() {
	for i := range v.list {
		a := &v.list[i]
		if a.kind != reads {
			continue
		}
		x := &v.values[v.ids[i]]
		ret := v.h.Return(int(a.op))
		if x.write != none && ret < x.there && ret >= v.h.Call(int(x.write)) {
			x.there, x.by = ret, a.op
		}
	}
	if v.again {
		v.sortWrites()
	}
}

// sortWrites lists the writes of each value.
func (v *staleValues) sortWrites() {
	v.writes = make([][]staleWrite, len(v.values))
	v.writes[0] = append(v.writes[0], staleWrite{math.MinInt64, math.MinInt64, none})
	for i := range v.list {
		a := &v.list[i]
		if v.ids[i] < 0 || a.kind == reads {
			continue
		}
		all := &v.writes[v.ids[i]]
		w := staleWrite{v.h.Call(int(a.op)), v.h.Return(int(a.op)), a.op}
		if n := len(*all); n > 0 && (*all)[n-1].there >= w.there {
			w.there, w.by = (*all)[n-1].there, (*all)[n-1].by
		}
		*all = append(*all, w)
	}
}

// appendReads appends the reads that can be measured.
func (v *staleValues) appendReads(to []staleRead) []staleRead {
	v.exact = 0
	for i := range v.list {
		a := &v.list[i]
		if a.kind != reads {
			continue
		}
		r, ok := v.read(a.op, v.ids[i])
		if !ok {
			continue
		}
		if r.exact {
			v.exact++
		}
		to = append(to, r)
	}
	return to
}

// read returns what is known of a read of a value, and whether anybody can have written it by then.
func (v *staleValues) read(op, id int32) (staleRead, bool) {
	x := &v.values[id]
	ret := v.h.Return(int(op))
	if x.writes > 1 {
		all := v.writes[id]
		n := sort.Search(len(all), func(i int) bool { return all[i].call > ret })
		if n == 0 {
			return staleRead{}, false
		}
		by := all[n-1].by
		return staleRead{op: op, value: id, rank: v.calledUntil(all[n-1].there), by: by, write: by,
			exact: v.exactFrom(by, n == 1)}, true
	}
	if x.writes == 0 || x.write != none && ret < v.h.Call(int(x.write)) {
		return staleRead{}, false
	}
	if x.rank < 0 {
		x.rank = v.calledUntil(x.there)
	}
	return staleRead{op: op, value: id, rank: x.rank, by: x.by, write: x.write,
		exact: v.exactFrom(x.write, true)}, true
}

// exactFrom reports whether exactly the writes called after a write are newer than what a read returned. only
// tells that no other write can have been read.
func (v *staleValues) exactFrom(write int32, only bool) bool {
	known := only && (write == none || v.h.Type(int(write)) == history.Ok)
	return len(v.ranked) == 0 || v.inTurn && known
}

// calledUntil returns how many acknowledged writes were called until a time.
func (v *staleValues) calledUntil(time int64) int32 {
	return int32(sort.Search(len(v.ranked), func(i int) bool { return v.h.Call(int(v.ranked[i])) > time }))
}
