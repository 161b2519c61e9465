package inject_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/nemesis"
	"github.com/rashomon-harness/rashomon/nemesis/inject"
	"github.com/rashomon-harness/rashomon/plan"
	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/targets/simulated"
)

const second int64 = 1_000_000_000

// Every family and shape at once, for two minutes, on the reference store: all faults are installed or
// skipped for a reason of the moment, and all are healed; where no disk was wiped, the store is whole again
// afterwards, and serves.
func TestAllFaultsOnTheReferenceStore(t *testing.T) {
	installed := map[string]int{}
	for seed := range uint64(8) {
		run := storm(t, seed)
		for key, n := range run {
			installed[key] += n
		}
	}
	for _, info := range nemesis.All() {
		for shape := range info.Shapes {
			if installed[info.Family+"/"+shape] == 0 {
				t.Errorf("%s/%s was never installed", info.Family, shape)
			}
		}
	}
}

// entries returns an entry for every family, with all its shapes.
func entries(seed uint64) []nemesis.Params {
	var out []nemesis.Params
	for i, info := range nemesis.All() {
		p := nemesis.Params{Family: info.Family, Every: nemesis.Range{Min: second, Max: 6 * second},
			For: nemesis.Range{Min: second / 10, Max: 3 * second}, Seed: keyed.New(seed).With(uint64(i))}
		for _, s := range []string{"leader", "any", "follower", "minority", "majority", "all"} {
			if strings.Contains(strings.Join(info.Targets, " "), s) {
				p.Targets = append(p.Targets, s)
			}
		}
		for shape := range info.Shapes {
			if shape != "wipe-disk" || seed%2 == 0 {
				p.Shapes = append(p.Shapes, shape)
			}
		}
		slices.Sort(p.Shapes)
		out = append(out, p)
	}
	return out
}

// storm runs the faults of a seed for two minutes and returns how many were installed, by shape.
func storm(t *testing.T, seed uint64) map[string]int {
	spec := &targets.Spec{Nodes: []string{"n1", "n2", "n3", "n4", "n5"}, Seed: seed}
	c, err := simulated.New().Deploy(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	clock := c.(targets.Stepper)
	installed, shape := map[string]int{}, map[string]string{}
	x := inject.New(c, []string{"r1"}, func(ev history.Event) {
		if s, ok := ev.Value.Get("shape").AsString(); ok {
			shape[ev.Fault] = ev.F + "/" + s
		}
		switch s, _ := ev.Value.AsString(); {
		case s == inject.Installed:
			installed[shape[ev.Fault]]++
		case strings.HasPrefix(s, inject.Cannot) || strings.HasPrefix(s, inject.Indeterminate):
			t.Errorf("seed %d: %s at %d: %s", seed, shape[ev.Fault], clock.Now(), s)
		}
	})
	c.Client("r1", "")
	source := nemesis.Source(entries(seed), 2*second)
	var step plan.Step
	for clock.Now() < 120*second {
		ctx := plan.Context{Now: clock.Now()}
		if err := x.HealDue(clock.Now()); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if source.Next(&ctx, &step); step.Kind == plan.DoFault {
			if err := x.Inject(&step.Fault, clock.Now()); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			continue
		}
		until := step.Until
		if at, ok := x.NextHeal(); ok {
			until = min(until, at)
		}
		clock.RunUntil(until)
	}
	if err := x.HealAll(); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	if seed%2 == 1 { // with wiped disks the store may be gone for good
		settle(t, seed, c)
	}
	return installed
}

// settle waits until the cluster is whole again and serves a write.
func settle(t *testing.T, seed uint64, c targets.Cluster) {
	clock := c.(targets.Stepper)
	clock.RunUntil(clock.Now() + 10*second)
	if ok, missing := c.Settled(); !ok {
		t.Errorf("seed %d: 10 s after healing: %s", seed, missing)
	}
	ev, got := history.Event{F: history.FWrite, Key: "k", Value: history.IntValue(1)}, ""
	c.Client("r2", "").Submit(&ev, func(c targets.Completion) { got = fmt.Sprint(c.Value, c.Err.Code) })
	for end := clock.Now() + 10*second; got == "" && clock.Now() < end; {
		clock.RunUntil(end)
	}
	if got != "1 " {
		t.Errorf("seed %d: a write after healing completed with %q", seed, got)
	}
}
