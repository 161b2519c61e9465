package sim

import (
	"math/bits"

	"github.com/rashomon-harness/rashomon/internal/keyed"
)

// epochWall is what a perfect wall clock shows at the start of a run: 2024-01-01 00:00 UTC.
const epochWall int64 = 1_704_067_200 * 1_000_000_000

// million is the unit of rates: parts per million.
const million = 1_000_000

// ClockConfig is how good the clocks of the nodes are when no fault bends them. The zero value means
// perfect wall clocks; monotonic clocks begin anywhere in any case.
type ClockConfig struct {
	OffsetNanos int64 // each wall clock is off by a seeded amount within ± this
	DriftPPM    int64 // each clock's rate is off by a seeded amount within ± this, parts per million
}

// DefaultClock returns the clocks of machines that keep time by NTP: within 2 ms, 20 ppm.
func DefaultClock() ClockConfig { return ClockConfig{OffsetNanos: 2_000_000, DriftPPM: 20} }

// clock is the pair of clocks of a node. Both run at rate millionths of the world's time. All arithmetic
// is in integers: mono(t) = base + floor((t-since) * rate / 1e6), so mono never runs backwards, and a
// change of the rate rebases it at the present.
type clock struct {
	natural int64 // the rate without faults
	rate    int64
	since   int64
	base    int64
	wall    int64 // wall - mono, without steps, slews and freezes
	steps   int64
	slews   []slew
	frozen  bool
	stands  int64 // the wall time at which a frozen clock stands, without steps
}

// slew moves the wall clock by nanos, evenly over the time over.
type slew struct{ from, over, nanos int64 }

// newClock returns the clocks of a node with luck k at the start of the run.
func newClock(cfg ClockConfig, k keyed.Key) clock {
	c := clock{natural: million + k.Named("drift").Between(-cfg.DriftPPM, cfg.DriftPPM)}
	c.rate = c.natural
	c.base = k.Named("mono").Between(1_000_000_000, 1000*1_000_000_000)
	c.wall = epochWall - c.base + k.Named("offset").Between(-cfg.OffsetNanos, cfg.OffsetNanos)
	return c
}

// scale returns floor(d * rate / 1e6) for d >= 0 without overflow.
func scale(d, rate int64) int64 {
	if rate == million {
		return d
	}
	return d/million*rate + d%million*rate/million
}

// monoAt returns the monotonic clock at the world's time t >= since.
func (c *clock) monoAt(t int64) int64 { return c.base + scale(t-c.since, c.rate) }

// wallAt returns the wall clock at the world's time t, at which the monotonic clock shows mono.
func (c *clock) wallAt(t, mono int64) int64 {
	w := c.steps
	if c.frozen {
		return w + c.stands
	}
	for i := range c.slews {
		w += c.slews[i].at(t)
	}
	return w + mono + c.wall
}

// at returns how far the slew has moved the clock by t.
func (s *slew) at(t int64) int64 { return mulDiv(s.nanos, min(t-s.from, s.over), s.over) }

// mulDiv returns a*b/c rounded towards zero, for 0 <= b <= c and c > 0, without overflow.
func mulDiv(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(max(a, -a)), uint64(b))
	quo, _ := bits.Div64(hi, lo, uint64(c))
	if a < 0 {
		return -int64(quo)
	}
	return int64(quo)
}

// when returns the first time of the world at which the monotonic clock shows at least mono.
func (c *clock) when(mono int64) int64 {
	x := mono - c.base
	if x <= 0 {
		return c.since
	}
	if c.rate == million {
		return c.since + x
	}
	hi, lo := bits.Mul64(uint64(x), million)
	if hi >= uint64(c.rate) {
		return never
	}
	quo, rem := bits.Div64(hi, lo, uint64(c.rate))
	if rem > 0 {
		quo++
	}
	return c.since + int64(min(quo, uint64(never-c.since)))
}

// setRate changes the rate of both clocks from t on.
func (c *clock) setRate(t, rate int64) {
	c.base, c.since, c.rate = c.monoAt(t), t, rate
}
