package sim

import (
	"cmp"
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/internal/keyed"
)

// TestQuantiles checks the tables against the points that they are made of.
func TestQuantiles(t *testing.T) {
	points := []Quantile{{0, 300}, {500_000, 400}, {990_000, 1000}, {million, 8000}}
	q, err := NewQuantiles(points...)
	must(t, err)
	for _, c := range []struct{ ppm, want, slack int64 }{
		{0, 300, 0}, {250_000, 350, 1}, {500_000, 400, 1}, {745_000, 700, 3}, {990_000, 1000, 30},
		{995_000, 4500, 30},
		{999_999, 7999, 5},
	} {
		draw := uint64(c.ppm) << 44 / million << 20
		if got := q.At(draw); got < c.want-c.slack || got > c.want+c.slack {
			t.Errorf("at %d ppm: %d, want %d", c.ppm, got, c.want)
		}
	}
	if got := q.At(1<<64 - 1); got < 7995 || got > 8000 || q.Max() != 8000 {
		t.Errorf("the slowest is %d, the longest %d", got, q.Max())
	}
	last := int64(0)
	for i := range uint64(1 << 16) {
		got := q.At(i << 48)
		if got < last {
			t.Fatalf("At(%d) falls from %d to %d", i<<48, last, got)
		}
		last = got
	}
	for _, u := range []uint64{0, 1 << 63, 1<<64 - 1} {
		if got := Fixed(5 * milli).At(u); got != 5*milli {
			t.Errorf("a fixed duration of 5 ms is %d", got)
		}
	}
	if got := Between(0, maxLatency).At(1<<64 - 1); got < maxLatency-maxLatency/million || got > maxLatency {
		t.Errorf("the longest table ends at %d", got)
	}
}

func TestQuantilesThatCannotBe(t *testing.T) {
	for _, points := range [][]Quantile{
		nil, {{0, 1}}, {{1, 1}, {million, 2}}, {{0, 1}, {999_999, 2}}, {{0, 2}, {million, 1}},
		{{0, 1}, {900_000, 2}, {800_000, 3}, {million, 4}}, {{0, -1}, {million, 1}},
		{{0, 1}, {million, maxLatency + 1}},
	} {
		if _, err := NewQuantiles(points...); err == nil {
			t.Errorf("accepted %v", points)
		}
	}
}

func TestDefaults(t *testing.T) {
	for name, c := range map[string]struct {
		q           *Quantiles
		median, max int64
	}{
		"latency":  {DefaultNet().Latency, 400 * micro, 12 * milli},
		"sync":     {DefaultDisk().Sync, 800 * micro, 10 * milli},
		"request":  {DefaultProc().Request, 35 * micro, 50 * micro},
		"message":  {DefaultProc().Message, 10 * micro, 15 * micro},
		"internal": {DefaultProc().Internal, 2 * micro, 2 * micro},
	} {
		if got := c.q.At(1 << 63); got < c.median-micro || got > c.median+micro || c.q.Max() != c.max {
			t.Errorf("%s: median %d, longest %d", name, got, c.q.Max())
		}
	}
}

// FuzzQueue compares the heap with a sorted list: each byte pushes an event so far ahead, or pops.
func FuzzQueue(f *testing.F) {
	f.Add([]byte{5, 3, 9, 0, 1, 1, 0, 0, 0, 0})
	f.Add([]byte{200, 100, 100, 100, 0, 0, 7, 7, 7, 7, 7, 7, 7, 7, 0, 0, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		q := queue{free: none}
		type entry struct {
			at int64
			n  int
		}
		var twin []entry
		now := int64(0)
		pop := func() {
			it := q.pop()
			want := twin[0]
			twin = twin[1:]
			if now = it.at; it.at != want.at || q.slab[it.slot()].arg != uint64(want.n) {
				t.Fatalf("popped %d at %d, want %v", q.slab[it.slot()].arg, it.at, want)
			}
			q.release(it.slot())
		}
		for n, b := range script {
			if b == 0 && len(twin) > 0 {
				pop()
				continue
			}
			s := q.alloc()
			q.slab[s].arg = uint64(n)
			q.push(now+int64(b), s)
			twin = append(twin, entry{now + int64(b), n})
			slices.SortStableFunc(twin, func(a, b entry) int { return cmp.Compare(a.at, b.at) })
		}
		for len(twin) > 0 {
			pop()
		}
		if len(q.heap) != 0 || len(q.slab) > len(script) {
			t.Errorf("%d left, %d slots for %d events", len(q.heap), len(q.slab), len(script))
		}
	})
}

// TestQueueKeepsOrder runs the comparison on longer scripts than the fuzzer's seeds.
func TestQueueKeepsOrder(t *testing.T) {
	q := queue{free: none}
	for i := range 10_000 {
		s := q.alloc()
		q.slab[s].arg = uint64(i)
		q.push(keyed.New(3).With(uint64(i)).Between(0, 1000), s)
	}
	last := item{}
	for len(q.heap) > 0 {
		it := q.pop()
		if !last.before(it) {
			t.Fatalf("%v after %v", it, last)
		}
		last = it
	}
}
