package container

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rashomon-harness/rashomon/nemesis/agent"
)

// remote is the agent of one pod.
type remote = agent.Client

// agentLimit bounds how long an agent may take to answer after the start of its container: it first tries
// what its machine can do.
const agentLimit = 30 * time.Second

// meetAgent waits for the agent of a node, takes a lease and keeps it, and tells it the rules that hold
// already.
func (d *Deployment) meetAgent(ctx context.Context, n *node) error {
	at, err := d.url(ctx, n)
	if err != nil {
		return fmt.Errorf("node %s: the address of its agent: %w", n.name, err)
	}
	client := agent.NewClient(at, d.token)
	ctx, cancel := context.WithTimeout(ctx, agentLimit)
	defer cancel()
	if err := d.await(ctx, n.holder, func(ctx context.Context) error {
		_, err := client.Lease(ctx, d.opts.TTL)
		return err
	}); err != nil {
		return fmt.Errorf("node %s: its agent: %w", n.name, err)
	}
	d.links.Lock()
	defer d.links.Unlock()
	n.agent, n.wild = client, true
	go agent.KeepLease(d.life, []*remote{client}, d.opts.TTL, func(err error) { d.troubled(n, err) })
	return d.reconcile()
}

// troubled hears what went wrong with the lease of a node's agent.
func (d *Deployment) troubled(n *node, err error) {
	if !errors.Is(err, agent.ErrLapsed) {
		d.opts.Log.Warn("the lease of an agent could not be renewed", "node", n.name, "error", err)
		return
	}
	d.opts.Log.Error("the faults of a node were not in force for a while", "node", n.name, "error", err)
	d.mu.Lock()
	at := time.Now().Format(time.TimeOnly)
	d.lapsed = append(d.lapsed, fmt.Errorf("node %s at %s: %w", n.name, at, err))
	d.mu.Unlock()
	go d.reinstall(n) // not here: this goroutine renews the lease
}

// reinstall brings back what an agent healed by mistake.
func (d *Deployment) reinstall(n *node) {
	d.links.Lock()
	n.wild = true
	err := d.reconcile()
	d.links.Unlock()
	n.life.Lock()
	n.skewed = 0
	err = errors.Join(err, d.setClock(n))
	n.life.Unlock()
	if err != nil && d.life.Err() == nil {
		d.opts.Log.Error("the faults of a node could not be brought back", "node", n.name, "error", err)
	}
}

// Lapsed returns an error when faults were not in force all the time they should have been, because this
// process was too late to renew a lease: the machine was too busy, or the process was stopped. What was asked
// for was installed again since, but the record of the run is not to be trusted.
func (d *Deployment) Lapsed() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return errors.Join(d.lapsed...)
}

// State returns what the agent of a node does to its pod: rules with their counters, clocks, lease.
func (d *Deployment) State(ctx context.Context, name string) (agent.State, error) {
	n, err := d.node(name)
	if err != nil {
		return agent.State{}, err
	}
	return n.agent.State(ctx)
}

// Health returns what the agent of a node can do, with the reasons for what it cannot.
func (d *Deployment) Health(ctx context.Context, name string) (agent.Health, error) {
	n, err := d.node(name)
	if err != nil {
		return agent.Health{}, err
	}
	return n.agent.Health(ctx)
}
