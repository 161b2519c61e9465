package checkers

import (
	"math"
	"slices"
)

// causalClocks keeps what was causally before an operation, by chain: how many of the chain's operations,
// counted from its beginning (Fidge 1988; Mattern 1989). Along a chain clocks only grow, and little from one
// to the next; so they are kept as bytes, the difference from a clock that stands before a run of them.
type causalClocks struct {
	runs  []clockRun
	last  []int32 // by chain: its latest run, -1 for none
	where []clockPlace
	bytes int64 // taken so far
}

// clockRun is a run of clocks of one chain.
type clockRun struct {
	base  []int32
	diffs []byte // of clock j of the run: from j·len(base) on
}

// clockPlace says where the clock of an operation is: in which run and from which byte on.
type clockPlace struct{ run, at int32 }

// longestRun is the most bytes of differences in a run.
const longestRun = 1 << 14

// newCausalClocks returns a place to keep clocks of n operations.
func newCausalClocks(n int) *causalClocks { return &causalClocks{where: make([]clockPlace, n)} }

// keep keeps the clock of operation op, the latest of its chain.
func (c *causalClocks) keep(op, chain int32, clock []int32) {
	for int(chain) >= len(c.last) {
		c.last = append(c.last, -1)
	}
	at := c.last[chain]
	if at < 0 || !c.runs[at].fits(clock) {
		at = int32(len(c.runs))
		c.last[chain] = at
		c.runs = append(c.runs, clockRun{base: slices.Clone(clock)})
		c.bytes += 4*int64(len(clock)) + 64
	}
	r := &c.runs[at]
	c.where[op] = clockPlace{at, int32(len(r.diffs))}
	c.bytes += int64(len(clock))
	for i, n := range clock {
		r.diffs = append(r.diffs, byte(n-r.base[i]))
	}
}

// fits reports whether a clock can be kept in the run.
func (r *clockRun) fits(clock []int32) bool {
	if len(r.base) != len(clock) || len(r.diffs)+len(clock) > max(longestRun, len(clock)) {
		return false
	}
	for i, n := range clock {
		if n-r.base[i] > math.MaxUint8 {
			return false
		}
	}
	return true
}

// of returns how many operations of a chain are causally before op, itself included. Its clock was kept.
func (c *causalClocks) of(op, chain int32) int32 {
	p := c.where[op]
	r := &c.runs[p.run]
	if int(chain) >= len(r.base) {
		return 0
	}
	return r.base[chain] + int32(r.diffs[p.at+chain])
}

// join lets a clock know all that op knew, whose clock was kept.
func (c *causalClocks) join(clock []int32, op int32) {
	p := c.where[op]
	r := &c.runs[p.run]
	diffs := r.diffs[p.at : int(p.at)+len(r.base)]
	clock = clock[:len(diffs)]
	base := r.base[:len(diffs)]
	for i, d := range diffs {
		clock[i] = max(clock[i], base[i]+int32(d))
	}
}
