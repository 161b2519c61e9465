package checkers

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/history"
)

func TestSortedSample(t *testing.T) {
	for _, c := range []struct {
		list                       []int64
		of                         int64
		least, p50, p99, most, p60 float64
	}{
		{[]int64{}, 3, 0, 0, 0, 0, 0},
		{[]int64{9}, 1, 9, 9, 9, 9, 9},
		{[]int64{9}, 2, 0, 0, 9, 9, 9},
		{[]int64{7, 5, 9}, 3, 5, 7, 9, 9, 7},
		{[]int64{7, 5, 9}, 4, 0, 5, 9, 9, 7},
		{[]int64{9}, 100, 0, 0, 0, 9, 0},
		{[]int64{9}, 101, 0, 0, 0, 9, 0},
		{[]int64{8, 9}, 100, 0, 0, 8, 9, 0},
	} {
		s := newSortedSample(c.list, c.of)
		for share, want := range map[float64]float64{
			0.0001: c.least, 0.5: c.p50, 0.6: c.p60, 0.99: c.p99, 1: c.most,
		} {
			if got := s.quantile(share); got != want {
				t.Errorf("%v of %d: quantile %v is %v, want %v", c.list, c.of, share, got, want)
			}
		}
	}
}

// TestFreshShares reads a key at ages on both sides of each bound after a write: fresh on the one side.
func TestFreshShares(t *testing.T) {
	write := func(v int64, at time.Duration) history.Op {
		return history.Op{Session: "s1", Key: "k", F: history.FWrite, Arg: history.IntValue(v),
			Type: history.Ok, Call: int64(at), Return: int64(at)}
	}
	ops := []history.Op{write(1, 0), write(2, time.Second)}
	for age, v := range map[time.Duration]int64{
		1: 2, time.Millisecond - 1: 1, time.Millisecond: 2, 10*time.Millisecond - 1: 2,
		10 * time.Millisecond:  1,
		100 * time.Millisecond: 2, time.Second - 1: 2, time.Second: 1, time.Hour: 1,
	} {
		op := write(0, time.Second+age)
		op.F, op.Arg, op.Result = history.FRead, history.Value{}, history.IntValue(v)
		ops = append(ops, op)
	}
	v := Staleness(StalenessOptions{}).Check(context.Background(), historyOf(ops, history.Never))[0]
	got := maps.Collect(maps.All(v.Measures))
	maps.DeleteFunc(got, func(name string, _ float64) bool {
		return !strings.HasPrefix(name, "fresh_share_") || !strings.HasSuffix(name, "s")
	})
	want := map[string]float64{"fresh_share_0ms": 0.5, "fresh_share_1ms": 1, "fresh_share_10ms": 0,
		"fresh_share_100ms": 1, "fresh_share_1s": 0}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	low, high := Wilson(1, 2)
	if v.Measures["fresh_share_0ms_low"] != low || v.Measures["fresh_share_0ms_high"] != high {
		t.Errorf("%v, want an interval from %v to %v", v.Measures, low, high)
	}
}

// TestFiguresStopped takes a context that has ended: unknown, unless there was nothing to do.
func TestFiguresStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h := drawn(t, `
s1  |--w k=1--|    |--incr c--|  |--add s (1)--|
s2                                                 |--r k=1--|  |--r c=0--|  |--r s=[]--|`)
	for _, c := range []Checker{
		Staleness(StalenessOptions{}), Counter(CounterOptions{}), SetFull(SetOptions{}),
	} {
		v := c.Check(ctx, h)[0]
		if v.Result != Unknown || !strings.HasPrefix(v.Reason, "stopped") || v.Property != c.Properties()[0] {
			t.Errorf("%v: %+v", c.Properties(), v)
		}
	}
}
