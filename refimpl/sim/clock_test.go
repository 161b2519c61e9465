package sim

import (
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
)

// second is a second in nanoseconds.
const second = 1000 * ms

// errors returns how far a node's clocks are from the world's time and from where they began.
func (l *lab) errors(mono0, wall0 int64) (mono, wall int64) {
	mono, wall = l.Clock(0)
	return mono - mono0 - l.Now(), wall - wall0 - l.Now()
}

func TestClocksAreSeeded(t *testing.T) {
	cfg := exact(5)
	cfg.Clock = ClockConfig{OffsetNanos: 2 * ms, DriftPPM: 20}
	l := newLab(cfg)
	rates, offsets := map[int64]bool{}, map[int64]bool{}
	for id := range refimpl.Addr(5) {
		l.RunUntil(0)
		mono, wall := l.Clock(id)
		off := wall - epochWall
		if mono < second || mono > 1000*second || off < -2*ms || off > 2*ms {
			t.Errorf("n%d begins at mono %d, wall off by %d", id+1, mono, off)
		}
		rates[l.nodes[id].clock.rate], offsets[off] = true, true
	}
	if len(offsets) != 5 || len(rates) < 3 {
		t.Errorf("rates %v, offsets %v", rates, offsets)
	}
	perfect := newLab(exact(2))
	perfect.RunUntil(second)
	for id := range refimpl.Addr(2) {
		if _, wall := perfect.Clock(id); wall != epochWall+second {
			t.Errorf("a perfect clock shows %d", wall-epochWall)
		}
	}
}

func TestSkews(t *testing.T) {
	type act = func(l *lab) error
	step := func(id string, d int64) act { return func(l *lab) error { return l.StepClock(id, 0, d) } }
	drift := func(id string, ppm int64) act { return func(l *lab) error { return l.DriftClock(id, 0, ppm) } }
	freeze := func(id string) act { return func(l *lab) error { return l.FreezeClock(id, 0) } }
	slew := func(id string, d, over int64) act {
		return func(l *lab) error { return l.SlewClock(id, 0, d, over) }
	}
	undo := func(id string) act { return func(l *lab) error { return l.Unskew(id, 0) } }
	wait := func(l *lab) error { l.RunUntil(l.Now() + second); return nil }
	for _, c := range []struct {
		name       string
		acts       []act
		mono, wall int64 // the errors after all acts
	}{
		{"step", []act{step("a", 300*ms), wait}, 0, 300 * ms},
		{"step back", []act{step("a", -300*ms), wait}, 0, -300 * ms},
		{"steps add up", []act{step("a", 300*ms), step("b", -100*ms), wait}, 0, 200 * ms},
		{"steps are undone alone", []act{step("a", 300*ms), step("b", -100*ms), undo("a")}, 0, -100 * ms},
		{"drift", []act{drift("a", 50_000), wait}, 50 * ms, 50 * ms},
		{"drift slow", []act{drift("a", -50_000), wait}, -50 * ms, -50 * ms},
		{"drifts add up", []act{drift("a", 50_000), drift("b", -20_000), wait, wait}, 60 * ms, 60 * ms},
		{"an undone drift leaves mono", []act{drift("a", 50_000), wait, undo("a"), wait}, 50 * ms, 0},
		{"drifts are undone alone", []act{drift("a", 50_000), drift("b", 10_000), wait, undo("a"), wait},
			70 * ms, 20 * ms},
		{"freeze", []act{wait, freeze("a"), wait}, 0, -second},
		{"freezes add up", []act{freeze("a"), freeze("b"), wait, undo("a"), wait}, 0, -2 * second},
		{"thaw", []act{freeze("a"), wait, undo("a")}, 0, 0},
		{"a step of a frozen clock", []act{freeze("a"), step("b", 100*ms), wait}, 0, -900 * ms},
		{".. and thaw", []act{step("b", 100*ms), freeze("a"), wait, undo("a"), wait}, 0, 100 * ms},
		{"drift of a frozen clock", []act{freeze("a"), drift("b", 50_000), wait, undo("a"), wait},
			100 * ms, 100 * ms},
		{"half a slew", []act{slew("a", 100*ms, 2*second), wait}, 0, 50 * ms},
		{"a slew", []act{slew("a", -100*ms, 2*second), wait, wait, wait}, 0, -100 * ms},
		{"slews are undone", []act{slew("a", 100*ms, second), wait, slew("b", 50*ms, second), undo("a"),
			wait},
			0, 50 * ms},
		{"one id, several skews", []act{step("a", ms), drift("a", 100), freeze("a"), wait, undo("a")},
			100 * micro, 0},
	} {
		l := newLab(exact(1))
		mono0, wall0 := l.Clock(0)
		for _, act := range c.acts {
			must(t, act(l))
		}
		if mono, wall := l.errors(mono0, wall0); mono != c.mono || wall != c.wall {
			t.Errorf("%s: mono is off by %d, wall by %d; want %d and %d", c.name, mono, wall, c.mono, c.wall)
		}
	}
}

func TestStepReachesTheNode(t *testing.T) {
	l := newLab(exact(2))
	must(t, l.StepClock("f1", 0, 7*ms))
	l.order(t, 0, sends(1, 1))
	l.order(t, 1, sends(0, 1))
	l.RunUntil(5 * ms)
	var walls [2]int64
	for _, s := range l.got {
		if s.kind == refimpl.InMessage {
			walls[s.node] = s.wall - epochWall
		}
	}
	if walls != [2]int64{8 * ms, ms} {
		t.Errorf("wall clocks of the inputs: %v", walls)
	}
}

// TestTimerRunsOnTheNodesClock sets a timer for 100 ms of the node's clock and bends the clock meanwhile.
func TestTimerRunsOnTheNodesClock(t *testing.T) {
	for _, c := range []struct {
		name  string
		ppm   int64 // from the start on
		later int64 // in its place from 50 ms on
		want  int64 // when the timer fires
	}{
		{"perfect", 0, 0, 100 * ms},
		{"fast", 100_000, 100_000, 90_909_091},
		{"slow", -100_000, -100_000, 111_111_112},
		{"fast, then right", 100_000, 0, 95 * ms},
		{"right, then fast", 0, 100_000, 95_454_546},
		{"right, then slow", 0, -100_000, 105_555_556},
	} {
		l := newLab(exact(1))
		must(t, l.DriftClock("a", 0, c.ppm))
		var due int64
		l.plan[0] = func(_ *toy, in *refimpl.Input, fx *refimpl.Effects) {
			if in.Kind == refimpl.InPromote {
				due = in.Mono + 100*ms
				fx.Wake = due
			}
		}
		must(t, l.Promote(0))
		l.RunUntil(50 * ms)
		must(t, l.Unskew("a", 0))
		must(t, l.DriftClock("b", 0, c.later))
		l.RunUntil(second)
		got := l.take(0, refimpl.InTimer)
		if len(got) != 1 || got[0].at != c.want || got[0].mono < due {
			t.Errorf("%s: got %+v, want one at %d, not before mono %d", c.name, got, c.want, due)
		}
	}
}

func TestTimerIsReplaced(t *testing.T) {
	l := newLab(exact(1))
	start, _ := l.Clock(0)
	for _, c := range []struct {
		wakes []int64 // asked for by one step after the other, ms from the start; 0 for none
		want  []int64
	}{
		{[]int64{10}, []int64{10}},
		{[]int64{10, 20}, []int64{20}},
		{[]int64{20, 10}, []int64{10}},
		{[]int64{10, 0}, nil},
		{[]int64{10, 0, 30}, []int64{30}},
		{[]int64{30, 10, 20, 40, 15}, []int64{15}},
	} {
		base := (l.Now()/ms + 1) * ms
		l.RunUntil(base)
		for _, wake := range c.wakes {
			l.order(t, 0, func(fx *refimpl.Effects) {
				if wake != 0 {
					fx.Wake = start + base + wake*ms
				}
			})
		}
		l.RunUntil(base + 100*ms)
		var got []int64
		for _, s := range l.take(0, refimpl.InTimer) {
			got = append(got, (s.at-base)/ms)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("after %v fired at %v, want %v", c.wakes, got, c.want)
		}
	}
}

// TestTimersDoNotPileUp moves a deadline later and later, and to and fro: only a deadline that moves
// earlier than any pending one costs an event.
func TestTimersDoNotPileUp(t *testing.T) {
	l := newLab(exact(1))
	start, _ := l.Clock(0)
	for i := range int64(1000) {
		l.order(t, 0, func(fx *refimpl.Effects) { fx.Wake = start + 10*ms + i*micro + i%2*ms })
	}
	if n := len(l.queue.heap); n != 1 {
		t.Errorf("%d events are pending, want 1", n)
	}
	before := l.Steps()
	l.RunUntil(second)
	if n := l.Steps() - before; n != 2 || len(l.take(0, refimpl.InTimer)) != 1 {
		t.Errorf("%d events for one timer that was put off, want 2", n)
	}
	for i := range int64(3) {
		l.order(t, 0, func(fx *refimpl.Effects) { fx.Wake = start + second + (30-10*i)*ms })
	}
	for range 1000 {
		l.order(t, 0, func(fx *refimpl.Effects) { fx.Wake = start + second + 35*ms })
	}
	before = l.Steps()
	l.RunUntil(2 * second)
	if n := l.Steps() - before; n != 4 || len(l.take(0, refimpl.InTimer)) != 1 {
		t.Errorf("%d events for one timer that was moved earlier twice, and then put off; want 4", n)
	}
}

// TestTimerOfThePast has a machine that always asks for a time that has passed: time must go on.
func TestTimerOfThePast(t *testing.T) {
	l := newLab(exact(1))
	p := &post{wake: 1}
	l.plan[0] = func(_ *toy, _ *refimpl.Input, fx *refimpl.Effects) { fx.Wake = 1 }
	c := l.AddClient(p)
	must(t, l.Promote(0))
	l.send(c, p, 0)
	l.RunUntil(100)
	if n := len(l.take(0, refimpl.InTimer)); n != 100 || l.Now() != 100 || !slices.Equal(p.at, []int64{1}) {
		t.Errorf("%d timers until %d, the client's at %v", n, l.Now(), p.at)
	}
}

// TestClockArithmetic compares the clock with arithmetic on small numbers, and when with a search.
func TestClockArithmetic(t *testing.T) {
	for i := range uint64(2000) {
		k := keyed.New(5).With(i)
		rate := million + k.With(1).Between(-900_000, 900_000)
		c := clock{rate: rate, base: 17, since: 5}
		at := 5 + k.With(2).Between(0, 3_000_000)
		if got, want := c.monoAt(at), 17+(at-5)*rate/million; got != want {
			t.Fatalf("rate %d: mono at %d is %d, want %d", rate, at, got, want)
		}
		target := k.With(3).Between(0, 2_000_000)
		w := c.when(target)
		if c.monoAt(w) < target || w > c.since && c.monoAt(w-1) >= target {
			t.Fatalf("rate %d: when(%d) is %d: there mono is %d", rate, target, w, c.monoAt(w))
		}
		before := c.monoAt(at)
		c.setRate(at, million+k.With(4).Between(-900_000, 900_000))
		if c.monoAt(at) != before || c.monoAt(at+1) < before {
			t.Fatalf("mono jumps from %d to %d with the rate", before, c.monoAt(at))
		}
	}
	c := clock{rate: million / 2}
	if c.when(never-1) != never {
		t.Error("a wake-up that never comes overflows")
	}
}

func TestSkewsThatCannotBe(t *testing.T) {
	l := newLab(exact(1))
	for name, err := range map[string]error{
		"node":  l.StepClock("a", 1, ms),
		"drift": l.DriftClock("a", 0, 100_001),
		"slew":  l.SlewClock("a", 0, ms, 0),
		"undo":  l.Unskew("a", 0),
		"undo1": l.Unskew("a", 7),
		"disk":  l.HealDisk("a", 0),
		"slow":  l.SlowNode("a", 0, 0),
		"slow1": l.SlowDisk("a", 0, -1),
		"fail":  l.FailDisk("a", 0, FailLying+1),
		"kill":  l.Kill(0, WipeDisk+1),
		"trap":  l.CrashAfterWrite(0, 0, KeepUnsynced),
		"trap1": l.CrashAfterWrite(0, 1, WipeDisk+1),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if ok, missing := l.Settled(); !ok {
		t.Errorf("refused faults left something behind: %s", missing)
	}
}
