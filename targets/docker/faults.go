package docker

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/rashomon-harness/rashomon/refimpl/server"
	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/targets/reference"
)

// Cut cuts links: those between nodes in the pods of the receivers, those of clients here.
func (c *cluster) Cut(id string, l []targets.Link) error { return c.both.Cut(id, l) }

// Uncut undoes a cut.
func (c *cluster) Uncut(id string) error {
	defer c.fleet.Healing()
	return c.both.Uncut(id)
}

// Shape shapes links, as Cut cuts them.
func (c *cluster) Shape(id string, l []targets.Link, s targets.Shape) error {
	return c.both.Shape(id, l, s)
}

// Unshape undoes a shape.
func (c *cluster) Unshape(id string) error {
	defer c.fleet.Healing()
	return c.both.Unshape(id)
}

// Kill kills a node's process. What was not synced becomes what unsynced says when the node starts again: the
// node itself sees to it, by the note that it keeps of what was synced; or, for lost ones, with unsynced:
// fuse, the file system below it.
func (c *cluster) Kill(node string, unsynced targets.Unsynced) error {
	note, err := reference.CrashNote(node, unsynced)
	if err != nil {
		return err
	}
	kept := targets.KeepUnsynced
	if c.forgets && unsynced == targets.LoseUnsynced {
		kept, note = unsynced, ""
	}
	if err := c.pods.Kill(node, kept); err != nil {
		return err
	}
	if note = c.fleet.Crashed(node, note); note == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	return c.pods.Copy(ctx, node, path.Join(dataDir, server.CrashFile), []byte(note))
}

// Start starts a node that is down, and waits until it answers.
func (c *cluster) Start(node string) error {
	if err := c.pods.Start(node); err != nil {
		return err
	}
	defer c.fleet.Healing()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	err := c.fleet.Await(ctx, node, func() error {
		if c.pods.Running(node) {
			return nil
		}
		log, _ := c.pods.Logs(ctx, node)
		return fmt.Errorf("%s has ended again; the end of its log:\n%s", node, log[max(len(log)-4096, 0):])
	})
	if err != nil {
		return err
	}
	return c.fleet.Started(ctx, node)
}

// Pause stops a node's process by the engine's freezer.
func (c *cluster) Pause(node string) error {
	if err := c.pods.Pause(node); err != nil {
		return err
	}
	c.fleet.Paused(node)
	return nil
}

// Resume lets a node's process go on.
func (c *cluster) Resume(node string) error {
	defer c.fleet.Healing()
	if err := c.pods.Resume(node); err != nil {
		return err
	}
	return c.fleet.Resumed(context.Background(), node)
}

// Step moves the wall clock of a node's process, without its knowledge.
func (c *cluster) Step(id, node string, nanos int64) error { return c.pods.Step(id, node, nanos) }

// Drift makes both clocks of a node run fast or slow, by the store's own means.
func (c *cluster) Drift(id, node string, ppm int64) error {
	return c.fleet.Skew(id, node, server.Skew{DriftPPM: ppm})
}

// Freeze stops a node's wall clock, by the store's own means.
func (c *cluster) Freeze(id, node string) error {
	return c.fleet.Skew(id, node, server.Skew{Freeze: true})
}

// Unskew takes a skew away.
func (c *cluster) Unskew(id, node string) error {
	defer c.fleet.Healing()
	return errors.Join(c.pods.Unskew(id, node), c.fleet.Unskew(id, node))
}

// SlowDisk multiplies the time of every sync of a node by factor; 0 stalls them.
func (c *cluster) SlowDisk(id, node string, factor int64) error {
	return c.fleet.SlowDisk(id, node, factor)
}

// FailDisk makes a node's disk refuse: "eio" or "full".
func (c *cluster) FailDisk(id, node, how string) error { return c.fleet.FailDisk(id, node, how) }

// HealDisk makes a node's disk whole again.
func (c *cluster) HealDisk(id, node string) error {
	defer c.fleet.Healing()
	return c.fleet.HealDisk(id, node)
}

// Promote orders a node to become leader.
func (c *cluster) Promote(node string) error { return c.fleet.Promote(node) }
