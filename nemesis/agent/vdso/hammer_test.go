//go:build linux && amd64

package vdso

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// hammer reads the clock as fast as it can and compares each reading with the kernel's time right before and
// after, by the real system call: it must be one of the offsets away, whichever.
type hammer struct {
	offsets  []int
	epoch    atomic.Int64 // a reading counts when it began in this one
	mu       sync.Mutex   // of counting, and of changing the epoch
	readings []int        // by offset, of this epoch
	wrong    atomic.Pointer[string]
}

// strike reads the clock n times.
func (h *hammer) strike(n int) {
	last := time.Now()
	for range n {
		epoch := h.epoch.Load()
		from := kernelClock(clockRealtime)
		now := time.Now()
		to := kernelClock(clockRealtime)
		if now.Sub(last) < 0 {
			h.complain("monotonic time has gone back by %v", last.Sub(now))
		}
		last = now
		h.judge(epoch, from, now.UnixNano(), to)
	}
}

// judge judges a reading of the clock between two of the kernel's, and counts it when no line came meanwhile.
func (h *hammer) judge(epoch, from, got, to int64) {
	i := h.which(from, got, to)
	if i < 0 {
		h.complain("a reading of %d between %d and %d: off by %v", got, from, to, time.Duration(got-from))
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.epoch.Load() == epoch {
		h.readings[i]++
	}
}

// turn begins the next epoch and returns the readings of the last one.
func (h *hammer) turn() []int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.epoch.Add(1)
	readings := h.readings
	h.readings = make([]int, len(h.offsets))
	return readings
}

// which returns the offset that a reading has, -1 when it has none of them.
func (h *hammer) which(from, got, to int64) int {
	return slices.IndexFunc(h.offsets, func(offset int) bool {
		return got >= from+int64(offset) && got <= to+int64(offset)
	})
}

func (h *hammer) complain(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	h.wrong.CompareAndSwap(nil, &text)
}

// hammerVictim hammers with threads that live on and threads that come and go. It answers each line with the
// numbers of readings by offset that began after the last one, or with what is wrong.
func hammerVictim(offsets []int) error {
	h := &hammer{offsets: offsets, readings: make([]int, len(offsets))}
	for range 3 {
		go func() {
			for {
				h.strike(1000)
			}
		}()
	}
	go churn(func() { h.strike(10) })
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var answer []string
		for _, n := range h.turn() {
			answer = append(answer, fmt.Sprint(n))
		}
		if wrong := h.wrong.Load(); wrong != nil {
			answer = []string{*wrong}
		}
		fmt.Println(strings.Join(answer, " "))
	}
	return lines.Err()
}

// counts asks a hammering process for its readings by offset.
func (v *victim) counts(t *testing.T, offsets int) []int64 {
	t.Helper()
	answer := v.says(t, "counts?")
	counts := make([]int64, offsets)
	for i, field := range strings.Fields(answer) {
		if i >= offsets {
			t.Fatal(answer)
		}
		if _, err := fmt.Sscan(field, &counts[i]); err != nil {
			t.Fatal(answer)
		}
	}
	return counts
}

// TestHammered bends and restores the clock of a process that does nothing but read it.
func TestHammered(t *testing.T) {
	if !root(t) {
		return
	}
	const offset = 3600*time.Second + 999_999_999
	v := start(t, "hammer", 0, int(offset))
	var total [2]int64
	for cycle := range 100 {
		for state, change := range []func() error{
			func() error { return Restore(v.pid()) },
			func() error { return Set(v.pid(), offset) },
		} {
			must(t, change())
			if cycle%10 != 0 {
				continue
			}
			v.counts(t, 2) // some of these began before the change
			var counts [2]int64
			eventually(t, "readings of the changed clock", func() bool {
				more := v.counts(t, 2)
				counts[0], counts[1] = counts[0]+more[0], counts[1]+more[1]
				return counts[state] > 100
			})
			if wrong := counts[1-state]; wrong > 0 {
				t.Errorf("cycle %d, bent %d: %d of %v readings are wrong", cycle, state, wrong, counts)
			}
			total[state] += counts[state]
		}
	}
	untraced(t, v.pid())
	t.Logf("readings of a right clock and of a bent one: %v", total)
}

// TestNeverTorn changes the offset of a process that does nothing but read its clock. Of each two of the
// offsets seconds and nanoseconds differ, so that a mixture of two is none of them.
func TestNeverTorn(t *testing.T) {
	if !root(t) {
		return
	}
	offsets := []time.Duration{0, 30*time.Second + 999_999_999, -7200500 * time.Millisecond, time.Hour + 1e6}
	var args []int
	for _, offset := range offsets {
		args = append(args, int(offset))
	}
	v := start(t, "hammer", args...)
	seen := make([]int64, len(offsets))
	for round := range 1000 {
		offset := offsets[round%len(offsets)]
		must(t, Set(v.pid(), offset))
		if round%100 < len(offsets) {
			for i, n := range v.counts(t, len(offsets)) {
				seen[i] += n
			}
		}
	}
	for i, n := range v.counts(t, len(offsets)) {
		if seen[i] += n; seen[i] == 0 {
			t.Errorf("no reading was off by %v", offsets[i])
		}
	}
	t.Logf("readings: %v", seen)
}

// TestTwoWriters changes the clock of one process from two goroutines.
func TestTwoWriters(t *testing.T) {
	if !root(t) {
		return
	}
	offsets := []time.Duration{0, 30*time.Second + 1, -3600*time.Second - 5}
	v := start(t, "hammer", int(offsets[0]), int(offsets[1]), int(offsets[2]))
	var both sync.WaitGroup
	for _, offset := range offsets[1:] {
		both.Go(func() {
			for i := range 50 {
				err := Set(v.pid(), offset)
				if err == nil && i%5 == 4 {
					err = Restore(v.pid())
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	both.Wait()
	v.counts(t, len(offsets))
	got, bent, err := Offset(v.pid())
	must(t, err)
	t.Logf("in the end: %v, %v", got, bent)
	if bent && got != offsets[1] && got != offsets[2] {
		t.Errorf("the offset in the end is %v", got)
	}
}
