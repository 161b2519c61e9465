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
		"quorum, reads any"} {
		if failing[name] == 0 {
			t.Errorf("%s: nothing failed", name)
		}
	}
	if n := failing["quorum, read-index"]; n > 0 {
		t.Errorf("quorum, read-index: %d properties failed", n)
	}
	if code, out := do(t, "replay", "--runs", root); code != 0 {
		t.Errorf("replay: exit %d\n%s", code, out)
	}
}

// Every experiment file of the repository can be read.
func TestFilesLoad(t *testing.T) {
	found := 0
	for _, pattern := range []string{"tour.yaml", "../../examples/*.yaml", "../../ci/*.yaml",
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
