package checkers

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/history"
)

var rewriteFigures = flag.Bool("rewrite-figures", false,
	"rewrite testdata/{staleness,set,counter} with what is found")

// figureCheckers has the checkers of the drawn histories, by what stands between "## " and ":".
var figureCheckers = map[string]Checker{
	"staleness":           Staleness(StalenessOptions{}),
	"staleness 1 version": Staleness(StalenessOptions{MaxVersions: 1}),
	"staleness 20 µs":     Staleness(StalenessOptions{MaxTime: 20 * time.Microsecond}),
	"set":                 SetFull(SetOptions{}),
	"set linearizable":    SetFull(SetOptions{Linearizable: true}),
	"counter":             Counter(CounterOptions{}),
	"counter by \"add\"":  Counter(CounterOptions{Function: "add"}),
}

// TestFigureDrawings reads testdata/{staleness,set,counter}/*.txt: drawn histories, each under a line
// "## checker: title" and followed by the verdict after a line "--".
func TestFigureDrawings(t *testing.T) {
	for _, dir := range []string{"staleness", "set", "counter"} {
		files, err := filepath.Glob("testdata/" + dir + "/*.txt")
		if err != nil || len(files) == 0 {
			t.Fatalf("no drawings in %s: %v", dir, err)
		}
		for _, file := range files {
			judgeFigures(t, file)
		}
	}
}

// judgeFigures compares the verdicts about a file's drawings with those that stand in it.
func judgeFigures(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, cases, _ := strings.Cut(string(data), "\n## ")
	out := head
	for _, c := range strings.Split(cases, "\n## ") {
		title, rest, _ := strings.Cut(c, "\n")
		drawing, want, _ := strings.Cut(rest, "\n--\n")
		name, _, _ := strings.Cut(title, ":")
		checker, known := figureCheckers[name]
		h, err := history.ParseDrawing(drawing)
		if err != nil || !known {
			t.Fatalf("%s: %s: checker known %v, drawing: %v", file, title, known, err)
		}
		got := describeFigures(checker.Check(context.Background(), h)[0])
		if want = strings.TrimRight(want, "\n"); got != want && !*rewriteFigures {
			t.Errorf("%s: %s\ngot\n%s\nwant\n%s", file, title, got, want)
		}
		out += "\n## " + title + "\n" + strings.TrimRight(drawing, "\n") + "\n--\n" + got + "\n"
	}
	if *rewriteFigures {
		if err := os.WriteFile(file, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func describeFigures(v Verdict) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v, %d opportunities", v.Result, v.Opportunities)
	if v.Reason != "" {
		fmt.Fprintf(&b, ": %s", v.Reason)
	}
	if len(v.Counts) > 0 {
		fmt.Fprintf(&b, ", %s", strings.TrimPrefix(fmt.Sprint(v.Counts), "map"))
	}
	for _, name := range slices.Sorted(maps.Keys(v.Measures)) {
		detail := []string{"_low", "_high", "_p99"}
		if _, faults := v.Measures["stale_share_faults"]; !faults {
			detail = append(detail, "_calm")
		}
		if slices.ContainsFunc(detail, func(part string) bool { return strings.Contains(name, part) }) {
			continue
		}
		fmt.Fprintf(&b, "\n  %s %s", name, strconv.FormatFloat(v.Measures[name], 'g', 4, 64))
	}
	for _, a := range v.Anomalies {
		fmt.Fprintf(&b, "\n%s: %s\n%s", a.Kind, a.Sentence, strings.TrimRight(a.Drawing, "\n"))
	}
	return b.String()
}
