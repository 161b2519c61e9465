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

var errBeyond = fmt.Errorf("the pod of n1: %w", &targets.Unsupported{Reason: "the kernel has no netem"})

// beyond is how a fault ends that errBeyond refuses.
const beyond = "skipped: this environment cannot: the kernel has no netem"

// A fault whose very first call is beyond the environment: nothing was done, nothing is undone, and it is
// over at once.
func TestBeyondTheEnvironment(t *testing.T) {
	for _, tc := range []struct {
		fault plan.Fault
		call  string
	}{
		{plan.Fault{Family: "partition", Shape: nemesis.IsolateOne, Targets: "n1"}, "cut f1 [{n2 n1} " +
			"{n3 n1} {n1 n2} {n1 n3}]"},
		{plan.Fault{Family: "link", Shape: nemesis.LinkDuplicate, Targets: "n1", Clients: "none", Amount: 7},
			"shape f1 [{n1 n2} {n1 n3} {n2 n1} {n3 n1}] {0 0 0 7 0 0}"},
		{plan.Fault{Family: "crash", Shape: nemesis.TearUnsynced, Targets: "n2"}, "kill n2 tear"},
		{plan.Fault{Family: "pause", Targets: "n3"}, "pause n3"},
		{plan.Fault{Family: "clock", Shape: nemesis.ClockFreeze, Targets: "n1"}, "freeze f1 n1"},
		{plan.Fault{Family: "clock", Shape: nemesis.ClockDrift, Targets: "n1", Amount: 5}, "drift f1 n1 5"},
		{plan.Fault{Family: "disk", Shape: nemesis.DiskStall, Targets: "n2"}, "slow-disk f1 n2 0"},
		{plan.Fault{Family: "operator", Shape: "promote", Targets: "n2"}, "promote n2"},
	} {
		c := newFake(3)
		c.fails[tc.call] = errBeyond
		r := newRig(t, c)
		tc.fault.ID, tc.fault.For = "f1", 10
		if err := r.Inject(&tc.fault, 0); err != nil || r.story("f1") != beyond {
			t.Errorf("%s: %v, recorded %q, did %v", tc.call, err, r.story("f1"), c.calls)
		}
		if len(c.calls) != 1 || len(r.Active()) > 0 {
			t.Errorf("%s: did %v, active %v", tc.call, c.calls, r.Active())
		}
		// It holds nothing: the same fault of another moment, which can be done, is done and undone.
		delete(c.fails, tc.call)
		again := tc.fault
		again.ID = "f2"
		if err := errors.Join(r.Inject(&again, 20), r.HealAll()); err != nil || len(c.broken()) > 0 ||
			r.story("f2") != "installed, healed" {
			t.Errorf("%s: %v; left %v; recorded %q", tc.call, err, c.broken(), r.story("f2"))
		}
	}
}

// A fault of which a part was done already is undone before it is skipped.
func TestBeyondTheEnvironmentHalfWay(t *testing.T) {
	for _, tc := range []struct {
		fault       plan.Fault
		call, calls string
	}{
		{plan.Fault{Family: "clock", Shape: nemesis.ClockStep, Targets: "all", Amount: 4}, "step f1 n3 4",
			"step f1 n1 4; step f1 n2 4; step f1 n3 4; unskew f1 n2; unskew f1 n1"},
		{plan.Fault{Family: "crash", Shape: nemesis.LoseUnsynced, Targets: "all"}, "kill n2 lose",
			"kill n1 lose; kill n2 lose; start n1"},
		{plan.Fault{Family: "pause", Targets: "all"}, "pause n3",
			"pause n1; pause n2; pause n3; resume n2; resume n1"},
	} {
		c := newFake(3)
		c.fails[tc.call] = errBeyond
		r := newRig(t, c)
		tc.fault.ID, tc.fault.For = "f1", 10
		if err := r.Inject(&tc.fault, 0); err != nil || r.story("f1") != beyond {
			t.Errorf("%s: %v, recorded %q", tc.call, err, r.story("f1"))
		}
		if got := strings.Join(c.calls, "; "); got != tc.calls || len(c.broken()) > 0 || len(r.Active()) > 0 {
			t.Errorf("did %s\nwant %s; left %v, active %v", got, tc.calls, c.broken(), r.Active())
		}
	}
}

// When the part that was done cannot be undone either, nobody knows how things stand: the fault stays
// active, and is healed when its time is over.
func TestBeyondTheEnvironmentAndStuck(t *testing.T) {
	c := newFake(3)
	c.fails["pause n2"], c.fails["resume n1"] = errBeyond, errBroken
	r := newRig(t, c)
	f := plan.Fault{ID: "f1", Family: "pause", Targets: "all", For: 10}
	if err := r.Inject(&f, 0); !errors.Is(err, errBroken) {
		t.Errorf("error %v", err)
	}
	if got := r.story("f1"); !strings.HasPrefix(got, Indeterminate) || !strings.Contains(got, "no netem") {
		t.Errorf("recorded %q", got)
	}
	if at, ok := r.NextHeal(); !ok || at != 10 || !slices.Equal(c.broken(), []string{"paused n1"}) {
		t.Errorf("to be healed at %d, %v; left %v", at, ok, c.broken())
	}
	delete(c.fails, "resume n1")
	if err := r.HealDue(10); err != nil || len(c.broken()) > 0 || len(r.Active()) > 0 ||
		!strings.HasSuffix(r.story("f1"), ", healed") {
		t.Errorf("%v; left %v, active %v, recorded %q", err, c.broken(), r.Active(), r.story("f1"))
	}
}

// Every call of the cluster goes through the caller, and what a call says that it gave up is what the
// fault's record says.
func TestThrough(t *testing.T) {
	errGivenUp := errors.New("given up")
	for _, giveUp := range []string{"", "asking the nodes for their status", "pausing n2", "resuming n2"} {
		c := newFake(3)
		r := newRig(t, c)
		var calls []string
		r.Through(func(what string, do func() error) error {
			calls = append(calls, what)
			if what == giveUp {
				return errGivenUp
			}
			return do()
		})
		f := plan.Fault{ID: "f1", Family: "pause", Targets: "n2", For: 10}
		injected, healed := r.Inject(&f, 0), r.HealDue(10)
		var story string
		var failed error
		switch giveUp {
		case "":
			story = "installed, healed"
			if want := []string{"asking the nodes for their status", "pausing n2",
				"resuming n2"}; !slices.Equal(calls, want) {
				t.Errorf("calls %q", calls)
			}
		case "asking the nodes for their status":
			failed = injected
		case "pausing n2":
			// It may be there nevertheless: the attempt to undo it finds that it is not.
			story, failed = "indeterminate: given up", injected
		case "resuming n2":
			story, failed = "installed", healed
		}
		if giveUp != "" && !errors.Is(failed, errGivenUp) || r.story("f1") != story {
			t.Errorf("%q: %v, %v, recorded %q", giveUp, injected, healed, r.story("f1"))
		}
	}
}

// Whatever the environment cannot do, at the end nothing is left: 300 random runs in which one call in four
// is beyond it.
func TestNothingIsLeftOfWhatCannotBeDone(t *testing.T) {
	skips := 0
	for seed := range uint64(300) {
		key := keyed.New(seed)
		c := newFake(3 + key.N(3))
		r := newRig(t, c)
		c.refuse = func(call string) error {
			if doing := !strings.HasPrefix(call, "un") && !strings.HasPrefix(call, "start") &&
				!strings.HasPrefix(call, "resume") && !strings.HasPrefix(call, "heal"); doing &&
				key.Named(call).N(4) == 0 {
				return errBeyond
			}
			return nil
		}
		for i := range 40 {
			f, now := randomFault(key.With(uint64(i)), i), int64(i)
			if err := errors.Join(r.HealDue(now), r.Inject(&f, now)); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, i, err)
			}
		}
		if err := r.HealAll(); err != nil || len(c.broken()) > 0 || len(r.Active()) > 0 {
			t.Fatalf("seed %d: %v; left %v, active %v", seed, err, c.broken(), r.Active())
		}
		for _, ev := range r.events {
			switch s := r.story(ev.Fault); {
			case s == beyond:
				skips++
			case s != "installed, healed" && !strings.HasPrefix(s, Skipped):
				t.Fatalf("seed %d: %s recorded %q", seed, ev.Fault, s)
			}
		}
	}
	if skips < 1000 {
		t.Errorf("only %d events of faults that cannot be done", skips)
	}
}
