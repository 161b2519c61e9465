package checkers

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/rashomon-harness/rashomon/history"
)

// absent is the position of an element in a list that does not have it: behind all others.
const absent = math.MaxInt

// branch is a list that some read returned whole and that is no prefix of another read's list. A sane
// store has one branch a key; a store that lost appends, or lets two leaders append, has more.
type branch struct {
	list []history.Value
	pos  map[int64]int // where each element stands first
	read []*history.Op // the reads of this branch, longest list first
	size []int         // the lengths of their lists
}

// at returns the position of an element, absent when the branch does not have it.
func (b *branch) at(element int64) int {
	if p, ok := b.pos[element]; ok {
		return p
	}
	return absent
}

// shortest returns the read with the shortest list of the branch that still has position p.
func (b *branch) shortest(p int) *history.Op {
	shorter := sort.Search(len(b.size), func(i int) bool { return b.size[i] <= p })
	return b.read[shorter-1]
}

// listKey is the history of one list, in terms of branches.
type listKey struct {
	key      string
	branches []*branch
	place    map[*history.Value]listRead
}

// listRead is what a read returned: the first size elements of a branch.
type listRead struct {
	branch int
	size   int
}

// newListKey sorts the reads into branches. why tells what does not fit, "" when everything does.
func newListKey(k *keyAccesses) (l *listKey, why string) {
	var lists []access
	appended := map[int64]bool{}
	for _, a := range k.list {
		switch {
		case a.op.Type == history.Fail:
		case a.kind == appends:
			e, ok := a.value.AsInt()
			if !ok || appended[e] {
				return nil, "has an element that is no integer, or was appended twice: " + a.value.String()
			}
			appended[e] = true
		case a.kind != reads:
			return nil, "is written, not only appended to"
		case !isInts(a.value):
			return nil, "has a value that is no list of integers: " + a.value.String()
		default:
			lists = append(lists, a)
		}
	}
	slices.SortStableFunc(lists, func(a, b access) int {
		return cmp.Compare(listSize(b.value), listSize(a.value))
	})
	l = &listKey{key: k.key, place: make(map[*history.Value]listRead, len(lists))}
	for _, a := range lists {
		l.enter(a)
	}
	return l, ""
}

// enter finds the branch of a read. Reads come with their lists from longest to shortest.
func (l *listKey) enter(a access) {
	list, _ := a.value.AsList()
	at := slices.IndexFunc(l.branches, func(b *branch) bool { return isPrefix(list, b.list) })
	if at < 0 {
		at = len(l.branches)
		b := &branch{list: list, pos: make(map[int64]int, len(list))}
		for i := len(list) - 1; i >= 0; i-- {
			e, _ := list[i].AsInt()
			b.pos[e] = i
		}
		l.branches = append(l.branches, b)
	}
	b := l.branches[at]
	b.read, b.size = append(b.read, a.op), append(b.size, len(list))
	l.place[a.value] = listRead{at, len(list)}
}

// isInts reports whether v is a list of integers, or null, the empty list.
func isInts(v *history.Value) bool {
	list, ok := v.AsList()
	return v.IsNull() || ok && !slices.ContainsFunc(list, func(e history.Value) bool {
		return e.Kind() != history.Int
	})
}

func listSize(v *history.Value) int {
	list, _ := v.AsList()
	return len(list)
}

// isPrefix reports whether the integers of list begin those of whole.
func isPrefix(list, whole []history.Value) bool {
	if len(list) > len(whole) {
		return false
	}
	for i := range list {
		a, _ := list[i].AsInt()
		b, _ := whole[i].AsInt()
		if a != b {
			return false
		}
	}
	return true
}

// element is an element of a list, with the operation by which its session knows it.
type element struct {
	value int64
	op    *history.Op
}

// listStory is what one session did with a list: its operations by call time, and how much of what it
// had appended and seen had come before each.
type listStory struct {
	own, seen []element // what it appended, what its reads showed; in the order in which it came to know
	steps     []listStep
	bad       [][2]bool // by step: the step's own-past and seen-past violations were counted already
}

// listStep is one operation of a listStory.
type listStep struct {
	access
	element   int64 // appended
	own, seen int   // how much of listStory.own and .seen came before
}

// story tells what a session did.
func (l *listKey) story(list []access) *listStory {
	s := &listStory{}
	known := map[int64]bool{}
	read := map[int]int{} // by branch: how much of it was read
	inSessionOrder(list, func(a *access) {
		if a.kind == appends {
			e, _ := a.value.AsInt()
			s.own = append(s.own, element{e, a.op})
			return
		}
		at := l.place[a.value]
		values := l.branches[at.branch].list
		for i := read[at.branch]; i < at.size; i++ {
			if e, _ := values[i].AsInt(); !known[e] {
				known[e] = true
				s.seen = append(s.seen, element{e, a.op})
			}
		}
		read[at.branch] = max(read[at.branch], at.size)
	}, func(a *access) {
		step := listStep{access: *a, own: len(s.own), seen: len(s.seen)}
		if a.kind == appends {
			step.element, _ = a.value.AsInt()
		}
		s.steps = append(s.steps, step)
	})
	s.bad = make([][2]bool, len(s.steps))
	return s
}

// deepest follows how far down a branch the elements stand that a session knows.
type deepest struct {
	next int // how many of the elements are looked at
	pos  int // the deepest of them, -1 for none
	op   *history.Op
}

// reach looks at the first n elements and returns the deepest position.
func (d *deepest) reach(b *branch, elements []element, n int) int {
	for ; d.next < n; d.next++ {
		if p := b.at(elements[d.next].value); p > d.pos {
			d.pos, d.op = p, elements[d.next].op
		}
	}
	return d.pos
}

// judgeLists judges a list: what a session reads has all that it appended and read before, and where an
// element stands, everything stands before it that its session had appended and read before.
func (f *sessionFindings) judgeLists(k *keyAccesses) {
	l, why := newListKey(k)
	if why != "" {
		f.leave(k.key, why)
		return
	}
	for _, session := range bySession(k.list) {
		s := l.story(session.list)
		f.listChances(l, s)
		for at, b := range l.branches {
			f.judgeBranch(l, s, at, b)
		}
	}
}

// listChances counts the opportunities of a session: reads after it had appended or seen something, and
// appends after that whose element some list shows.
func (f *sessionFindings) listChances(l *listKey, s *listStory) {
	for i := range s.steps {
		step := &s.steps[i]
		own, seen := ryw, mr
		if step.kind == appends {
			own, seen = mw, wfr
			shown := func(b *branch) bool { return b.at(step.element) != absent }
			if !slices.ContainsFunc(l.branches, shown) {
				continue
			}
		}
		if step.own > 0 {
			f.tallies[own].chances(1)
		}
		if step.seen > 0 {
			f.tallies[seen].chances(1)
		}
	}
}

// judgeBranch judges what one branch says about the operations of one session: its reads of the branch,
// and its appends that are in it.
func (f *sessionFindings) judgeBranch(l *listKey, s *listStory, at int, b *branch) {
	own, seen := deepest{pos: -1}, deepest{pos: -1}
	for i := range s.steps {
		step := &s.steps[i]
		if step.kind == reads {
			place := l.place[step.value]
			if place.branch != at {
				continue
			}
			if own.reach(b, s.own, step.own) >= place.size {
				f.lackingRead(ryw, l.key, own.op, step.op)
			}
			if seen.reach(b, s.seen, step.seen) >= place.size {
				f.lackingRead(mr, l.key, seen.op, step.op)
			}
			continue
		}
		p := b.at(step.element)
		if p == absent {
			continue
		}
		if own.reach(b, s.own, step.own) > p && !s.bad[i][0] {
			s.bad[i][0] = true
			f.overtaken(mw, l.key, own.op, step.op, b.shortest(p))
		}
		if seen.reach(b, s.seen, step.seen) > p && !s.bad[i][1] {
			s.bad[i][1] = true
			f.overtaken(wfr, l.key, seen.op, step.op, b.shortest(p))
		}
	}
}

// lackingRead counts a read that lacks what its session appended or read before.
func (f *sessionFindings) lackingRead(g guarantee, key string, past, read *history.Op) {
	say := func(w *witness) string { return then(w, past, read) }
	f.tallies[g].add(guaranteeKinds[g], key, say, past, read)
}

// overtaken counts an append that stands before, or without, what its session appended or read before it.
func (f *sessionFindings) overtaken(g guarantee, key string, past, write, shown *history.Op) {
	f.tallies[g].add(guaranteeKinds[g], key, func(w *witness) string {
		return then(w, past, write) + "; " + w.did(shown) +
			", which has the later without the earlier before it"
	}, past, write, shown)
}
