package process

import (
	"context"
	"os"
	"path/filepath"
	"syscall"

	"github.com/rashomon-harness/rashomon/refimpl/server"
	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/targets/reference"
)

// Uncut undoes a cut.
func (c *cluster) Uncut(id string) error {
	defer c.fleet.Healing()
	return c.Network.Uncut(id)
}

// Unshape undoes a shape.
func (c *cluster) Unshape(id string) error {
	defer c.fleet.Healing()
	return c.Network.Unshape(id)
}

// Kill ends a node's process at once. What was not synced becomes what unsynced says when the node starts
// again: the node itself sees to it, by the note that it keeps of what was synced.
func (c *cluster) Kill(name string, unsynced targets.Unsynced) error {
	n, err := c.node(name)
	if err != nil {
		return err
	}
	note, err := reference.CrashNote(name, unsynced)
	if err != nil {
		return err
	}
	if err := n.kill(); err != nil {
		return err
	}
	if note = c.fleet.Crashed(name, note); note == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(n.data(), server.CrashFile), []byte(note), 0o644)
}

// Start starts a node that is down. Starting one that is up changes nothing.
func (c *cluster) Start(name string) error {
	n, err := c.node(name)
	if err != nil || n.running() {
		return err
	}
	defer c.fleet.Healing()
	return c.startNode(context.Background(), n)
}

// Pause stops a node's process.
func (c *cluster) Pause(name string) error {
	n, err := c.node(name)
	if err != nil {
		return err
	}
	if err := n.stop(); err != nil {
		return err
	}
	c.fleet.Paused(name)
	return nil
}

// Resume lets a node's process go on, and tells it what it could not be told before. Nothing happens to a
// node that is down.
func (c *cluster) Resume(name string) error {
	n, err := c.node(name)
	if err != nil || !n.running() {
		return err
	}
	defer c.fleet.Healing()
	if err := n.signal(syscall.SIGCONT); err != nil {
		return err
	}
	return c.fleet.Resumed(context.Background(), name)
}

// Step moves a node's wall clock.
func (c *cluster) Step(id, name string, nanos int64) error {
	return c.fleet.Skew(id, name, server.Skew{StepNanos: nanos})
}

// Drift makes both clocks of a node run fast or slow.
func (c *cluster) Drift(id, name string, ppm int64) error {
	return c.fleet.Skew(id, name, server.Skew{DriftPPM: ppm})
}

// Freeze stops a node's wall clock.
func (c *cluster) Freeze(id, name string) error {
	return c.fleet.Skew(id, name, server.Skew{Freeze: true})
}

// Unskew takes a skew away.
func (c *cluster) Unskew(id, name string) error {
	defer c.fleet.Healing()
	return c.fleet.Unskew(id, name)
}

// SlowDisk multiplies the time of every sync of a node by factor; 0 stalls them.
func (c *cluster) SlowDisk(id, name string, factor int64) error {
	return c.fleet.SlowDisk(id, name, factor)
}

// FailDisk makes a node's disk refuse: "eio" or "full".
func (c *cluster) FailDisk(id, name, how string) error { return c.fleet.FailDisk(id, name, how) }

// HealDisk makes a node's disk whole again.
func (c *cluster) HealDisk(id, name string) error {
	defer c.fleet.Healing()
	return c.fleet.HealDisk(id, name)
}

// Promote orders a node to become leader.
func (c *cluster) Promote(name string) error { return c.fleet.Promote(name) }
