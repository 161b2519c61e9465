package simulated

import (
	"context"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/targets"
)

const (
	ms  int64 = 1_000_000
	sec       = 1000 * ms
)

// The capabilities of the arm.
var (
	_ targets.Stepper      = (*cluster)(nil)
	_ targets.Partitioner  = (*cluster)(nil)
	_ targets.Shaper       = (*cluster)(nil)
	_ targets.Killer       = (*cluster)(nil)
	_ targets.Pauser       = (*cluster)(nil)
	_ targets.ClockSkewer  = (*cluster)(nil)
	_ targets.DiskFaulter  = (*cluster)(nil)
	_ targets.Operator     = (*cluster)(nil)
	_ targets.StatusReader = (*cluster)(nil)
	_ targets.MarkReader   = (*cluster)(nil)
)

// rig is a cluster under test.
type rig struct {
	*cluster
	t testing.TB
}

// deploy brings up a cluster of n nodes and lets two seconds pass, so that there is a leader.
func deploy(t testing.TB, n int, config, world map[string]any) *rig {
	t.Helper()
	spec := &targets.Spec{Config: config, World: world, Seed: 1}
	spec.Nodes = []string{"n1", "n2", "n3", "n4", "n5"}[:n]
	c, err := New().Deploy(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{c.(*cluster), t}
	r.pass(2 * sec)
	return r
}

// pass lets time pass.
func (r *rig) pass(d int64) {
	for end := r.Now() + d; r.Now() < end; {
		r.RunUntil(end)
	}
}

// do carries out an operation of session s on no particular device and returns how it ended.
func (r *rig) do(s string, ev history.Event) targets.Completion {
	r.t.Helper()
	var out *targets.Completion
	r.Client(s, "").Submit(&ev, func(c targets.Completion) {
		if out != nil {
			r.t.Fatalf("%s %s completed twice", ev.F, ev.Key)
		}
		out = &c
	})
	if out != nil {
		r.t.Fatalf("%s %s completed before time passed", ev.F, ev.Key)
	}
	for end := r.Now() + 60*sec; out == nil; {
		if r.Now() >= end {
			r.t.Fatalf("%s %s did not complete within a minute", ev.F, ev.Key)
		}
		r.RunUntil(end)
	}
	return *out
}

// want carries out an operation that must go well with the given value.
func (r *rig) want(s string, ev history.Event, want history.Value) targets.Completion {
	r.t.Helper()
	c := r.do(s, ev)
	if c.Err.Code != history.NoError || !c.Value.Equal(want) {
		r.t.Fatalf("%s %s %v: got %v, error %v; want %v", ev.F, ev.Key, ev.Value, c.Value, c.Err, want)
	}
	return c
}

// leader returns the name of the leader with the latest epoch.
func (r *rig) leader() string {
	r.t.Helper()
	best := targets.NodeStatus{}
	for _, s := range r.Status() {
		if s.Up && s.Role == "leader" && s.Epoch >= best.Epoch {
			best = s
		}
	}
	if best.Node == "" {
		r.t.Fatal("there is no leader")
	}
	return best.Node
}

func read(key string) history.Event { return history.Event{F: history.FRead, Key: key} }

func write(key string, v int64) history.Event {
	return history.Event{F: history.FWrite, Key: key, Value: history.IntValue(v)}
}
