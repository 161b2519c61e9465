package main

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/rashomon-harness/rashomon/harness"
	"github.com/rashomon-harness/rashomon/results"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// golden compares got with the file of that name under testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -rewrite, and read the difference):\n--- got\n%s\n--- want\n%s", name,
			got, want)
	}
}

const small = "testdata/small.yaml"

// file writes an experiment file and returns its path.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRunListShowReplay(t *testing.T) {
	root := t.TempDir()
	c := newConsole(root)
	code, ran := c.do("run", small, "--parallel", "1")
	if code != 0 {
		t.Fatalf("exit %d\n%s%s", code, ran, c.err.String())
	}
	golden(t, "run.golden", ran)
	progress := strings.ReplaceAll(c.err.String(), root, "RUNS")
	golden(t, "run-stderr.golden", progress)

	code, listed := c.do("list")
	if code != 0 {
		t.Errorf("list: exit %d", code)
	}
	golden(t, "list.golden", listed)

	code, shown := c.do("show", "small")
	shown = strings.ReplaceAll(shown, filepath.Join(root, "small", "20260102T030405Z-1", results.SourceName),
		small)
	if code != 0 || shown != ran {
		t.Errorf("show: exit %d, and must show what run did:\n%s", code, shown)
	}

	code, replayed := c.do("replay")
	if code != 0 || strings.Count(replayed, "✓ identical") != 6 {
		t.Errorf("replay: exit %d\n%s%s", code, replayed, c.err.String())
	}
	code, replayed = c.do("replay", "small", "--row", "fresh", "--seed", "2", "--quiet")
	if code != 0 || strings.Count(replayed, "✓ identical") != 1 || c.err.Len() > 0 {
		t.Errorf("replay of one: exit %d\n%s%s", code, replayed, c.err.String())
	}
	code, drawn := c.do("show", "--history", "fresh/1", "--first", "3")
	if code != 0 || !strings.Contains(drawn, "operations more") {
		t.Errorf("show --history: exit %d\n%s%s", code, drawn, c.err.String())
	}
	code, _ = c.do("show", "--history", "fresh/9")
	if code != 3 || !strings.Contains(c.err.String(), `"fresh/1"`) {
		t.Errorf("show --history of none: exit %d, %s", code, c.err.String())
	}
}

// A run that came out differently is found, and the line that differs.
func TestReplayOfAnotherHistory(t *testing.T) {
	root := t.TempDir()
	c := newConsole(root)
	if code, _ := c.do("run", small, "--row", "fresh", "--seed", "1", "--quiet"); code != 0 {
		t.Fatalf("exit %d: %s", code, c.err.String())
	}
	run, err := results.Load(root, results.LatestName)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(run.Path, results.HistoryName)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	lines[0] = "{}\n" // the header does not count
	lines[4] = "{\"i\":3}\n"
	outcome := filepath.Join(run.Path, results.OutcomeName)
	saved, err := os.ReadFile(outcome)
	if err != nil {
		t.Fatal(err)
	}
	hash := run.Outcome.Rows[0].Seeds[0].Hash
	for path, text := range map[string]string{
		path:    strings.Join(lines, ""),
		outcome: strings.ReplaceAll(string(saved), hash, strings.Repeat("0", len(hash))),
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	code, out := c.do("replay")
	if code != 1 || !strings.Contains(out, "✗ different") ||
		!strings.Contains(out, `line 5: recorded {"i":3}, replayed {`) || !strings.Contains(out, "this is"+
		" build") {
		t.Errorf("exit %d\n%s%s", code, out, c.err.String())
	}
}

func TestExitCodes(t *testing.T) {
	head := "target: fake\nnodes: 1\ntime: 2s\nworkload: {name: register, rate: 50}\n"
	tests := []struct {
		name, text string
		args       []string
		code       int
		stderr     string
	}{
		{"as expected", head + "expect: {linearizability: must-hold}\n", nil, 0, ""},
		{"not as expected", head + "expect: {linearizability: must-violate}\n", nil, 1, ""},
		{"nothing expected means must-hold", head + "config: {stale: true}\n", nil, 1, ""},
		{"unknown", head + "faults: [crash]\n", nil, 2, ""},
		{"harness failure", head + "config: {broken: true}\n", nil, 4, ""},
		{"overridden", head + "expect: {linearizability: must-hold}\n",
			[]string{"--set", "config.stale=true"}, 1, ""},
		{"unknown field", head + "nodez: 3\n", nil, 3, ":5: nodez: unknown field; did you mean nodes?"},
		{"unknown value", head + "config: {mode: moon}\n", nil, 3, ":5: config.mode: moon is not allowed;" +
			" allowed: single-leader"},
		{"no YAML", "a: [", nil, 3, ":1: no valid YAML"},
		{"seeds", head, []string{"--seeds", "9..1"}, 3, `--seeds 9..1: "9..1" are no seeds`},
		{"seed and seeds", head, []string{"--seeds", "1..2", "--seed", "1"}, 3, "seed"},
		{"no such row", head, []string{"--row", "moon"}, 3, `--row "moon": no such row; allowed: "x"`},
		{"no row and no expression", head, []string{"--row", "a("}, 3, "neither a row nor a regular" +
			" expression"},
		{"set", head, []string{"--set", "nodes=none"}, 3, "--set nodes=none"},
		{"env", head, []string{"--env", "moon"}, 3, "--env moon"},
		{"output", head, []string{"--output", "moon"}, 3, "allowed: table, json, markdown"},
		{"parallel", head, []string{"--parallel", "0"}, 3, "--parallel 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newConsole(t.TempDir())
			path := file(t, tt.text)
			code, out := c.do(append([]string{"run", path}, tt.args...)...)
			if code != tt.code || !strings.Contains(c.err.String(), tt.stderr) {
				t.Errorf("exit %d, want %d; stderr must have %q:\n%s%s", code, tt.code, tt.stderr,
					c.err.String(), out)
			}
			if tt.code == 3 && tt.args == nil && !strings.Contains(c.err.String(), path) {
				t.Errorf("the file is not named: %s", c.err.String())
			}
		})
	}
}

func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		args   []string
		stderr string
	}{
		{[]string{"fly"}, `unknown command "fly"`},
		{[]string{"run", "--fly"}, "unknown flag: --fly"},
		{[]string{"run", "nowhere.yaml"}, "nowhere.yaml"},
		{[]string{"list", "more"}, "more"},
		{[]string{"show", "nothing"}, "no such run"},
		{[]string{"replay"}, "has no runs yet"},
		{[]string{"explain", "moon"}, `nothing named "moon"`},
		{[]string{"claims", "moon"}, `no claim "moon"; claims: stale, wrong`},
	} {
		c := newConsole(t.TempDir())
		if code, _ := c.do(tt.args...); code != 3 || !strings.Contains(c.err.String(), tt.stderr) {
			t.Errorf("%v: exit %d, %s", tt.args, code, c.err.String())
		}
	}
}

// A run directory that cannot be written is found before anything runs: the fake target would fail with
// exit code 4.
func TestRunsThatCannotBeWritten(t *testing.T) {
	path := file(t, "target: fake\nworkload: {name: register}\nconfig: {broken: true}\n")
	c := newConsole(path) // a file, where a directory should be
	if code, _ := c.do("run", path); code != 3 || !strings.Contains(c.err.String(), path) {
		t.Errorf("exit %d, %s", code, c.err.String())
	}
}

// Several files are all read before the first one runs; the worst exit code wins.
func TestSeveralFiles(t *testing.T) {
	good := file(t, "target: fake\nnodes: 1\ntime: 1s\nworkload: {name: register, rate: 50}\nexpect:"+
		" {linearizability: must-hold}\n")
	bad := file(t, "target: fake\nnodes: 1\ntime: 1s\nworkload: {name: register, rate: 50}\nexpect:"+
		" {linearizability: must-violate}\n")
	wrong := file(t, "moon: 1\n")
	root := t.TempDir()
	c := newConsole(root)
	if code, _ := c.do("run", good, bad, good); code != 1 {
		t.Errorf("exit %d", code)
	}
	if runs, _ := results.List(root); len(runs) != 3 {
		t.Errorf("%d runs", len(runs))
	}
	c = newConsole(t.TempDir())
	if code, out := c.do("run", good, wrong); code != 3 || out != "" {
		t.Errorf("exit %d, and something ran: %s", code, out)
	}
}

func TestVariables(t *testing.T) {
	c := newConsole(t.TempDir())
	c.vars["RASHOMON_SEEDS"] = "4..5"
	c.vars["RASHOMON_OUTPUT"] = "json"
	_, out := c.do("run", small)
	var outcome harness.Outcome
	if err := json.Unmarshal([]byte(out), &outcome); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if seeds := outcome.Rows[0].Seeds; len(seeds) != 2 || seeds[0].Seed != 4 {
		t.Errorf("seeds %v, want 4 and 5", seeds)
	}
	if _, out = c.do("run", small, "--seeds", "7", "--output", "table"); strings.HasPrefix(out, "{") {
		t.Error("a flag must win over its variable")
	}
	c.vars["RASHOMON_SEEDS"] = "x"
	if code, _ := c.do("run", small); code != 3 {
		t.Errorf("exit %d", code)
	}
	c.vars["RASHOMON_PARALLEL"] = "many"
	code, _ := c.do("run", small)
	if code != 3 || !strings.Contains(c.err.String(), "RASHOMON_PARALLEL=many") {
		t.Errorf("exit %d: %s", code, c.err.String())
	}
}

// An interrupted run saves what there is and exits with 4.
func TestInterrupt(t *testing.T) {
	root := t.TempDir()
	c := newConsole(root)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if code := c.execute(ctx, []string{"run", small}); code != 4 {
		t.Errorf("exit %d", code)
	}
	run, err := results.Load(root, results.LatestName)
	if err != nil || run.Outcome == nil || !run.Outcome.Stopped || run.Outcome.Exit != 4 {
		t.Errorf("%+v, %v", run, err)
	}
	if _, out := c.do("list"); !strings.Contains(out, "interrupted") {
		t.Errorf("list says\n%s", out)
	}
}

func TestDryRun(t *testing.T) {
	root := t.TempDir()
	c := newConsole(root)
	path := file(t, "target: fake\nnodes: 3\ntime: 3s\nworkload: {name: register, keys: 2, rate: 4,"+
		" concurrency: 2}\n"+
		"faults: [partition: {shape: halves, every: 1s, for: 500ms}]\n")
	code, out := c.do("run", path, "--dry-run")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, c.err.String())
	}
	golden(t, "dry-run.golden", out)
	if runs, _ := results.List(root); len(runs) > 0 {
		t.Error("a dry run left a run")
	}
	_, out = c.do("run", path, "--dry-run", "--output", "json")
	var lines []planned
	if err := json.Unmarshal([]byte(out), &lines); err != nil || len(lines) < 10 {
		t.Errorf("%v: %s", err, out)
	}
}

func TestClaims(t *testing.T) {
	c := newConsole(t.TempDir())
	code, table := c.do("claims", "--quiet")
	if code != 1 {
		t.Errorf("exit %d: %s", code, c.err.String())
	}
	golden(t, "claims.golden", table)
	code, one := c.do("claims", "stale", "--quiet")
	if code != 0 {
		t.Errorf("exit %d: %s", code, c.err.String())
	}
	golden(t, "claim.golden", one)
	if lines := strings.Count(one, "\n"); lines > 40 {
		t.Errorf("%d lines are more than a screen", lines)
	}
	_, line, _ := strings.Cut(one, "$ rashomon ")
	line, _, _ = strings.Cut(line, "\n")
	if code, out := c.do("claims", "stale", "--row", "stale reads", "--seed", "1"); code != 0 ||
		!strings.HasPrefix(line, "claims stale --row 'stale reads' --seed ") {
		t.Errorf("the line that reproduces it, %q: exit %d\n%s", line, code, out)
	}
	_, out := c.do("claims", "--output", "json")
	var proofs []proof
	err := json.Unmarshal([]byte(out), &proofs)
	if err != nil || len(proofs) != 2 || proofs[0].Outcome.Exit != 0 {
		t.Errorf("%v: %s", err, out)
	}
	if _, out = c.do("claims", "--output", "markdown"); !strings.Contains(out, "| stale |") {
		t.Error(out)
	}
}

// Every command has an example, and the examples are commands that there are.
func TestHelp(t *testing.T) {
	c := newConsole(t.TempDir())
	root := c.root()
	for _, cmd := range append([]*cobra.Command{root}, root.Commands()...) {
		if cmd.Hidden || cmd.Name() == "help" || cmd.Name() == "completion" {
			continue
		}
		if cmd.Example == "" {
			t.Errorf("%s has no example", cmd.Name())
		}
		for line := range strings.SplitSeq(cmd.Example, "\n") {
			words := strings.Fields(line)
			if found, _, err := root.Find(words[1:]); err != nil || words[0] != "rashomon" {
				t.Errorf("%s: example %q: %v, %v", cmd.Name(), line, found, err)
			}
		}
		words := strings.Fields(cmd.CommandPath() + " --help")
		if code, out := c.do(words[1:]...); code != 0 || !strings.Contains(out, "Examples:") {
			t.Errorf("%s --help: exit %d\n%s", cmd.Name(), code, out)
		}
	}
	if code, out := c.do("version"); code != 0 || !strings.Contains(out, "outcome schema 1") {
		t.Errorf("version: exit %d, %s", code, out)
	}
	if code, out := c.do("version", "--output", "json"); code != 0 || !json.Valid([]byte(out)) {
		t.Errorf("version: exit %d, %s", code, out)
	}
}
