// Package inject carries out the faults that package nemesis plans: it resolves their roles, asks the
// environment for the capability that each needs, records what came of it, and undoes everything.
//
// The record of a fault is three events under one id: what was asked, with the targets resolved; the
// outcome ("installed", "skipped: reason", "indeterminate: reason"); and "healed".
// A skipped fault has only the first two. One that the environment cannot do at all, whatever the moment, is
// skipped with a reason that says so: "skipped: this environment cannot: reason".
package inject

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/nemesis"
	"github.com/rashomon-harness/rashomon/plan"
	"github.com/rashomon-harness/rashomon/targets"
)

// The outcomes of a fault, as the values of its second and third event.
const (
	Installed = "installed"
	Skipped   = "skipped: " // with the reason: nothing was done, or it was undone at once
	// Cannot is how Skipped goes on when the environment cannot do this kind of fault at all; with the
	// reason: it has not the capability, or says itself that this is beyond it.
	Cannot        = Skipped + "this environment cannot: "
	Indeterminate = "indeterminate: " // with the error: it may have been done in part, and is healed
	Healed        = "healed"
	NotHealed     = "not healed: " // with the error: the fault may still be there when the run is over
)

// Executor injects faults into one cluster and heals them. It is used from one goroutine.
type Executor struct {
	cluster  targets.Cluster
	sessions []string
	record   func(history.Event)
	call     Caller
	active   []*active // in the order of injection
	down     holds     // faults that keep a node down
	paused   holds     // faults that keep a node's process stopped
}

// active is an injected fault and what is left to do to undo it.
type active struct {
	id     string
	family string
	end    int64 // nanoseconds since the start of the run
	stuck  bool  // healing failed; only HealAll tries again
	undo   []func() error
}

// Caller makes one call of the cluster and returns its error. what says what it does, for people: "killing
// n1". It may give up on a call that does not return, with an error of its own; the call then goes on
// unseen.
type Caller func(what string, do func() error) error

// holds has, by node, the ids of the faults that want a node to stay as it is.
type holds map[string][]string

// New returns an executor for a cluster. sessions are those that clients run as; record receives the
// events, in their order. It has to fill in Time and Index.
func New(cluster targets.Cluster, sessions []string, record func(history.Event)) *Executor {
	return &Executor{cluster: cluster, sessions: sessions, record: record, down: holds{}, paused: holds{},
		call: func(_ string, do func() error) error { return do() }}
}

// Through lets the executor make all its calls of the cluster, one at a time, through call.
func (x *Executor) Through(call Caller) { x.call = call }

// Inject resolves f and carries it out at now, nanoseconds since the start of the run. The fault is due
// to be healed f.For later. The error, if any, is the reason of an indeterminate outcome, or why the cluster
// could not even be asked who leads, of which nothing is recorded; a fault that is skipped is no error.
func (x *Executor) Inject(f *plan.Fault, now int64) error {
	view, err := x.view()
	if err != nil {
		return failed(f, err)
	}
	act := nemesis.Resolve(f, &view)
	x.event(f.Family, f.ID, describe(&act))
	if act.Skip != "" {
		x.event(f.Family, f.ID, history.StringValue(Skipped+act.Skip))
		return nil
	}
	if needs := x.missing(f.Family); needs != "" {
		x.event(f.Family, f.ID, history.StringValue(Cannot+f.Family+" needs the capability "+needs))
		return nil
	}
	a := &active{id: f.ID, family: f.Family, end: now + f.For}
	x.active = append(x.active, a)
	err = x.perform(&act, a)
	if beyond, ok := errors.AsType[*targets.Unsupported](err); ok {
		if err = x.withdraw(a, beyond); err == nil {
			return nil
		}
	}
	outcome := Installed
	if err != nil {
		outcome = Indeterminate + err.Error()
		err = failed(f, err)
	}
	x.event(f.Family, f.ID, history.StringValue(outcome))
	if len(a.undo) == 0 {
		x.finish(a)
	}
	return err
}

func failed(f *plan.Fault, err error) error {
	return fmt.Errorf("fault %s (%s, %s): %w", f.ID, f.Family, f.Shape, err)
}

// withdraw undoes what was done of a fault before the environment said that it cannot do the rest, and
// records the fault as skipped. When that fails the fault stays active, and its outcome is the error.
func (x *Executor) withdraw(a *active, beyond *targets.Unsupported) error {
	if err := a.undoAll(); err != nil {
		return fmt.Errorf("this environment cannot do all of it (%s), nor undo what it did: %w",
			beyond.Reason, err)
	}
	x.forget(a)
	x.event(a.family, a.id, history.StringValue(Cannot+beyond.Reason))
	return nil
}

// NextHeal returns when the next fault is due to be healed, and whether there is one.
func (x *Executor) NextHeal() (at int64, ok bool) {
	for _, a := range x.active {
		if !a.stuck && (!ok || a.end < at) {
			at, ok = a.end, true
		}
	}
	return at, ok
}

// Active returns the ids of the faults that are not healed, in the order of their injection.
func (x *Executor) Active() []string {
	ids := make([]string, len(x.active))
	for i, a := range x.active {
		ids[i] = a.id
	}
	return ids
}

// HealDue heals every fault whose end is at now or before, in the order of their ends. Errors are joined;
// the faults that they concern stay active, and HealAll tries again.
func (x *Executor) HealDue(now int64) error {
	due := slices.DeleteFunc(slices.Clone(x.active), func(a *active) bool { return a.stuck || a.end > now })
	slices.SortStableFunc(due, func(a, b *active) int { return cmp.Compare(a.end, b.end) })
	var errs []error
	for _, a := range due {
		errs = append(errs, x.heal(a))
	}
	return errors.Join(errs...)
}

// Heal heals one fault. To heal a fault that is not active does nothing.
func (x *Executor) Heal(id string) error {
	for _, a := range x.active {
		if a.id == id {
			return x.heal(a)
		}
	}
	return nil
}

// HealAll heals whatever is still active, the last injected first, and goes on after errors. What cannot
// be healed is recorded as such, given up, and reported in the error, which is a failure of the harness.
func (x *Executor) HealAll() error {
	var errs []error
	for _, a := range slices.Backward(slices.Clone(x.active)) {
		if err := x.heal(a); err != nil {
			errs = append(errs, err)
			x.event(a.family, a.id, history.StringValue(NotHealed+err.Error()))
		}
	}
	x.active = nil
	return errors.Join(errs...)
}

// heal undoes everything that a did and has not been undone yet.
func (x *Executor) heal(a *active) error {
	if err := a.undoAll(); err != nil {
		a.stuck = true
		return fmt.Errorf("healing fault %s (%s): %w", a.id, a.family, err)
	}
	x.finish(a)
	return nil
}

// undoAll undoes everything that is left to be undone, the last first, and goes on after errors. What
// failed is left.
func (a *active) undoAll() error {
	var left []func() error
	var errs []error
	for _, undo := range slices.Backward(a.undo) {
		if err := undo(); err != nil {
			left, errs = append(left, undo), append(errs, err)
		}
	}
	slices.Reverse(left)
	a.undo = left
	return errors.Join(errs...)
}

// finish records that a is over and forgets it.
func (x *Executor) finish(a *active) {
	x.event(a.family, a.id, history.StringValue(Healed))
	x.forget(a)
}

func (x *Executor) forget(a *active) {
	x.active = slices.DeleteFunc(x.active, func(b *active) bool { return b == a })
}

func (x *Executor) event(family, id string, value history.Value) {
	x.record(history.Event{Type: history.Info, Process: history.Nemesis, F: family, Fault: id, Value: value})
}

// view asks the cluster who leads and who is down. Nodes that a fault holds down count as down also
// where nobody can be asked.
func (x *Executor) view() (nemesis.View, error) {
	v := nemesis.View{Nodes: x.cluster.Nodes(), Clients: x.sessions}
	var leader, best *targets.NodeStatus
	status, err := x.status()
	if err != nil {
		return v, err
	}
	for i := range status {
		s := &status[i]
		if s.Up && s.Role == "leader" && (leader == nil || s.Epoch > leader.Epoch) {
			leader = s
		}
	}
	for i := range status {
		s := &status[i]
		if s.Up && s != leader && (best == nil || s.Position > best.Position) {
			best = s
		}
	}
	if leader != nil {
		v.Leader = leader.Node
	}
	if best != nil {
		v.Best = best.Node
	}
	for _, node := range v.Nodes {
		if len(x.down[node]) > 0 || isDown(status, node) {
			v.Down = append(v.Down, node)
		}
	}
	return v, nil
}

// status returns what the nodes say about themselves, nothing where nobody can be asked.
func (x *Executor) status() ([]targets.NodeStatus, error) {
	reader, ok := x.cluster.(targets.StatusReader)
	if !ok {
		return nil, nil
	}
	var status []targets.NodeStatus
	err := x.call("asking the nodes for their status", func() error {
		status = reader.Status()
		return nil
	})
	if err != nil {
		return nil, err // a call that was given up may still be writing to status
	}
	return status, nil
}

func isDown(status []targets.NodeStatus, node string) bool {
	return slices.ContainsFunc(status, func(s targets.NodeStatus) bool { return s.Node == node && !s.Up })
}
