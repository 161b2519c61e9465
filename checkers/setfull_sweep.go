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
// (two that each have an element of their own cannot be ordered). The chain fixes positions: the elements
// that a read has beyond the one before it, in any order, then the reads of that set, in any order, and
// behind everything the acknowledged elements that no read has. Ambiguous ones that no read has are left
// out. The history is linearizable iff nothing was called after something with a higher position had
// returned: then every operation can take effect at the latest call up to its position, which is no later
// than its own return.
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
	position     int32 // odd; 0 for none yet
	in           int32 // the read looked at last that has it, plus one
}

type addSetSweep struct {
	*addSet
	elements []sweptElement
	flaws    []setFlaw
	chain    []chainedRead
	order    []int32 // the elements that have a position, by position
	ends     []int32 // by half a position: how many of order are at it or before it
}

// chainedRead is a read that is fit for the chain.
type chainedRead struct {
	read     int32 // place in addSet.reads
	size     int32 // without repetitions
	position int32 // even
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

// chainReads gives the reads and the elements that they have their positions, and reports and drops the
// reads that break the chain.
func (d *addSetSweep) chainReads() {
	d.ends = append(d.ends, 0)
	kept := d.chain[:0]
	for _, c := range d.chain {
		d.mark(c.read)
		if !d.extends(c) {
			d.reportDisagree(c, kept)
			continue
		}
		for _, id := range d.reads[c.read].elements {
			if e := &d.elements[id]; e.position == 0 {
				e.position = int32(2*len(d.ends) - 1)
				d.order = append(d.order, id)
			}
		}
		if len(d.order) > int(d.ends[len(d.ends)-1]) {
			d.ends = append(d.ends, int32(len(d.order)))
		}
		c.position = int32(2 * (len(d.ends) - 1))
		kept = append(kept, c)
	}
	d.chain = kept
}

// extends reports whether a marked read has all elements that have a position.
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
	position := d.elements[lacks].position
	at, _ := slices.BinarySearchFunc(kept, position, func(k chainedRead, p int32) int {
		return cmp.Compare(k.position, p)
	})
	other := kept[at].read
	alone := d.reads[c.read].elements
	own := alone[slices.IndexFunc(alone, func(id int32) bool {
		return d.elements[id].position == 0 || d.elements[id].position > position
	})]
	d.flaw(ReadsDisagree, []int32{own, lacks}, d.reads[c.read].op, d.reads[other].op, d.addOf(own),
		d.addOf(lacks))
}

// placeUnread puts the acknowledged elements that no read has behind everything else.
func (d *addSetSweep) placeUnread() {
	for id := range d.elements {
		if e := &d.elements[id]; e.position == 0 && e.acked >= 0 {
			e.position = int32(2*len(d.ends) - 1)
		}
	}
}

// sweep reports what was called after something at a higher position had returned.
func (d *addSetSweep) sweep() {
	adds, reads := d.measureBehind()
	for _, c := range d.chain {
		r := &d.reads[c.read]
		if s := adds[c.position]; r.call > s.ret {
			d.flaw(StaleRead, []int32{s.deed}, r.op, d.adds[d.elements[s.deed].acked].op)
		} else if s := reads[c.position]; r.call > s.ret {
			d.reportInversion(r, c.position, s.deed)
		}
	}
	for id := range d.elements {
		e := &d.elements[id]
		if e.position == 0 {
			continue
		}
		if s := adds[e.position]; e.call > s.ret {
			at, _ := slices.BinarySearchFunc(d.chain, e.position, func(c chainedRead, p int32) int {
				return cmp.Compare(c.position, p)
			})
			d.flaw(ReorderedAdd, []int32{int32(id), s.deed}, d.reads[d.chain[at].read].op, d.addOf(int32(id)),
				d.adds[d.elements[s.deed].acked].op)
		}
	}
}

// reportInversion reports that a read at some position was called after another with more elements had
// returned.
func (d *addSetSweep) reportInversion(r *setRead, position, other int32) {
	id := d.order[d.ends[position/2]]
	d.flaw(NewOldInversion, []int32{id}, r.op, d.reads[other].op, d.addOf(id))
}

// measureBehind returns for each position the soonest return of an acknowledged add of an element behind it
// (deed is the element), and of a read behind it (deed is the place of the read).
func (d *addSetSweep) measureBehind() (adds, reads []soonest) {
	n := 2*len(d.ends) + 1
	adds, reads = make([]soonest, n), make([]soonest, n)
	for i := range adds {
		adds[i].ret, reads[i].ret = history.Never, history.Never
	}
	for id := range d.elements {
		if e := &d.elements[id]; e.position > 0 && e.acked >= 0 {
			adds[e.position-1].meet(e.ret, int32(id))
		}
	}
	for _, c := range d.chain {
		if c.position > 0 {
			reads[c.position-1].meet(d.reads[c.read].ret, c.read)
		}
	}
	for i := n - 2; i >= 0; i-- {
		adds[i].meet(adds[i+1].ret, adds[i+1].deed)
		reads[i].meet(reads[i+1].ret, reads[i+1].deed)
	}
	return adds, reads
}
