package container

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Bounds of the end.
const (
	closeLimit   = 30 * time.Second // of a busy machine; an idle one needs a few
	unmountGrace = 2                // seconds that an agent has to unmount its file system
)

// Close kills and removes everything that belongs to the deployment but the images, within half a minute. The
// errors are joined; what they are about is left for Clean. After Keep it does nothing. To close again does
// nothing and returns the same.
func (d *Deployment) Close() error {
	d.closed.Do(func() {
		d.end()
		d.mu.Lock()
		kept := d.kept
		d.mu.Unlock()
		if kept {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
		defer cancel()
		if err := d.engine.removeRun(ctx, d.opts.Run); err != nil {
			d.failed = fmt.Errorf("run %[1]s was not removed completely; "+
				"rashomon clean --run %[1]s does: %[2]w", d.opts.Run, err)
		}
	})
	return d.failed
}

// Keep leaves everything as it is when the deployment is closed, for people who want to look. Faults end with
// the leases. It returns what to do with it, sentences for people. Options must have been Keepable where Ryuk
// is used.
func (d *Deployment) Keep() string {
	d.mu.Lock()
	d.kept = true
	d.mu.Unlock()
	d.end()
	return fmt.Sprintf("The containers of run %[1]s are kept. Look at them: "+
		"docker ps --filter label=%[2]s=%[1]s; docker logs %[3]s. "+
		"Remove them: rashomon clean --run %[1]s", d.opts.Run, labelRun, d.name(d.order[0]))
}

// removeRun removes everything of one run. It looks again for containers that an interrupted launch made
// while it removed the others.
func (e *Engine) removeRun(ctx context.Context, run string) error {
	for {
		found, err := e.leftovers(ctx, run)
		if err != nil {
			return err
		}
		l := found[run]
		if l == nil {
			return nil
		}
		if err := e.sweep(ctx, l); err != nil {
			return err
		}
	}
}

// sweep removes what was found of a run.
func (e *Engine) sweep(ctx context.Context, l *leftover) error {
	err := each(l.pods(), func(p pod) error { return e.removePod(ctx, p) })
	return errors.Join(err,
		each(l.networks, func(id string) error { return e.removeNetwork(ctx, id) }),
		each(l.volumes, func(name string) error { return e.removeVolume(ctx, name) }),
		each(l.dirs, unshare))
}

// removePod removes the containers of a pod, both at once. An agent that has mounted something is asked to
// end when nobody uses it any more, for it alone can unmount it properly.
func (e *Engine) removePod(ctx context.Context, p pod) error {
	mounts := func(m container.MountPoint) bool { return m.Destination == sharedPath }
	var err error
	if slices.ContainsFunc(p.holder.Mounts, mounts) {
		err = e.remove(ctx, p.data.ID)
		grace := unmountGrace
		_, stopped := e.api.ContainerStop(ctx, p.holder.ID, client.ContainerStopOptions{Timeout: &grace})
		err = errors.Join(err, ignoreMissing(stopped))
	}
	both := []string{p.data.ID, p.holder.ID}
	err = errors.Join(err, each(both, func(id string) error { return e.remove(ctx, id) }))
	if err != nil {
		return fmt.Errorf("node %s: %w", p.name, err)
	}
	return nil
}

// remove kills and removes a container with its volumes. One that is being removed already is waited for.
func (e *Engine) remove(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	all := client.ContainerRemoveOptions{RemoveVolumes: true, Force: true}
	return until(ctx, func() error {
		_, err := e.api.ContainerRemove(ctx, id, all)
		if err != nil && inRemoval(err) {
			return again(err)
		}
		return ignoreMissing(err)
	})
}

// removeVolume removes a volume. Engines need a moment to notice that its containers are gone.
func (e *Engine) removeVolume(ctx context.Context, name string) error {
	return until(ctx, func() error {
		_, err := e.api.VolumeRemove(ctx, name, client.VolumeRemoveOptions{})
		if err != nil && inUse(err) {
			return again(err)
		}
		return ignoreMissing(err)
	})
}
