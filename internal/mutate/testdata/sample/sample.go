// Package sample has an expression of each kind that is mutated, with tests that notice some of the mutants.
// What is expected of each is in ../sample.golden.
package sample

// Limit is a constant: nothing in it is mutated.
const Limit = 10 + 1

// Inside is tested at both boundaries: no mutant survives.
func Inside(x int) bool { return x >= 0 && x < Limit }

// Sign is tested away from the boundary: the boundary mutants survive.
func Sign(x float64) int {
	switch {
	case x < 0:
		return -1
	case x > 0:
		return 1
	}
	return 0
}

// Same is tested with equal and different texts.
func Same(a, b string) bool { return a == b }

// Different is never tested: its mutant is not reached.
func Different(a, b string) bool { return a != b }

// Either is tested where || and && agree: the mutant of the operator survives.
func Either(a, b bool) bool { return a || b }

// Not is tested.
func Not(a bool) bool { return !a }

// Yes is called, but no test looks at the answer.
func Yes() bool { return true }

// No is tested.
func No() bool { return false }

// Spread is tested with one order: both mutants are killed.
func Spread(a, b int) int { return max(a, b) - min(a, b) }

// Next is tested.
func Next(x int) int { return x + 1 }

// Before is tested. It becomes x - 1.
func Before(x int) int { return x - 2 }

// Count hangs when the offset is left out.
func Count(n int) int {
	count := 0
	for i := 0; i != n; i = i + 1 {
		count++
	}
	return count
}

// Grow needs ever more memory when the offset is left out: it then passes by the odd n.
func Grow(n int) int {
	var all [][]byte
	for len(all) != n+1 {
		all = append(all, page(), page())
	}
	return len(all)
}

func page() []byte {
	p := make([]byte, 1<<20)
	for i := range p {
		p[i] = 1
	}
	return p
}

// First is tested: the condition decides.
func First(m map[string]int, name string) int {
	if n, ok := m[name]; ok {
		return n
	}
	return -1
}

// Largest cannot be told from its mutant x >= most: an equivalent.
func Largest(list []int) int {
	most := 0
	for _, x := range list {
		if x > most {
			most = x
		}
	}
	return most
}
