package docker

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

func TestConformance(t *testing.T) {
	if !need.Docker(t) {
		return
	}
	t.Setenv("RASHOMON_BINARY", need.Binary(t))
	t.Run("leaderless", func(t *testing.T) {
		config, options := targettest.Leaderless()
		targettest.Run(t, Target{}, &targets.Spec{Nodes: []string{"n1", "n2", "n3"}, Seed: 1, Config: config},
			options)
	})
	for _, unsynced := range []string{"store", "fuse"} {
		t.Run(unsynced, func(t *testing.T) {
			spec := &targets.Spec{Nodes: []string{"n1", "n2", "n3"}, Seed: 1,
				World: map[string]any{"unsynced": unsynced}}
			targettest.Run(t, Target{}, spec, targettest.Options{})
		})
	}
}
