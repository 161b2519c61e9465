package checkers

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// TestAtOnce: no more keys are judged at once than there are processors.
func TestAtOnce(t *testing.T) {
	most := int64(runtime.GOMAXPROCS(0))
	var active atomic.Int64
	eachOf(50*int(most), func(int) {
		if n := active.Add(1); n > most {
			t.Errorf("%d at once, on %d processors", n, most)
		}
		for range 200 {
			runtime.Gosched()
		}
		active.Add(-1)
	})
}
