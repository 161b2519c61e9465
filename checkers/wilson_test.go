package checkers

import (
	"math"
	"testing"
)

// TestWilson compares with the formula worked by hand (and with any statistics package) to four digits, and
// with figures of the literature (Newcombe 1998, table I).
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		k, n      int64
		low, high float64
	}{
		{0, 0, 0, 1}, {1, 0, 0, 1}, {0, 10, 0, 0.2775}, {10, 10, 0.7225, 1}, {5, 10, 0.2366, 0.7634},
		{1, 20, 0.0089, 0.2361}, {7, 20, 0.1812, 0.5671}, {50, 1000, 0.0381, 0.0653},
		{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718},
		{29, 29, 0.8830, 1},
	} {
		low, high := Wilson(c.k, c.n)
		if !(math.Abs(low-c.low) < 6e-5 && math.Abs(high-c.high) < 6e-5) { // nor NaN
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", c.k, c.n, low, high, c.low, c.high)
		}
	}
}
