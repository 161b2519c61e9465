package checkers

import (
	"fmt"
	"slices"
	"sort"

	"github.com/rashomon-harness/rashomon/history"
)

// deleteGroup names the deletes that count for a value: of one author if it must have been shown the value,
// and of sets those of the element.
type deleteGroup struct{ author, element int32 }

// deleteRun are acknowledged deletes by call.
type deleteRun struct {
	places []int32 // in list
	first  []int32 // by place in places: of this one and those after it the one that returned first
}

// deletion is the delete that a value was there before, and what shows that it was. Places are in list.
type deletion struct {
	delete int32 // none for none
	shown  int32
}

// deletedValues has what was deleted from a key.
type deletedValues struct {
	*conflictFindings
	set   bool
	alone bool // a delete counts only for what its author was shown
	runs  map[deleteGroup]*deleteRun
	gone  []deletion // by value
	has   [][]int32  // by value: places in reads that have it, of values that were deleted
	reads []int32    // places in list
}

// judgeDeleted finds values that came back after they had been deleted.
func (f *conflictFindings) judgeDeleted(k *conflictKey) {
	d := &deletedValues{conflictFindings: f, set: k.set, alone: f.KeepsSiblings,
		runs: map[deleteGroup]*deleteRun{}}
	if k.set {
		d.alone = f.ObservedRemove
	}
	d.enterDeletes()
	if len(d.runs) == 0 {
		return
	}
	d.gone = make([]deletion, len(f.puts))
	for id := range d.gone {
		d.gone[id].delete = none
	}
	for i := range f.list {
		d.enterShown(int32(i))
	}
	d.enterReads()
	for id, g := range d.gone {
		if g.delete != none {
			d.judge1(k.key, int32(id))
		}
	}
}

// group returns which deletes count for a value as an author was shown it.
func (d *deletedValues) group(author, value int32) deleteGroup {
	g := deleteGroup{none, none}
	if d.alone {
		g.author = author
	}
	if d.set {
		g.element = value
	}
	return g
}

func (d *deletedValues) enterDeletes() {
	for i := range d.list {
		a := &d.list[i]
		if a.kind != deletes || !a.certain() {
			continue
		}
		element := none
		if d.set {
			element = d.shown(i)[0]
		}
		g := d.group(d.author(int32(i)), element)
		if d.runs[g] == nil {
			d.runs[g] = &deleteRun{}
		}
		d.runs[g].places = append(d.runs[g].places, int32(i))
	}
	for _, run := range d.runs { // each by itself
		run.first = slices.Clone(run.places)
		for at := len(run.first) - 2; at >= 0; at-- {
			if d.end(run.first[at+1]) < d.end(run.first[at]) {
				run.first[at] = run.first[at+1]
			}
		}
	}
}

// enterShown takes in that the operation at a place in list showed values to be there.
func (d *deletedValues) enterShown(place int32) {
	a := &d.list[place]
	if !a.certain() || a.kind == deletes || a.kind == writes && d.alone && !d.OwnWritesKnown {
		return
	}
	ended := d.end(place)
	for _, id := range d.shown(int(place)) {
		put := d.puts[id]
		if put == none || d.again[id] || d.list[put].outcome == history.Fail || d.call(put) > ended {
			continue
		}
		run := d.runs[d.group(d.author(place), id)]
		if run == nil {
			continue
		}
		at := sort.Search(len(run.places), func(i int) bool { return d.call(run.places[i]) > ended })
		if at == len(run.places) {
			continue
		}
		if g := &d.gone[id]; g.delete == none || d.end(run.first[at]) < d.end(g.delete) {
			*g = deletion{run.first[at], place}
		}
	}
}

// enterReads lists the reads, and which of them have what was deleted.
func (d *deletedValues) enterReads() {
	d.has = make([][]int32, len(d.puts))
	for i := range d.list {
		if d.list[i].kind != reads {
			continue
		}
		for _, id := range d.shown(i) {
			if d.gone[id].delete != none {
				d.has[id] = append(d.has[id], int32(len(d.reads)))
			}
		}
		d.reads = append(d.reads, int32(i))
	}
}

// judge1 judges a value that was deleted.
func (d *deletedValues) judge1(key string, id int32) {
	deleted := d.end(d.gone[id].delete)
	first := sort.Search(len(d.reads), func(i int) bool { return d.call(d.reads[i]) > deleted })
	peeked := d.final != nil && d.final.reads == 0 && d.final.since > deleted
	if first == len(d.reads) && !peeked {
		return
	}
	d.chances(1)
	if lacks, back, found := d.cameBack(id, first); found {
		d.reportBack(key, id, lacks, back)
		return
	}
	for _, answer := range d.answers {
		peeked = peeked && slices.Contains(answer, id)
	}
	if peeked {
		d.reportBack(key, id, none, d.answerOp(0))
	}
}

// cameBack returns the first read, from that number on, that has a value of which one before it showed that
// it was gone, or that is a final read; and the one before, none for none.
func (d *deletedValues) cameBack(id int32, first int) (lacks, back int32, found bool) {
	lacks, since := none, history.Never
	at := first
	for _, read := range d.has[id] {
		if int(read) < first {
			continue
		}
		for ; at < int(read); at++ {
			if op := d.list[d.reads[at]].op; d.h.Return(int(op)) < since {
				lacks, since = op, d.h.Return(int(op))
			}
		}
		at = int(read) + 1
		op := d.list[d.reads[read]].op
		switch {
		case since < d.h.Call(int(op)):
			return lacks, op, true
		case d.h.Call(int(op)) >= d.h.FinalFrom():
			return none, op, true
		}
	}
	return none, none, false
}

// reportBack counts a value that came back.
func (d *deletedValues) reportBack(key string, id, lacks, back int32) {
	put, deleted, shown := d.list[d.puts[id]].op, d.list[d.gone[id].delete].op, d.list[d.gone[id].shown].op
	d.addAt(d.h, KindResurrected, key, func(w *witness) string {
		said := fmt.Sprintf("%s, and ", w.told(put))
		if shown != put {
			said += w.told(shown) + "; then "
		}
		said += w.told(deleted) + "; "
		if lacks == none {
			return said + "at the end " + w.told(back) + ", which has it"
		}
		return said + w.told(lacks) + ", without it, and later " + w.told(back) + ", which has it again"
	}, put, shown, deleted, lacks, back)
}
