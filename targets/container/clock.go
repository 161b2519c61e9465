package container

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rashomon-harness/rashomon/targets"
)

// step is an active step of a node's wall clock.
type step struct {
	id    string
	nanos int64
}

// Step moves the wall clock of a node by nanos, for all its processes and those to come. Steps of several ids
// add up. A paused database gets it when it goes on.
func (d *Deployment) Step(id, name string, nanos int64) error {
	return d.change(name, func(_ context.Context, n *node) error {
		before := n.steps
		n.steps = append(slices.Clone(before), step{id, nanos})
		err := d.setClock(n)
		if err == nil {
			return nil
		}
		n.steps = before
		if back := d.setClock(n); back != nil {
			return fmt.Errorf("%w; and the clock could not be set back: %w", err, back)
		}
		return err
	})
}

// Unskew takes away the steps of that id at a node. To take away what is not there does nothing; to take away
// again what failed tries again.
func (d *Deployment) Unskew(id, name string) error {
	return d.change(name, func(_ context.Context, n *node) error {
		n.steps = slices.DeleteFunc(slices.Clone(n.steps), func(s step) bool { return s.id == id })
		if err := d.setClock(n); err != nil {
			return err
		}
		d.healing()
		return nil
	})
}

// Drift cannot be done here: *targets.Unsupported.
func (d *Deployment) Drift(string, string, int64) error {
	return &targets.Unsupported{Reason: "clocks of processes in containers can be stepped; they cannot drift"}
}

// Freeze cannot be done here: *targets.Unsupported.
func (d *Deployment) Freeze(string, string) error {
	return &targets.Unsupported{Reason: "clocks of processes in containers can be stepped, not frozen"}
}

// unknownSkew stands for the offset of a clock that nobody knows. No sum of steps is that.
const unknownSkew = -1 << 63

// setClock tells a node's agent the sum of the active steps, if it does not know it yet. Processes that are
// stopped by the freezer cannot be changed. life is held.
func (d *Deployment) setClock(n *node) error {
	var sum int64
	for _, s := range n.steps {
		sum += s.nanos
	}
	if n.late = n.paused && sum != n.skewed; n.late || sum == n.skewed {
		return nil
	}
	ctx, cancel := context.WithTimeout(d.life, faultLimit)
	defer cancel()
	if _, err := n.agent.Clock(ctx, time.Duration(sum)); err != nil {
		if !isUnsupported(err) {
			n.skewed = unknownSkew
		}
		return joined([]error{err})
	}
	n.skewed = sum
	return nil
}
