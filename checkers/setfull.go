package checkers

import (
	"context"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// PropertySet is the property that SetFull gives a verdict about.
const PropertySet = "set"

// The kinds of anomalies of sets. Elements that nobody added are KindPhantom, those that a read has more
// than once KindDuplicated, those that were read before they were added FutureRead.
const (
	KindLostElement  = "lost-element"  // an element that was there is gone for good
	KindStaleElement = "stale-element" // an element was missing after it was there, and came back
)

// SetOptions says what a set promises.
type SetOptions struct {
	// Linearizable makes an anomaly of stale elements: a read must have what was known before it was called.
	Linearizable bool
}

// SetFull returns the checker of sets that are only added to, whose reads return all elements (after
// Jepsen's set-full). An element is known from the first return of an acknowledged add of it, or of a read
// that has it. A read can miss it when it was called after that. By what the reads show an element is
//
//	stable      read, and in every read called after it was known
//	stale       missing in a read called after it was known, but in one that returned later
//	lost        missing in a read called after it was known and after every read that has it had returned
//	never read  acknowledged, in no read, and no read was called after it was known
//
// Lost elements are anomalies, as are elements that nobody added, or only adds that failed (KindPhantom),
// that were read before any add of them was called (FutureRead), that one read has more than once
// (KindDuplicated); stale ones if the options say so. Each is counted by element. What a store shows
// only later than the last read is lost by this definition; so read at the end, when all is quiet.
//
// Opportunities are the elements that some read could miss. A key that is also changed otherwise (by removes,
// say) or whose reads are no lists is left out, and the verdict, unless another is wrong, Unknown. Measures:
//
//	elements_stable, elements_stale, elements_lost, elements_never_read
//	                        how many there are of each
//	stable_latency_p50_ns, stable_latency_p99_ns, stable_latency_max_ns
//	                        of stable and stale elements: the time from when it was known to the call of
//	                        the last read that misses it; 0 when none does
//	lost_latency_p50_ns, lost_latency_p99_ns, lost_latency_max_ns
//	                        of lost ones: to the call of the last read that has it; 0 when none does
func SetFull(options SetOptions) Checker { return setFull{options} }

type setFull struct{ options SetOptions }

// Properties implements Checker.
func (setFull) Properties() []string { return []string{PropertySet} }

// Check implements Checker.
func (c setFull) Check(ctx context.Context, h *history.History) []Verdict {
	f := &setFindings{tally: newTally(PropertySet), h: h, options: c.options}
	objects := objectsOf(h, func(f string) bool { return f == history.FAdd })
	unknown := judgeObjects(ctx, objects, f.judge)
	v := f.verdict("", unknown)
	v.Measures = f.measures()
	return []Verdict{v}
}

// setFindings is the work of the checker. Its memory is used again for each key.
type setFindings struct {
	*tally
	h                              *history.History
	options                        SetOptions
	stable, stale, lost, neverRead int64
	stableLatencies, lostLatencies []int64
	numbers                        elementNumbers
	elements                       []setElement // by number
	everywhere                     []int32      // elements in every read from the present one on
	ofLists                        bool         // elements are lists
	scratch                        []int32
}

// setElement is what is known of one element. All but the last three are places of operations, none for none.
type setElement struct {
	add     int32 // the attempt called first, of those that did not fail
	failed  int32 // an attempt that failed
	acked   int32 // the acknowledged add that returned first
	first   int32 // of the reads that have it the one that returned first
	last    int32 // the one that returned last
	present int32 // the one called last
	absent  int32 // of the reads that lack it the one called last
	twice   int32 // a read that has it more than once
	of      int32 // objectRead.at of the read first
	where   int32 // where the element stands in its list
	in      int32 // the place in object.reads of the read looked at last that has it
}

// judge judges one set, or tells why it cannot.
func (f *setFindings) judge(o *object) (odd string) {
	f.enterAdds(o)
	for i := len(o.reads) - 1; i >= 0; i-- {
		if !f.enterRead(o.reads[i], int32(i)) {
			return o.key + " has a value that is no list of elements"
		}
	}
	lastRead := none
	if n := len(o.reads); n > 0 {
		lastRead = o.reads[n-1].op
	}
	for _, e := range f.elements {
		f.judgeElement(o.key, e, lastRead)
	}
	return ""
}

// enterAdds begins a key with what was added.
func (f *setFindings) enterAdds(o *object) {
	least, most := int64(1<<63-1), int64(-1<<63)
	for _, op := range o.changes {
		if n, ok := f.h.ArgInt(int(op)); ok {
			least, most = min(least, n), max(most, n)
		}
	}
	f.numbers.reset(least, most, len(o.changes))
	f.elements, f.everywhere = f.elements[:0], f.everywhere[:0]
	f.ofLists = slices.ContainsFunc(o.changes,
		func(op int32) bool { return f.h.ArgKind(int(op)) == history.List })
	for _, op := range o.changes {
		e := f.element(f.argNumber(op))
		switch f.h.Type(int(op)) {
		case history.Fail:
			e.failed = op
			continue
		case history.Ok:
			if e.acked == none || compareReturns(f.h, op, e.acked) < 0 {
				e.acked = op
			}
		}
		if e.add == none {
			e.add = op
		}
	}
	for id := range f.elements {
		f.everywhere = append(f.everywhere, int32(id))
	}
}

// argNumber returns the number of the element that an add names.
func (f *setFindings) argNumber(op int32) int32 {
	if n, ok := f.h.ArgInt(int(op)); ok {
		return f.numbers.ints.number(n)
	}
	v := f.h.Arg(int(op))
	return f.numbers.number(&v)
}

// element returns the element with a number, which is at most one more than there are.
func (f *setFindings) element(id int32) *setElement {
	if int(id) == len(f.elements) {
		f.elements = append(f.elements, setElement{add: none, failed: none, acked: none, first: none,
			last: none, present: none, absent: none, twice: none, in: -1})
	}
	return &f.elements[id]
}

// enterRead enters what a read has and, of the elements that all later reads have, what it lacks. Reads come
// from the one called last to the one called first; so each costs no more than its size and that of the
// one before. It reports whether the answer was a set at all.
func (f *setFindings) enterRead(r objectRead, at int32) bool {
	list, ok := f.readNumbers(r)
	for where, id := range list {
		e := f.element(id)
		if e.in == at {
			e.twice = r.op
			continue
		}
		e.in = at
		if e.first == none || compareReturns(f.h, r.op, e.first) < 0 {
			e.first, e.of, e.where = r.op, r.at, int32(where)
		}
		if e.last == none || compareReturns(f.h, r.op, e.last) > 0 {
			e.last = r.op
		}
		if e.present == none {
			e.present = r.op
		}
	}
	kept := f.everywhere[:0]
	for _, id := range f.everywhere {
		if e := &f.elements[id]; e.in == at {
			kept = append(kept, id)
		} else {
			e.absent = r.op
		}
	}
	f.everywhere = kept
	return ok
}

// readNumbers returns the numbers of the elements that a read has, until the next call, and whether it
// answered a list. Null is the empty set.
func (f *setFindings) readNumbers(r objectRead) (ids []int32, ok bool) {
	f.scratch = f.scratch[:0]
	if ints, isInts := f.h.ResultInts(int(r.op)); isInts && r.at < 0 {
		for _, n := range ints {
			f.scratch = append(f.scratch, f.numbers.ints.number(n))
		}
		return f.scratch, true
	}
	v, ok := answer(f.h, r)
	list, isList := v.AsList()
	for i := range list {
		f.scratch = append(f.scratch, f.numbers.number(&list[i]))
		// otherwise it may be several versions of the set
		ok = ok && (f.ofLists || list[i].Kind() != history.List)
	}
	return f.scratch, ok && (isList || v.IsNull())
}

// judgeElement counts one element. lastRead is the read called last.
func (f *setFindings) judgeElement(key string, e setElement, lastRead int32) {
	switch {
	case e.first != none && e.add == none:
		f.reportPhantom(key, e)
		return
	case e.first != none && precedes(f.h, e.first, e.add):
		f.reportFuture(key, e)
		return
	}
	if e.twice != none {
		f.reportDuplicated(key, e)
	}
	known := e.known(f.h)
	if known == none {
		return
	}
	if lastRead != none && precedes(f.h, known, lastRead) {
		f.chances(1)
	}
	switch missed := e.absent != none && precedes(f.h, known, e.absent); {
	case missed && (e.last == none || precedes(f.h, e.last, e.absent)):
		f.lost++
		f.lostLatencies = append(f.lostLatencies, since(f.h, known, e.present))
		f.reportLost(key, e, known)
	case e.first == none:
		f.neverRead++
	case missed:
		f.stale++
		f.stableLatencies = append(f.stableLatencies, since(f.h, known, e.absent))
		if f.options.Linearizable {
			f.reportStale(key, e, known)
		}
	default:
		f.stable++
		f.stableLatencies = append(f.stableLatencies, since(f.h, known, e.absent))
	}
}

// known returns the operation with whose return the element was known, none when it never was.
func (e *setElement) known(h *history.History) int32 {
	if e.acked == none || e.first != none && compareReturns(h, e.first, e.acked) < 0 {
		return e.first
	}
	return e.acked
}

// since returns the time from the return of one operation to the call of another, 0 when that was before, or
// there is none.
func since(h *history.History, from, to int32) int64 {
	if to == none {
		return 0
	}
	return max(0, h.Call(int(to))-h.Return(int(from)))
}

// measures returns the measures, nil when no element was known.
func (f *setFindings) measures() map[string]float64 {
	if f.stable+f.stale+f.lost+f.neverRead == 0 {
		return nil
	}
	m := map[string]float64{"elements_stable": float64(f.stable), "elements_stale": float64(f.stale),
		"elements_lost": float64(f.lost), "elements_never_read": float64(f.neverRead)}
	measureLatencies(m, "stable_latency", f.stableLatencies)
	measureLatencies(m, "lost_latency", f.lostLatencies)
	return m
}

// measureLatencies adds quantiles and maximum of latencies, if there are any.
func measureLatencies(m map[string]float64, name string, list []int64) {
	if len(list) == 0 {
		return
	}
	s := newSortedSample(list, int64(len(list)))
	m[name+"_p50_ns"], m[name+"_p99_ns"] = s.quantile(0.5), s.quantile(0.99)
	m[name+"_max_ns"] = s.quantile(1)
}
