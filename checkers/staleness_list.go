package checkers

import (
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// staleList is a list that is only appended to. Its acknowledged appends are ranked by place in the longest
// list that was read, those that are not in it behind, by call time; so a read that is a prefix of the
// longest lacks those of some rank and above. Other reads are looked at element by element.
type staleList struct {
	elements valueIndex
	ranks    []int32 // by element: the rank of its append, -1 for none
	appends  []int32 // by element: its append, if that was acknowledged; none for none
	ranked   []int32
	longest  []int64
	parts    [][]int32 // see rankedWrites
	until    []int32   // by length: how many of the ranked appends are in so much of the longest
}

// judgeList measures the reads of a list.
func (f *staleFindings) judgeList(k *keyAccesses) {
	l := &f.list
	if why := l.enter(f.accesses, k); why != "" {
		f.leave(k.key, why)
		return
	}
	f.reads = slices.Grow(f.reads[:0], len(k.list))
	for i := range k.list {
		if a := &k.list[i]; a.kind == reads {
			list, _ := f.integers(a)
			f.reads = append(f.reads, l.read(a.op, list))
		}
	}
	f.writes.order(f.h, l.ranked)
	f.writes.parts = l.parts
	if f.options != (StalenessOptions{}) {
		f.writes.sweep(f.h, f.reads, func(r *staleRead, s staleBy) { f.hold(k.key, r, s, true) })
	}
	f.writes.sweep(f.h, f.reads, f.measure)
}

// enter takes the accesses of a key in and ranks the appends, or tells why it cannot.
func (l *staleList) enter(all *accesses, k *keyAccesses) (why string) {
	least, most := valueSpan(k.list)
	l.elements.reset(least, most, len(k.list))
	l.appends, l.longest, l.parts = l.appends[:0], nil, nil
	for i := range k.list {
		a := &k.list[i]
		switch {
		case a.outcome == history.Fail:
		case a.kind == appends:
			e, ok := a.integer()
			if !ok || l.elements.find(e) >= 0 {
				return "has an element that is no integer, or was appended twice"
			}
			l.elements.number(e)
			op := none
			if a.certain() {
				op = a.op
			}
			l.appends = append(l.appends, op)
		default:
			list, ok := all.integers(a)
			if !ok {
				return "has a value that is no list of integers"
			}
			if len(list) > len(l.longest) {
				l.longest = list
			}
		}
	}
	l.rank()
	return ""
}

// rank ranks the acknowledged appends.
func (l *staleList) rank() {
	l.ranks = slices.Grow(l.ranks[:0], len(l.appends))[:len(l.appends)]
	for e := range l.ranks {
		l.ranks[e] = -1
	}
	l.ranked, l.until = l.ranked[:0], append(l.until[:0], 0)
	for _, element := range l.longest {
		if e := l.elements.find(element); e >= 0 {
			l.give(e)
		}
		l.until = append(l.until, int32(len(l.ranked)))
	}
	for e := range l.appends {
		l.give(int32(e))
	}
}

// give gives an element the next rank, if its append was acknowledged and has none.
func (l *staleList) give(e int32) {
	if l.appends[e] != none && l.ranks[e] < 0 {
		l.ranks[e] = int32(len(l.ranked))
		l.ranked = append(l.ranked, l.appends[e])
	}
}

// read returns what is known of a read.
func (l *staleList) read(op int32, list []int64) staleRead {
	r := staleRead{op: op, by: none, write: none, exact: true}
	if slices.Equal(list, l.longest[:len(list)]) {
		r.rank = l.until[len(list)]
		return r
	}
	var part []int32
	for _, element := range list {
		if e := l.elements.find(element); e >= 0 && l.ranks[e] >= 0 {
			part = append(part, l.ranks[e])
		}
	}
	slices.Sort(part)
	l.parts = append(l.parts, slices.Compact(part))
	r.rank = -int32(len(l.parts))
	return r
}
