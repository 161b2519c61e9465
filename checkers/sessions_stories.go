package checkers

import "slices"

// element is an element of a list, with the operation by which its session knows it.
type element struct{ id, op int32 }

// listStory is what one session did with a list: its operations by call time, and how much of what it
// had appended and seen had come before each. Its memory is used again for the next session.
type listStory struct {
	own, seen []element // what it appended, what its reads showed; in the order in which it came to know
	steps     []listStep
	bad       [][2]bool // by step: the step's own-past and seen-past violations were counted already
	known     []int32   // by element: the number of the story that it was seen in last
	number    int32
	read      []int32 // by branch: how much of it was read
}

// listStep is one operation of a listStory.
type listStep struct {
	*access
	own, seen int // how much of listStory.own and .seen came before
}

// tell makes s the story of a session.
func (s *listStory) tell(l *listKey, run []access) {
	s.number++
	s.own, s.seen, s.steps = s.own[:0], s.seen[:0], s.steps[:0]
	clear(s.read)
	l.f.split.inSessionOrder(l.f.h, run, func(a *access) {
		if a.kind == appends {
			s.own = append(s.own, element{int32(a.value), a.op})
			return
		}
		at, size := branchOf(a)
		for ; s.read[at] < size; s.read[at]++ {
			if id := l.branches[at].ids[s.read[at]]; s.known[id] != s.number {
				s.known[id] = s.number
				s.seen = append(s.seen, element{id, a.op})
			}
		}
	}, func(a *access) {
		s.steps = append(s.steps, listStep{a, len(s.own), len(s.seen)})
	})
	s.bad = slices.Grow(s.bad[:0], len(s.steps))[:len(s.steps)]
	clear(s.bad)
}

// deepest follows how far down a branch the elements stand that a session knows.
type deepest struct {
	next int   // how many of the elements are looked at
	pos  int32 // the deepest of them, -1 for none
	op   int32
}

// reach looks at the first n elements and returns the deepest position.
func (d *deepest) reach(b *branch, elements []element, n int) int32 {
	for ; d.next < n; d.next++ {
		if p := b.at(elements[d.next].id); p > d.pos {
			d.pos, d.op = p, elements[d.next].op
		}
	}
	return d.pos
}

// judgeLists judges a list: what a session reads has all that it appended and read before, and where an
// element stands, everything stands before it that its session had appended and read before.
func (f *sessionFindings) judgeLists(k *keyAccesses) {
	l, why := newListKey(f, k)
	if why != "" {
		f.leave(k.key, why)
		return
	}
	s := &listStory{known: make([]int32, l.elements.count), read: make([]int32, len(l.branches))}
	for _, run := range f.split.split(k.list) {
		s.tell(l, run)
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
			shown := func(b *branch) bool { return b.at(int32(step.value)) != absent }
			if !slices.ContainsFunc(l.branches, shown) {
				continue
			}
		}
		if step.own > 0 {
			f.chance(own)
		}
		if step.seen > 0 {
			f.chance(seen)
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
			branch, size := branchOf(step.access)
			if branch != at {
				continue
			}
			if own.reach(b, s.own, step.own) >= size {
				f.lackingRead(ryw, l.key, own.op, step.op)
			}
			if seen.reach(b, s.seen, step.seen) >= size {
				f.lackingRead(mr, l.key, seen.op, step.op)
			}
			continue
		}
		p := b.at(int32(step.value))
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
func (f *sessionFindings) lackingRead(g guarantee, key string, past, read int32) {
	f.violated(g, key, func(w *witness) string { return then(w, past, read) }, past, read)
}

// overtaken counts an append that stands before, or without, what its session appended or read before it.
func (f *sessionFindings) overtaken(g guarantee, key string, past, write, shown int32) {
	f.violated(g, key, func(w *witness) string {
		return then(w, past, write) + "; " + w.did(w.at(shown)) +
			", which has the later without the earlier before it"
	}, past, write, shown)
}
