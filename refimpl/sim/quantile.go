package sim

import (
	"fmt"

	"github.com/rashomon-harness/rashomon/internal/keyed"
)

// segments is the number of equally likely parts of a quantile table, and of the finer table of its tail.
const segments = 64

// Quantiles is a distribution of durations, in nanoseconds: 64 equally likely segments, the last of which
// (the slowest 1.6%) is split into 64 again, so that a heavy tail keeps its shape. It is immutable.
type Quantiles struct {
	body [segments + 1]int64
	tail [segments + 1]int64
}

// Quantile says that PPM millionths of all durations are at most Nanos.
type Quantile struct{ PPM, Nanos int64 }

// At returns the duration for a uniform draw u, interpolated linearly inside a segment.
func (q *Quantiles) At(u uint64) int64 {
	t := &q.body
	if u>>58 == segments-1 {
		t, u = &q.tail, u<<6
	}
	i := u >> 58
	lo, hi := t[i], t[i+1]
	return lo + (hi-lo)*int64(u<<6>>44)>>20
}

// draw returns the duration for the luck k.
func (q *Quantiles) draw(k keyed.Key) int64 { return q.At(k.Uint64()) }

// Max returns the longest duration.
func (q *Quantiles) Max() int64 { return q.tail[segments] }

// Fixed returns the distribution that always gives nanos.
func Fixed(nanos int64) *Quantiles { return Between(nanos, nanos) }

// Between returns the uniform distribution on [lo, hi).
func Between(lo, hi int64) *Quantiles {
	return mustQuantiles(Quantile{0, lo}, Quantile{1_000_000, hi})
}

// NewQuantiles returns the distribution that passes through the points, with straight lines between. The
// first point must be at 0, the last at 1,000,000 ppm; neither PPM nor Nanos may fall, Nanos must not be
// negative nor above an hour.
//
// Example: {0, 300µs} {500000, 400µs} {990000, 1ms} {1000000, 8ms} has a median of 400 µs, and one packet
// in a hundred takes between one and eight milliseconds.
func NewQuantiles(points ...Quantile) (*Quantiles, error) {
	if len(points) < 2 || points[0].PPM != 0 || points[len(points)-1].PPM != 1_000_000 {
		return nil, fmt.Errorf("quantiles must begin at 0 and end at 1000000 ppm, got %v", points)
	}
	if points[0].Nanos < 0 || points[len(points)-1].Nanos > maxLatency {
		return nil, fmt.Errorf("durations must be between 0 and an hour, got %v", points)
	}
	for i := 1; i < len(points); i++ {
		if points[i].PPM < points[i-1].PPM || points[i].Nanos < points[i-1].Nanos {
			return nil, fmt.Errorf("quantiles must not fall, got %v after %v", points[i], points[i-1])
		}
	}
	q := &Quantiles{}
	for i := range q.body {
		q.body[i] = interpolate(points, int64(i)*segments)
		q.tail[i] = interpolate(points, (segments-1)*segments+int64(i))
	}
	return q, nil
}

// maxLatency is the longest duration in a table, an hour: times 2^20, it stays in 64 bits.
const maxLatency = 3600 * 1_000_000_000

// interpolate returns the duration at x of the 4096 parts of the distribution.
func interpolate(points []Quantile, x int64) int64 {
	const whole = segments * segments
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		if x*1_000_000 <= b.PPM*whole && b.PPM > a.PPM {
			return a.Nanos + mulDiv(b.Nanos-a.Nanos, x*1_000_000-a.PPM*whole, (b.PPM-a.PPM)*whole)
		}
	}
	return points[len(points)-1].Nanos
}

// mustQuantiles is NewQuantiles for the tables of this package, which are right by construction.
func mustQuantiles(points ...Quantile) *Quantiles {
	q, err := NewQuantiles(points...)
	if err != nil {
		return &Quantiles{}
	}
	return q
}
