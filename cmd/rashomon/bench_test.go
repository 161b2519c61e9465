package main

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/rashomon-harness/rashomon/harness"
)

// BenchmarkRecorded runs the safe store as an experiment would, history recorded and encoded: quorum
// replication, majority election, read-index, five nodes, no faults, for 60 virtual seconds. Run it with -cpu
// 1, so that a second of the clock is a second of one processor, collection of garbage included. "checked"
// also judges the history.
func BenchmarkRecorded(b *testing.B) {
	for _, c := range []struct {
		rate     int
		checkers string
		name     string
	}{{100, "[availability]", "100"}, {1000, "[availability]", "1000"}, {1000, "[linearizability]",
		"1000-checked"}} {
		b.Run(c.name, func(b *testing.B) {
			text := fmt.Sprintf("version: 1\nname: bench\nnodes: 5\ntime: 60s\nseed: 1\n"+
				"workload: {name: register, keys: 100, rate: %d, concurrency: 50}\ncheckers: "+
				"%s\n", c.rate, c.checkers)
			cat := catalogue()
			exps, err := harness.Load("bench.yaml", []byte(text), cat, harness.LoadOptions{})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			events, virtual := int64(0), int64(0)
			for b.Loop() {
				out := harness.RunSeed(context.Background(), exps[0], 1, cat, io.Discard)
				if out.Failure != "" {
					b.Fatal(out.Failure)
				}
				events += out.Steps
				virtual += out.Took
			}
			b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(virtual)/1e9/b.Elapsed().Seconds(), "virtual-s/s")
		})
	}
}
