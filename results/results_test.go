package results

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/harness"
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

// sampleOutcome is an outcome with every kind of cell.
func sampleOutcome() *harness.Outcome {
	drawing := "s1 @n1  |--w k=1--|                 ok\n" +
		"s1 @n2               |--r k=∅--|    ok\n"
	stale := &harness.Witness{Seed: 7, Anomaly: checkers.Anomaly{
		Kind: "own-write-missing", Key: "k", Indices: []int{3, 9}, Drawing: drawing,
		Sentence: "s1 wrote k=1 (op 1) and then read ∅ (op 2) at n2",
	}}
	cell := func(property string, valid, invalid, unknown int) harness.Cell {
		c := harness.Cell{Property: property, Valid: valid, Invalid: invalid, Unknown: unknown,
			Opportunities: 1000, Ops: 60000}
		switch {
		case invalid > 0:
			c.Result = checkers.Invalid
		case unknown == 0:
			c.Result = checkers.Valid
		}
		return c
	}
	ryw := cell(checkers.ReadYourWrites, 0, 20, 0)
	ryw.Counts, ryw.Smallest = map[string]int64{"own-write-missing": 504}, stale
	lost := cell(checkers.Durability, 13, 7, 0)
	lost.Counts = map[string]int64{"lost-write": 40, "resurrected": 1}
	unknown := cell(checkers.Linearizability, 17, 0, 3)
	unknown.Reason = "key k3 has more than 20000 operations"
	never := cell(checkers.ConsistentPrefix, 0, 0, 20)
	never.Reason = checkers.NotExercised
	available := cell(checkers.Availability, 20, 0, 0)
	available.Measures = map[string]float64{MeasureOkShare: 0.9912}
	return &harness.Outcome{
		Schema: harness.OutcomeSchema, Name: "sample", Build: "test",
		Began: "2026-01-02T03:04:05Z", Took: 5e9, Exit: 1,
		Rows: []harness.Row{
			{
				Experiment: "sample", Row: "async, reads any", Target: "reference", Env: "sim", Exit: 0,
				Config: map[string]any{"replication": "async"},
				Cells: []harness.Cell{unknown, ryw, cell(checkers.MonotonicReads, 20, 0, 0), never, lost,
					available},
				Seeds: sampleSeeds(20),
				Expectations: []harness.ExpectationResult{
					{Property: checkers.Durability, Asked: "must-violate lost-write", Met: true,
						Saw: "lost-write in 7 of 20 seeds"},
				},
			},
			{
				Experiment: "sample", Row: "quorum | read-index", Target: "reference", Env: "sim", Exit: 1,
				Config: map[string]any{"replication": "quorum"},
				Cells: []harness.Cell{
					cell(checkers.Linearizability, 20, 0, 0), cell(checkers.ReadYourWrites, 20, 0, 0),
					cell(checkers.Durability, 20, 0, 0)},
				Seeds: sampleSeeds(20),
				Expectations: []harness.ExpectationResult{
					{Property: checkers.Linearizability, Asked: "must-violate", Exit: 1,
						Saw:       "valid in 20 seeds",
						Reproduce: "rashomon run x.yaml --seed 1"},
					{Property: checkers.ConsistentPrefix, Asked: "must-hold", Exit: 2, Saw: "not judged"},
				},
			},
		},
	}
}

func sampleSeeds(n int) []harness.SeedOutcome {
	seeds := make([]harness.SeedOutcome, n)
	for i := range seeds {
		seeds[i] = harness.SeedOutcome{
			Seed: uint64(i + 1), Hash: strings.Repeat("ab", 32),
			Events: 6100, Ops: 3000, Ok: 2900, Took: 30e9,
			Faults: map[string]harness.FaultCounts{"partition/halves": {Installed: 3, Skipped: 1,
				Reason: "no leader"}},
			Marks: map[string]int64{"failover": 2},
			Verdicts: []checkers.Verdict{{Property: checkers.Durability, Result: checkers.Valid,
				Opportunities: 12}},
		}
	}
	return seeds
}

func TestText(t *testing.T) {
	view := View{Witnesses: true, Long: true, Command: "rashomon run x.yaml"}
	var wide, narrow, colored bytes.Buffer
	if err := Text(&wide, sampleOutcome(), view); err != nil {
		t.Fatal(err)
	}
	golden(t, "text.golden", wide.String())
	view.Long, view.Witnesses, view.Width = false, false, 72
	if err := Text(&narrow, sampleOutcome(), view); err != nil {
		t.Fatal(err)
	}
	golden(t, "narrow.golden", narrow.String())
	table, _, _ := strings.Cut(narrow.String(), "\n\n[1]")
	for line := range strings.SplitSeq(table, "\n") {
		if n := utf8.RuneCountInString(line); n > 72 {
			t.Errorf("line of %d columns on a screen of 72: %q", n, line)
		}
	}
	view.Color = true
	if err := Text(&colored, sampleOutcome(), view); err != nil {
		t.Fatal(err)
	}
	uncolored := strings.NewReplacer("\x1b[32m", "", "\x1b[31m", "", "\x1b[33m", "", "\x1b[0m", "")
	plain := uncolored.Replace(colored.String())
	if plain != narrow.String() || plain == colored.String() {
		t.Error("colours must be there and change nothing but colours")
	}
}

func TestMarkdown(t *testing.T) {
	var buf bytes.Buffer
	view := View{Witnesses: true, Command: "rashomon run x.yaml"}
	if err := Markdown(&buf, sampleOutcome(), view); err != nil {
		t.Fatal(err)
	}
	golden(t, "markdown.golden", buf.String())
}

// The columns of the table begin in the same place in every line, whatever signs and scripts stand
// before them, and in every locale.
func TestAlignment(t *testing.T) {
	rows := [][]string{
		{"async", "✗ 20/20 · 31.2/k", "|a"},
		{"非同期", "✓", "|b"},
		{"semi–sync · ∅", "? 3/20 [1]", "|c"},
		{"", "– [12]", "|d"},
	}
	for _, locale := range []string{"C.UTF-8", "ja_JP.UTF-8"} {
		t.Setenv("LC_ALL", locale)
		text, err := layOut([]string{"configuration", "x", "|h"}, rows, textRenderer())
		if err != nil {
			t.Fatal(err)
		}
		want := -1
		for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
			before, _, _ := strings.Cut(line, "|")
			wide := strings.Count(before, "非") + strings.Count(before, "同") + strings.Count(before, "期")
			at := utf8.RuneCountInString(before) + wide
			if want < 0 {
				want = at
			}
			if at != want {
				t.Errorf("%s: last column at %d, in the header at %d: %q", locale, at, want, line)
			}
		}
	}
}

type cellTest struct {
	name string
	cell harness.Cell
	want string
}

func TestCells(t *testing.T) {
	tests := []cellTest{
		{"held", harness.Cell{Property: "p", Result: checkers.Valid, Valid: 5, Ops: 10}, "✓"},
		{"failed without counts", harness.Cell{Property: "p", Result: checkers.Invalid, Invalid: 1, Valid: 4,
			Ops: 10}, "✗ 1/5"},
		{"failed and unknown", harness.Cell{Property: "p", Result: checkers.Invalid, Invalid: 1, Unknown: 4,
			Ops:    1000,
			Counts: map[string]int64{"x": 1, "y": 2}}, "✗ 1/5 · 3.0/k"},
		{"rare", harness.Cell{Property: "p", Result: checkers.Invalid, Invalid: 1, Ops: 1_000_000,
			Counts: map[string]int64{"x": 1}}, "✗ 1/1 · 0.001/k"},
		{"often", harness.Cell{Property: "p", Result: checkers.Invalid, Invalid: 1, Ops: 1000,
			Counts: map[string]int64{"x": 412}}, "✗ 1/1 · 412/k"},
		{"lost writes are counted", harness.Cell{Property: checkers.Durability, Result: checkers.Invalid,
			Invalid: 1,
			Ops:     1000, Counts: map[string]int64{"x": 3}}, "✗ 1/1 · 3"},
		{"unknown in some", harness.Cell{Property: "p", Unknown: 2, Valid: 3, Reason: "r"}, "? 2/5 [1]"},
		{"unknown in all", harness.Cell{Property: "p", Unknown: 2}, "? [1]"},
	}
	stale := func(exact float64) harness.Cell {
		return harness.Cell{Property: checkers.PropertyStaleness, Result: checkers.Valid, Valid: 2,
			Measures: map[string]float64{"stale_share": 0.0421, "exact_share": exact}}
	}
	tests = append(tests, []cellTest{
		{"staleness", stale(1), "4.2%"},
		{"staleness, a lower bound", stale(0.999), "≥ 4.2%"},
		{"staleness, not measured", harness.Cell{Property: checkers.PropertyStaleness, Unknown: 1}, "? [1]"},
	}...)
	for _, tt := range tests {
		row := &harness.Row{Cells: []harness.Cell{tt.cell}}
		if got := new(grid).cell(row, tt.cell.Property); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	g := &grid{}
	for range 2 {
		if got := g.cell(&harness.Row{}, "p"); got != "– [1]" {
			t.Errorf("absent: got %q", got)
		}
	}
	if len(g.notes) != 1 {
		t.Errorf("the same note twice: %q", g.notes)
	}
}

func TestSeedsCell(t *testing.T) {
	g := &grid{}
	row := &harness.Row{Row: "r", Seeds: []harness.SeedOutcome{
		{Seed: 1}, {Seed: 2, Failure: "n1 never came up"}, {Seed: 3, Stopped: true},
	}}
	if got := g.seeds(row); got != "3 [1] [2]" {
		t.Errorf("got %q", got)
	}
	if len(g.notes) != 2 || !strings.Contains(g.notes[0], "seed 2: n1 never came up") {
		t.Errorf("notes %q", g.notes)
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"plain-1.2_x": "plain-1.2_x", "": "''", "async, reads any": "'async, reads any'",
		"it's": `'it'\''s'`, "$(rm)": "'$(rm)'",
	} {
		if got := Quote(in); got != want {
			t.Errorf("Quote(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	if got := Wrap("one two  three fourfourfour", 8); got != "one two\nthree\nfourfourfour" {
		t.Errorf("got %q", got)
	}
}
