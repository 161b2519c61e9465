package odd

import "github.com/rashomon-harness/rashomon/internal/mutate/testdata/odd/middle"

// unnamed has bools whose type has no name in this file: only the comparison is mutated.
func unnamed(x int) bool {
	z := middle.Raised() && (x > 1 || !middle.Raised())
	return bool(z)
}
