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

// missing returns why the environment cannot do faults of that family, "" when it can.
func (x *Executor) missing(family string) string {
	var ok bool
	var needs string
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
	return family + Lacks + needs + ", which this environment has not"
}

// perform carries out an action whose capability is there. It notes how to undo each deed before the
// deed, so that one which failed half-way is undone too, and stops at the first error.
func (x *Executor) perform(act *nemesis.Action, a *active) error {
	switch act.Fault.Family {
	case "partition":
		p := x.cluster.(targets.Partitioner)
		a.later(func() error { return p.Uncut(a.id) })
		return p.Cut(a.id, links(act))
	case "link":
		s := x.cluster.(targets.Shaper)
		a.later(func() error { return s.Unshape(a.id) })
		return s.Shape(a.id, links(act), linkShape(act))
	case "crash":
		return each(act.Nodes, func(node string) error { return x.crash(act, a, node) })
	case "pause":
		return each(act.Nodes, func(node string) error { return x.pause(a, node) })
	case "clock":
		if err := each(act.Nodes, func(n string) error {
			return x.skew(act, a, n,
				act.Fault.Amount)
		}); err != nil {
			return err
		}
		return each(act.Against, func(n string) error { return x.skew(act, a, n, -act.Fault.Amount) })
	case "disk":
		return each(act.Nodes, func(node string) error { return x.disk(act, a, node) })
	case "operator":
		return each(act.Nodes, x.cluster.(targets.Operator).Promote)
	}
	return fmt.Errorf("nobody knows how to inject %s", act.Fault.Family)
}

func (a *active) later(undo func() error) { a.undo = append(a.undo, undo) }

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
	first := x.down.hold(node, a.id)
	a.later(func() error { return x.down.release(node, a.id, k.Start) })
	if !first {
		return nil
	}
	if err := k.Kill(node, unsynced[act.Fault.Shape]); err != nil {
		return err
	}
	delete(x.paused, node)
	return nil
}

// pause stops a node's process unless another fault has stopped it already.
func (x *Executor) pause(a *active, node string) error {
	p := x.cluster.(targets.Pauser)
	first := x.paused.hold(node, a.id)
	a.later(func() error { return x.paused.release(node, a.id, p.Resume) })
	if !first {
		return nil
	}
	return p.Pause(node)
}

// hold notes that a fault holds a node, and reports whether it is the only one.
func (h holds) hold(node, id string) bool {
	h[node] = append(h[node], id)
	return len(h[node]) == 1
}

// release ends a fault's hold on a node, if it still has one. When no other is left it calls free first;
// the hold stays when that fails, so that it can be tried again.
func (h holds) release(node, id string, free func(node string) error) error {
	i := slices.Index(h[node], id)
	if i < 0 {
		return nil
	}
	if len(h[node]) == 1 {
		if err := free(node); err != nil {
			return err
		}
	}
	h[node] = slices.Delete(h[node], i, i+1)
	return nil
}

func (x *Executor) skew(act *nemesis.Action, a *active, node string, amount int64) error {
	c := x.cluster.(targets.ClockSkewer)
	a.later(func() error { return c.Unskew(a.id, node) })
	switch act.Fault.Shape {
	case nemesis.ClockFreeze:
		return c.Freeze(a.id, node)
	case nemesis.ClockDrift, nemesis.ClockFast, nemesis.ClockSlow:
		return c.Drift(a.id, node, amount)
	}
	return c.Step(a.id, node, amount)
}

// disk makes a node's disk misbehave. A store that stops when its disk fails has to be started again.
func (x *Executor) disk(act *nemesis.Action, a *active, node string) error {
	d := x.cluster.(targets.DiskFaulter)
	a.later(func() error { return errors.Join(d.HealDisk(a.id, node), x.revive(node)) })
	switch act.Fault.Shape {
	case nemesis.DiskSlow:
		return d.SlowDisk(a.id, node, act.Fault.Amount)
	case nemesis.DiskStall:
		return d.SlowDisk(a.id, node, 0)
	}
	return d.FailDisk(a.id, node, act.Fault.Shape)
}

// revive starts a node that is down though no fault holds it down.
func (x *Executor) revive(node string) error {
	k, ok := x.cluster.(targets.Killer)
	if !ok || len(x.down[node]) > 0 || !isDown(x.status(), node) {
		return nil
	}
	return k.Start(node)
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
