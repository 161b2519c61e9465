package packets

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

const ms = int64(time.Millisecond)

// least draws the least that can be drawn, most the most.
func least(int64) int64      { return 0 }
func most(below int64) int64 { return below - 1 }

func TestLaneDelays(t *testing.T) {
	l := &lane{pace: pace{delay: 50 * time.Millisecond}}
	for _, now := range []int64{0, 0, 7, ms} {
		if due, ok := l.enter(now, 1500, most); !ok || due != now+50*ms {
			t.Errorf("at %d: due at %d, %v", now, due, ok)
		}
	}
	l.pace = pace{delay: time.Millisecond}
	if due, _ := l.enter(2*ms, 1500, most); due != 51*ms {
		t.Errorf("a shorter delay let a packet overtake: due at %d", due)
	}
}

func TestLaneJitters(t *testing.T) {
	l := &lane{pace: pace{delay: 50 * time.Millisecond, jitter: 10 * time.Millisecond}}
	late, _ := l.enter(0, 100, most)
	soon, _ := l.enter(0, 100, least)
	if soon != 50*ms || late != 60*ms {
		t.Errorf("due at %d and %d", soon, late)
	}
}

// TestLaneBandwidth looks at any stretch of time: no more passes in it than the bandwidth and what passes at
// once after a pause.
func TestLaneBandwidth(t *testing.T) {
	const rate = 100_000
	l := &lane{pace: pace{bytesPerSec: rate}}
	r := rand.New(rand.NewPCG(1, 2))
	type passed struct {
		at   int64
		size int
	}
	var all []passed
	now, lost := int64(0), 0
	for range 2000 {
		now += r.Int64N(10 * ms)
		size := 40 + r.IntN(1460)
		due, ok := l.enter(now, size, least)
		if !ok {
			lost++
			continue
		}
		if due < now || due > now+int64(backlogMax)+15*ms {
			t.Fatalf("a packet at %d is due at %d", now, due)
		}
		all = append(all, passed{due, size})
	}
	for i := range all {
		sum := int64(0)
		for _, p := range all[i:min(len(all), i+200)] {
			sum += int64(p.size)
			if bound := burst(rate) + 1500 + rate*(p.at-all[i].at)/int64(time.Second); sum > bound {
				t.Fatalf("%d bytes from %d to %d, allowed are %d", sum, all[i].at, p.at, bound)
			}
		}
	}
	if lost == 0 || lost > 1500 {
		t.Errorf("%d packets of 2000 lost", lost)
	}
}

func TestLaneAfterAPause(t *testing.T) {
	l := &lane{pace: pace{bytesPerSec: 100_000}}
	var dues []int64
	for range 4 {
		due, _ := l.enter(int64(time.Minute), 1000, least)
		dues = append(dues, due-int64(time.Minute))
	}
	if !slices.Equal(dues, []int64{0, 0, 0, 10 * ms}) {
		t.Errorf("due after %v", dues)
	}
}

func TestHoldIsInOrder(t *testing.T) {
	var h hold
	l := &lane{}
	for id, due := range []int64{5, 3, 5, 1, 3, 5} {
		h.put(due, uint32(id), l)
	}
	if _, ok := h.pop(0); ok {
		t.Error("a packet passed before its time")
	}
	var got []uint32
	for id, ok := h.pop(5); ok; id, ok = h.pop(5) {
		got = append(got, id)
	}
	if want := []uint32{3, 1, 4, 0, 2, 5}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}

func TestHoldReleases(t *testing.T) {
	var h hold
	gone, stays := &lane{}, &lane{}
	r := rand.New(rand.NewPCG(1, 2))
	for id := range uint32(1000) {
		l := gone
		if id%2 == 1 {
			l = stays
		}
		h.put(r.Int64N(100), id, l)
	}
	freed := h.release(func(l *lane) bool { return l == gone })
	if len(freed) != 500 || !slices.IsSorted(freed) || freed[0] != 0 || freed[1] != 2 {
		t.Errorf("%d freed: %v..", len(freed), freed[:3])
	}
	last := int64(-1)
	for range 500 {
		due, some := h.next()
		id, ok := h.pop(100)
		if !some || !ok || due < last || id%2 == 0 {
			t.Fatalf("packet %d due at %d after %d, %v", id, due, last, ok)
		}
		last = due
	}
	if _, some := h.next(); some {
		t.Error("more packets than came")
	}
}
