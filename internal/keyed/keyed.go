// Package keyed gives keyed randomness: a draw is a pure function of a seed and of the stable names of
// what it is for, never the next number of a stream. Removing one draw leaves all others as they were.
package keyed

import "math/bits"

// Key is a point in the tree of names. The zero Key is a valid root; With derives children.
type Key uint64

// New returns the root key of a seed.
func New(seed uint64) Key { return Key(mix(seed ^ 0x9e3779b97f4a7c15)) }

// With returns the child of k named by n. Children of different names are independent.
func (k Key) With(n uint64) Key { return Key(mix(uint64(k) ^ mix(n+0x9e3779b97f4a7c15))) }

// With2 returns the child of k named by a pair.
func (k Key) With2(a, b uint64) Key { return k.With(a).With(b) }

// Named returns the child of k named by a string (64-bit FNV-1a of it).
func (k Key) Named(name string) Key {
	h := uint64(14695981039346656037)
	for i := 0; i < len(name); i++ {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return k.With(h)
}

// Uint64 returns the draw at k, uniform over all 64-bit numbers.
func (k Key) Uint64() uint64 { return mix(uint64(k) + 0x632be59bd9b4e019) }

// N returns the draw at k, uniform in [0, n). n must be positive.
func (k Key) N(n int) int {
	hi, _ := bits.Mul64(k.Uint64(), uint64(n))
	return int(hi)
}

// Between returns the draw at k, uniform in [lo, hi]; lo when hi <= lo.
func (k Key) Between(lo, hi int64) int64 {
	if hi <= lo {
		return lo
	}
	h, _ := bits.Mul64(k.Uint64(), uint64(hi-lo)+1)
	return lo + int64(h)
}

// PPM reports a draw that is true with probability parts in a million.
func (k Key) PPM(parts int64) bool {
	hi, _ := bits.Mul64(k.Uint64(), 1_000_000)
	return int64(hi) < parts
}

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood 2014), a bijection with full avalanche.
func mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}
