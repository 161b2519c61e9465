package simulated

import (
	"fmt"

	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/sim"
	"github.com/rashomon-harness/rashomon/targets"
)

// unsynced maps what a crash makes of unsynced writes.
var unsynced = map[targets.Unsynced]sim.Unsynced{
	targets.KeepUnsynced: sim.KeepUnsynced,
	targets.LoseUnsynced: sim.LoseUnsynced,
	targets.TearUnsynced: sim.TearUnsynced,
	targets.WipeDisk:     sim.WipeDisk,
}

// at calls do with the address of a node.
func (c *cluster) at(node string, do func(refimpl.Addr) error) error {
	addr, err := c.node(node)
	if err != nil {
		return err
	}
	return do(addr)
}

// Kill crashes a node.
func (c *cluster) Kill(node string, what targets.Unsynced) error {
	u, ok := unsynced[what]
	if !ok {
		return fmt.Errorf("cannot kill %s: unsynced writes cannot be treated by %q; "+
			"allowed: keep, lose, tear, wipe",
			node, what)
	}
	return c.at(node, func(a refimpl.Addr) error { return c.world.Kill(a, u) })
}

// Start starts a node that is down.
func (c *cluster) Start(node string) error { return c.at(node, c.world.Start) }

// Pause stops a node's process.
func (c *cluster) Pause(node string) error { return c.at(node, c.world.Pause) }

// Resume lets a paused process go on.
func (c *cluster) Resume(node string) error { return c.at(node, c.world.Resume) }

// Promote orders a node to become leader of every shard.
func (c *cluster) Promote(node string) error { return c.at(node, c.world.Promote) }

// Step moves a node's wall clock.
func (c *cluster) Step(id, node string, nanos int64) error {
	return c.at(node, func(a refimpl.Addr) error { return c.world.StepClock(id, a, nanos) })
}

// Drift makes a node's clocks run fast or slow.
func (c *cluster) Drift(id, node string, ppm int64) error {
	return c.at(node, func(a refimpl.Addr) error { return c.world.DriftClock(id, a, ppm) })
}

// Freeze stops a node's wall clock.
func (c *cluster) Freeze(id, node string) error {
	return c.at(node, func(a refimpl.Addr) error { return c.world.FreezeClock(id, a) })
}

// Unskew sets a node's clock right again.
func (c *cluster) Unskew(id, node string) error {
	return c.at(node, func(a refimpl.Addr) error { return c.world.Unskew(id, a) })
}

// SlowDisk makes a node's disk slow, or stalls it.
func (c *cluster) SlowDisk(id, node string, factor int64) error {
	return c.at(node, func(a refimpl.Addr) error { return c.world.SlowDisk(id, a, factor) })
}

// FailDisk makes a node's disk refuse writes.
func (c *cluster) FailDisk(id, node, how string) error {
	failures := map[string]sim.DiskFailure{"eio": sim.FailEIO, "full": sim.FailFull}
	f, ok := failures[how]
	if !ok {
		return fmt.Errorf("the disk of %s cannot fail by %q; allowed: eio, full", node, how)
	}
	return c.at(node, func(a refimpl.Addr) error { return c.world.FailDisk(id, a, f) })
}

// HealDisk makes a node's disk whole again.
func (c *cluster) HealDisk(id, node string) error {
	return c.at(node, func(a refimpl.Addr) error { return c.world.HealDisk(id, a) })
}
