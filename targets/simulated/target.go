// Package simulated is the reference store in the simulated world: an arm in virtual time, on one
// goroutine, deterministic. It maps the world and the store's client to the interfaces of package targets.
package simulated

import (
	"context"
	"fmt"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
	"github.com/rashomon-harness/rashomon/refimpl/modes"
	"github.com/rashomon-harness/rashomon/refimpl/sim"
	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/targets/reference"
)

// Target is the reference store, deployed in the simulated world.
type Target struct{}

// New returns the target.
func New() targets.Target { return Target{} }

// Name returns "reference".
func (Target) Name() string { return reference.Name }

// Env returns "sim".
func (Target) Env() string { return "sim" }

// Validate checks the store's configuration and the world's settings.
func (Target) Validate(spec *targets.Spec) []targets.FieldError {
	_, _, errs := decode(spec)
	return errs
}

// Quorums implements targets.QuorumClaimer.
func (Target) Quorums(spec *targets.Spec) *targets.Quorums { return reference.Quorums(spec) }

// Deploy makes a new world with all its nodes up, at time 0. It is an error to deploy what Validate
// does not accept.
func (Target) Deploy(_ context.Context, spec *targets.Spec) (targets.Cluster, error) {
	store, world, errs := decode(spec)
	if len(errs) > 0 {
		return nil, fmt.Errorf("cannot deploy: %w", errs[0])
	}
	seed := keyed.New(spec.Seed)
	world.Seed = seed.Named("world")
	world.NewNode = func(id refimpl.Addr, boot *refimpl.Boot) refimpl.Node {
		return modes.NewNode(store, id, boot)
	}
	c := newCluster(spec.Nodes, store.Shards, sim.New(world.Config))
	c.world.OnPacket(world.rule(world.Seed))
	clients := seed.Named("clients")
	c.newMachine = func(session, device string, shared *client.Session) client.Machine {
		id := clients.Named(session).Named(device).Uint64()
		c.mapper.NameClient(id, session, device)
		return modes.NewClient(store, id, shared, clients)
	}
	return c, nil
}

// decode returns the store's configuration and the world's, or everything that is wrong with them.
func decode(spec *targets.Spec) (*refimpl.Config, *world, []targets.FieldError) {
	store, errs := reference.Decode(spec)
	w, more := decodeWorld(spec.World, spec.Nodes, store.Shards)
	return store, w, append(errs, more...)
}
