package main

import (
	"github.com/rashomon-harness/rashomon/harness"
	"github.com/rashomon-harness/rashomon/nemesis"
	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/targets/simulated"
	"github.com/rashomon-harness/rashomon/workloads"
)

// catalogue wires everything that experiments can name.
func catalogue() *harness.Catalogue {
	return &harness.Catalogue{
		Targets:   []targets.Target{simulated.New()},
		Workloads: workloads.All(),
		Faults:    nemesis.All(),
	}
}
