package simulated

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/targets"
)

func link(from, to string) targets.Link { return targets.Link{From: from, To: to} }

// must fails the test on an error.
func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// settle waits until the cluster is whole again.
func (r *rig) settle() {
	r.t.Helper()
	for range 100 {
		if ok, _ := r.Settled(); ok {
			return
		}
		r.pass(100 * ms)
	}
	_, missing := r.Settled()
	r.t.Fatalf("not settled after 10 s: %s", missing)
}

func TestCutOffClients(t *testing.T) {
	r := deploy(t, 3, nil, nil)
	r.want("r1", write("k", 1), num(1))
	all := []targets.Link{link(targets.AllClients, targets.AllNodes)}
	r.must(r.Cut("f1", all))
	for _, session := range []string{"r1", "new"} { // also one that had no client when the cut began
		if c := r.do(session, read("k")); c.Err.Code != history.Timeout || c.Node != "" || c.Ev != nil {
			t.Errorf("%s is cut off and got %+v", session, c)
		}
	}
	if ok, missing := r.Settled(); ok || missing == "" {
		t.Errorf("settled in the middle of a partition: %v %q", ok, missing)
	}
	r.must(r.Uncut("f1"))
	r.want("new", read("k"), num(1))
	if r.Uncut("f1") == nil {
		t.Error("a cut was undone twice")
	}
	r.settle()
}

func TestCutOneSession(t *testing.T) {
	r := deploy(t, 3, nil, nil)
	var links []targets.Link
	for _, node := range r.Nodes() {
		links = append(links, link("r1", node))
	}
	r.must(r.Cut("f1", links))
	r.must(r.Cut("f2", links[:1]))
	r.want("r2", write("k", 1), num(1))
	ev := read("k")
	var c targets.Completion
	r.Client("r1", "phone").Submit(&ev, func(done targets.Completion) { c = done })
	r.pass(10 * sec)
	if c.Err.Code != history.Timeout {
		t.Errorf("a device of r1 is cut off and got %+v", c)
	}
	r.must(r.Uncut("f1"))
	r.must(r.Uncut("f2"))
	r.want("r1", read("k"), num(1))
}

func TestIsolatedLeaderIsReplaced(t *testing.T) {
	r := deploy(t, 3, nil, nil)
	old := r.leader()
	var links []targets.Link
	for _, other := range r.Nodes() {
		if other != old {
			links = append(links, link(old, other), link(other, old))
		}
	}
	r.must(r.Cut("f1", links))
	r.pass(10 * sec)
	if r.leader() == old {
		t.Errorf("%s still leads", old)
	}
	r.want("r1", write("k", 1), num(1))
	r.must(r.Uncut("f1"))
	r.settle()
	marks := r.Marks()
	if marks["failover"] == 0 || marks["elected"] < 2 || len(marks) != int(refimpl.NumMarks) {
		t.Errorf("marks %v", marks)
	}
}

func TestShapes(t *testing.T) {
	r := deploy(t, 3, nil, map[string]any{"latency": "1ms"})
	took := func() int64 {
		before := r.Now()
		r.do("r1", read("k"))
		return r.Now() - before
	}
	r.do("r1", read("k"))
	quick := took()
	both := []targets.Link{link("r1", targets.AllNodes), link(targets.AllNodes, "r1")}
	r.must(r.Shape("f1", both, targets.Shape{DelayNanos: 50 * ms}))
	r.must(r.Shape("f2", both[:1], targets.Shape{DelayNanos: 20 * ms}))
	if slow := took(); slow < quick+118*ms || slow > quick+125*ms {
		t.Errorf("a read took %d, then with 120 ms more %d", quick, slow)
	}
	r.must(r.Unshape("f1"))
	r.must(r.Unshape("f2"))
	if again := took(); again > 2*quick {
		t.Errorf("a read took %d, and after healing %d", quick, again)
	}
	r.must(r.Shape("f3", both, targets.Shape{LossPPM: 1_000_000}))
	if c := r.do("r1", read("k")); c.Err.Code != history.Timeout {
		t.Errorf("all is lost, and the read got %+v", c)
	}
}

func TestCrashAndRestart(t *testing.T) {
	for _, u := range []targets.Unsynced{targets.KeepUnsynced, targets.LoseUnsynced, targets.TearUnsynced} {
		r := deploy(t, 3, nil, nil)
		r.want("r1", write("k", 1), num(1))
		for _, node := range r.Nodes() {
			r.must(r.Kill(node, u))
		}
		for _, s := range r.Status() {
			if s.Up || s.Role != "" {
				t.Errorf("%s: after its crash %+v", u, s)
			}
		}
		if c := r.do("r1", write("k", 2)); c.Err.Code == history.NoError {
			t.Errorf("%s: a write went well while all nodes were down", u)
		}
		for _, node := range r.Nodes() {
			r.must(r.Start(node))
		}
		r.settle()
		r.pass(3 * sec)
		r.want("r1", read("k"), num(1))
	}
}

func TestPause(t *testing.T) {
	r := deploy(t, 3, nil, nil)
	old := r.leader()
	r.must(r.Pause(old))
	r.pass(10 * sec)
	r.want("r1", write("k", 1), num(1))
	if ok, missing := r.Settled(); ok || !strings.Contains(missing, old) {
		t.Errorf("settled with %s paused: %v %q", old, ok, missing)
	}
	r.must(r.Resume(old))
	r.settle()
}

func TestClocks(t *testing.T) {
	r := deploy(t, 3, nil, map[string]any{"clock_offset": "0s", "clock_drift": 0})
	ahead := func(node string) int64 { // of n3's wall clock
		_, wall := r.world.Clock(refimpl.Addr(slices.Index(r.Nodes(), node)))
		_, base := r.world.Clock(2)
		return wall - base
	}
	r.must(r.Step("f1", "n1", -3*sec))
	r.must(r.Drift("f2", "n2", 10_000))
	r.pass(10 * sec)
	if n1, n2 := ahead("n1"), ahead("n2"); n1 != -3*sec || n2 != 100*ms {
		t.Errorf("n1 is ahead by %d, want -3 s; n2 by %d, want 1%% of 10 s", n1, n2)
	}
	r.must(r.Freeze("f3", "n1"))
	r.pass(sec)
	if n1 := ahead("n1"); n1 != -4*sec {
		t.Errorf("n1 is ahead by %d, want -4 s", n1)
	}
	r.must(r.Unskew("f1", "n1"))
	r.must(r.Unskew("f3", "n1"))
	r.must(r.Unskew("f2", "n2"))
	if n1, n2 := ahead("n1"), ahead("n2"); n1 != 0 || max(n2, -n2) > 1 {
		t.Errorf("after healing n1 is ahead by %d, n2 by %d", n1, n2)
	}
}

func TestDisks(t *testing.T) {
	r := deploy(t, 3, nil, nil)
	for _, node := range r.Nodes() {
		r.must(r.SlowDisk("f1", node, 0))
	}
	if c := r.do("r1", write("k", 1)); c.Err.Code == history.NoError {
		t.Error("a write went well while no disk synced")
	}
	for _, node := range r.Nodes() {
		r.must(r.HealDisk("f1", node))
	}
	r.settle()
	r.pass(3 * sec)
	r.want("r1", write("k", 2), num(2))
	for _, how := range []string{"eio", "full"} {
		r.must(r.FailDisk("f2", "n2", how))
		r.pass(100 * ms)
		r.do("r1", write("k", 3))
		r.must(r.HealDisk("f2", "n2"))
		r.must(r.Start("n2"))
		r.settle()
	}
}

// An operator's failover: the leader is gone, and nobody else would do anything about it.
func TestPromote(t *testing.T) {
	r := deploy(t, 3, map[string]any{"replication": "async", "failover": "manual"}, nil)
	if r.leader() != "n1" {
		t.Fatalf("%s leads, not the first node", r.leader())
	}
	r.must(r.Kill("n1", targets.LoseUnsynced))
	r.pass(sec) // people are not that quick
	r.must(r.Promote("n3"))
	r.pass(sec)
	if r.leader() != "n3" {
		t.Errorf("n3 was promoted, %s leads: %+v", r.leader(), r.Status())
	}
	if err := r.Promote("n1"); err == nil {
		t.Error("a node that is down was promoted")
	}
}

func TestUnknownNamesAreRefused(t *testing.T) {
	r := deploy(t, 3, nil, nil)
	for name, err := range map[string]error{
		"kill": r.Kill("n9", targets.KeepUnsynced), "start": r.Start("n9"), "pause": r.Pause("n9"),
		"resume": r.Resume("n9"), "promote": r.Promote("n9"), "step": r.Step("f", "n9", 1),
		"drift": r.Drift("f", "n9", 1), "freeze": r.Freeze("f", "n9"), "unskew": r.Unskew("f", "n9"),
		"slow": r.SlowDisk("f", "n9", 1), "fail": r.FailDisk("f", "n9", "eio"), "heal": r.HealDisk("f", "n9"),
	} {
		if err == nil || !strings.Contains(err.Error(), `no node named "n9": the nodes are [n1 n2 n3]`) {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := r.Kill("n1", "half")
	if err == nil || !strings.Contains(err.Error(), "allowed: keep, lose, tear, wipe") {
		t.Errorf("kill: %v", err)
	}
	if err := r.FailDisk("f", "n1", "burn"); err == nil || !strings.Contains(err.Error(),
		"allowed: eio, full") {
		t.Errorf("fail disk: %v", err)
	}
}

func TestExpand(t *testing.T) {
	r := deploy(t, 2, map[string]any{"replication": "async", "failover": "none"}, nil)
	r.Client("a", "")      // address 2
	r.Client("b", "")      // 3
	r.Client("a", "phone") // 4
	for _, tc := range []struct {
		links []targets.Link
		want  string
	}{
		{[]targets.Link{link("n1", "n2")}, "[[0 1]]"},
		{[]targets.Link{link("n1", "a")}, "[[0 2] [0 4]]"},
		{[]targets.Link{link("b", targets.AllNodes)}, "[[3 0] [3 1]]"},
		{[]targets.Link{link(targets.AllClients, "n2")}, "[[2 1] [3 1] [4 1]]"},
		{[]targets.Link{link("n1", targets.AllNodes), link(targets.AllNodes, "n2")}, "[[0 1]]"},
		{[]targets.Link{link("a", "b"), link("n1", "n1"), link("unknown", "n1")}, "[]"},
	} {
		if got := fmt.Sprint(r.expand(tc.links)); got != tc.want {
			t.Errorf("%v: %s, want %s", tc.links, got, tc.want)
		}
	}
}
