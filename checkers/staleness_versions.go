package checkers

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/rashomon-harness/rashomon/history"
)

// staleVersions order the acknowledged writes of a register by the versions in their evidence.
type staleVersions struct {
	h       *history.History
	source  int32
	sorted  []versionedWrite // by version
	ranked  []int32          // the same writes
	soonest []int64          // by call rank: the smallest version from there on
	read    []int32          // by read: the rank of the first write behind its version
	others  map[int64]int32  // by version that no acknowledged write made: its value
}

// versionedWrite is an acknowledged write with its version and the number of its value.
type versionedWrite struct {
	version int64
	op      int32
	value   int32
}

// enter takes the evidence of a key in, and reports whether it orders the writes: all of it is of one source,
// each write has a version of its own, each read the version of a write of its value, and no version
// contradicts real time.
func (s *staleVersions) enter(v *staleValues, reads []staleRead) bool {
	s.h, s.source = v.h, -1
	s.sorted, s.ranked, s.soonest, s.read = s.sorted[:0], s.ranked[:0], s.soonest[:0], s.read[:0]
	if clear(s.others); s.others == nil {
		s.others = map[int64]int32{}
	}
	return s.enterWrites(v) && s.enterReads(v, reads)
}

// version returns the version of an operation on one key.
func (s *staleVersions) version(op int32) (n int64, ok bool) {
	source, n, ok := s.h.Version(int(op))
	if s.source < 0 {
		s.source = source
	}
	return n, ok && source == s.source && s.h.Key(int(op)) >= 0
}

func (s *staleVersions) enterWrites(v *staleValues) bool {
	for i := range v.list {
		a := &v.list[i]
		if a.kind == reads || !a.certain() {
			continue
		}
		n, ok := s.version(a.op)
		if !ok {
			return false
		}
		s.sorted = append(s.sorted, versionedWrite{n, a.op, v.ids[i]})
	}
	s.soonest = append(s.soonest, make([]int64, len(s.sorted)+1)...)
	s.soonest[len(s.sorted)] = math.MaxInt64
	for rank := len(s.sorted) - 1; rank >= 0; rank-- {
		s.soonest[rank] = min(s.soonest[rank+1], s.sorted[rank].version)
	}
	for _, w := range s.sorted {
		if s.soonest[v.calledUntil(s.h.Return(int(w.op)))] < w.version {
			return false
		}
	}
	slices.SortFunc(s.sorted, func(a, b versionedWrite) int { return cmp.Compare(a.version, b.version) })
	for i, w := range s.sorted {
		if i > 0 && s.sorted[i-1].version == w.version {
			return false
		}
		s.ranked = append(s.ranked, w.op)
	}
	return true
}

func (s *staleVersions) enterReads(v *staleValues, reads []staleRead) bool {
	for i := range reads {
		r := &reads[i]
		if r.value == 0 && v.values[0].writes == 1 { // the initial state is older than any version
			s.read = append(s.read, 0)
			continue
		}
		n, ok := s.version(r.op)
		if !ok || !s.fits(v, r, n) {
			return false
		}
		rank := sort.Search(len(s.sorted), func(at int) bool { return s.sorted[at].version > n })
		s.read = append(s.read, int32(rank))
	}
	return true
}

// fits reports whether a read can have had a version: a write of its value can have made it, and none that
// is newer in real time is older by version.
func (s *staleVersions) fits(v *staleValues, r *staleRead, n int64) bool {
	if s.soonest[r.rank] < n {
		return false
	}
	at, found := slices.BinarySearchFunc(s.sorted, n, func(w versionedWrite, n int64) int {
		return cmp.Compare(w.version, n)
	})
	if found {
		w := &s.sorted[at]
		return w.value == r.value && !precedes(s.h, r.op, w.op)
	}
	value, known := s.others[n]
	s.others[n] = r.value
	x := &v.values[r.value]
	return (!known || value == r.value) && x.writes > x.sure
}

// use ranks writes and reads by version.
func (s *staleVersions) use(h *history.History, w *rankedWrites, reads []staleRead) {
	w.order(h, s.ranked)
	for i := range reads {
		reads[i].rank, reads[i].exact = s.read[i], true
	}
}
