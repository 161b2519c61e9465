package container

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/rashomon-harness/rashomon/targets"
)

// lookLimit bounds a question to the engine.
const lookLimit = 2 * time.Second

// Kill kills the database of a node (SIGKILL). With KeepUnsynced the page cache survives, as in a crash of
// the process; with LoseUnsynced, in pods with PowerLoss, all writes that were not synced are gone. What else
// can become of them is *targets.Unsupported. A database that does not run is killed already.
func (d *Deployment) Kill(name string, unsynced targets.Unsynced) error {
	return d.change(name, func(ctx context.Context, n *node) error {
		switch {
		case unsynced == targets.KeepUnsynced:
		case unsynced == targets.LoseUnsynced && n.pod.PowerLoss:
		case unsynced == targets.LoseUnsynced:
			return &targets.Unsupported{
				Reason: fmt.Sprintf("node %s has no file system that forgets unsynced writes", name),
			}
		default:
			return &targets.Unsupported{
				Reason: fmt.Sprintf("a pod cannot %s unsynced writes; keep and lose it can", unsynced),
			}
		}
		if err := d.engine.kill(ctx, n.data); err != nil {
			return err
		}
		n.paused = false
		if unsynced == targets.LoseUnsynced {
			if _, err := n.agent.PowerLoss(ctx); err != nil {
				return joined([]error{err})
			}
		}
		return d.setClock(n)
	})
}

// Start starts the database of a node that is down, and does not wait until it can be asked. It keeps its
// address, its ports, the rules of its network and the error of its clock.
func (d *Deployment) Start(name string) error {
	return d.change(name, func(ctx context.Context, n *node) error {
		if err := d.engine.start(ctx, n.data); err != nil {
			return err
		}
		d.healing()
		return nil
	})
}

// Pause stops all processes of the database of a node. Its sockets stay open, and the kernel acknowledges
// what arrives there. The agent goes on.
func (d *Deployment) Pause(name string) error {
	return d.change(name, func(ctx context.Context, n *node) error {
		_, err := d.engine.api.ContainerPause(ctx, n.data, client.ContainerPauseOptions{})
		n.paused = n.paused || err == nil
		return err
	})
}

// Resume lets a paused database go on. One that is not paused goes on anyway.
func (d *Deployment) Resume(name string) error {
	return d.change(name, func(ctx context.Context, n *node) error {
		if !n.paused {
			return nil
		}
		if err := d.engine.thaw(ctx, n.data); err != nil {
			return err
		}
		n.paused = false
		d.healing()
		return d.setClock(n)
	})
}

// Running reports whether the database of a node runs, paused or not. It is false when the engine does not
// answer.
func (d *Deployment) Running(name string) bool {
	n, err := d.node(name)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(d.life, lookLimit)
	defer cancel()
	found, err := d.engine.api.ContainerInspect(ctx, n.data, client.ContainerInspectOptions{})
	return err == nil && found.Container.State != nil && found.Container.State.Running
}

// EngineError returns why the engine does not answer, nil when it does.
func (d *Deployment) EngineError() error {
	ctx, cancel := context.WithTimeout(d.life, lookLimit)
	defer cancel()
	if _, err := d.engine.api.Ping(ctx, client.PingOptions{}); err != nil {
		return fmt.Errorf("the container engine does not answer: %w", err)
	}
	return nil
}

// change does something to a node that nobody else changes meanwhile, and says in errors which node it was.
func (d *Deployment) change(name string, do func(context.Context, *node) error) error {
	n, err := d.node(name)
	if err != nil {
		return err
	}
	n.life.Lock()
	defer n.life.Unlock()
	ctx, cancel := context.WithTimeout(d.life, faultLimit)
	defer cancel()
	err = plain(do(ctx, n))
	if err == nil {
		return nil
	}
	if _, ok := err.(*targets.Unsupported); ok {
		return err
	}
	return fmt.Errorf("node %s: %w", name, err)
}

// kill kills a container and returns when it does not run any more.
func (e *Engine) kill(ctx context.Context, id string) error {
	_, err := e.api.ContainerKill(ctx, id, client.ContainerKillOptions{Signal: "SIGKILL"})
	if err != nil && !notRunning(err) {
		return err
	}
	wait := e.api.ContainerWait(ctx, id, client.ContainerWaitOptions{})
	select {
	case <-wait.Result:
		return nil
	case err := <-wait.Error:
		return err
	case <-ctx.Done():
		return fmt.Errorf("it does not end: %w", ctx.Err())
	}
}

// plain takes the request, which says nothing to people, out of an error of the connection to the engine.
func plain(err error) error {
	if request := new(url.Error); errors.As(err, &request) {
		return fmt.Errorf("the engine: %w", request.Err)
	}
	return err
}

// notRunning reports whether the engine says that a container does not run. Its code says only conflict.
func notRunning(err error) bool {
	return cerrdefs.IsConflict(err) && strings.Contains(err.Error(), "not running")
}

// thaw lets a paused container go on; one that is not paused goes on anyway.
func (e *Engine) thaw(ctx context.Context, id string) error {
	_, err := e.api.ContainerUnpause(ctx, id, client.ContainerUnpauseOptions{})
	if err != nil && (notRunning(err) || strings.Contains(err.Error(), "not paused")) {
		return nil
	}
	return err
}

// inRemoval reports whether the engine says that somebody else removes the same.
func inRemoval(err error) bool {
	return cerrdefs.IsConflict(err) && strings.Contains(err.Error(), "in progress")
}

// inUse reports whether the engine says that something else needs it.
func inUse(err error) bool { return cerrdefs.IsConflict(err) }

// ignoreMissing makes nothing of the error of something that is not there.
func ignoreMissing(err error) error {
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	return err
}
