package checkers

import "fmt"

// mostNewer is how many newer writes a witness of staleness shows.
const mostNewer = 3

// hold holds a read against the bounds. isList tells that its key is a list.
func (f *staleFindings) hold(key string, r *staleRead, s staleBy, isList bool) {
	bound := ""
	switch o := f.options; {
	case o.MaxTime > 0 && s.t > int64(o.MaxTime):
		bound = span(int64(o.MaxTime))
	case o.MaxVersions > 0 && s.k > o.MaxVersions:
		bound = versionCount(o.MaxVersions)
	default:
		return
	}
	f.tally.count(KindTooStale, 1)
	if !f.wants(staleOps(r, s.k), int(r.op)) {
		return
	}
	op, by := r.op, r.by // r is used again
	ops := f.appendNewer([]int32{op, by, r.write}, r)
	f.explainAt(f.h, KindTooStale, key, func(w *witness) string {
		return sayTooStale(w, op, s, by, isList) + "; the bound is " + bound
	}, ops...)
}

func versionCount(n int64) string {
	if n == 1 {
		return "1 version"
	}
	return fmt.Sprintf("%d versions", n)
}

// staleOps returns how many operations a witness has.
func staleOps(r *staleRead, k int64) int {
	n := 1 + int(min(k, mostNewer))
	if r.write != none {
		n++
	}
	if r.by != r.write {
		n++
	}
	return n
}

// appendNewer appends the first of the newer writes.
func (f *staleFindings) appendNewer(ops []int32, r *staleRead) []int32 {
	n := 0
	f.writes.newer(f.h, r, func(op int32) bool {
		ops = append(ops, op)
		n++
		return n < mostNewer
	})
	return ops
}

// sayTooStale says how stale a read is, and how that is known.
func sayTooStale(w *witness, op int32, s staleBy, by int32, isList bool) string {
	read, first := w.at(op), w.at(s.first)
	ago := earlier(first.Return, read.Call)
	text := fmt.Sprintf("%s although %s, which is newer, had returned %s: ", w.did(read), w.whose(first), ago)
	they, their := "it was", "its element is not in the list"
	if s.k > 1 {
		text = fmt.Sprintf("%s although %d newer writes had returned, the first, %s, %s: ", w.did(read), s.k,
			w.whose(first), ago)
		they, their = "they were", "none of their elements is in the list"
	}
	switch {
	case isList:
		return text + their
	case by == none:
		return text + "it found the initial state"
	}
	return text + they + " called after " + w.whose(w.at(by)) + " had returned"
}
