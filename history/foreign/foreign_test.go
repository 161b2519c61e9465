package foreign

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// shipped returns the files of a directory of porcupine's test data.
func shipped(t *testing.T, pattern string) []string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}",
		"github.com/anishathalye/porcupine").Output()
	if err != nil {
		t.Fatalf("porcupine's test data: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "test_data", pattern))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// tally counts operations by function and type, as "read ok".
func tally(h *history.History) map[string]int {
	counts := map[string]int{}
	for i := range h.Len() {
		what := h.F(i) + " " + h.Type(i).String()
		if refused, _ := h.Result(i).AsBool(); h.F(i) == history.FCAS && h.Type(i) == history.Ok && !refused {
			what = "cas refused"
		}
		counts[what]++
	}
	return counts
}

// TestShippedEtcd reads porcupine's etcd logs, and counts their lines by other means.
func TestShippedEtcd(t *testing.T) {
	files := shipped(t, "jepsen/etcd_*.log")
	read := 0
	line := regexp.MustCompile(`(?m)^INFO +jepsen.util - (\d+)\s+:(\w+)\s+:(\w+)\s+(.*)$`)
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) == 0 {
			continue // number 95
		}
		read++
		h, err := Read(strings.NewReader(string(text)), PorcupineLog, Options{})
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		want, invoked := map[string]int{}, map[string]int{}
		for _, m := range line.FindAllStringSubmatch(string(text), -1) {
			switch what := m[3] + " " + m[2]; what {
			case "cas fail":
				want["cas refused"]++
			case "read invoke", "write invoke", "cas invoke":
				invoked[m[3]]++
			case "read info", "write info", "cas info":
			default:
				want[what]++
				invoked[m[3]]--
			}
			if m[2] == "fail" && m[3] == "cas" {
				invoked["cas"]--
			}
		}
		for f, n := range invoked {
			if n > 0 {
				want[f+" info"] = n
			}
		}
		if got := tally(h); fmt.Sprint(got) != fmt.Sprint(want) || len(h.Warns) > 0 {
			t.Errorf("%s: got %v, want %v, warnings %q", path, got, want, h.Warns)
		}
	}
	if read != 102 {
		t.Errorf("%d logs", read)
	}
}

// TestShippedKV reads porcupine's key-value logs.
func TestShippedKV(t *testing.T) {
	want := map[string]string{
		"c01-ok.txt": "58", "c01-bad.txt": "38", "c10-ok.txt": "337", "c10-bad.txt": "405",
		"c50-ok.txt": "1712", "c50-bad.txt": "2024",
	}
	files := shipped(t, "kv/*.txt")
	if len(files) != len(want) {
		t.Fatalf("%d logs", len(files))
	}
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		h, err := Read(f, KVLog, Options{})
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if got := fmt.Sprint(h.Len()); got != want[filepath.Base(path)] || h.KeyCount() > 11 ||
			len(h.Warns) > 0 {
			t.Errorf("%s: %s operations on %d keys, warnings %q", path, got, h.KeyCount(), h.Warns)
		}
		for i := range h.Len() {
			if f := h.F(i); h.Type(i) != history.Ok || f != history.FRead && f != history.FWrite &&
				f != history.FAppend {
				t.Errorf("%s: operation %d is %s %s", path, i, h.Type(i), f)
			}
		}
	}
}

func TestFormats(t *testing.T) {
	for _, row := range Formats() {
		if f, err := ParseFormat(string(row.Name)); err != nil || f != row.Name || row.Meaning == "" {
			t.Errorf("%s: %v", row.Name, err)
		}
	}
	_, err := Read(strings.NewReader(""), "xml", Options{})
	if err == nil || !strings.Contains(err.Error(), "jepsen-edn") {
		t.Errorf("error %v", err)
	}
	if _, err := Read(strings.NewReader("x"), JSONL, Options{}); !errors.Is(err, history.ErrFormat) {
		t.Errorf("error %v", err)
	}
}
