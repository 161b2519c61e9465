package foreign

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// TestWild reads what is found in the wild, and what is wrong, and compares what comes of it with the rest
// of each file. The first line of a file names the format and the options. A backslash at the end of the
// text stands for a text without a newline at its end.
func TestWild(t *testing.T) {
	files, err := filepath.Glob("testdata/wild/*.txt")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		head, want, _ := strings.Cut(string(data), "----\n")
		got := outcomeOf(head)
		if *rewrite {
			if err := os.WriteFile(path, []byte(head+"----\n"+got), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
		}
	}
}

// outcomeOf reads a text with the format and options that its first line names, and draws the history.
func outcomeOf(head string) string {
	first, text, _ := strings.Cut(head, "\n")
	words := strings.Fields(first)
	options := Options{}
	for _, word := range words[1:] {
		options.Keyed = options.Keyed || word == "keyed"
		options.Refusals = options.Refusals || word == "refusals"
	}
	text = strings.TrimSuffix(text, "\\\n")
	h, err := Read(strings.NewReader(text), Format(words[0]), options)
	if err != nil {
		return err.Error() + "\n"
	}
	return listing(h)
}

// listing draws a history, an operation a line.
func listing(h *history.History) string {
	var b strings.Builder
	for _, op := range h.Ops() {
		fmt.Fprintf(&b, "%d..", op.Call)
		if op.Return != history.Never {
			fmt.Fprint(&b, op.Return)
		}
		fmt.Fprintf(&b, " %s %s", op.Session, op.F)
		for _, name := range append([]string{op.Key}, op.Keys...) {
			if name != "" {
				fmt.Fprintf(&b, " k=%s", name)
			}
		}
		fmt.Fprintf(&b, " %s: %s %s", op.Arg, op.Type, op.Result)
		for _, extra := range []string{op.Device, op.Node, op.Err.Code.String(), op.Err.Text} {
			if extra != "" {
				fmt.Fprintf(&b, ", %s", extra)
			}
		}
		fmt.Fprintln(&b)
	}
	for _, f := range h.Faults {
		fmt.Fprintf(&b, "fault %s %s %s %s %d..%d\n", f.ID, f.Family, f.What, f.Outcome, f.From, f.To)
	}
	for _, warn := range h.Warns {
		fmt.Fprintf(&b, "warning: %s\n", warn)
	}
	return strings.ReplaceAll(b.String(), fmt.Sprint(history.Never), "")
}
