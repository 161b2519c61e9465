package checkers

import "math"

// z95 is the two-sided 95% quantile of the normal distribution.
const z95 = 1.959963984540054

// Wilson returns the 95% confidence interval for a probability of which k of n independent trials came
// true (Wilson 1927, without continuity correction). Unlike the textbook interval it stays within [0, 1]
// and has a width at k = 0 and k = n. Without trials it is [0, 1].
func Wilson(k, n int64) (lo, hi float64) {
	if n <= 0 {
		return 0, 1
	}
	trials := float64(n)
	p := float64(k) / trials
	center := p + z95*z95/(2*trials)
	half := z95 * math.Sqrt(p*(1-p)/trials+z95*z95/(4*trials*trials))
	scale := 1 + z95*z95/trials
	lo, hi = max(0, (center-half)/scale), min(1, (center+half)/scale)
	if k == 0 {
		lo = 0
	}
	if k == n {
		hi = 1
	}
	return lo, hi
}
