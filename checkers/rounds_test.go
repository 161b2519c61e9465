package checkers

import (
	"os"
	"strconv"
)

// rounds returns how many random histories a test draws: n, times RASHOMON_FUZZ_SCALE if that is set.
func rounds(n int) int {
	if scale, err := strconv.ParseFloat(os.Getenv("RASHOMON_FUZZ_SCALE"), 64); err == nil && scale > 0 {
		return max(1, int(float64(n)*scale))
	}
	return n
}
