package checkers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/history/foreign"
)

// porcupineDir returns where the module of porcupine is, with the histories that it ships.
func porcupineDir(t testing.TB) string {
	t.Helper()
	const module = "github.com/anishathalye/porcupine"
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// readShipped reads one of porcupine's histories.
func readShipped(t testing.TB, path string, format foreign.Format) *history.History {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h, err := foreign.Read(f, format, foreign.Options{})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return h
}

// knownVerdict is a line of porcupine's own tests: the number of a log of etcd, and whether it is
// linearizable.
var knownVerdict = regexp.MustCompile(`checkJepsen\(t, (\d+), (true|false)\)`)

// TestShippedHistories checks the verdicts about all histories that porcupine ships against its own tests.
func TestShippedHistories(t *testing.T) {
	dir := porcupineDir(t)
	source, err := os.ReadFile(filepath.Join(dir, "porcupine_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[Result]int{}
	check := func(path string, format foreign.Format, model string, want Result) {
		available, err := OfModel(model, LinOptions{})
		if err != nil {
			t.Fatal(err)
		}
		verdicts := available[0].Check(context.Background(), readShipped(t, path, format))
		if verdicts[0].Result != want {
			t.Errorf("%s: %s, want %v", filepath.Base(path), describe(verdicts[0]), want)
		}
		found[verdicts[0].Result]++
	}
	known := map[bool]Result{true: Valid, false: Invalid}
	for _, m := range knownVerdict.FindAllStringSubmatch(string(source), -1) {
		path := filepath.Join(dir, "test_data", "jepsen", fmt.Sprintf("etcd_%03s.log", m[1]))
		check(path, foreign.PorcupineLog, ModelCASRegister, known[m[2] == "true"])
	}
	if found[Invalid] != 79 || found[Valid] != 23 {
		t.Errorf("of etcd's logs %v, want 79 invalid and 23 valid", found)
	}
	logs, _ := filepath.Glob(filepath.Join(dir, "test_data", "kv", "*.txt"))
	if len(logs) != 6 {
		t.Errorf("%d key-value logs, want 6", len(logs))
	}
	for _, path := range logs {
		check(path, foreign.KVLog, ModelKV, known[strings.HasSuffix(path, "-ok.txt")])
	}
}
