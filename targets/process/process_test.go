package process

import (
	"os"
	"testing"

	"github.com/rashomon-harness/rashomon/internal/need"
	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/targets/targettest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	need.RemoveBinary()
	os.Exit(code)
}

// target is the arm, with the command built for the tests.
func target(t testing.TB) Target {
	path := need.Binary(t)
	return Target{Command: func() ([]string, error) { return []string{path, "node"}, nil }}
}

func TestConformance(t *testing.T) {
	t.Run("single-leader", func(t *testing.T) {
		targettest.Run(t, target(t), &targets.Spec{Nodes: []string{"n1", "n2", "n3"}, Seed: 1},
			targettest.Options{})
	})
	t.Run("leaderless", func(t *testing.T) {
		config, options := targettest.Leaderless()
		targettest.Run(t, target(t), &targets.Spec{Nodes: []string{"n1", "n2", "n3"}, Seed: 1,
			Config: config},
			options)
	})
}
