package server

import (
	"testing"
	"time"
)

func TestClock(t *testing.T) {
	at := time.Unix(1000, 0)
	c := newClock(func() time.Time { return at })
	pass := func(d time.Duration) { at = at.Add(d) }
	want := func(what string, mono, wallOff time.Duration) {
		t.Helper()
		m, w := c.now()
		if time.Duration(m) != mono || time.Duration(w-at.UnixNano()) != wallOff {
			t.Errorf("%s: mono %v, wall off by %v; want %v, %v", what, time.Duration(m),
				time.Duration(w-at.UnixNano()), mono, wallOff)
		}
	}
	want("new", time.Second, 0)
	pass(time.Second)
	c.skew("a", Skew{StepNanos: int64(30 * time.Second)})
	c.skew("b", Skew{StepNanos: -int64(5 * time.Second)})
	want("two steps", 2*time.Second, 25*time.Second)
	c.unskew("a")
	want("one step", 2*time.Second, -5*time.Second)
	c.unskew("b")
	c.skew("d", Skew{DriftPPM: 100_000})
	pass(10 * time.Second)
	want("fast", 13*time.Second, time.Second)
	if got := c.until(int64(24 * time.Second)); got != 10*time.Second {
		t.Errorf("a fast clock shows 11 s more in %v", got)
	}
	c.unskew("d")
	want("right again", 13*time.Second, 0)
	pass(time.Second)
	want("and at the right rate", 14*time.Second, 0)
	c.skew("f", Skew{Freeze: true})
	pass(3 * time.Second)
	want("frozen", 17*time.Second, -3*time.Second)
	c.unskew("f")
	c.unskew("never")
	want("thawed", 17*time.Second, 0)
}

func TestMonotonicWhenSlow(t *testing.T) {
	at := time.Unix(1000, 0)
	c := newClock(func() time.Time { return at })
	c.skew("d", Skew{DriftPPM: -50_000})
	last := int64(0)
	for range 5000 {
		at = at.Add(1)
		mono, _ := c.now()
		if mono < last {
			t.Fatalf("mono went back from %d to %d", last, mono)
		}
		last = mono
	}
}

func TestFrozenAndSteppedBack(t *testing.T) {
	at := time.Unix(1000, 0)
	c := newClock(func() time.Time { return at })
	c.skew("f", Skew{Freeze: true})
	c.skew("s", Skew{StepNanos: -30e9})
	_, a := c.now()
	at = at.Add(5 * time.Second)
	_, b := c.now()
	if a != b {
		t.Fatalf("frozen clock ran %v", time.Duration(b-a))
	}
}
