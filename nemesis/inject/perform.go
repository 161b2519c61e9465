package inject

import (
	"errors"
	"fmt"
	"slices"

	"github.com/rashomon-harness/rashomon/nemesis"
	"github.com/rashomon-harness/rashomon/targets"
)

// unsynced maps the shapes of crashes.
var unsynced = map[string]targets.Unsynced{
	nemesis.KeepUnsynced: targets.KeepUnsynced,
	nemesis.LoseUnsynced: targets.LoseUnsynced,
	nemesis.TearUnsynced: targets.TearUnsynced,
	nemesis.WipeDisk:     targets.WipeDisk,
}

// missing returns the capability that the environment would need for faults of that family and has not, ""
// when it has it.
func (x *Executor) missing(family string) (needs string) {
	var ok bool
	switch family {
	case "partition":
		_, ok = x.cluster.(targets.Partitioner)
		needs = "Partitioner"
	case "crash":
		_, ok = x.cluster.(targets.Killer)
		needs = "Killer"
	case "pause":
		_, ok = x.cluster.(targets.Pauser)
		needs = "Pauser"
	case "clock":
		_, ok = x.cluster.(targets.ClockSkewer)
		needs = "ClockSkewer"
	case "link":
		_, ok = x.cluster.(targets.Shaper)
		needs = "Shaper"
	case "disk":
		_, ok = x.cluster.(targets.DiskFaulter)
		needs = "DiskFaulter"
	case "operator":
		_, ok = x.cluster.(targets.Operator)
		needs = "Operator"
	}
	if ok {
		return ""
	}
	return needs
}

// perform carries out an action whose capability is there. It stops at the first error.
func (x *Executor) perform(act *nemesis.Action, a *active) error {
	amount := act.Fault.Amount
	switch act.Fault.Family {
	case "partition":
		p := x.cluster.(targets.Partitioner)
		return x.deed(a, "cutting links", func() error { return p.Cut(a.id, links(act)) },
			x.later("healing links", func() error { return p.Uncut(a.id) }))
	case "link":
		s := x.cluster.(targets.Shaper)
		return x.deed(a, "shaping links", func() error { return s.Shape(a.id, links(act), linkShape(act)) },
			x.later("healing links", func() error { return s.Unshape(a.id) }))
	case "crash":
		return each(act.Nodes, func(node string) error { return x.crash(act, a, node) })
	case "pause":
		return each(act.Nodes, func(node string) error { return x.pause(a, node) })
	case "clock":
		if err := each(act.Nodes, func(n string) error { return x.skew(act, a, n, amount) }); err != nil {
			return err
		}
		return each(act.Against, func(n string) error { return x.skew(act, a, n, -amount) })
	case "disk":
		return each(act.Nodes, func(node string) error { return x.disk(act, a, node) })
	case "operator":
		o := x.cluster.(targets.Operator)
		return each(act.Nodes, func(node string) error {
			return x.call("promoting "+node, func() error { return o.Promote(node) })
		})
	}
	return fmt.Errorf("nobody knows how to inject %s", act.Fault.Family)
}

// deed does something to the cluster. How it is undone is noted before, so that a deed which failed half-way
// is undone too; one that the environment cannot do was not done, and there is nothing to undo.
func (x *Executor) deed(a *active, what string, do, undo func() error) error {
	a.undo = append(a.undo, undo)
	err := x.call(what, do)
	if unsupported(err) {
		a.undo = a.undo[:len(a.undo)-1]
	}
	return err
}

// later returns what makes a call of the cluster later.
func (x *Executor) later(what string, do func() error) func() error {
	return func() error { return x.call(what, do) }
}

func unsupported(err error) bool {
	_, ok := errors.AsType[*targets.Unsupported](err)
	return ok
}

func each(nodes []string, do func(node string) error) error {
	for _, node := range nodes {
		if err := do(node); err != nil {
			return err
		}
	}
	return nil
}

// crash kills a node unless another fault holds it down already. The last fault to heal starts it. A
// killed process is not paused any more.
func (x *Executor) crash(act *nemesis.Action, a *active, node string) error {
	k := x.cluster.(targets.Killer)
	up := len(x.down[node]) == 0
	err := x.held(x.down, a, node, "killing "+node,
		func() error { return k.Kill(node, unsynced[act.Fault.Shape]) },
		x.later("starting "+node, func() error { return k.Start(node) }))
	if up && err == nil {
		delete(x.paused, node)
	}
	return err
}

// pause stops a node's process unless another fault has stopped it already.
func (x *Executor) pause(a *active, node string) error {
	p := x.cluster.(targets.Pauser)
	return x.held(x.paused, a, node, "pausing "+node, func() error { return p.Pause(node) },
		x.later("resuming "+node, func() error { return p.Resume(node) }))
}

// held brings a node into a state unless another fault holds it there already. The last fault that lets go
// of the node frees it.
func (x *Executor) held(h holds, a *active, node, what string, do, free func() error) error {
	release := func() error { return h.release(node, a.id, free) }
	if !h.hold(node, a.id) {
		a.undo = append(a.undo, release)
		return nil
	}
	err := x.deed(a, what, do, release)
	if unsupported(err) {
		h[node] = slices.DeleteFunc(h[node], func(id string) bool { return id == a.id })
	}
	return err
}

// hold notes that a fault holds a node, and reports whether it is the only one.
func (h holds) hold(node, id string) bool {
	h[node] = append(h[node], id)
	return len(h[node]) == 1
}

// release ends a fault's hold on a node, if it still has one. When no other is left it calls free first;
// the hold stays when that fails, so that it can be tried again.
func (h holds) release(node, id string, free func() error) error {
	i := slices.Index(h[node], id)
	if i < 0 {
		return nil
	}
	if len(h[node]) == 1 {
		if err := free(); err != nil {
			return err
		}
	}
	h[node] = slices.Delete(h[node], i, i+1)
	return nil
}

func (x *Executor) skew(act *nemesis.Action, a *active, node string, amount int64) error {
	c := x.cluster.(targets.ClockSkewer)
	bend := func() error { return c.Step(a.id, node, amount) }
	switch act.Fault.Shape {
	case nemesis.ClockFreeze:
		bend = func() error { return c.Freeze(a.id, node) }
	case nemesis.ClockDrift, nemesis.ClockFast, nemesis.ClockSlow:
		bend = func() error { return c.Drift(a.id, node, amount) }
	}
	return x.deed(a, "bending the clock of "+node, bend,
		x.later("healing the clock of "+node, func() error { return c.Unskew(a.id, node) }))
}

// disk makes a node's disk misbehave. A store that stops when its disk fails has to be started again.
func (x *Executor) disk(act *nemesis.Action, a *active, node string) error {
	d := x.cluster.(targets.DiskFaulter)
	spoil := func() error { return d.FailDisk(a.id, node, act.Fault.Shape) }
	switch act.Fault.Shape {
	case nemesis.DiskSlow:
		spoil = func() error { return d.SlowDisk(a.id, node, act.Fault.Amount) }
	case nemesis.DiskStall:
		spoil = func() error { return d.SlowDisk(a.id, node, 0) }
	}
	heal := x.later("healing the disk of "+node, func() error { return d.HealDisk(a.id, node) })
	return x.deed(a, "spoiling the disk of "+node, spoil,
		func() error { return errors.Join(heal(), x.revive(node)) })
}

// revive starts a node that is down though no fault holds it down.
func (x *Executor) revive(node string) error {
	k, ok := x.cluster.(targets.Killer)
	if !ok || len(x.down[node]) > 0 {
		return nil
	}
	status, err := x.status()
	if err != nil || !isDown(status, node) {
		return err
	}
	return x.call("starting "+node, func() error { return k.Start(node) })
}

func links(act *nemesis.Action) []targets.Link {
	out := make([]targets.Link, len(act.Cut))
	for i, pair := range act.Cut {
		out[i] = targets.Link{From: pair[0], To: pair[1]}
	}
	return out
}

func linkShape(act *nemesis.Action) targets.Shape {
	amount := act.Fault.Amount
	switch act.Fault.Shape {
	case nemesis.LinkLossy:
		return targets.Shape{LossPPM: amount}
	case nemesis.LinkDuplicate:
		return targets.Shape{DuplicatePPM: amount}
	case nemesis.LinkReorder:
		return targets.Shape{JitterNanos: amount}
	}
	return targets.Shape{DelayNanos: amount}
}
