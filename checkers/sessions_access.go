package checkers

import (
	"cmp"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// accessKind says what an access does to its key.
type accessKind uint8

const (
	reads accessKind = iota
	writes
	appends
	deletes
)

// access is what one operation did to one key: an operation over several keys is an access to each, a
// transaction one for each micro-operation. A compare-and-set that succeeded writes its new value; one
// that was refused reads the value it met, if it was told.
type access struct {
	op    *history.Op
	value *history.Value // read or written; null for deletes
	kind  accessKind
}

// noValue is what a delete writes.
var noValue history.Value

// keyAccesses are the accesses to one key by call time: what was read for certain, and every attempt to
// write, the operation's type telling how it ended.
type keyAccesses struct {
	key  string
	list []access
}

// accessesByKey returns the accesses of the history by key, the keys in the order of their first use.
// Peeks are none: they are served without any guarantee.
func accessesByKey(h *history.History) []keyAccesses {
	ops := h.Ops()
	all := make([]access, 0, len(ops))
	names := make([]string, 0, len(ops))
	for i := range ops {
		eachAccess(&ops[i], func(key string, a access) {
			all, names = append(all, a), append(names, key)
		})
	}
	labels, lists := split(all, func(i int) string { return names[i] })
	keys := make([]keyAccesses, len(labels))
	for i := range keys {
		keys[i] = keyAccesses{labels[i], lists[i]}
	}
	return keys
}

// split splits accesses by label, in the order of first use, keeping their order.
func split(all []access, label func(i int) string) (labels []string, lists [][]access) {
	place := map[string]int32{}
	places := make([]int32, len(all))
	var counts []int
	for i := range all {
		name := label(i)
		at, known := place[name]
		if !known {
			at = int32(len(labels))
			place[name] = at
			labels, counts = append(labels, name), append(counts, 0)
		}
		places[i] = at
		counts[at]++
	}
	backing := make([]access, len(all))
	lists = make([][]access, len(labels))
	for i, n := range counts {
		lists[i], backing = backing[:0:n], backing[n:]
	}
	for i := range all {
		lists[places[i]] = append(lists[places[i]], all[i])
	}
	return labels, lists
}

// eachAccess calls yield for every access of op.
func eachAccess(op *history.Op, yield func(key string, a access)) {
	switch op.F {
	case history.FRead:
		eachRead(op, yield)
	case history.FWrite:
		yield(op.Key, access{op, &op.Arg, writes})
	case history.FAppend:
		yield(op.Key, access{op, &op.Arg, appends})
	case history.FDelete:
		yield(op.Key, access{op, &noValue, deletes})
	case history.FCAS:
		eachCAS(op, yield)
	case history.FTxn:
		eachMicro(op, yield)
	}
}

// eachRead is eachAccess of a read of one or several keys.
func eachRead(op *history.Op, yield func(key string, a access)) {
	if op.Type != history.Ok {
		return
	}
	if len(op.Keys) == 0 {
		yield(op.Key, access{op, &op.Result, reads})
		return
	}
	if values, ok := op.Result.AsList(); ok && len(values) == len(op.Keys) {
		for i, key := range op.Keys {
			yield(key, access{op, &values[i], reads})
		}
	}
}

// eachCAS is eachAccess of a compare-and-set.
func eachCAS(op *history.Op, yield func(key string, a access)) {
	if refused, current := casRefused(op); refused {
		if current != nil {
			yield(op.Key, access{op, current, reads})
		}
		return
	}
	if args, ok := op.Arg.AsList(); ok && len(args) == 2 {
		yield(op.Key, access{op, &args[1], writes})
	}
}

// eachMicro is eachAccess of a transaction.
func eachMicro(op *history.Op, yield func(key string, a access)) {
	from := op.Arg
	if op.Type == history.Ok {
		from = op.Result
	}
	micros, _ := from.AsList()
	for i := range micros {
		m, ok := micros[i].AsList()
		if !ok || len(m) != 3 {
			continue
		}
		f, _ := m[0].AsString()
		key, _ := m[1].AsString()
		switch {
		case f == "w":
			yield(key, access{op, &m[2], writes})
		case f == "append":
			yield(key, access{op, &m[2], appends})
		case f == "r" && op.Type == history.Ok:
			yield(key, access{op, &m[2], reads})
		}
	}
}

// sessionAccesses are the accesses of one session to one key that certainly happened, by call time.
type sessionAccesses struct {
	session string
	list    []access
}

// bySession splits the accesses that certainly happened by session, in the order of first use.
func bySession(list []access) []sessionAccesses {
	certain := make([]access, 0, len(list))
	for i := range list {
		if list[i].op.Type == history.Ok {
			certain = append(certain, list[i])
		}
	}
	names, lists := split(certain, func(i int) string { return certain[i].op.Session })
	sessions := make([]sessionAccesses, len(names))
	for i := range sessions {
		sessions[i] = sessionAccesses{names[i], lists[i]}
	}
	return sessions
}

// inSessionOrder walks a session's accesses: judge is called with each by call time, after learn was
// called with those that had returned before. Accesses that overlap, by two devices of the session, are
// unordered: neither is learned before the other is judged.
func inSessionOrder(list []access, learn, judge func(a *access)) {
	byReturn := list
	compare := func(a, b access) int { return cmp.Compare(a.op.Return, b.op.Return) }
	if !slices.IsSortedFunc(list, compare) {
		byReturn = slices.Clone(list)
		slices.SortStableFunc(byReturn, compare)
	}
	next := 0
	for i := range list {
		for next < len(byReturn) && byReturn[next].op.Precedes(list[i].op) {
			learn(&byReturn[next])
			next++
		}
		judge(&list[i])
	}
}
