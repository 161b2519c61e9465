package container

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/rashomon-harness/rashomon/nemesis/agent/packets"
	"github.com/rashomon-harness/rashomon/targets"
)

// faultLimit bounds how long a fault may take to be installed or healed.
const faultLimit = 10 * time.Second

// Cut cuts links: packets do not arrive any more, and their sender sees nothing of it. A link is open again
// when every cut that holds it is undone. When an error is returned the cut is undone, as far as agents
// answer.
func (d *Deployment) Cut(id string, links []targets.Link) error {
	return d.install(&d.faults, linkFault{id: id, pairs: expand(d.order, links)})
}

// Uncut undoes the cuts of that id. To undo what is not there does nothing; to undo again what failed tries
// again.
func (d *Deployment) Uncut(id string) error {
	return d.undo(func(f linkFault) bool { return f.id == id && f.shape == nil })
}

// Shape shapes links. Shapes of several ids add up. The error is *targets.Unsupported when a kernel lacks
// what it takes; then nothing has changed.
func (d *Deployment) Shape(id string, links []targets.Link, s targets.Shape) error {
	if err := checkShape(&s); err != nil {
		return err
	}
	return d.install(&d.faults, linkFault{id: id, pairs: expand(d.order, links), shape: &s})
}

// Unshape undoes the shapes of that id, as Uncut does with cuts.
func (d *Deployment) Unshape(id string) error {
	return d.undo(func(f linkFault) bool { return f.id == id && f.shape != nil })
}

// Base gives links a shape that lasts: what they are like without faults. It may be called before Launch,
// which then starts databases with it.
func (d *Deployment) Base(links []targets.Link, s targets.Shape) error {
	if err := checkShape(&s); err != nil {
		return err
	}
	return d.install(&d.base, linkFault{id: "base", pairs: expand(d.order, links), shape: &s})
}

// install makes a fault active, or leaves everything as it was.
func (d *Deployment) install(list *[]linkFault, f linkFault) error {
	d.links.Lock()
	defer d.links.Unlock()
	before := *list
	*list = append(slices.Clip(slices.Clone(before)), f)
	err := d.reconcile()
	if err == nil {
		return nil
	}
	*list = before
	if back := d.reconcile(); back != nil {
		err = fmt.Errorf("%w; and what was done of it could not be undone: %w", err, back)
	}
	return err
}

// undo takes faults away. Those that cannot be taken away now are gone from the list all the same: the next
// change tries again.
func (d *Deployment) undo(match func(linkFault) bool) error {
	d.links.Lock()
	defer d.links.Unlock()
	d.faults = slices.DeleteFunc(slices.Clone(d.faults), match)
	if err := d.reconcile(); err != nil {
		return err
	}
	d.healing()
	return nil
}

// reconcile tells every agent whose rules are not as they should be. links is held.
func (d *Deployment) reconcile() error {
	want := d.compute()
	var stale []*node
	for _, name := range d.order {
		n := d.nodes[name]
		if n.agent != nil && (n.wild || !reflect.DeepEqual(n.rules, want[name])) {
			stale = append(stale, n)
		}
	}
	ctx, cancel := context.WithTimeout(d.life, faultLimit)
	defer cancel()
	return joined(gather(stale, func(n *node) error {
		err := n.agent.Network(ctx, want[n.name])
		n.wild = err != nil && !isUnsupported(err)
		if err != nil {
			return fmt.Errorf("node %s: %w", n.name, err)
		}
		n.rules = want[n.name]
		return nil
	}))
}

// joined joins errors of agents. It says in the package's words that something cannot be done, if that is all
// that went wrong.
func joined(errs []error) error {
	if len(errs) > 0 && !slices.ContainsFunc(errs, func(err error) bool { return !isUnsupported(err) }) {
		return &targets.Unsupported{Reason: errs[0].Error()}
	}
	return errors.Join(errs...)
}

// isUnsupported reports whether the agent said that its machine cannot do it.
func isUnsupported(err error) bool { return errors.As(err, new(*packets.Unsupported)) }
