package container

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Bounds of waiting.
const (
	pollEvery  = 50 * time.Millisecond
	readyLimit = 5 * time.Second // for one question
	tailLines  = 20              // of a log, in errors
)

// Launch starts the pods, all at once: first the holders, then, when all of them are there and know each
// other's names, the databases. It returns when ready has returned nil for each node; ready is asked again
// every 50 ms, and may be nil. Every name must be one that Network was told. Nodes that exit before they are
// ready, or that never are until ctx ends, are an error that has their exit code and the end of their log.
// After an error the deployment is still to be closed.
func (d *Deployment) Launch(ctx context.Context, pods []Pod,
	ready func(ctx context.Context, name string) error) error {
	nodes, err := d.admit(pods)
	if err != nil {
		return err
	}
	if err := d.provide(ctx, pods); err != nil {
		return err
	}
	err = upToFirst(ctx, nodes, func(ctx context.Context, n *node) error {
		if err := d.startHolder(ctx, n); err != nil {
			return err
		}
		if n.pod.PowerLoss { // files for the data directory must wait for the file system
			if err := d.meetAgent(ctx, n); err != nil {
				return err
			}
			return d.makeDatabase(ctx, n)
		}
		return each([]func() error{
			func() error { return d.makeDatabase(ctx, n) },
			func() error { return d.meetAgent(ctx, n) },
		}, func(do func() error) error { return do() })
	})
	if err != nil {
		return err
	}
	return upToFirst(ctx, nodes, func(ctx context.Context, n *node) error {
		if err := d.engine.start(ctx, n.data); err != nil {
			return fmt.Errorf("node %s: starting %s: %w", n.name, n.pod.Image, err)
		}
		if ready == nil {
			return nil
		}
		err := d.await(ctx, n.data, func(ctx context.Context) error { return ready(ctx, n.name) })
		if err != nil {
			return fmt.Errorf("node %s: %w", n.name, err)
		}
		return nil
	})
}

// admit checks the pods and gives them to their nodes.
func (d *Deployment) admit(pods []Pod) ([]*node, error) {
	var nodes []*node
	for _, p := range pods {
		n := d.nodes[p.Name]
		switch {
		case n == nil:
			return nil, fmt.Errorf("pod %q is for no node of the network; allowed: %v", p.Name, d.order)
		case slices.Contains(nodes, n) || n.holder != "":
			return nil, fmt.Errorf("node %s is launched twice", p.Name)
		}
		if err := p.validate(); err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	for i, n := range nodes {
		n.pod = pods[i]
	}
	return nodes, nil
}

// provide gets everything that the pods are made from: images, and directories for lost writes.
func (d *Deployment) provide(ctx context.Context, pods []Pod) error {
	if d.opts.AgentImage == "" {
		image, err := d.engine.SelfImage(ctx)
		if err != nil {
			return err
		}
		d.opts.AgentImage = image
	}
	if err := d.engine.ensureImage(ctx, d.opts.AgentImage, ""); err != nil {
		return err
	}
	seen := []string{}
	for _, p := range pods {
		if slices.Contains(seen, p.Image) {
			continue
		}
		seen = append(seen, p.Image)
		if err := d.engine.ensureImage(ctx, p.Image, p.Recipe); err != nil {
			return err
		}
	}
	return d.share()
}

// await asks until it hears nil, as long as the container runs and ctx lasts.
func (d *Deployment) await(ctx context.Context, id string, ask func(context.Context) error) error {
	watch, cancel := context.WithCancel(ctx)
	defer cancel()
	exit := d.engine.exitOf(watch, id)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		once, cancel := context.WithTimeout(ctx, readyLimit)
		err := ask(once)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case code := <-exit:
			return fmt.Errorf("it exited with code %d before it was ready%s", code, d.engine.tail(id))
		case <-ctx.Done():
			return fmt.Errorf("it was not ready in time (%w): %w%s", context.Cause(ctx), err,
				d.engine.tail(id))
		case <-tick.C:
		}
	}
}

// exitOf returns a channel that gets the exit code of a container when it does not run any more.
func (e *Engine) exitOf(ctx context.Context, id string) <-chan int64 {
	out := make(chan int64, 1)
	go func() {
		wait := e.api.ContainerWait(ctx, id,
			client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
		select {
		case r := <-wait.Result:
			out <- r.StatusCode
		case <-wait.Error:
		case <-ctx.Done():
		}
	}()
	return out
}
