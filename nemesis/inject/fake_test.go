package inject

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/targets"
)

// bare is a cluster without any capability.
type bare struct{ nodes []string }

func (b *bare) Nodes() []string                      { return b.nodes }
func (b *bare) Client(string, string) targets.Client { return nil }
func (b *bare) Settled() (bool, string)              { return true, "" }
func (b *bare) Close() error                         { return nil }

// fake is a cluster with every capability, which notes what is done to it and refuses what contradicts
// its state: starting a node that is up, healing what is not there.
type fake struct {
	bare
	calls  []string
	state  map[string]bool // "down n1", "paused n2", "f1 cut", "f2 clock n3"
	status []targets.NodeStatus
	fails  map[string]error // by call
	refuse func(call string) error
}

func newFake(n int) *fake {
	f := &fake{state: map[string]bool{}, fails: map[string]error{}}
	for i := range n {
		f.nodes = append(f.nodes, fmt.Sprintf("n%d", i+1))
		f.status = append(f.status, targets.NodeStatus{Node: f.nodes[i], Up: true, Role: "follower",
			Position: int64(i)})
	}
	f.status[0].Role, f.status[0].Epoch = "leader", 1
	return f
}

// do notes a call that sets or clears a piece of state.
func (f *fake) do(set bool, state string, call ...any) error {
	name := strings.TrimSpace(fmt.Sprintln(call...))
	if err := f.called(name); err != nil {
		return err
	}
	if f.state[state] == set {
		return fmt.Errorf("%s: %q is %v already", name, state, set)
	}
	f.state[state] = set
	return nil
}

// called notes a call, and returns why it fails.
func (f *fake) called(name string) error {
	f.calls = append(f.calls, name)
	if err := f.fails[name]; err != nil || f.refuse == nil {
		return err
	}
	return f.refuse(name)
}

func (f *fake) Status() []targets.NodeStatus {
	out := slices.Clone(f.status)
	for i := range out {
		out[i].Up = out[i].Up && !f.state["down "+out[i].Node]
	}
	return out
}

func (f *fake) Cut(id string, l []targets.Link) error { return f.do(true, id+" cut", "cut", id, l) }
func (f *fake) Uncut(id string) error                 { return f.do(false, id+" cut", "uncut", id) }
func (f *fake) Shape(id string, l []targets.Link, s targets.Shape) error {
	return f.do(true, id+" shape", "shape", id, l, s)
}
func (f *fake) Unshape(id string) error { return f.do(false, id+" shape", "unshape", id) }
func (f *fake) Kill(n string, u targets.Unsynced) error {
	err := f.do(true, "down "+n, "kill", n, u)
	if err == nil {
		f.state["paused "+n] = false
	}
	return err
}
func (f *fake) Start(n string) error  { return f.do(false, "down "+n, "start", n) }
func (f *fake) Pause(n string) error  { return f.do(true, "paused "+n, "pause", n) }
func (f *fake) Resume(n string) error { return f.do(false, "paused "+n, "resume", n) }
func (f *fake) Step(id, n string, nanos int64) error {
	return f.do(true, id+" clock "+n, "step", id, n, nanos)
}
func (f *fake) Drift(id, n string, ppm int64) error {
	return f.do(true, id+" clock "+n, "drift", id, n, ppm)
}
func (f *fake) Freeze(id, n string) error { return f.do(true, id+" clock "+n, "freeze", id, n) }
func (f *fake) Unskew(id, n string) error { return f.do(false, id+" clock "+n, "unskew", id, n) }
func (f *fake) SlowDisk(id, n string, by int64) error {
	return f.do(true, id+" disk "+n, "slow-disk", id, n, by)
}
func (f *fake) FailDisk(id, n, how string) error {
	return f.do(true, id+" disk "+n, "fail-disk", id, n, how)
}
func (f *fake) HealDisk(id, n string) error { return f.do(false, id+" disk "+n, "heal-disk", id, n) }
func (f *fake) Promote(n string) error      { return f.called("promote " + n) }

// broken returns the pieces of state that are not healed.
func (f *fake) broken() []string {
	var out []string
	for _, state := range slices.Sorted(maps.Keys(f.state)) {
		if f.state[state] {
			out = append(out, state)
		}
	}
	return out
}

// rig is an executor on a cluster, and what it recorded.
type rig struct {
	*Executor
	t      *testing.T
	events []history.Event
}

func newRig(t *testing.T, c targets.Cluster) *rig {
	r := &rig{t: t}
	r.Executor = New(c, []string{"r1", "r2"}, func(ev history.Event) {
		if ev.Type != history.Info || ev.Process != history.Nemesis {
			t.Errorf("%+v is no event of the nemesis", ev)
		}
		r.events = append(r.events, ev)
	})
	return r
}

// story returns what was recorded about a fault after what was asked.
func (r *rig) story(id string) string {
	var parts []string
	for _, ev := range r.events {
		if text, ok := ev.Value.AsString(); ok && ev.Fault == id {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, ", ")
}

var errBroken = errors.New("broken")
