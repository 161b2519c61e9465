package checkers

import (
	"cmp"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// ReorderedAdd is an add that took effect before one that had returned before it began.
const ReorderedAdd = "reordered-add"

// addSet is the history of one set that is only added to, as decideAddSet wants it. Elements are numbered
// from 0; adds that certainly failed are left out.
type addSet struct {
	elements int32
	adds     []setAdd
	reads    []setRead
}

// setAdd is an add that was acknowledged or may have taken effect.
type setAdd struct {
	call, ret int64 // ret is history.Never unless it is sure
	op        int32 // the caller's name for it
	element   int32
	sure      bool
}

// setRead is a read of the whole set.
type setRead struct {
	call, ret int64
	op        int32
	elements  []int32 // in any order; repetitions count once
}

// setFlaw is a reason why the history of a set is not linearizable. The operations of a flaw show it by
// themselves in the set cut down to the elements that are added among them.
type setFlaw struct {
	kind string // PhantomRead, FutureRead, ReadsDisagree, StaleRead, NewOldInversion or ReorderedAdd
	// elements has the one at fault; of two reads that disagree one that each has alone; of reordered adds
	// the one that was read, then the one that was not.
	elements []int32
	ops      []int32 // the operation at fault, what it contradicts, then the adds that made the elements
}

// decideAddSet returns what keeps the history of a set that is only added to from being linearizable,
// nothing iff it is: one flaw a read at fault, or an add. The cost is O(n log n + size of the reads).
//
// Several adds of one element are one: it is there from the first that takes effect, so at some moment
// between the first call and the first return of an acknowledged one. Reads must form a chain by inclusion
// (two that each have an element of their own cannot be ordered). The chain has stages, from 1: the elements
// that a read has beyond the one before it, in any order, then the reads of that set, in any order. Reads
// of the empty set are at stage 0, the acknowledged elements that no read has behind everything.
// Ambiguous ones that no read has are left out. The history is linearizable iff nothing was called after
// something at a later stage had returned: then every operation can take effect at the latest call up to its
// place, which is no later than its own return.
func decideAddSet(s *addSet) []setFlaw {
	d := &addSetSweep{addSet: s, elements: make([]sweptElement, s.elements)}
	d.mergeAdds()
	d.checkReads()
	d.chainReads()
	d.placeUnread()
	d.sweep()
	return d.flaws
}

// sweptElement is one element with all its adds.
type sweptElement struct {
	call, ret    int64 // the first call, the first return of an acknowledged add
	first, acked int32 // the adds whose they are, places in addSet.adds, -1 for none
	stage        int32 // 0 for none yet
	in           int32 // the read looked at last that has it, plus one
}

type addSetSweep struct {
	*addSet
	elements []sweptElement
	flaws    []setFlaw
	chain    []chainedRead
	order    []int32 // the elements that have a stage, by stage
	ends     []int32 // by stage, from 0: how many of order are at it or before it
}

// chainedRead is a read that is fit for the chain.
type chainedRead struct {
	read  int32 // place in addSet.reads
	size  int32 // without repetitions
	stage int32
}

func (d *addSetSweep) mergeAdds() {
	for e := range d.elements {
		d.elements[e] = sweptElement{call: history.Never, ret: history.Never, first: -1, acked: -1}
	}
	for i := range d.adds {
		a := &d.adds[i]
		e := &d.elements[a.element]
		if e.first < 0 || a.call < e.call {
			e.call, e.first = a.call, int32(i)
		}
		if a.sure && (e.acked < 0 || a.ret < e.ret) {
			e.ret, e.acked = a.ret, int32(i)
		}
	}
}

// addOf returns the operation that proves that an element was added.
func (d *addSetSweep) addOf(element int32) int32 { return d.adds[d.elements[element].first].op }

func (d *addSetSweep) flaw(kind string, elements []int32, ops ...int32) {
	d.flaws = append(d.flaws, setFlaw{kind, elements, ops})
}

// checkReads reports the reads that are wrong by themselves, and puts the others into the chain.
func (d *addSetSweep) checkReads() {
	for i := range d.reads {
		if size, ok := d.checkRead(int32(i)); ok {
			d.chain = append(d.chain, chainedRead{read: int32(i), size: size})
		}
	}
	slices.SortStableFunc(d.chain, func(a, b chainedRead) int { return cmp.Compare(a.size, b.size) })
}

func (d *addSetSweep) checkRead(i int32) (size int32, ok bool) {
	r := &d.reads[i]
	for _, id := range r.elements {
		switch e := &d.elements[id]; {
		case e.first < 0:
			d.flaw(PhantomRead, []int32{id}, r.op)
			return 0, false
		case r.ret < e.call:
			d.flaw(FutureRead, []int32{id}, r.op, d.addOf(id))
			return 0, false
		}
	}
	d.mark(i)
	for _, id := range r.elements {
		if e := &d.elements[id]; e.in == i+1 {
			e.in = 0
			size++
		}
	}
	return size, true
}

// mark notes of the elements of a read that it has them.
func (d *addSetSweep) mark(i int32) {
	for _, id := range d.reads[i].elements {
		d.elements[id].in = i + 1
	}
}

// chainReads gives the reads and the elements that they have their stages, and reports and drops the reads
// that break the chain.
func (d *addSetSweep) chainReads() {
	d.ends = append(d.ends, 0)
	kept := d.chain[:0]
	for _, c := range d.chain {
		d.mark(c.read)
		if !d.extends(c) {
			d.reportDisagree(c, kept)
			continue
		}
		c.stage = d.last()
		if c.size > d.ends[c.stage] {
			c.stage++
		}
		for _, id := range d.reads[c.read].elements {
			if e := &d.elements[id]; e.stage == 0 {
				e.stage = c.stage
				d.order = append(d.order, id)
			}
		}
		d.ends = append(d.ends[:c.stage], c.size)
		kept = append(kept, c)
	}
	d.chain = kept
}

// last returns the last stage of the chain.
func (d *addSetSweep) last() int32 { return int32(len(d.ends)) - 1 }

// extends reports whether a marked read has all elements that have a stage.
func (d *addSetSweep) extends(c chainedRead) bool {
	for _, id := range d.order {
		if d.elements[id].in != c.read+1 {
			return false
		}
	}
	return true
}

// reportDisagree reports that a marked read, which is no smaller than those that are in the chain, lacks an
// element that one of them has; so it has one that that one lacks.
func (d *addSetSweep) reportDisagree(c chainedRead, kept []chainedRead) {
	lacks := d.order[slices.IndexFunc(d.order, func(id int32) bool { return d.elements[id].in != c.read+1 })]
	stage := d.elements[lacks].stage
	other := firstAt(kept, stage).read
	alone := d.reads[c.read].elements
	own := alone[slices.IndexFunc(alone, func(id int32) bool {
		return d.elements[id].stage == 0 || d.elements[id].stage > stage
	})]
	d.flaw(ReadsDisagree, []int32{own, lacks}, d.reads[c.read].op, d.reads[other].op, d.addOf(own),
		d.addOf(lacks))
}

// firstAt returns the first read of the chain at a stage, which has one.
func firstAt(chain []chainedRead, stage int32) chainedRead {
	at, _ := slices.BinarySearchFunc(chain, stage, func(c chainedRead, s int32) int {
		return cmp.Compare(c.stage, s)
	})
	return chain[at]
}

// placeUnread puts the acknowledged elements that no read has behind everything else.
func (d *addSetSweep) placeUnread() {
	for id := range d.elements {
		if e := &d.elements[id]; e.stage == 0 && e.acked >= 0 {
			e.stage = d.last() + 1
		}
	}
}

// sweep reports what was called after something at a later stage had returned.
func (d *addSetSweep) sweep() {
	adds, reads := d.measureBehind()
	for _, c := range d.chain {
		r := &d.reads[c.read]
		if s := adds[c.stage]; r.call > s.ret {
			d.flaw(StaleRead, []int32{s.deed}, r.op, d.adds[d.elements[s.deed].acked].op)
		} else if s := reads[c.stage]; r.call > s.ret {
			id := d.order[d.ends[c.stage]] // which the other has
			d.flaw(NewOldInversion, []int32{id}, r.op, d.reads[s.deed].op, d.addOf(id))
		}
	}
	for id := range d.elements {
		e := &d.elements[id]
		if s := adds[e.stage]; e.stage > 0 && e.call > s.ret {
			d.flaw(ReorderedAdd, []int32{int32(id), s.deed}, d.reads[firstAt(d.chain, e.stage).read].op,
				d.addOf(int32(id)), d.adds[d.elements[s.deed].acked].op)
		}
	}
}

// measureBehind returns the soonest returns of acknowledged adds (deed is the element) and of reads (deed is
// the place of the read) behind each stage.
func (d *addSetSweep) measureBehind() (adds, reads behind) {
	adds, reads = newBehind(len(d.ends)), newBehind(len(d.ends))
	for id := range d.elements {
		e := &d.elements[id]
		adds.meet(int(e.stage), e.ret, int32(id))
	}
	for _, c := range d.chain {
		reads.meet(int(c.stage), d.reads[c.read].ret, c.read)
	}
	adds.settle()
	reads.settle()
	return adds, reads
}
