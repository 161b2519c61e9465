// Package docker is the reference store in containers: a pod a node, whose network, clock and process are
// broken by the agent in it. What only the store itself can do to itself (drifting clocks, failing disks,
// what a power loss leaves) it does as in the other environments.
package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/targets/container"
	"github.com/rashomon-harness/rashomon/targets/reference"
)

// Target is the reference store, deployed in containers.
type Target struct {
	Log *slog.Logger // of what goes on with containers; nil for nowhere
}

// Name returns "reference".
func (Target) Name() string { return reference.Name }

// Env returns "docker".
func (Target) Env() string { return "docker" }

// Validate checks the store's configuration and the settings of the links.
func (Target) Validate(spec *targets.Spec) []targets.FieldError {
	_, errs := reference.Decode(spec)
	_, rest, more := decodeUnsynced(spec.World)
	_, evenMore := reference.DecodeWorld(rest, spec.Nodes)
	return slices.Concat(errs, more, evenMore)
}

// decodeUnsynced reads the setting unsynced: who forgets unsynced writes at a power loss, the store itself or
// a file system (FUSE) below it. It returns the other settings.
func decodeUnsynced(world map[string]any) (forgets bool, rest map[string]any, errs []targets.FieldError) {
	rest = maps.Clone(world)
	delete(rest, "unsynced")
	switch v := world["unsynced"]; v {
	case nil, "store":
	case "fuse":
		forgets = true
	default:
		errs = append(errs, targets.FieldError{Path: "world.unsynced", Value: fmt.Sprint(v),
			Allowed: "store, fuse"})
	}
	return forgets, rest, errs
}

// Quorums implements targets.QuorumClaimer.
func (Target) Quorums(spec *targets.Spec) *targets.Quorums { return reference.Quorums(spec) }

// Deploy starts the pods and returns when all nodes answer.
func (t Target) Deploy(ctx context.Context, spec *targets.Spec) (targets.Cluster, error) {
	if errs := t.Validate(spec); len(errs) > 0 {
		return nil, fmt.Errorf("cannot deploy: %w", errs[0])
	}
	engine, err := container.Connect(ctx)
	if err != nil {
		return nil, err
	}
	image, err := engine.SelfImage(ctx)
	if err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	log := t.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	o := container.Options{AgentImage: image, Keepable: true, Log: log}
	pods, err := engine.Network(ctx, spec.Nodes, o)
	if err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	c, err := newCluster(engine, pods, spec)
	if err != nil {
		return nil, errors.Join(err, pods.Close(), engine.Close())
	}
	if err := c.launch(ctx, image, spec); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}
