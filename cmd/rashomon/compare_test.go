package main

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/harness"
	"github.com/rashomon-harness/rashomon/results"
)

// compared is the JSON form of a comparison.
type compared struct {
	Schema int      `json:"schema"`
	Fields []string `json:"fields"`
	Rows   []struct {
		Row      string         `json:"row"`
		Variant  string         `json:"variant"`
		Values   map[string]any `json:"values"`
		Refused  string         `json:"refused"`
		Measures []struct {
			Property string  `json:"property"`
			Measure  string  `json:"measure"`
			Value    float64 `json:"value"`
		} `json:"measures"`
	} `json:"rows"`
	Outcome harness.Outcome `json:"outcome"`
}

// The store with a leader, whatever it does under the faults: the table, and once more the same.
func TestCompareReference(t *testing.T) {
	args := []string{"compare", "testdata/compare.yaml", "--vary", "config.replication=async,quorum",
		"--vary",
		"config.reads=leader,any", "--measure", "stale_share,write_p99_ns"}
	root := t.TempDir()
	code, out := do(t, append(args, "--runs", root)...)
	if code != 1 { // it loses writes
		t.Errorf("exit %d", code)
	}
	golden(t, "compare.golden", out)
	if _, again := do(t, append(args, "--runs", t.TempDir(), "--parallel", "1")...); again != out {
		t.Errorf("another number of runs at once shows something else:\n%s", again)
	}
	_, line, _ := strings.Cut(out, "$ rashomon ")
	line, _, _ = strings.Cut(line, "\n")
	if code, _ := do(t, append(strings.Fields(line), "--runs", t.TempDir())...); code != 1 {
		t.Errorf("the line that reproduces it, %q: exit %d", line, code)
	}
	c := newConsole(root)
	if code, shown := c.do("show"); code != 1 || !strings.Contains(shown, "counterexample") {
		t.Errorf("show: exit %d\n%s%s", code, shown, c.err.String())
	}
	if code, replayed := do(t, "replay", "--runs", root); code != 0 ||
		strings.Count(replayed, "✓ identical") != 12 {
		t.Errorf("replay: exit %d\n%s", code, replayed)
	}
}

// A combination that the store refuses is said of the field and its value, also where the file asks for what
// only a store that is right makes possible.
func TestCompareRefusedByTheStore(t *testing.T) {
	text := "nodes: 3\nconfig: {mode: leaderless, n: 3, r: 1, w: 1}\nworkload: {name: register}\n" +
		"checkers: [quorum]\nexpect: {quorum: may-violate}\n"
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), []string{"compare", file(t, text), "--vary", "config.w=2,4", "--vary",
		"config.r=1,2"}, &stdout, &stderr)
	want := "rashomon: --vary config.w=4: config.w: 4 is not allowed; allowed: at most n, which is 3\n"
	if code != 3 || stdout.Len() > 0 || stderr.String() != want {
		t.Errorf("exit %d\n%s%s", code, stdout.String(), stderr.String())
	}
}

// Variants, values and combinations that are not possible, on the fake target.
func TestCompare(t *testing.T) {
	c := newConsole(t.TempDir())
	args := []string{"compare", small, "--vary", "workload.rate=50,20", "--vary",
		"config.mode=single-leader,moon",
		"--quiet", "--seeds", "1..2"}
	code, out := c.do(args...)
	want := "rashomon: --vary config.mode=moon: config.mode: moon is not allowed; allowed: single-leader\n"
	if code != 3 || out != "" || c.err.String() != want {
		t.Errorf("exit %d\n%s%s", code, out, c.err.String())
	}
	if runs, err := results.List(filepath.Join(c.vars["RASHOMON_RUNS"])); len(runs) > 0 {
		t.Errorf("something was saved: %v, %v", runs, err)
	}
	code, out = c.do(append(args, "--skip-invalid", "--measure", "ok_share,moon_share")...)
	if code != 0 {
		t.Errorf("exit %d: %s", code, c.err.String())
	}
	golden(t, "compare-fake.golden", out)
	_, out = c.do(append(args, "--skip-invalid", "--measure", "ok_share", "-o", "markdown")...)
	golden(t, "compare-fake.md.golden", out)
	code, out = c.do(append(args, "--skip-invalid", "--row",
		"fresh, workload.rate=20, config.mode=single-leader")...)
	if code != 0 || strings.Count(out, "fresh") != 1 || strings.Contains(out, "stale, quickly") {
		t.Errorf("one row: exit %d\n%s%s", code, out, c.err.String())
	}
	if code, _ := c.do(append(args, "--skip-invalid", "--row", "moon")...); code != 3 {
		t.Errorf("rows that are not possible alone: exit %d", code)
	}
}

func TestCompareJSON(t *testing.T) {
	c := newConsole(t.TempDir())
	code, out := c.do("compare", small, "--vary", "config.mode=moon,single-leader", "--skip-invalid", "-o",
		"json")
	var got compared
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 {
		t.Fatalf("exit %d, %v: %s", code, err, out)
	}
	if got.Schema != 1 || !slices.Equal(got.Fields, []string{"config.mode"}) || len(got.Rows) != 4 ||
		len(got.Outcome.Rows) != 2 {
		t.Fatalf("got %+v", got)
	}
	for i, row := range got.Rows {
		possible := i%2 == 1
		if (row.Refused == "") != possible || (len(row.Measures) > 0) != possible ||
			row.Variant != []string{"stale, quickly", "fresh"}[i/2] || row.Values["config.mode"] == nil {
			t.Errorf("row %d is %+v", i, row)
		}
		if possible && (got.Outcome.Rows[i/2].Row != row.Row || len(got.Outcome.Rows[i/2].Seeds) != 3) {
			t.Errorf("row %d has the outcome %s", i, got.Outcome.Rows[i/2].Row)
		}
	}
}

// Exit codes; what a file without expectations shows is not held against it.
func TestCompareCodes(t *testing.T) {
	head := "target: fake\nnodes: 1\ntime: 2s\nworkload: {name: register, rate: 50}\n"
	const known = "checkers: [linearizability, durability]\n"
	for _, tt := range []struct {
		name, text string
		args       []string
		code       int
		has        string
	}{
		{"nothing expected", head + known, nil, 0, "true          1"},
		{"expected", head + "expect: {linearizability: must-hold}\n", nil, 1,
			"Not as expected:\n✗ config.stale=true"},
		{"unknown", head + "faults: [crash]\n", nil, 2, "? "},
		{"harness failure", head + "config: {broken: true}\n", nil, 4, "harness failure"},
		{"bad input", head + "nodez: 1\n", nil, 3, ":5: nodez: unknown field"},
		{"bad variation", head, []string{"--vary", "nodes"}, 3, "--vary nodes: wanted: a field's path"},
		{"varied twice", head, []string{"--vary", "config.stale=1"}, 3, "is varied twice"},
		{"seeds", head, []string{"--vary", "seeds=1"}, 3, "--seeds chooses them"},
		{"measure", head, []string{"--measure", "moon.x"}, 3, "judged here: availability, convergence"},
		{"parallel", head, []string{"--parallel", "0"}, 3, "--parallel 0"},
		{"a mark", head + known, []string{"--measure", "marks.failover"}, 0, "measured: nothing"},
		{"no file", "", []string{"more"}, 3, "accepts 1 arg"},
	} {
		c := newConsole(t.TempDir())
		args := append([]string{"compare", file(t, tt.text), "--vary", "config.stale=false,true", "-q"},
			tt.args...)
		code, out := c.do(args...)
		if code != tt.code || !strings.Contains(out+c.err.String(), tt.has) {
			t.Errorf("%s: exit %d, want %d and %q:\n%s%s", tt.name, code, tt.code, tt.has, out,
				c.err.String())
		}
	}
}

// An interrupted comparison shows all rows and what there is of them, and exits with 4.
func TestCompareInterrupted(t *testing.T) {
	c := newConsole(t.TempDir())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if code := c.execute(ctx, []string{"compare", small, "--vary", "nodes=1,2"}); code != 4 ||
		strings.Count(c.out.String(), "not run [1]") != 4 {
		t.Errorf("exit %d\n%s%s", code, c.out.String(), c.err.String())
	}
}
