package checkers

import (
	"cmp"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// shrinkRuns is the most searches that making one witness smaller may take.
const shrinkRuns = 400

// shrinking looks for a small part of a problem that is not linearizable by itself.
type shrinking struct {
	*search
	p    *problem
	runs int
}

// shrink returns a closed part of p that is not linearizable, p being so, from which no single operation
// can be taken (unless the budget ends before): the shortest prefix, of that the shortest suffix, of
// that whatever cannot be left out in chunks that become smaller.
func (s *search) shrink(p *problem) []int32 {
	sh := shrinking{search: s, p: p}
	core := slices.Clone(p.all)
	slices.SortStableFunc(core, func(a, b int32) int { return cmp.Compare(p.deeds[a].ret, p.deeds[b].ret) })
	core = sh.shortest(len(core), func(n int) []int32 { return core[:n] })
	slices.SortStableFunc(core, func(a, b int32) int { return cmp.Compare(p.deeds[a].call, p.deeds[b].call) })
	whole := core
	core = sh.shortest(len(whole), func(n int) []int32 { return whole[len(whole)-n:] })
	for chunk := len(core) / 2; chunk > 0; chunk /= 2 {
		core = sh.without(core, chunk)
	}
	return p.closed(sh.without(core, 1))
}

// bad reports whether the part that core needs is not linearizable.
func (sh *shrinking) bad(core []int32) bool {
	if sh.runs++; sh.runs > shrinkRuns || len(core) == 0 {
		return false
	}
	illegal, _ := sh.run(sh.p, sh.p.closed(core))
	return illegal
}

// shortest returns take(n) for the smallest n that is still bad; take(most) is.
func (sh *shrinking) shortest(most int, take func(n int) []int32) []int32 {
	low, high := 0, most // take(high) is bad, take(low) is not
	for low+1 < high {
		if middle := (low + high) / 2; sh.bad(take(middle)) {
			high = middle
		} else {
			low = middle
		}
	}
	return slices.Clone(take(high))
}

// without leaves out every run of chunk operations that the rest is bad without.
func (sh *shrinking) without(core []int32, chunk int) []int32 {
	for at := 0; at < len(core); {
		rest := slices.Delete(slices.Clone(core), at, min(at+chunk, len(core)))
		if sh.bad(rest) {
			core = rest
		} else {
			at += chunk
		}
	}
	return core
}

// operationsOf returns the operations of the given deeds.
func (k *keyHistory) operationsOf(deeds []int32) []*history.Op {
	ops := make([]*history.Op, len(deeds))
	for i, at := range deeds {
		ops[i] = k.op(&k.deeds[at])
	}
	return ops
}
