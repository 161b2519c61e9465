package links

import (
	"errors"
	"io"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/targets"
)

func TestEndsAndWildcards(t *testing.T) {
	const nodes, clients = targets.AllNodes, targets.AllClients
	for _, tc := range []struct {
		fault targets.Link
		hits  string
	}{
		{targets.Link{From: "n1", To: "n2"}, "n1>n2"},
		{targets.Link{From: "n1", To: nodes}, "n1>n2 n1>n3"},
		{targets.Link{From: nodes, To: "n1"}, "n2>n1 n3>n1"},
		{targets.Link{From: nodes, To: nodes}, "n1>n2 n1>n3 n2>n1 n2>n3 n3>n1 n3>n2"},
		{targets.Link{From: clients, To: nodes}, "r1>n1 r1>n2 r1>n3 r2>n1 r2>n2 r2>n3"},
		{targets.Link{From: "n2", To: clients}, "n2>r1 n2>r2"},
		{targets.Link{From: "r1", To: "n2"}, "r1>n2"},
		{targets.Link{From: "r1", To: nodes}, "r1>n1 r1>n2 r1>n3"},
		{targets.Link{From: "r1", To: "r2"}, ""},
		{targets.Link{From: clients, To: clients}, ""},
		{targets.Link{From: "n1", To: "n1"}, ""},
		{targets.Link{From: "unknown", To: nodes}, ""},
	} {
		n := network(t)
		must(t, n.Cut("f", []targets.Link{tc.fault}))
		must(t, n.Shape("f", []targets.Link{tc.fault, tc.fault}, delay(ms)))
		var hits []string
		all := []string{"n1", "n2", "n3", "r1", "r2"}
		for _, from := range all {
			for _, to := range all {
				s := n.state(targets.Link{From: from, To: to})
				if s.cut {
					hits = append(hits, from+">"+to)
				}
				if want := (state{cut: s.cut}); s.cut {
					want.delay = ms
					if s != want {
						t.Errorf("%v: %s>%s is %+v", tc.fault, from, to, s)
					}
				} else if s != want {
					t.Errorf("%v: %s>%s is %+v", tc.fault, from, to, s)
				}
			}
		}
		if got := strings.Join(hits, " "); got != tc.hits {
			t.Errorf("%v hits %s; want %s", tc.fault, got, tc.hits)
		}
	}
}

// TestLaterSessions has a cut hold for sessions that appear while it lasts, and for no other.
func TestLaterSessions(t *testing.T) {
	n := network(t)
	must(t, n.Cut("f", one(targets.AllClients, targets.AllNodes)))
	must(t, n.Cut("g", one("named", "n1")))
	a, far := tcp(t)
	later := n.Conn(a, "later", "n2")
	say(t, later, "held")
	b, far2 := tcp(t)
	named := n.Conn(b, "named", "n1")
	say(t, named, "held")
	c, far3 := tcp(t)
	say(t, n.Conn(c, "n3", "n2"), "peers talk")
	hear(t, far3, "peers talk")
	silence(t, far)
	must(t, n.Uncut("f"))
	hear(t, far, "held")
	silence(t, far2)
	must(t, n.Uncut("g"))
	hear(t, far2, "held")
}

func TestStatesAddUp(t *testing.T) {
	n := network(t)
	l := targets.Link{From: "n1", To: "n2"}
	set := func(id string, s targets.Shape) { must(t, n.Shape(id, []targets.Link{l}, s)) }
	must(t, n.Base(both(targets.AllNodes, targets.AllNodes), targets.Shape{DelayNanos: 1, JitterNanos: 1}))
	must(t, n.Base([]targets.Link{l}, targets.Shape{DelayNanos: 2, BytesPerSec: 500}))
	set("f", targets.Shape{DelayNanos: 10, JitterNanos: 5, BytesPerSec: 100})
	set("g", targets.Shape{DelayNanos: 20, JitterNanos: 7, BytesPerSec: 300})
	set("g", targets.Shape{DelayNanos: 40})
	want := func(want state) {
		t.Helper()
		if got := n.state(l); got != want {
			t.Errorf("got %+v; want %+v", got, want)
		}
	}
	want(state{delay: 72, jitter: 12, rate: 100})
	must(t, n.Unshape("f"))
	want(state{delay: 62, jitter: 7, rate: 300})
	must(t, n.Unshape("g"))
	want(state{delay: 2, rate: 500})
	l = targets.Link{From: "n2", To: "n1"}
	want(state{delay: 1, jitter: 1})
	for range 3 {
		set("h", targets.Shape{DelayNanos: math.MaxInt64, JitterNanos: math.MaxInt64})
	}
	const most = math.MaxInt64 / 2
	want(state{delay: most, jitter: most})
	if s := n.state(l); !s.due(&packet{sent: time.Now(), luck: 0.999}).After(time.Now().Add(time.Hour)) {
		t.Error("endless delay has an end")
	}
}

func TestRefusedFaults(t *testing.T) {
	n := network(t)
	all := both(targets.AllClients, targets.AllNodes)
	for reason, s := range map[string]targets.Shape{
		"loss":        {LossPPM: 1},
		"duplication": {DelayNanos: 1, DuplicatePPM: 1},
		"reordering":  {ReorderOutPPM: 1},
	} {
		var u *targets.Unsupported
		if err := n.Shape("f", all, s); !errors.As(err, &u) || !strings.Contains(u.Reason, reason) {
			t.Errorf("%s: got %v", reason, err)
		}
		if err := n.Base(all, s); !errors.As(err, &u) {
			t.Errorf("%s: got %v", reason, err)
		}
	}
	err := n.Shape("f", all, targets.Shape{DelayNanos: -1})
	if err == nil || !strings.Contains(err.Error(), "negative") {
		t.Errorf("a negative delay: %v", err)
	}
	if s := n.state(targets.Link{From: "s", To: "n1"}); s != (state{}) {
		t.Errorf("refused faults left %+v", s)
	}
	must(t, n.Cut("c", all))
	must(t, n.Shape("s", all, delay(ms)))
	for name, undo := range map[string]func() error{
		"a shape as a cut":  func() error { return n.Uncut("s") },
		"a cut as a shape":  func() error { return n.Unshape("c") },
		"what never was":    func() error { return n.Uncut("f") },
		"a cut, then again": func() error { return errors.Join(n.Uncut("c"), n.Uncut("c")) },
	} {
		if undo() == nil {
			t.Errorf("undone: %s", name)
		}
	}
}

// TestFaultsKeepNoSlices has a caller use its slice again.
func TestFaultsKeepNoSlices(t *testing.T) {
	n := network(t)
	l := one("s", "n1")
	must(t, n.Cut("f", l))
	l[0].From = "other"
	near, far := wire(tcp).pair(t, n)
	say(t, near, "held")
	silence(t, far)
	must(t, n.Uncut("f"))
	hear(t, far, "held")
	must(t, near.Close())
	ends(t, far, io.EOF)
	if _, err := near.(*conn).inner.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the inner connection is not closed: %v", err)
	}
}
