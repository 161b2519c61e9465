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

var rewriteLin = flag.Bool("rewrite-linearizable", false, "rewrite testdata/linearizable with what is found")

// TestLinearizableDrawings reads testdata/linearizable/*.txt: drawn histories, each under a line
// "## model: title" and followed by the verdict after a line "--". What stands between title and drawing
// is a comment.
func TestLinearizableDrawings(t *testing.T) {
	files, err := filepath.Glob("testdata/linearizable/*.txt")
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
			got := judgeDrawing(t, drawing)
			if want = strings.TrimRight(want, "\n"); got != want && !*rewriteLin {
				t.Errorf("%s: %s\ngot\n%s\nwant\n%s", file, title, got, want)
			}
			out += "\n## " + strings.TrimRight(drawing, "\n") + "\n--\n" + got + "\n"
		}
		if *rewriteLin {
			if err := os.WriteFile(file, []byte(out), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// judgeDrawing returns the verdict about a case: a title line and a drawing.
func judgeDrawing(t *testing.T, text string) string {
	t.Helper()
	title, drawing, _ := strings.Cut(text, "\n")
	name, _, _ := strings.Cut(title, ":")
	h, err := history.ParseDrawing(drawing)
	if err != nil {
		t.Fatalf("%s: %v", title, err)
	}
	model, ok := map[string]Model{"register": Register, "cas": CASRegister, "list": AppendList,
		"set": Set}[name]
	if !ok {
		t.Fatalf("%s: no such model", title)
	}
	return describe(Linearizable(model, LinOptions{}).Check(context.Background(), h)[0])
}

func describe(v Verdict) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v by %s, %d opportunities", v.Result, v.Engine, v.Opportunities)
	if v.Reason != "" {
		fmt.Fprintf(&b, ": %s", v.Reason)
	}
	if len(v.Counts) > 0 {
		fmt.Fprintf(&b, ", %s", strings.TrimPrefix(fmt.Sprint(v.Counts), "map"))
	}
	for _, a := range v.Anomalies {
		fmt.Fprintf(&b, "\n%s: %s\n%s", a.Kind, a.Sentence, strings.TrimRight(a.Drawing, "\n"))
	}
	return b.String()
}
