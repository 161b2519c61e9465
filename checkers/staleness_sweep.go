package checkers

import (
	"cmp"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// staleRead is a read whose staleness is measured.
type staleRead struct {
	op    int32
	rank  int32 // the writes of this rank and above are newer; -1-n: those that rankedWrites.parts[n] lacks
	by    int32 // the operation after whose return the newer ones were called, none for none
	write int32 // the write that it is taken to reflect, none for none
	value int32 // of registers: the number of what it returned
	exact bool  // they are all that are newer
}

// staleBy is the staleness of a read.
type staleBy struct {
	k, t       int64 // t in nanoseconds
	first      int32 // the newer write that returned first, if k > 0
	returned   int   // how many writes had returned before the read was called
	lastReturn int64 // when the last of them had
}

// rankedWrites are the acknowledged writes of a key by rank: any order in which, for each read, the newer
// ones are behind the others.
type rankedWrites struct {
	ops      []int32 // by rank
	soonest  []int32 // by rank: the rank of the write, from there on, that returned first
	byReturn []rankedReturn
	counts   []int32   // a Fenwick tree (Fenwick 1994): how many of each rank have returned
	parts    [][]int32 // the ranks, rising, of the writes that a read reflects without those between them
}

// rankedReturn is when a write returned.
type rankedReturn struct {
	ret  int64
	rank int32
}

// order takes writes in, by rank.
func (w *rankedWrites) order(h *history.History, ops []int32) {
	w.ops, w.byReturn = ops, w.byReturn[:0]
	sorted := true
	for rank, op := range ops {
		ret := h.Return(int(op))
		sorted = sorted && (rank == 0 || w.byReturn[rank-1].ret <= ret)
		w.byReturn = append(w.byReturn, rankedReturn{ret, int32(rank)})
	}
	w.soonest = slices.Grow(w.soonest[:0], len(ops))[:len(ops)]
	for rank := len(ops) - 1; rank >= 0; rank-- {
		w.soonest[rank] = int32(rank)
		if rank+1 < len(ops) && w.byReturn[w.soonest[rank+1]].ret < w.byReturn[rank].ret {
			w.soonest[rank] = w.soonest[rank+1]
		}
	}
	if !sorted {
		slices.SortFunc(w.byReturn, func(a, b rankedReturn) int {
			return cmp.Or(cmp.Compare(a.ret, b.ret), cmp.Compare(a.rank, b.rank))
		})
	}
}

// sweep goes through reads, which are by call time, and calls yield with the staleness of each.
func (w *rankedWrites) sweep(h *history.History, reads []staleRead, yield func(r *staleRead, s staleBy)) {
	w.counts = slices.Grow(w.counts[:0], len(w.ops))[:len(w.ops)]
	clear(w.counts)
	returned := 0
	for i := range reads {
		r := &reads[i]
		call := h.Call(int(r.op))
		for returned < len(w.byReturn) && w.byReturn[returned].ret < call {
			w.count(w.byReturn[returned].rank)
			returned++
		}
		s := staleBy{returned: returned}
		if returned > 0 {
			s.lastReturn = w.byReturn[returned-1].ret
			w.stale(h, r, call, &s)
		}
		yield(r, s)
	}
}

// stale fills in how stale a read is.
func (w *rankedWrites) stale(h *history.History, r *staleRead, call int64, s *staleBy) {
	switch {
	case r.rank < 0:
		w.staleByParts(h, r, call, s)
	case int(r.rank) < len(w.ops):
		if s.first = w.ops[w.soonest[r.rank]]; h.Return(int(s.first)) >= call {
			return
		}
		s.k = int64(s.returned) - w.below(r.rank)
	}
	if s.k > 0 {
		s.t = call - h.Return(int(s.first))
	}
}

// staleByParts is stale for a read that reflects some writes and not those before them.
func (w *rankedWrites) staleByParts(h *history.History, r *staleRead, call int64, s *staleBy) {
	s.k = int64(s.returned)
	for _, rank := range w.parts[-1-r.rank] {
		if h.Return(int(w.ops[rank])) < call {
			s.k--
		}
	}
	w.newer(h, r, func(op int32) bool {
		s.first = op
		return false
	})
}

// count notes that the write of a rank has returned.
func (w *rankedWrites) count(rank int32) {
	for i := rank + 1; int(i) < len(w.counts); i += i & -i {
		w.counts[i]++
	}
}

// below returns how many writes below a rank have returned.
func (w *rankedWrites) below(rank int32) (n int64) {
	for i := rank; i > 0; i -= i & -i {
		n += int64(w.counts[i])
	}
	return n
}

// newer calls yield for the newer writes that had returned before a read was called, by return, until it
// returns false.
func (w *rankedWrites) newer(h *history.History, r *staleRead, yield func(op int32) bool) {
	call := h.Call(int(r.op))
	for _, x := range w.byReturn {
		if x.ret >= call {
			return
		}
		if w.isNewer(r, x.rank) && !yield(w.ops[x.rank]) {
			return
		}
	}
}

// isNewer reports whether the write of a rank is newer than what a read returned.
func (w *rankedWrites) isNewer(r *staleRead, rank int32) bool {
	if r.rank >= 0 {
		return rank >= r.rank
	}
	_, has := slices.BinarySearch(w.parts[-1-r.rank], rank)
	return !has
}
