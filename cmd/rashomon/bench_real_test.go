package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/harness"
	"github.com/rashomon-harness/rashomon/internal/need"
	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/targets/docker"
)

// BenchmarkContainers is what containers cost: five nodes brought up, a partition installed everywhere,
// everything removed; and how many operations of 20 clients are recorded a second, history on disk. Run it
// with -benchtime 1x.
func BenchmarkContainers(b *testing.B) {
	if !need.Docker(b) {
		return
	}
	b.Setenv("RASHOMON_BINARY", need.Binary(b))
	b.Run("pods", benchmarkPods)
	b.Run("operations", benchmarkOperations)
}

func benchmarkPods(b *testing.B) {
	var up, cut, down time.Duration
	for b.Loop() {
		began := time.Now()
		spec := &targets.Spec{Nodes: []string{"n1", "n2", "n3", "n4", "n5"}, Seed: 1}
		c, err := docker.Target{}.Deploy(context.Background(), spec)
		if err != nil {
			b.Fatal(err)
		}
		up += time.Since(began)
		began = time.Now()
		halves := []targets.Link{}
		for _, x := range spec.Nodes[:2] {
			for _, y := range spec.Nodes[2:] {
				halves = append(halves, targets.Link{From: x, To: y}, targets.Link{From: y, To: x})
			}
		}
		if err := c.(targets.Partitioner).Cut("f1", halves); err != nil {
			b.Fatal(err)
		}
		cut += time.Since(began)
		began = time.Now()
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
		down += time.Since(began)
	}
	n := float64(b.N)
	b.ReportMetric(up.Seconds()/n, "s-up")
	b.ReportMetric(float64(cut.Milliseconds())/n, "ms-cut")
	b.ReportMetric(down.Seconds()/n, "s-down")
}

const throughput = `version: 1
name: throughput
env: docker
nodes: 5
time: 10s
seeds: 1
workload: {name: register, keys: 100, rate: 5000, concurrency: 20}
checkers: [availability]
`

func benchmarkOperations(b *testing.B) {
	cat := catalogue()
	exps, err := harness.Load("throughput.yaml", []byte(throughput), cat, harness.LoadOptions{})
	if err != nil {
		b.Fatal(err)
	}
	ops := 0
	for b.Loop() {
		f, err := os.Create(filepath.Join(b.TempDir(), "history.jsonl"))
		if err != nil {
			b.Fatal(err)
		}
		out := harness.RunSeed(context.Background(), exps[0], 1, cat, f)
		_ = f.Close()
		if out.Failure != "" {
			b.Fatal(out.Failure)
		}
		ops += out.Ok
	}
	b.ReportMetric(float64(ops)/10/float64(b.N), "ok-ops/s")
}
