package simulated

import (
	"testing"

	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/targets/targettest"
)

func TestConformance(t *testing.T) {
	for _, tc := range []struct {
		failover string
		promotes bool
	}{{"quorum", false}, {"manual", true}} {
		t.Run(tc.failover, func(t *testing.T) {
			spec := &targets.Spec{Nodes: []string{"n1", "n2", "n3"}, Seed: 1,
				Config: map[string]any{"failover": tc.failover}}
			targettest.Run(t, New(), spec, targettest.Options{Promotes: tc.promotes})
		})
	}
	t.Run("leaderless", func(t *testing.T) {
		config, options := targettest.Leaderless()
		targettest.Run(t, New(), &targets.Spec{Nodes: []string{"n1", "n2", "n3"}, Seed: 1, Config: config},
			options)
	})
}
