package main

import (
	"log/slog"
	"os"

	"github.com/rashomon-harness/rashomon/harness"
	"github.com/rashomon-harness/rashomon/nemesis"
	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/targets/docker"
	"github.com/rashomon-harness/rashomon/targets/etcd"
	"github.com/rashomon-harness/rashomon/targets/process"
	"github.com/rashomon-harness/rashomon/targets/simulated"
	"github.com/rashomon-harness/rashomon/workloads"
)

// catalogue wires everything that experiments can name.
func catalogue() *harness.Catalogue {
	return &harness.Catalogue{
		Targets: []targets.Target{simulated.New(), process.Target{Command: nodeProgram}, docker.Target{},
			etcd.New(slog.New(slog.DiscardHandler))},
		Workloads: workloads.All(),
		Faults:    nemesis.All(),
	}
}

// nodeProgram returns the command line that a node's arguments are added to: this program's own.
func nodeProgram() ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return []string{self, "node"}, nil
}
