// Package process is the reference store as child processes on loopback: real sockets, disks and kills,
// without privileges. Links between the nodes lead through proxies of the harness, which delay and cut them;
// clocks and disks are bent by the store itself.
package process

import (
	"context"
	"fmt"
	"os"

	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/targets/reference"
)

// Target is the reference store, deployed as processes.
type Target struct {
	// Command returns the program and its first arguments to which those of a node are added:
	// /usr/bin/rashomon node.
	Command func() ([]string, error)
}

// Name returns "reference".
func (Target) Name() string { return reference.Name }

// Env returns "process".
func (Target) Env() string { return "process" }

// Validate checks the store's configuration and the settings of the links.
func (Target) Validate(spec *targets.Spec) []targets.FieldError {
	_, errs := reference.Decode(spec)
	_, more := reference.DecodeWorld(spec.World, spec.Nodes)
	return append(errs, more...)
}

// Quorums implements targets.QuorumClaimer.
func (Target) Quorums(spec *targets.Spec) *targets.Quorums { return reference.Quorums(spec) }

// Deploy starts the nodes and returns when all of them answer.
func (t Target) Deploy(ctx context.Context, spec *targets.Spec) (targets.Cluster, error) {
	store, errs := reference.Decode(spec)
	bases, more := reference.DecodeWorld(spec.World, spec.Nodes)
	if errs = append(errs, more...); len(errs) > 0 {
		return nil, fmt.Errorf("cannot deploy: %w", errs[0])
	}
	command, err := t.Command()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "rashomon-process-")
	if err != nil {
		return nil, fmt.Errorf("no place for the nodes' data: %w", err)
	}
	c, err := newCluster(spec, store, bases, command, dir)
	if err == nil {
		err = c.start(ctx)
	}
	if err != nil {
		if c != nil {
			_ = c.Close()
		}
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return c, nil
}
