package sim

import (
	"slices"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
)

// pair is the link from n1 to n2.
var pair = [][2]refimpl.Addr{{0, 1}}

// arrivals returns at what times (in µs after from) and with which numbers messages reached a node.
func (l *lab) arrivals(node refimpl.Addr, from int64) (at []int64, seqs []uint64) {
	for _, s := range l.take(node, refimpl.InMessage) {
		at = append(at, (s.at-from)/micro)
		seqs = append(seqs, s.seq)
	}
	return at, seqs
}

// upTo returns 1..n.
func upTo(n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = uint64(i + 1)
	}
	return out
}

func TestLatencyIsThatOfTheLink(t *testing.T) {
	cfg := exact(3)
	cfg.Net.Delay = func(from, to refimpl.Addr) int64 {
		if from == 0 && to == 2 || from == 3 && to == 0 {
			return 40 * ms
		}
		return 0
	}
	l := newLab(cfg)
	p := &post{}
	c := l.AddClient(p)
	l.order(t, 0, sends(1, 7))
	l.order(t, 0, sends(2, 8))
	l.send(c, p, 0, 9)
	l.RunUntil(100 * ms)
	got := l.got
	want := []seen{{at: ms, node: 1, from: 0, seq: 7}, {at: 41 * ms, node: 2, from: 0, seq: 8},
		{at: 41 * ms, node: 0, from: 3, seq: 9}}
	got = slices.DeleteFunc(got, func(s seen) bool { return s.kind != refimpl.InMessage })
	for i := range got {
		got[i].kind, got[i].mono, got[i].wall = 0, 0, 0
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestALinkIsAStreamUnlessUnordered(t *testing.T) {
	for _, unordered := range []bool{false, true} {
		cfg := exact(2)
		cfg.Net = NetConfig{Latency: Between(0, 10*ms), Unordered: unordered}
		l := newLab(cfg)
		l.order(t, 0, sends(1, upTo(50)...))
		l.RunUntil(100 * ms)
		if _, seqs := l.arrivals(1, 0); len(seqs) != 50 || slices.IsSorted(seqs) == unordered {
			t.Errorf("unordered %v: got %v", unordered, seqs)
		}
	}
}

func TestCutDropsWhatIsSentAndWhatIsUnderWayOneWay(t *testing.T) {
	l := newLab(exact(2))
	l.order(t, 0, sends(1, 1))
	must(t, l.Cut("f1", pair))
	l.order(t, 0, sends(1, 2))
	l.order(t, 1, sends(0, 3))
	l.RunUntil(5 * ms)
	if _, seqs := l.arrivals(1, 0); seqs != nil {
		t.Errorf("a cut link delivered %v", seqs)
	}
	if s := l.Stats(); s.Cut != 2 || s.Delivered != 1 {
		t.Errorf("stats %+v, want 2 cut, and one delivered the other way", s)
	}
	must(t, l.Uncut("f1"))
	l.order(t, 0, sends(1, 4))
	l.RunUntil(10 * ms)
	if at, seqs := l.arrivals(1, 5*ms); !slices.Equal(seqs, []uint64{4}) || at[0] != 1000 {
		t.Errorf("healed link delivered %v at %v", seqs, at)
	}
}

func TestCutsAddUp(t *testing.T) {
	l := newLab(exact(2))
	must(t, l.Cut("f1", pair))
	must(t, l.Cut("f2", [][2]refimpl.Addr{{0, 1}, {1, 0}}))
	must(t, l.Uncut("f1"))
	l.order(t, 0, sends(1, 1))
	must(t, l.Uncut("f2"))
	l.order(t, 0, sends(1, 2))
	l.RunUntil(5 * ms)
	if _, seqs := l.arrivals(1, 0); !slices.Equal(seqs, []uint64{2}) {
		t.Errorf("got %v, want only what was sent after both cuts", seqs)
	}
}

func TestCutOfAClient(t *testing.T) {
	l := newLab(exact(2))
	p := &post{}
	c := l.AddClient(p)
	must(t, l.Cut("f1", [][2]refimpl.Addr{{0, c}}))
	l.plan[0] = func(_ *toy, in *refimpl.Input, fx *refimpl.Effects) {
		if in.Kind == refimpl.InMessage {
			sends(c, in.Msg.Seq)(fx)
		}
	}
	l.plan[1] = l.plan[0]
	l.send(c, p, 0, 1)
	l.send(c, p, 1, 2)
	l.RunUntil(5 * ms)
	if !slices.Equal(p.got, []uint64{2}) || !slices.Equal(p.at, []int64{2 * ms}) {
		t.Errorf("the client got %v at %v, want 2 at 2 ms", p.got, p.at)
	}
	if _, seqs := l.arrivals(0, 0); !slices.Equal(seqs, []uint64{1}) {
		t.Errorf("n1 got %v: only its answers are cut", seqs)
	}
}

// arrived is what came of a thousand messages sent at once.
type arrived struct {
	at   []int64 // µs
	seqs []uint64
	Stats
}

// late counts the arrivals after the given time, in µs.
func (a *arrived) late(than int64) (n int) {
	for _, at := range a.at {
		if at > than {
			n++
		}
	}
	return n
}

// about reports whether n is within a tenth of the thousand, or a third of itself, of want.
func about(n int64, want int64) bool { return max(n-want, want-n) <= min(100, want/3) }

var shapeCases = []struct {
	name   string
	shapes []LinkShape
	holds  func(a *arrived) bool
}{
	{"delays add up", []LinkShape{{Delay: 2 * ms}, {Delay: 3 * ms}}, func(a *arrived) bool {
		return slices.Equal(a.seqs, upTo(1000)) && a.at[0] == 6000 && a.at[999] == 6000
	}},
	{"jitter is uniform and breaks the order", []LinkShape{{Jitter: 10 * ms}}, func(a *arrived) bool {
		return len(a.seqs) == 1000 && !slices.IsSorted(a.seqs) && a.at[0] >= 1000 && a.at[0] < 1100 &&
			about(int64(a.late(6000)), 500) && a.at[999] > 10_900 && a.at[999] <= 11_000
	}},
	{"losses are independent", []LinkShape{{LossPPM: 200_000}, {LossPPM: 500_000}}, func(a *arrived) bool {
		return about(a.Lost, 600) && int64(len(a.seqs)) == 1000-a.Lost && slices.IsSorted(a.seqs)
	}},
	{"all lost", []LinkShape{{LossPPM: million}}, func(a *arrived) bool {
		return len(a.seqs) == 0 && a.Lost == 1000
	}},
	{"duplication", []LinkShape{{DuplicatePPM: 100_000}}, func(a *arrived) bool {
		slices.Sort(a.seqs)
		once := slices.Equal(slices.Compact(slices.Clone(a.seqs)), upTo(1000))
		return about(a.Duplicated, 100) && int64(len(a.seqs)) == 1000+a.Duplicated && once
	}},
	{"reordering", []LinkShape{{Delay: ms, ReorderPPM: 50_000, Jitter: 8 * ms}}, func(a *arrived) bool {
		return len(a.seqs) == 1000 && about(int64(a.late(10_000)), 50) && a.late(18_000) == 0
	}},
	{"the lowest bandwidth", []LinkShape{{BytesPerSec: 48_000}, {BytesPerSec: 96_000}},
		func(a *arrived) bool {
			return a.at[0] == 2000 && a.at[1] == 3000 && a.at[999] == 1_001_000 && slices.Equal(a.seqs,
				upTo(1000))
		}},
}

func TestShapes(t *testing.T) {
	for _, c := range shapeCases {
		l := newLab(exact(2))
		for _, s := range c.shapes {
			must(t, l.Shape("f1", pair, s))
		}
		l.order(t, 0, sends(1, upTo(1000)...))
		l.RunUntil(2000 * ms)
		at, seqs := l.arrivals(1, 0)
		a := &arrived{at, seqs, l.Stats()}
		if !c.holds(a) {
			t.Errorf("%s: %d arrived at %v µs, %+v", c.name, len(seqs), at, a.Stats)
		}
		must(t, l.Unshape("f1"))
		l.order(t, 0, sends(1, upTo(20)...))
		l.RunUntil(3000 * ms)
		if at, seqs := l.arrivals(1, 2000*ms); !slices.Equal(seqs, upTo(20)) || at[0] != 1000 ||
			at[19] != 1000 {
			t.Errorf("%s: after healing %v arrived at %v", c.name, seqs, at)
		}
	}
}

// TestOrderOutlivesAShape undoes a delay: what is sent then must not overtake what was sent under it.
func TestOrderOutlivesAShape(t *testing.T) {
	l := newLab(exact(2))
	must(t, l.Shape("f1", pair, LinkShape{Delay: 5 * ms}))
	l.order(t, 0, sends(1, 1))
	must(t, l.Unshape("f1"))
	l.order(t, 0, sends(1, 2))
	l.RunUntil(10 * ms)
	if at, seqs := l.arrivals(1, 0); !slices.Equal(seqs, upTo(2)) || !slices.Equal(at, []int64{6000, 6000}) {
		t.Errorf("%v arrived at %v µs", seqs, at)
	}
}

// TestCopiesHaveLuckOfTheirOwn duplicates every packet of a link of random latency.
func TestCopiesHaveLuckOfTheirOwn(t *testing.T) {
	cfg := exact(2)
	cfg.Net = NetConfig{Latency: Between(0, 10*ms), Unordered: true}
	l := newLab(cfg)
	must(t, l.Shape("f1", pair, LinkShape{DuplicatePPM: million}))
	l.order(t, 0, sends(1, upTo(100)...))
	l.RunUntil(20 * ms)
	first, apart := map[uint64]int64{}, 0
	at, seqs := l.arrivals(1, 0)
	for i, seq := range seqs {
		if earlier, again := first[seq]; again && at[i] > earlier+1000 {
			apart++
		}
		first[seq] = at[i]
	}
	if len(seqs) != 200 || len(first) != 100 || apart < 60 {
		t.Errorf("%d arrivals of %d messages, %d pairs more than 1 ms apart", len(seqs), len(first), apart)
	}
}

// TestShapeOfAllLinks gives the network a shape that is no fault, and adds one that is.
func TestShapeOfAllLinks(t *testing.T) {
	cfg := exact(2)
	cfg.Net.Shape = LinkShape{Delay: 2 * ms}
	l := newLab(cfg)
	p := &post{}
	c := l.AddClient(p)
	for i, want := range []int64{3000, 5000, 3000} {
		l.order(t, 1, sends(0, 1))
		l.send(c, p, 0, 1)
		l.RunUntil(int64(i+1) * 10 * ms)
		if at, _ := l.arrivals(0, int64(i)*10*ms); !slices.Equal(at, []int64{want, want}) {
			t.Errorf("round %d: arrived at %v µs, want %d", i, at, want)
		}
		if i == 0 {
			must(t, l.Shape("f1", [][2]refimpl.Addr{{1, 0}, {c, 0}}, LinkShape{Delay: 2 * ms}))
		} else if i == 1 {
			must(t, l.Unshape("f1"))
		}
	}
	if ok, missing := newLab(cfg).Settled(); ok || strings.Contains(missing, "active") {
		t.Errorf("missing: %q", missing)
	}
}

func TestShapesAreUndoneAlone(t *testing.T) {
	l := newLab(exact(2))
	must(t, l.Shape("f1", pair, LinkShape{Delay: 5 * ms}))
	must(t, l.Shape("f2", pair, LinkShape{Delay: ms}))
	must(t, l.Unshape("f1"))
	l.order(t, 0, sends(1, 1))
	l.RunUntil(10 * ms)
	if at, _ := l.arrivals(1, 0); !slices.Equal(at, []int64{2000}) {
		t.Errorf("arrived at %v µs, want 2000: one shape is undone, the other is not", at)
	}
}

func TestClogHoldsUpWhatIsSentAndWhatIsUnderWay(t *testing.T) {
	for _, early := range []bool{false, true} {
		l := newLab(exact(2))
		l.order(t, 0, sends(1, 1))
		must(t, l.Clog("f1", pair, 50*ms))
		must(t, l.Clog("f2", pair, 30*ms))
		l.RunUntil(10 * ms)
		l.order(t, 0, sends(1, 2, 3))
		l.RunUntil(20 * ms)
		want := []int64{50_000, 50_000, 50_000}
		if early {
			must(t, l.Unclog("f1"))
			want = []int64{30_000, 30_000, 30_000}
		}
		l.RunUntil(100 * ms)
		if at, seqs := l.arrivals(1, 0); !slices.Equal(at, want) || !slices.Equal(seqs, upTo(3)) {
			t.Errorf("undone early %v: %v arrived at %v µs, want %v", early, seqs, at, want)
		}
	}
}

func TestRules(t *testing.T) {
	l := newLab(exact(2))
	must(t, l.Shape("f1", pair, LinkShape{Delay: ms}))
	l.OnPacket(func(from, to refimpl.Addr, m *refimpl.Message) Verdict {
		switch {
		case from != 0 || to != 1 || m.Seq == 1:
			return Verdict{}
		case m.Seq == 2:
			return Verdict{Action: Drop}
		}
		return Verdict{Action: Deliver, Delay: 100 * micro}
	})
	l.order(t, 0, sends(1, 1, 2, 3))
	l.RunUntil(10 * ms)
	at, seqs := l.arrivals(1, 0)
	if !slices.Equal(seqs, []uint64{3, 1}) || !slices.Equal(at, []int64{100, 2000}) {
		t.Errorf("got %v at %v, want 3 at 100 and 1 at 2000", seqs, at)
	}
	l.OnPacket(nil)
	l.order(t, 0, sends(1, 2))
	l.RunUntil(20 * ms)
	if _, seqs := l.arrivals(1, 0); !slices.Equal(seqs, []uint64{2}) {
		t.Errorf("without the rule got %v", seqs)
	}
}

func TestNoSuchAddress(t *testing.T) {
	l := newLab(exact(2))
	p := &post{}
	c := l.AddClient(p)
	l.AddClient(&post{})
	l.order(t, 0, sends(refimpl.Nobody, 1))
	l.order(t, 0, sends(9, 2))
	l.send(c, p, c+1, 3)
	l.RunUntil(5 * ms)
	if s := l.Stats(); s.Misdirect != 3 || s.Delivered != 0 {
		t.Errorf("stats %+v", s)
	}
	for _, links := range [][][2]refimpl.Addr{{{c, c + 1}}, {{0, 9}}, {{-1, 0}}, {{9, 0}}} {
		if l.Cut("f1", links) == nil {
			t.Errorf("cutting %v was accepted", links)
		}
	}
	if l.Uncut("f1") == nil || l.Unshape("x") == nil || l.Shape("f1", pair, LinkShape{Delay: -1}) == nil {
		t.Error("no error for an unknown id or a negative delay")
	}
}

// TestLuckIsKeyed has a client join or stay away: the packets of everyone else must fare the same.
func TestLuckIsKeyed(t *testing.T) {
	run := func(both bool) (at []int64, seqs []uint64) {
		cfg := exact(2)
		cfg.Net.Latency = Between(0, 5*ms)
		cfg.Seed = keyed.New(42)
		l := newLab(cfg)
		p1, p2 := &post{}, &post{}
		c1, c2 := l.AddClient(p1), l.AddClient(p2)
		links := [][2]refimpl.Addr{{c1, 0}, {c2, 0}, {0, 1}}
		must(t, l.Shape("f1", links, LinkShape{LossPPM: 300_000, DuplicatePPM: 200_000, Jitter: ms}))
		for i := range uint64(100) {
			l.RunUntil(int64(i) * ms)
			if both {
				l.send(c1, p1, 0, 1000+i)
			}
			l.send(c2, p2, 0, i)
		}
		l.RunUntil(1000 * ms)
		for _, s := range l.take(0, refimpl.InMessage) {
			if s.seq < 1000 {
				at, seqs = append(at, s.at), append(seqs, s.seq)
			}
		}
		return at, seqs
	}
	at1, seqs1 := run(true)
	at2, seqs2 := run(false)
	if len(at1) < 50 || !slices.Equal(at1, at2) || !slices.Equal(seqs1, seqs2) {
		t.Errorf("with the other client %d packets arrived at %v, without %d at %v", len(at1), at1, len(at2),
			at2)
	}
}

func TestCallEndsOnceAndStopsTheTime(t *testing.T) {
	l := newLab(exact(1))
	l.plan[0] = func(_ *toy, in *refimpl.Input, fx *refimpl.Effects) {
		if in.Kind == refimpl.InMessage {
			sends(in.From, in.Msg.Seq)(fx)
		}
	}
	c := l.AddClient(&caller{})
	var ended []uint64
	l.Call(c, &client.Call{Handle: 1}, func(r *client.Result) { t.Error("a call that was given up ended") })
	l.RunUntil(ms / 2)
	next := func(r *client.Result) { ended = append(ended, r.Handle) }
	l.Call(c, &client.Call{Handle: 2}, func(r *client.Result) {
		ended = append(ended, r.Handle)
		l.Call(c, &client.Call{Handle: 3}, next)
	})
	for i, want := range []int64{5 * ms / 2, 9 * ms / 2, 10 * ms} {
		l.RunUntil(10 * ms)
		if l.Now() != want {
			t.Errorf("stop %d at %d, want %d", i, l.Now(), want)
		}
	}
	if !slices.Equal(ended, []uint64{2, 3}) {
		t.Errorf("ended %v", ended)
	}
	l.Call(c, &client.Call{Handle: 0}, next)
	l.RunUntil(20 * ms)
	if l.Now() != 10*ms || !slices.Equal(ended, []uint64{2, 3, 0}) {
		t.Errorf("a call that ends at once: stopped at %d, ended %v", l.Now(), ended)
	}
}

// caller is a client that asks n1, and ends the call with the answer; the call with handle 0 at once.
type caller struct{}

func (c *caller) Step(in *client.Input, fx *client.Effects) {
	switch {
	case in.Kind == client.InCall && in.Call.Handle == 0:
		fx.Done = append(fx.Done, client.Result{})
	case in.Kind == client.InCall:
		fx.Sends = append(fx.Sends, refimpl.Send{Msg: refimpl.Message{Seq: in.Call.Handle}})
	case in.Kind == client.InMessage:
		fx.Done = append(fx.Done, client.Result{Handle: in.Msg.Seq})
	}
}
