package container

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/targets"
)

// BenchmarkDeployment measures the life of five pods: their start with images that are there, a partition
// into two and three, its healing, and their end.
func BenchmarkDeployment(b *testing.B) {
	lab := openLab(b)
	nodes := []string{"n1", "n2", "n3", "n4", "n5"}
	var links []targets.Link
	for _, from := range nodes[:2] {
		for _, to := range nodes[2:] {
			links = append(links, targets.Link{From: from, To: to}, targets.Link{From: to, To: from})
		}
	}
	steps := map[string][]time.Duration{}
	for b.Loop() {
		ctx, cancel := context.WithTimeout(context.Background(), testLimit)
		step := func(what string, do func() error) {
			begin := time.Now()
			if err := do(); err != nil {
				b.Fatalf("%s: %v", what, err)
			}
			steps[what] = append(steps[what], time.Since(begin))
		}
		var d *Deployment
		step("network", func() (err error) {
			d, err = lab.engine.Network(ctx, nodes, Options{AgentImage: lab.agent})
			return err
		})
		step("launch", func() error { return d.Launch(ctx, lab.pods(nodes...), answers(d)) })
		step("cut", func() error { return d.Cut("a", links) })
		step("heal", func() error { return d.Uncut("a") })
		step("close", d.Close)
		cancel()
	}
	for what, took := range steps {
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Milliseconds()), what+"-ms")
	}
}
