package checkers

import (
	"cmp"
	"math"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// zone is a block that is part of the test: at least one of its operations returned.
type zone struct {
	first, last int64
	of          int32 // the value; of chains, the chain
}

// zones decides a register whose written values are unique (Gibbons and Korach 1997, section 4.1). In any
// order that explains the history the operations of a block (the write of a value and its reads) stand
// together, the write first. Block i must come before block j when one of i returned before one of j was
// called: iff i.first < j.last. The history is linearizable iff that relation has no cycle; and if it has
// one, it has one of length two: on a cycle take i with the least first; every j on it has a predecessor p
// with p.first < j.last, so i.first < j.last too, and i comes before all others, its own predecessor
// included. So the test is for two blocks with i.first < j.last and j.first < i.last.
//
// With compare-and-set the test is still sound (a cas is the last of one block and the first of the next)
// but not complete.
func (r *register) zones(t *tally) {
	order := r.zonesByFirst()
	if !clashing(order) {
		return
	}
	if r.reportStale(t) == 0 {
		r.reportDisagreements(t, order)
	}
}

func (r *register) zonesByFirst() []zone {
	order := make([]zone, 0, len(r.blocks))
	for v := range r.blocks {
		if b := &r.blocks[v]; b.first < history.Never {
			order = append(order, zone{b.first, b.last, int32(v)})
		}
	}
	sortZones(order)
	return order
}

// sortZones sorts by first, and equal ones, which come by number, by that. Zones come nearly sorted, because
// values are numbered by their first use; so each is carried to its place, as long as that takes few steps.
func sortZones(order []zone) {
	steps := 16 * len(order)
	for i := 1; i < len(order); i++ {
		if steps < 0 {
			slices.SortFunc(order, func(a, b zone) int {
				return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.of, b.of))
			})
			return
		}
		z, at := order[i], i
		for ; at > 0 && order[at-1].first > z.first; at-- {
			order[at] = order[at-1]
			steps--
		}
		order[at] = z
	}
}

// clashing reports whether two zones must each come before the other.
func clashing(order []zone) bool {
	last := make([]int64, len(order)) // the largest last so far
	top := int64(math.MinInt64)
	for i := range order {
		if k := rivals(order, i); k > 0 && last[k-1] > order[i].first {
			return true
		}
		top = max(top, order[i].last)
		last[i] = top
	}
	return false
}

// rivals returns how many of the zones before zone i have a first smaller than its last: those that it
// clashes with if their last is larger than its first.
func rivals(order []zone, i int) int {
	if order[i].last > order[i].first {
		return i
	}
	k, _ := slices.BinarySearchFunc(order[:i], order[i].last, func(z zone, last int64) int {
		return cmp.Compare(z.first, last)
	})
	return k
}

// newer is what is known of the values whose producers were called at some time or later: when the first
// of them was certainly in place.
type newer struct {
	call     int64 // the producer's call
	returned int64 // the smallest return of an acknowledged producer from here on
	writer   int32 // that producer's value
	first    int64 // the smallest return of any operation of such a block
	seen     int32 // that block's value
}

// newerThan lists what newer values there are, by the call of the producer.
func (r *register) newerThan() []newer {
	var list []newer
	for i := range r.deeds {
		d := &r.deeds[i]
		if !d.produces() {
			continue
		}
		n := newer{d.call, history.Never, d.value, r.blocks[d.value].first, d.value}
		if r.acknowledged(int32(i)) {
			n.returned = d.ret
		}
		list = append(list, n)
	}
	for i := len(list) - 2; i >= 0; i-- {
		n, next := &list[i], &list[i+1]
		if next.returned < n.returned {
			n.returned, n.writer = next.returned, next.writer
		}
		if next.first < n.first {
			n.first, n.seen = next.first, next.seen
		}
	}
	return list
}

// acknowledged reports whether deed i is known to have happened from its own answer.
func (r *register) acknowledged(i int32) bool { return r.deeds[i].sure && r.closerOf(i) < 0 }

// reportStale reports every observation of a value i although a newer value j was in place before it was
// called, and returns how many there are. That j is newer is certain when its producer was called after an
// operation of block i had returned; that it is in place, when one of its own had returned. These are all
// clashes but those in which only reads tell which value is newer, and they tell both.
func (r *register) reportStale(t *tally) int64 {
	list := r.newerThan()
	total := int64(0)
	for i := range r.deeds {
		d := &r.deeds[i]
		v, ok := d.observed()
		if !ok {
			continue
		}
		at, _ := slices.BinarySearchFunc(list, r.blocks[v].first, func(n newer, first int64) int {
			if n.call > first {
				return 1
			}
			return -1
		})
		if at == len(list) {
			continue
		}
		switch n := &list[at]; {
		case d.call > n.returned:
			r.explainStale(t, StaleRead, int32(i), v, n.writer)
		case d.call > n.first:
			r.explainStale(t, NewOldInversion, int32(i), v, n.seen)
		default:
			continue
		}
		total++
	}
	return total
}

// reportDisagreements reports the blocks that clash with an earlier one, where reportStale found nothing.
func (r *register) reportDisagreements(t *tally, order []zone) {
	explained := 0
	eachClash(order, func(earlier, later int32) {
		t.count(ReadsDisagree, 1)
		if explained++; explained <= MaxExplained {
			r.explainDisagreement(t, earlier, later)
		}
	})
}

// eachClash calls report for each zone that clashes with an earlier one, with one that it clashes with.
func eachClash(order []zone, report func(earlier, later int32)) {
	most := make([]int32, len(order)) // place of the zone with the largest last so far
	for i := range order {
		most[i] = int32(i)
		if i > 0 && order[most[i-1]].last >= order[i].last {
			most[i] = most[i-1]
		}
		if k := rivals(order, i); k > 0 && order[most[k-1]].last > order[i].first {
			report(order[most[k-1]].of, order[i].of)
		}
	}
}
