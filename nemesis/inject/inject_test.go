package inject

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/nemesis"
	"github.com/rashomon-harness/rashomon/plan"
	"github.com/rashomon-harness/rashomon/targets"
)

func TestWildcardsAgree(t *testing.T) {
	if nemesis.AllClients != targets.AllClients {
		t.Errorf("nemesis says %q, targets %q", nemesis.AllClients, targets.AllClients)
	}
}

// What each shape does to a healthy cluster of three that n1 leads, is undone again, and recorded.
func TestEveryFamily(t *testing.T) {
	links := "[{n2 n1} {n3 n1} {clients n1}]"
	for _, tc := range []struct {
		fault   plan.Fault
		asked   string
		install string
		heal    string
	}{
		{plan.Fault{Family: "partition", Shape: "one-way-in", Targets: "leader", Clients: "majority", For: 9},
			"{clients:majority cut:[[n1] [n2 n3 clients]] for:9 from:1 shape:one-way-in targets:leader}",
			"cut f1 " + links, "uncut f1"},
		{plan.Fault{Family: "partition", Shape: "isolate-leader", Clients: "split", Pick: 1},
			"{clients:split cut:[[n1 r2] [n2 n3 r1]] shape:isolate-leader}",
			"cut f1 [{n2 n1} {n2 r2} {n3 n1} {n3 r2} {r1 n1} {n1 n2} {n1 n3} {n1 r1} {r2 n2} {r2 " +
				"n3}]", "uncut f1"},
		{plan.Fault{Family: "link", Shape: "lossy", Targets: "n1", Clients: "none", Amount: 7},
			"{amount:7 clients:none nodes:[n1] shape:lossy targets:n1}",
			"shape f1 [{n1 n2} {n1 n3} {n2 n1} {n3 n1}] {0 0 7 0 0 0}", "unshape f1"},
		{plan.Fault{Family: "crash", Shape: "tear-unsynced", Targets: "followers"},
			"{nodes:[n2 n3] shape:tear-unsynced targets:followers}",
			"kill n2 tear; kill n3 tear", "start n3; start n2"},
		{plan.Fault{Family: "pause", Shape: "pause", Targets: "n3"},
			"{nodes:[n3] shape:pause targets:n3}", "pause n3", "resume n3"},
		{plan.Fault{Family: "clock", Shape: "step", Targets: "leader", Amount: -5},
			"{amount:-5 nodes:[n1] shape:step targets:leader}", "step f1 n1 -5", "unskew f1 n1"},
		{plan.Fault{Family: "clock", Shape: "freeze", Targets: "leader"},
			"{nodes:[n1] shape:freeze targets:leader}", "freeze f1 n1", "unskew f1 n1"},
		{plan.Fault{Family: "clock", Shape: "drift", Targets: "opposed", Amount: 5},
			"{against:[n2 n3] amount:-5 nodes:[n1] shape:drift targets:opposed}",
			"drift f1 n1 -5; drift f1 n2 5; drift f1 n3 5", "unskew f1 n3; unskew f1 n2; unskew f1 n1"},
		{plan.Fault{Family: "disk", Shape: "slow", Targets: "n2", Amount: 10},
			"{amount:10 nodes:[n2] shape:slow targets:n2}", "slow-disk f1 n2 10", "heal-disk f1 n2"},
		{plan.Fault{Family: "disk", Shape: "stall", Targets: "n2"},
			"{nodes:[n2] shape:stall targets:n2}", "slow-disk f1 n2 0", "heal-disk f1 n2"},
		{plan.Fault{Family: "disk", Shape: "full", Targets: "n2"},
			"{nodes:[n2] shape:full targets:n2}", "fail-disk f1 n2 full", "heal-disk f1 n2"},
	} {
		c := newFake(3)
		r := newRig(t, c)
		tc.fault.ID = "f1"
		if err := r.Inject(&tc.fault, 100); err != nil {
			t.Fatal(err)
		}
		if at, ok := r.NextHeal(); !ok || at != 100+tc.fault.For {
			t.Errorf("%s %s: to be healed at %d, %v", tc.fault.Family, tc.fault.Shape, at, ok)
		}
		installed := len(c.calls)
		if err := r.HealDue(100 + tc.fault.For); err != nil {
			t.Fatal(err)
		}
		install, heal := strings.Join(c.calls[:installed], "; "), strings.Join(c.calls[installed:], "; ")
		if install != tc.install || heal != tc.heal || len(c.broken()) > 0 {
			t.Errorf("%s %s: did %q, then %q; left %v", tc.fault.Family, tc.fault.Shape, install, heal,
				c.broken())
		}
		if asked := r.events[0].Value.String(); asked != tc.asked || r.story("f1") != "installed, healed" {
			t.Errorf("%s %s: recorded %s, %s", tc.fault.Family, tc.fault.Shape, asked, r.story("f1"))
		}
	}
}

func TestDeedsAreOverAtOnce(t *testing.T) {
	c := newFake(3)
	r := newRig(t, c)
	f := plan.Fault{ID: "f1", Family: "operator", Shape: "promote", Targets: "most-up-to-date"}
	if err := r.Inject(&f, 5); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.NextHeal(); ok || r.story("f1") != "installed, healed" || c.calls[0] != "promote n3" {
		t.Errorf("recorded %q, did %v; n3 has the longest log", r.story("f1"), c.calls)
	}
}

func TestMissingCapabilities(t *testing.T) {
	r := newRig(t, &bare{nodes: []string{"n1", "n2", "n3"}})
	for family, needs := range map[string]string{"partition": "Partitioner", "crash": "Killer",
		"pause": "Pauser", "clock": "ClockSkewer", "link": "Shaper", "disk": "DiskFaulter"} {
		f := plan.Fault{ID: family, Family: family, Shape: "isolate-one", For: 5}
		want := fmt.Sprintf("skipped: this environment cannot: %s needs the capability %s", family, needs)
		if err := r.Inject(&f, 0); err != nil || r.story(family) != want {
			t.Errorf("%s: %v, recorded %q", family, err, r.story(family))
		}
	}
	if _, ok := r.NextHeal(); ok {
		t.Error("something is to be healed though all was skipped")
	}
}

func TestOverlappingCrashes(t *testing.T) {
	c := newFake(3)
	r := newRig(t, c)
	inject := func(id, targets string, now, lasts int64) {
		f := plan.Fault{ID: id, Family: "crash", Shape: nemesis.LoseUnsynced, Targets: targets, For: lasts}
		if err := r.Inject(&f, now); err != nil {
			t.Fatal(err)
		}
	}
	inject("f1", "n2", 0, 10)
	inject("f2", "all", 5, 20) // to 25: n2 stays down
	inject("f3", "any", 6, 5)
	if got := r.story("f3"); got != "skipped: every node is down already" {
		t.Errorf("f3: %s", got)
	}
	if at, _ := r.NextHeal(); at != 10 {
		t.Errorf("first heal at %d", at)
	}
	if err := r.HealDue(10); err != nil || !c.state["down n2"] {
		t.Errorf("after f1 healed n2 must stay down for f2: %v, %v", err, c.broken())
	}
	if err := r.HealDue(25); err != nil || len(c.broken()) > 0 {
		t.Errorf("%v, left %v", err, c.broken())
	}
	if calls := strings.Join(c.calls, " "); strings.Count(calls, "kill n2") != 1 {
		t.Errorf("n2 was to be killed once: %s", calls)
	}
}

// A fault that picks any node does not pick one that is down.
func TestCrashPicksAnother(t *testing.T) {
	for pick := range uint64(30) {
		c := newFake(3)
		r := newRig(t, c)
		for i, f := range []plan.Fault{{Targets: "n1"}, {Targets: "any"}, {Targets: "any"}} {
			f.ID, f.Family, f.Shape, f.Pick = fmt.Sprint("f", i), "crash", nemesis.KeepUnsynced, pick
			if err := r.Inject(&f, 0); err != nil {
				t.Fatal(err)
			}
		}
		if len(c.broken()) != 3 {
			t.Fatalf("pick %d: three crashes made down %v", pick, c.broken())
		}
	}
}

func TestPausesAndCrashes(t *testing.T) {
	c := newFake(3)
	r := newRig(t, c)
	inject := func(id, family string, lasts int64) {
		f := plan.Fault{ID: id, Family: family, Shape: nemesis.LoseUnsynced, Targets: "n2", For: lasts}
		if err := r.Inject(&f, 0); err != nil {
			t.Fatal(err)
		}
	}
	inject("f1", "pause", 100)
	inject("f2", "pause", 10)
	if err := r.HealDue(10); err != nil || !c.state["paused n2"] {
		t.Fatalf("n2 must stay paused for f1: %v, %v", err, c.broken())
	}
	inject("f3", "crash", 20) // ends the process, and the pause with it
	inject("f4", "pause", 30)
	if got := r.story("f4"); got != "skipped: n2 is down already" {
		t.Errorf("f4: %s", got)
	}
	if err := r.HealDue(20); err != nil {
		t.Fatal(err)
	}
	inject("f5", "pause", 200) // a new pause of the new process
	if err := r.HealDue(100); err != nil || !c.state["paused n2"] {
		t.Errorf("f1 was over with the crash, f5 holds: %v, %v", err, c.broken())
	}
	if err := r.HealAll(); err != nil || len(c.broken()) > 0 {
		t.Errorf("%v, left %v", err, c.broken())
	}
}

func TestFailedInjectionIsIndeterminateAndHealed(t *testing.T) {
	c := newFake(3)
	c.fails["kill n2 lose"] = errBroken
	r := newRig(t, c)
	f := plan.Fault{ID: "f1", Family: "crash", Shape: nemesis.LoseUnsynced, Targets: "all", For: 10}
	if err := r.Inject(&f, 0); !errors.Is(err, errBroken) {
		t.Errorf("error %v", err)
	}
	c.state["down n2"] = true // it was done in part, after all
	if err := r.HealDue(10); err != nil || len(c.broken()) > 0 {
		t.Errorf("%v, left %v", err, c.broken())
	}
	if got := r.story("f1"); got != "indeterminate: broken, healed" {
		t.Errorf("recorded %s", got)
	}
}

func TestHealingGoesOnAfterErrors(t *testing.T) {
	c := newFake(5)
	r := newRig(t, c)
	for _, f := range []plan.Fault{
		{ID: "f1", Family: "crash", Shape: nemesis.LoseUnsynced, Targets: "majority", For: 10, Pick: 3},
		{ID: "f2", Family: "clock", Shape: nemesis.ClockStep, Targets: "all", Amount: 4, For: 5},
		{ID: "f3", Family: "partition", Shape: nemesis.Halves, For: 7},
	} {
		if err := r.Inject(&f, 0); err != nil {
			t.Fatal(err)
		}
	}
	c.fails["unskew f2 n3"] = errBroken
	err := r.HealDue(10)
	if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "healing fault f2 (clock)") {
		t.Errorf("error %v", err)
	}
	if !slices.Equal(c.broken(), []string{"f2 clock n3"}) || !slices.Equal(r.Active(), []string{"f2"}) {
		t.Errorf("left %v, active %v", c.broken(), r.Active())
	}
	if _, ok := r.NextHeal(); ok {
		t.Error("a fault that could not be healed must not be due again and again")
	}
	if err := r.HealDue(20); err != nil {
		t.Errorf("healing was tried again before the end: %v", err)
	}
	if err := r.HealAll(); !errors.Is(err, errBroken) || r.story("f2") != "installed, not healed: "+
		"healing fault f2 (clock): broken" {
		t.Errorf("error %v, recorded %s", err, r.story("f2"))
	}
}

func TestHealAllTriesAgain(t *testing.T) {
	c := newFake(3)
	r := newRig(t, c)
	if err := r.Inject(&plan.Fault{ID: "f1", Family: "pause", Targets: "all", For: 5}, 0); err != nil {
		t.Fatal(err)
	}
	c.fails["resume n2"] = errBroken
	if err := r.Heal("f1"); !errors.Is(err, errBroken) {
		t.Fatalf("error %v", err)
	}
	c.fails = nil
	if err := r.HealAll(); err != nil || len(c.broken()) > 0 || r.story("f1") != "installed, healed" {
		t.Errorf("%v, left %v, recorded %s", err, c.broken(), r.story("f1"))
	}
	if err := errors.Join(r.Heal("f1"), r.HealAll()); err != nil {
		t.Errorf("healing what is healed: %v", err)
	}
}

// A store that stops because its disk failed is started again with the disk.
func TestDiskFailureThatStopsTheNode(t *testing.T) {
	c := newFake(3)
	r := newRig(t, c)
	f := plan.Fault{ID: "f1", Family: "disk", Shape: nemesis.DiskEIO, Targets: "n2", For: 5}
	if err := r.Inject(&f, 0); err != nil {
		t.Fatal(err)
	}
	c.state["down n2"] = true
	if err := r.HealDue(5); err != nil || len(c.broken()) > 0 {
		t.Errorf("%v, left %v", err, c.broken())
	}
}

func TestView(t *testing.T) {
	c := newFake(4)
	c.status[1].Role, c.status[1].Epoch = "leader", 2 // n1 does not know yet that it was deposed
	c.status[3].Up = false
	r := newRig(t, c)
	if v, err := r.view(); err != nil || v.Leader != "n2" || v.Best != "n3" ||
		!slices.Equal(v.Down, []string{"n4"}) {
		t.Errorf("%+v, %v", v, err)
	}
}

// Whatever is injected and healed, in whatever order, at the end all is healed: 300 random runs.
func TestEverythingIsHealedInTheEnd(t *testing.T) {
	for seed := range uint64(300) {
		key := keyed.New(seed)
		c := newFake(3 + key.N(3))
		r := newRig(t, c)
		for i := range 40 {
			f := randomFault(key.With(uint64(i)), i)
			now := int64(i)
			if err := errors.Join(r.HealDue(now), r.Inject(&f, now)); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, i, err)
			}
		}
		if err := r.HealAll(); err != nil || len(c.broken()) > 0 || len(r.Active()) > 0 {
			t.Fatalf("seed %d: %v; left %v, active %v", seed, err, c.broken(), r.Active())
		}
		for _, ev := range r.events {
			if s := r.story(ev.Fault); s != "installed, healed" && !strings.HasPrefix(s, Skipped) {
				t.Fatalf("seed %d: %s recorded %q", seed, ev.Fault, s)
			}
		}
	}
}

// randomFault draws the i-th fault of a run.
func randomFault(k keyed.Key, i int) plan.Fault {
	families := nemesis.All()
	info := families[k.Named("family").N(len(families))]
	var shapes []string
	for shape := range info.Shapes {
		shapes = append(shapes, shape)
	}
	slices.Sort(shapes)
	return plan.Fault{ID: fmt.Sprint("f", i), Family: info.Family, Shape: shapes[k.N(len(shapes))],
		Targets: info.Targets[k.Named("targets").N(len(info.Targets))], Amount: 1 + int64(k.N(9)),
		For: int64(k.Named("for").N(20)), Pick: k.Uint64()}
}
