package checkers

import (
	"cmp"
	"slices"
)

// What making one witness smaller may take: so many searches, and so many times the steps of the search
// that found the history illegal, or so many if that is more.
const (
	mostShrinks    = 400
	shrinkFactor   = 1
	shrinkMinSteps = 1 << 16
)

// shrink returns a closed part of all, all being illegal, that is illegal too and from which no single act
// can be taken (unless a limit ends that before): the shortest prefix, of that the shortest suffix, of that
// whatever cannot be left out in chunks that become smaller.
func (s *seeker) shrink(all []int32, steps int64) []int32 {
	acts := s.plan.acts
	s.most = s.steps + max(shrinkFactor*steps, shrinkMinSteps)
	core := slices.Clone(all)
	slices.SortStableFunc(core, func(a, b int32) int { return cmp.Compare(acts[a].ret, acts[b].ret) })
	byReturn := core
	core = s.shortest(len(core), func(n int) []int32 { return byReturn[:n] })
	slices.SortStableFunc(core, func(a, b int32) int { return cmp.Compare(acts[a].call, acts[b].call) })
	byCall := core
	core = s.shortest(len(core), func(n int) []int32 { return byCall[len(byCall)-n:] })
	for chunk := len(core) / 2; chunk > 1; chunk /= 2 {
		core = s.without(core, chunk)
	}
	for before := len(core) + 1; len(core) < before; {
		before = len(core)
		core = s.without(core, 1)
	}
	return s.plan.closed(core)
}

// illegal reports whether the part that core needs is known to be illegal.
func (s *seeker) illegal(core []int32) bool {
	if s.runs++; s.runs > mostShrinks || s.steps > s.most || len(core) == 0 {
		return false
	}
	return s.run(s.plan.closed(core)).Result == Invalid
}

// shortest returns take(n) for a small n that is still illegal; take(most) is.
func (s *seeker) shortest(most int, take func(n int) []int32) []int32 {
	low, high := 0, most // take(high) is illegal, take(low) is not known to be
	for low+1 < high {
		if middle := (low + high) / 2; s.illegal(take(middle)) {
			high = middle
		} else {
			low = middle
		}
	}
	return slices.Clone(take(high))
}

// without leaves out every run of chunk acts that the rest is illegal without.
func (s *seeker) without(core []int32, chunk int) []int32 {
	for at := 0; at < len(core); {
		rest := slices.Delete(slices.Clone(core), at, min(at+chunk, len(core)))
		if s.illegal(rest) {
			core = rest
		} else {
			at += chunk
		}
	}
	return core
}
