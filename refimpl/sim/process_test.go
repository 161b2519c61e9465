package sim

import (
	"slices"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/refimpl"
)

func TestServiceTimeQueuesInputs(t *testing.T) {
	cfg := exact(2)
	cfg.Proc = ProcConfig{Request: Fixed(10 * ms), Message: Fixed(3 * ms), Internal: Fixed(2 * ms)}
	l := newLab(cfg)
	l.RunUntil(5 * ms)
	p := &post{}
	c := l.AddClient(p)
	l.plan[0] = func(_ *toy, in *refimpl.Input, fx *refimpl.Effects) {
		if in.Kind == refimpl.InMessage {
			sends(c, in.Msg.Seq)(fx)
		}
	}
	l.send(c, p, 0, 1, 2, 3)
	l.RunUntil(100 * ms)
	at, seqs := l.arrivals(0, 5*ms)
	if !slices.Equal(at, []int64{1000, 11_000, 21_000}) || !slices.Equal(seqs, upTo(3)) {
		t.Errorf("served %v at %v µs", seqs, at)
	}
	if !slices.Equal(p.at, []int64{17 * ms, 27 * ms, 37 * ms}) || !slices.Equal(p.got, upTo(3)) {
		t.Errorf("answers %v at %v", p.got, p.at)
	}

	l.plan[1] = func(_ *toy, in *refimpl.Input, fx *refimpl.Effects) {
		if in.Kind == refimpl.InPromote {
			sends(0, 4)(fx)
			writes(1, 1, true)(fx)
		}
	}
	must(t, l.Promote(1))
	l.RunUntil(200 * ms)
	for _, s := range l.got {
		want := [...]int64{refimpl.InPromote: 100, refimpl.InMessage: 103, refimpl.InWriteDone: 104}
		if s.at != want[s.kind]*ms {
			t.Errorf("%+v, want at %d ms: effects leave after 2 ms", s, want[s.kind])
		}
	}
	if len(l.got) != 3 {
		t.Errorf("got %+v", l.got)
	}
}

func TestSlowNode(t *testing.T) {
	cfg := exact(1)
	cfg.Proc.Request = Fixed(ms)
	l := newLab(cfg)
	p := &post{}
	c := l.AddClient(p)
	must(t, l.SlowNode("f1", 0, 4))
	must(t, l.SlowNode("f2", 0, 3))
	l.send(c, p, 0, 1, 2)
	l.RunUntil(12 * ms)
	must(t, l.UnslowNode("f1", 0))
	l.RunUntil(20 * ms)
	l.send(c, p, 0, 3, 4)
	l.RunUntil(50 * ms)
	if at, _ := l.arrivals(0, 0); !slices.Equal(at, []int64{1000, 13_000, 21_000, 24_000}) {
		t.Errorf("served at %v µs", at)
	}
}

func TestBoundedQueue(t *testing.T) {
	cfg := exact(1)
	cfg.Proc.Request, cfg.Proc.Queue = Fixed(10*ms), 2
	l := newLab(cfg)
	p := &post{}
	c := l.AddClient(p)
	l.send(c, p, 0, 1, 2, 3, 4, 5)
	l.RunUntil(12 * ms)
	l.send(c, p, 0, 6, 7)
	l.RunUntil(100 * ms)
	if _, seqs := l.arrivals(0, 0); !slices.Equal(seqs, []uint64{1, 2, 3, 6}) || l.Stats().Refused != 3 {
		t.Errorf("served %v, stats %+v", seqs, l.Stats())
	}
}

func TestPauseQueuesThenBursts(t *testing.T) {
	l := newLab(exact(2))
	due, _ := l.Clock(0)
	due += 10 * ms
	l.plan[0] = func(_ *toy, in *refimpl.Input, fx *refimpl.Effects) {
		if in.Kind == refimpl.InPromote {
			writes(1, 1, true)(fx)
		}
		if in.Kind != refimpl.InTimer {
			fx.Wake = due
		}
	}
	must(t, l.Promote(0))
	l.RunUntil(0)
	must(t, l.Pause(0))
	must(t, l.Pause(0))
	l.order(t, 1, sends(0, 5))
	l.RunUntil(20 * ms)
	must(t, l.Resume(0))
	l.RunUntil(30 * ms)
	if got := l.got; len(got) != 2 {
		t.Errorf("a paused node got %+v", got[2:])
	}
	mono, _ := l.Clock(0)
	l.got = nil
	must(t, l.Resume(0))
	l.RunUntil(30 * ms)
	kinds := []refimpl.InputKind{refimpl.InMessage, refimpl.InWriteDone, refimpl.InTimer}
	for i, s := range l.got {
		if s.kind != kinds[i] || s.at != 30*ms || s.mono != mono {
			t.Errorf("input %d is %+v, want kind %d at 30 ms, mono %d", i, s, kinds[i], mono)
		}
	}
	if len(l.got) != 3 {
		t.Errorf("got %+v", l.got)
	}
	must(t, l.Resume(0))
}

// TestQueuedTimerThatIsPutOff has a timer fire while its node is busy with a message whose step puts the
// timer off.
func TestQueuedTimerThatIsPutOff(t *testing.T) {
	cfg := exact(2)
	cfg.Proc.Message = Fixed(2 * ms)
	l := newLab(cfg)
	start, _ := l.Clock(0)
	l.plan[0] = func(_ *toy, in *refimpl.Input, fx *refimpl.Effects) {
		switch {
		case in.Kind == refimpl.InPromote:
			fx.Wake = start + 2*ms
		case in.Kind == refimpl.InMessage && in.Msg.Seq == 1:
			fx.Wake = start + 2*ms
		case in.Kind == refimpl.InMessage:
			fx.Wake = start + 10*ms
		}
	}
	must(t, l.Promote(0))
	l.order(t, 1, sends(0, 1, 2))
	l.RunUntil(100 * ms)
	if got := l.take(0, refimpl.InTimer); len(got) != 1 || got[0].at != 10*ms {
		t.Errorf("got %+v, want one at 10 ms", got)
	}
}

func TestCrashAndRestart(t *testing.T) {
	cfg := exact(2)
	cfg.Proc.Message = Fixed(5 * ms)
	l := newLab(cfg)
	l.order(t, 0, func(fx *refimpl.Effects) {
		fx.Wake, _ = l.Clock(0)
		fx.Wake += 20 * ms
		writes(1, 1, true)(fx)
	})
	l.order(t, 1, sends(0, 1, 2, 3))
	l.RunUntil(3 * ms / 2)
	must(t, l.Kill(0, KeepUnsynced))
	if _, up := l.Status(0); up {
		t.Error("a dead node is up")
	}
	l.order(t, 1, sends(0, 4))
	l.RunUntil(10 * ms)
	l.order(t, 1, sends(0, 5))
	must(t, l.Start(0))
	must(t, l.Start(0))
	l.RunUntil(50 * ms)
	var got []seen
	for _, s := range l.got {
		if s.node == 0 {
			got = append(got, seen{at: s.at / micro, kind: s.kind, seq: s.seq})
		}
	}
	want := []seen{
		{at: 0, kind: refimpl.InPromote},
		{at: 1000, kind: refimpl.InMessage, seq: 1},
		{at: 10_000, kind: refimpl.InTimer}, // the start
		{at: 11_000, kind: refimpl.InMessage, seq: 5},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if s, up := l.Status(0); !up || s.Position != 1 || len(l.boots) != 3 || l.boots[2].Incarnation != 1 {
		t.Errorf("after the restart: up %v, %+v, boots %+v", up, s, l.boots)
	}
	if l.boots[2].Key == l.boots[0].Key {
		t.Error("two incarnations have the same luck")
	}
	if l.Stats().Refused != 1 {
		t.Errorf("stats %+v, want one refused", l.Stats())
	}
}

// TestRestartIsIdle kills a node that is paused, busy for long and has a queue: its next incarnation must
// be none of it.
func TestRestartIsIdle(t *testing.T) {
	cfg := exact(2)
	cfg.Proc.Message = Fixed(2 * ms)
	l := newLab(cfg)
	must(t, l.SlowNode("f1", 0, 50))
	l.order(t, 1, sends(0, 1, 2))
	l.RunUntil(2 * ms)
	must(t, l.Pause(0))
	must(t, l.UnslowNode("f1", 0))
	l.restart(t, KeepUnsynced)
	l.got = nil
	l.order(t, 1, sends(0, 3, 4))
	l.RunUntil(300 * ms)
	at, seqs := l.arrivals(0, 2*ms)
	if !slices.Equal(at, []int64{1000, 3000}) || !slices.Equal(seqs, []uint64{3, 4}) {
		t.Errorf("served %v at %v µs", seqs, at)
	}
}

// TestArrivalAtTheEndOfService has a message arrive at the very time at which the node is free again, with
// another in the queue since before.
func TestArrivalAtTheEndOfService(t *testing.T) {
	cfg := exact(3)
	cfg.Proc.Message = Fixed(ms)
	cfg.Net.Delay = func(from, to refimpl.Addr) int64 { return int64(from-1) * ms }
	l := newLab(cfg)
	l.order(t, 2, sends(0, 3))
	l.order(t, 1, sends(0, 1, 2))
	l.RunUntil(10 * ms)
	at, seqs := l.arrivals(0, 0)
	if !slices.Equal(seqs, upTo(3)) || !slices.Equal(at, []int64{1000, 2000, 3000}) {
		t.Errorf("served %v at %v µs", seqs, at)
	}
}

// TestKillBeforeTheStartIsSeen kills a node twice before its first input, with an order on its way.
func TestKillBeforeTheStartIsSeen(t *testing.T) {
	l := newLab(exact(1))
	for range 2 {
		must(t, l.Promote(0))
		l.restartQuietly(t)
	}
	l.RunUntil(0)
	if len(l.got) != 1 || l.got[0].kind != refimpl.InTimer {
		t.Errorf("the third incarnation got %+v", l.got)
	}
	l.got = nil
	must(t, l.Promote(0))
	must(t, l.Kill(0, KeepUnsynced))
	l.RunUntil(ms)
	if l.got != nil {
		t.Errorf("a dead node got %+v", l.got)
	}
	must(t, l.Start(0))
	l.RunUntil(2 * ms)
	if len(l.got) != 1 || l.got[0].kind != refimpl.InTimer || l.boots[3].Incarnation != 3 {
		t.Errorf("got %+v, boots %+v", l.got, l.boots)
	}
}

// restartQuietly kills n1 and starts it again, without letting anything happen.
func (l *lab) restartQuietly(t *testing.T) {
	t.Helper()
	must(t, l.Kill(0, KeepUnsynced))
	must(t, l.Start(0))
}

func TestTraps(t *testing.T) {
	l := newLab(exact(2))
	burst := func(fx *refimpl.Effects) {
		for token := range uint64(3) {
			writes(token+1, 1, true)(fx)
		}
		sends(1, 1, 2, 3)(fx)
	}
	for _, c := range []struct {
		name    string
		trap    error
		records []int64
		sent    []uint64
		up      bool
	}{
		{"after write 2", l.CrashAfterWrite(0, 2, KeepUnsynced), []int64{100, 200}, nil, false},
		{"before send 3", nil, []int64{100, 200, 100, 200, 300}, []uint64{1, 2}, false},
		{"disarmed", nil, []int64{100, 200, 100, 200, 300, 100, 200, 300}, []uint64{1, 2, 3}, true},
		{"before send 4", nil, nil, []uint64{1, 2, 3}, true},
	} {
		must(t, c.trap)
		switch c.name {
		case "before send 3":
			must(t, l.CrashBeforeSend(0, 3, KeepUnsynced))
		case "disarmed":
			must(t, l.CrashAfterWrite(0, 1, WipeDisk))
			must(t, l.Disarm(0))
		case "before send 4":
			must(t, l.CrashBeforeSend(0, 4, WipeDisk))
		}
		l.order(t, 0, burst)
		_, up := l.Status(0)
		l.RunUntil(l.Now() + 10*ms)
		if _, seqs := l.arrivals(1, 0); !slices.Equal(seqs, c.sent) || up != c.up {
			t.Errorf("%s: sent %v, up %v", c.name, seqs, up)
		}
		if c.name == "before send 4" {
			l.order(t, 0, sends(1, 4, 5))
			l.RunUntil(l.Now() + 10*ms)
			if _, seqs := l.arrivals(1, 0); seqs != nil {
				t.Errorf("%s: sent %v at last", c.name, seqs)
			}
		}
		l.restart(t, KeepUnsynced)
		if got := l.indexes(); !slices.Equal(got, c.records) {
			t.Errorf("%s: the disk holds %v", c.name, got)
		}
	}
}

func TestHalt(t *testing.T) {
	l := newLab(exact(2))
	l.order(t, 0, func(fx *refimpl.Effects) {
		writes(1, 1, true)(fx)
		sends(1, 1)(fx)
		fx.Halt = "fsync failed"
		fx.Marks = append(fx.Marks, refimpl.MarkSteppedDown, refimpl.MarkSteppedDown)
	})
	l.RunUntil(10 * ms)
	if _, up := l.Status(0); up || l.Halted(0) != "fsync failed" || l.Halted(1) != "" {
		t.Errorf("up %v, halted %q and %q", up, l.Halted(0), l.Halted(1))
	}
	if _, missing := l.Settled(); !strings.Contains(missing, "n1 stopped itself: fsync failed") {
		t.Errorf("missing: %q", missing)
	}
	if _, seqs := l.arrivals(1, 0); !slices.Equal(seqs, []uint64{1}) {
		t.Errorf("sent %v before it stopped", seqs)
	}
	if l.Marks()[refimpl.MarkSteppedDown] != 2 || l.Marks()[refimpl.MarkElected] != 0 {
		t.Errorf("marks %v", l.Marks())
	}
	must(t, l.Start(0))
	if got := l.indexes(); l.Halted(0) != "" || !slices.Equal(got, []int64{100}) {
		t.Errorf("after the start: halted %q, the disk holds %v", l.Halted(0), got)
	}
}

func TestDownNodesTakeNoOrders(t *testing.T) {
	l := newLab(exact(1))
	must(t, l.Kill(0, LoseUnsynced))
	for name, err := range map[string]error{
		"promote": l.Promote(0), "pause": l.Pause(0), "trap": l.CrashBeforeSend(0, 1, LoseUnsynced),
		"status": l.Kill(1, LoseUnsynced), "start": l.Start(-1), "resume": l.Resume(3), "disarm": l.Disarm(1),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, up := l.Status(4); up || l.Halted(4) != "" {
		t.Error("a node that is none is up")
	}
}

func TestSettled(t *testing.T) {
	cfg := exact(3)
	l := newLab(cfg)
	lacking := func(want string) {
		t.Helper()
		ok, missing := l.Settled()
		if ok != (want == "") || !strings.Contains(missing, want) {
			t.Errorf("at %d: settled %v, missing %q; want %q", l.Now(), ok, missing, want)
		}
	}
	round := func() {
		t.Helper()
		for _, ends := range [][2]refimpl.Addr{{0, 1}, {0, 2}, {1, 0}, {2, 0}} {
			if _, up := l.Status(ends[0]); up {
				l.order(t, ends[0], sends(ends[1], 1))
			}
		}
		l.RunUntil(l.Now() + 2*ms)
	}
	lacking("n1 has not heard")
	round()
	lacking("")
	type act = func() error
	shape := func() error { return l.Shape("f2", pair, LinkShape{Delay: ms}) }
	clog := func() error { return l.Clog("f4", pair, l.Now()+5*ms) }
	unclog := func() error { l.RunUntil(l.Now() + 5*ms); return nil }
	for _, c := range []struct {
		do, undo act
		missing  string
	}{
		{func() error { return l.Cut("f1", pair) }, func() error { return l.Uncut("f1") }, "fault f1"},
		{shape, func() error { return l.Unshape("f2") }, "fault f2"},
		{func() error { return l.Kill(1, LoseUnsynced) }, func() error { return l.Start(1) }, "n2 is down"},
		{func() error { return l.Pause(2) }, func() error { return l.Resume(2) }, "n3 is paused"},
		{func() error { return l.SlowDisk("f3", 2, 0) }, func() error { return l.HealDisk("f3", 2) },
			"fault f3"},
		{clog, unclog, "fault f4"},
	} {
		must(t, c.do())
		round()
		lacking(c.missing)
		must(t, c.undo())
		l.RunUntil(l.Now() + 1)
		lacking("n1 has not heard")
		round()
		lacking("")
	}
	l.RunUntil(l.Now() + 1)
	must(t, l.Cut("f5", pair))
	must(t, l.Uncut("f5"))
	l.order(t, 0, sends(1, 1))
	l.order(t, 1, sends(0, 1))
	l.order(t, 0, sends(2, 1))
	l.RunUntil(l.Now() + 2*ms)
	lacking("n3 has not reached")
	if ok, missing := newLab(exact(1)).Settled(); !ok {
		t.Errorf("a node alone: %s", missing)
	}
}
