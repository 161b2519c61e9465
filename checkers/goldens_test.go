package checkers

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

var rewriteGoldens = flag.Bool("rewrite-goldens", false,
	"rewrite testdata/sessions, testdata/prefix and testdata/ends with what is found")

// goldens reads testdata/DIR/*.txt: drawn histories, each under a line "## checker: title" and followed by
// the verdicts after a line "--". What stands between title and drawing is a comment.
func goldens(t *testing.T, dir string, checkers map[string]Checker) {
	t.Helper()
	files, err := filepath.Glob("testdata/" + dir + "/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no drawings: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, cases, _ := strings.Cut(string(data), "\n## ")
		out := head
		for _, c := range strings.Split(cases, "\n## ") {
			title, _, _ := strings.Cut(c, "\n")
			drawing, want, _ := strings.Cut(c, "\n--\n")
			got := judgeGolden(t, checkers, drawing)
			if want = strings.TrimRight(want, "\n"); got != want && !*rewriteGoldens {
				t.Errorf("%s: %s\ngot\n%s\nwant\n%s", file, title, got, want)
			}
			out += "\n## " + strings.TrimRight(drawing, "\n") + "\n--\n" + got + "\n"
		}
		if *rewriteGoldens {
			if err := os.WriteFile(file, []byte(out), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// judgeGolden returns the verdicts about a case, a title line and a drawing, without those that had no
// opportunity. Every witness must show its anomaly by itself.
func judgeGolden(t *testing.T, checkers map[string]Checker, text string) string {
	t.Helper()
	title, drawing, _ := strings.Cut(text, "\n")
	name, _, _ := strings.Cut(title, ":")
	c, ok := checkers[name]
	if !ok {
		t.Fatalf("%s: no such checker", title)
	}
	h, err := history.ParseDrawing(drawing)
	if err != nil {
		t.Fatalf("%s: %v", title, err)
	}
	said, all := "", c.Check(context.Background(), h)
	for _, v := range all {
		provesItself(t, c, v, h.FinalFrom())
		if v.Reason != NotExercised {
			said += describeProperty(v)
		}
	}
	if said == "" {
		return NotExercised
	}
	return strings.TrimRight(said, "\n")
}

// describeProperty writes a verdict: its result, the anomalies by kind, and each that is explained. Of
// all guarantees together only the combinations are explained again.
func describeProperty(v Verdict) string {
	said := fmt.Sprintf("%s: %v", v.Property, v.Result)
	if v.Engine != "" {
		said += " by " + v.Engine
	}
	said += fmt.Sprintf(", %d opportunities", v.Opportunities)
	if v.Reason != "" {
		said += ": " + v.Reason
	}
	if len(v.Counts) > 0 {
		said += ", " + strings.TrimPrefix(fmt.Sprint(v.Counts), "map")
	}
	said += "\n"
	for _, a := range v.Anomalies {
		if v.Property != SessionCausality || strings.Contains(a.Kind, " + ") {
			said += a.Kind + ": " + a.Sentence + "\n" + strings.TrimRight(a.Drawing, "\n") + "\n"
		}
	}
	return said
}

func TestSessionDrawings(t *testing.T) {
	goldens(t, "sessions", map[string]Checker{
		"any":     Sessions(AnyOrder, guaranteeNames[:]...),
		"writers": Sessions(WriterOrder, guaranteeNames[:]...),
		"lists":   Sessions(ListOrder, guaranteeNames[:]...),
	})
}

func TestPrefixDrawings(t *testing.T) {
	goldens(t, "prefix", map[string]Checker{
		"prefix":           PrefixConsistent(),
		"prefix-monotonic": PrefixConsistent(MonotonicReads),
	})
}
