package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/harness"
)

// do executes a command line on the real catalogue and returns its exit code and its output.
func do(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(context.Background(), append(args, "--quiet"), &stdout, &stderr)
	if stderr.Len() > 0 {
		t.Log(stderr.String())
	}
	return code, stdout.String()
}

// The tour with a few seeds: the safe row keeps everything under every fault, the unsafe ones fail, and the
// histories are the same when they are run again.
func TestTour(t *testing.T) {
	root := t.TempDir()
	_, out := do(t, "run", "--seeds", "1..2", "--runs", root, "--output", "json")
	var outcome harness.Outcome
	if err := json.Unmarshal([]byte(out), &outcome); err != nil {
		t.Fatal(err)
	}
	failing := map[string]int{}
	for i := range outcome.Rows {
		row := &outcome.Rows[i]
		for _, c := range row.Cells {
			if c.Result == checkers.Invalid {
				failing[row.Row]++
			}
			if c.Result == checkers.Unknown {
				t.Errorf("%s, %s: unknown: %s", row.Row, c.Property, c.Reason)
			}
		}
		families := map[string]int{}
		for _, s := range row.Seeds {
			for kind, n := range s.Faults {
				family, _, _ := strings.Cut(kind, "/")
				families[family] += n.Installed
			}
		}
		if families["partition"] == 0 || families["crash"] == 0 || families["clock"] == 0 {
			t.Errorf("%s: faults %v: a family is missing", row.Row, families)
		}
	}
	for _, name := range []string{"async, reads any", "semi-sync, no fencing", "async, token reads",
		"quorum, reads any", "leaderless, r = w = 1 of 3", "leaderless, sloppy with hints"} {
		if failing[name] == 0 {
			t.Errorf("%s: nothing failed", name)
		}
	}
	for _, name := range []string{"quorum, read-index", "leaderless, r = w = 2, blocking repair"} {
		if n := failing[name]; n > 0 {
			t.Errorf("%s: %d properties failed", name, n)
		}
	}
	if code, out := do(t, "replay", "--runs", root); code != 0 {
		t.Errorf("replay: exit %d\n%s", code, out)
	}
}

// What has to be asked for, by checkers, is judged in the simulator: a safe store keeps causal consistency
// and has no stale reads, one that reads from any replica breaks the former, and its measures have bounds.
func TestAskedFor(t *testing.T) {
	path := file(t, `
target: reference
nodes: 3
workload: {name: register, keys: 4, rate: 60, concurrency: 6}
faults:
  - partition: {shape: [isolate-one, isolate-leader, halves], every: 4s, for: 1s..2s}
  - link: {shape: slow, amount: 200ms..400ms, every: 4s, for: 1s..2s}
time: 12s
seeds: 1..3
checkers: [causal-consistency, causal-convergence, staleness]
variants:
  - name: safe
    config: {mode: single-leader, replication: quorum, failover: quorum, leader_reads: read-index}
    expect:
      causal-consistency: must-hold
      causal-convergence: must-hold
      staleness: {measure: k_max, at-most: 0}
  - name: unsafe
    config: {mode: single-leader, replication: async, failover: none, leader_reads: local, reads: any}
    expect:
      causal-consistency: {must-violate: write-co-read}
      causal-convergence: must-violate
      staleness: [{measure: stale_share, at-least: 5%}, {measure: t_max_ns, at-least: 100ms, at-most: 4s}]
`)
	var outputs [2]string
	for i := range outputs {
		code, out := do(t, "run", path, "--no-witness", "--runs", t.TempDir())
		if code != 0 {
			t.Fatalf("exit %d\n%s", code, out)
		}
		outputs[i] = out
	}
	if outputs[0] != outputs[1] {
		t.Errorf("two runs differ:\n%s%s", outputs[0], outputs[1])
	}
	heading, _, _ := strings.Cut(outputs[0], "\n")
	if !strings.HasSuffix(heading, "avail   causal consistency  causal convergence  stale reads") {
		t.Errorf("the columns are %s", heading)
	}
	_, unsafe, _ := strings.Cut(outputs[0], "\nunsafe")
	unsafe, _, _ = strings.Cut(unsafe, "\n")
	if strings.Count(unsafe, "✗ 3/3") != 2 || !strings.HasSuffix(unsafe, "%") {
		t.Errorf("the row of the unsafe store is %s", unsafe)
	}
}

// Every experiment file of the repository can be read.
func TestFilesLoad(t *testing.T) {
	found := 0
	for _, pattern := range []string{"tour.yaml", "../../examples/*.yaml", "../../ci/*.yaml",
		"../../ci/bugs/*.yaml",
		"../../ci/claims/*.yaml"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			found++
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			exps, err := harness.Load(name, data, catalogue(), harness.LoadOptions{})
			if err != nil {
				t.Error(err)
				continue
			}
			for _, exp := range exps {
				if strings.Contains(name, "claims") && (exp.About == "" || len(exp.Expect) == 0) {
					t.Errorf("%s, %s: a claim has a sentence, and each variant says what it must show", name,
						exp.Row)
				}
			}
		}
	}
	if found < 4 {
		t.Errorf("only %d files were found", found)
	}
}
