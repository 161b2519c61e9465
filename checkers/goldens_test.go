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

var rewriteGoldens = flag.Bool("rewrite-goldens", false, "rewrite the drawings with what is found")

// goldens reads testdata/DIR/*.txt: drawn histories, each under a line "## name: title" and followed by what
// is found in it after a line "--". What stands between title and drawing is a comment.
func goldens(t *testing.T, dir string, judge func(t *testing.T, name string, h *history.History) string) {
	t.Helper()
	goldenTexts(t, dir, func(t *testing.T, name, drawing string) string {
		h, err := history.ParseDrawing(drawing)
		if err != nil {
			t.Fatalf("%s: %s: %v", dir, name, err)
		}
		return judge(t, name, h)
	})
}

// goldenTexts is goldens of what is drawn in another way.
func goldenTexts(t *testing.T, dir string, judge func(t *testing.T, name, drawing string) string) {
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
		out, cases, _ := strings.Cut(string(data), "\n## ")
		for _, c := range strings.Split(cases, "\n## ") {
			text, want, _ := strings.Cut(c, "\n--\n")
			title, drawing, _ := strings.Cut(text, "\n")
			name, _, _ := strings.Cut(title, ":")
			got := judge(t, name, drawing)
			if want = strings.TrimRight(want, "\n"); got != want && !*rewriteGoldens {
				t.Errorf("%s: %s\ngot\n%s\nwant\n%s", file, title, got, want)
			}
			out += "\n## " + strings.TrimRight(text, "\n") + "\n--\n" + got + "\n"
		}
		if *rewriteGoldens {
			if err := os.WriteFile(file, []byte(out), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// judgeBy returns the judge of goldens that are named after their checkers. It gives the verdicts without
// those that had no opportunity. Every witness must show its anomaly by itself.
func judgeBy(checkers map[string]Checker) func(t *testing.T, name string, h *history.History) string {
	return func(t *testing.T, name string, h *history.History) string {
		t.Helper()
		c, ok := checkers[name]
		if !ok {
			t.Fatalf("%s: no such checker", name)
		}
		said := ""
		for _, v := range c.Check(context.Background(), h) {
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
}

// describe writes a verdict with its engine.
func describe(v Verdict) string {
	return fmt.Sprintf("%v by %s", v.Result, v.Engine) + opportunities(v) + explanations(v)
}

// opportunities writes how much a verdict stands on, and what it counts.
func opportunities(v Verdict) string {
	said := fmt.Sprintf(", %d opportunities", v.Opportunities)
	if v.Reason != "" {
		said += ": " + v.Reason
	}
	if len(v.Counts) > 0 {
		said += ", " + strings.TrimPrefix(fmt.Sprint(v.Counts), "map")
	}
	return said
}

// explanations writes the anomalies that a verdict explains, each on lines of its own.
func explanations(v Verdict) string {
	said := ""
	for _, a := range v.Anomalies {
		said += "\n" + a.Kind + ": " + a.Sentence + "\n" + strings.TrimRight(a.Drawing, "\n")
	}
	return said
}

// describeProperty writes a verdict: its result, the anomalies by kind, and each that is explained. Of
// all guarantees together only the combinations are explained again.
func describeProperty(v Verdict) string {
	said := fmt.Sprintf("%s: %v", v.Property, v.Result)
	if v.Engine != "" {
		said += " by " + v.Engine
	}
	said += opportunities(v) + "\n"
	for _, a := range v.Anomalies {
		if v.Property != SessionCausality || strings.Contains(a.Kind, " + ") {
			said += a.Kind + ": " + a.Sentence + "\n" + strings.TrimRight(a.Drawing, "\n") + "\n"
		}
	}
	return said
}

func TestSessionDrawings(t *testing.T) {
	goldens(t, "sessions", judgeBy(map[string]Checker{
		"any":     Sessions(AnyOrder, guaranteeNames[:]...),
		"writers": Sessions(WriterOrder, guaranteeNames[:]...),
		"lists":   Sessions(ListOrder, guaranteeNames[:]...),
	}))
}

func TestPrefixDrawings(t *testing.T) {
	goldens(t, "prefix", judgeBy(map[string]Checker{
		"prefix":           PrefixConsistent(),
		"prefix-monotonic": PrefixConsistent(MonotonicReads),
	}))
}
