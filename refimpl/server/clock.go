package server

import (
	"fmt"
	"sync"
	"time"
)

// Skew bends a node's clocks: one of its fields is set.
type Skew struct {
	StepNanos int64 `json:"step_ns,omitempty"`   // moves the wall clock
	DriftPPM  int64 `json:"drift_ppm,omitempty"` // makes both clocks fast (positive) or slow
	Freeze    bool  `json:"freeze,omitempty"`    // stops the wall clock
}

// clock is the pair of clocks of a node, with a skew on them that experiments set. Without any skew it shows
// the machine's wall clock, and a monotonic one that begins at a second when the node starts.
type clock struct {
	mu    sync.Mutex
	real  func() time.Time
	since time.Time // when the rate changed last
	base  int64     // the monotonic clock then, nanoseconds
	skews map[string]skewed
}

// skewed is a skew in force.
type skewed struct {
	Skew
	since  time.Time
	frozen int64 // the wall time, without steps, at which it stopped the clock
}

// ppmMax bounds the rate of a clock.
const ppmMax = 500_000

func newClock(real func() time.Time) *clock {
	return &clock{real: real, since: real(), base: int64(time.Second), skews: map[string]skewed{}}
}

// now returns what both clocks show, nanoseconds.
func (c *clock) now() (mono, wall int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at(c.real())
}

func (c *clock) at(t time.Time) (mono, wall int64) {
	mono = c.base + scaled(t.Sub(c.since), c.rateLocked())
	wall = t.UnixNano()
	steps, stands := int64(0), int64(0)
	for _, s := range c.skews {
		steps += s.StepNanos
		wall += scaled(t.Sub(s.since), s.DriftPPM) - int64(t.Sub(s.since))
		if s.Freeze && (stands == 0 || s.frozen < stands) {
			stands = s.frozen
		}
	}
	if stands != 0 {
		wall = stands
	}
	return mono, wall + steps
}

// rateLocked returns parts per million beyond the true rate.
func (c *clock) rateLocked() int64 {
	ppm := int64(0)
	for _, s := range c.skews {
		ppm += s.DriftPPM
	}
	return min(max(ppm, -ppmMax), ppmMax)
}

// scaled returns how far a clock that is fast by ppm runs in d.
func scaled(d time.Duration, ppm int64) int64 {
	n := int64(d)
	return n + n/1e6*ppm + n%1e6*ppm/1e6
}

// until returns how long it takes until the monotonic clock shows mono.
func (c *clock) until(mono int64) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, _ := c.at(c.real())
	left := max(mono-now, 0)
	return time.Duration(float64(left) * 1e6 / float64(1_000_000+c.rateLocked()))
}

// skew adds a skew, in place of the one with the same id.
func (c *clock) skew(id string, s Skew) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.real()
	mono, wall := c.at(t)
	for _, other := range c.skews {
		wall -= other.StepNanos
	}
	c.base, c.since = mono, t
	c.skews[id] = skewed{Skew: s, since: t, frozen: wall}
}

// check returns an error when the skew is none.
func (s Skew) check() error {
	set := 0
	for _, is := range []bool{s.StepNanos != 0, s.DriftPPM != 0, s.Freeze} {
		if is {
			set++
		}
	}
	if set > 1 || s.DriftPPM < -ppmMax || s.DriftPPM > ppmMax {
		return fmt.Errorf("a skew is one of step_ns, drift_ppm (up to %d either way) and freeze", ppmMax)
	}
	return nil
}

// unskew takes a skew away: the wall clock is right again, as if it had never been, and the monotonic one
// goes on from where it is.
func (c *clock) unskew(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.real()
	c.base, _ = c.at(t)
	c.since = t
	delete(c.skews, id)
}
