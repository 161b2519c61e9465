package results

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/harness"
)

// quorumSeed is a run in which so many of the decided reads were stale.
func quorumSeed(n uint64, stale, decided int64) harness.SeedOutcome {
	share := 0.0
	if decided > 0 {
		share = float64(stale) / float64(decided)
	}
	return harness.SeedOutcome{Seed: n, Ops: 100, Ok: 90, Marks: map[string]int64{"failover": int64(n)},
		Verdicts: []checkers.Verdict{
			{Property: "other", Measures: map[string]float64{"stale_share": 0.9}},
			{Property: checkers.PropertyQuorum, Opportunities: 7, Measures: map[string]float64{
				"stale_share": share, "reads_decided": float64(decided),
				"no_overlap_share": 0.1 * float64(n)}},
			{Property: checkers.Availability, Opportunities: 100,
				Measures: map[string]float64{"ok_share": 0.9, "write_p99_ns": 1e6 * float64(n)}},
		}}
}

// TestPool: the share over all seeds together is the sum of the stale reads over the sum of the reads,
// however they are spread over the seeds.
func TestPool(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 200 {
		row := &harness.Row{}
		var stale, decided int64
		marks := 0.0
		for n := range 1 + r.IntN(6) {
			of := r.Int64N(50)
			part := r.Int64N(of + 1)
			stale, decided, marks = stale+part, decided+of, marks+float64(n)
			row.Seeds = append(row.Seeds, quorumSeed(uint64(n), part, of))
		}
		p, ok := pool(row, checkers.PropertyQuorum, "stale_share")
		if ok != (decided > 0) || ok && (math.Abs(p.Value-float64(stale)/float64(decided)) > 1e-9 ||
			p.Weight != float64(decided) || p.By != "reads_decided" || p.How != pooledWeighted) {
			t.Fatalf("%d of %d: got %+v, %v", stale, decided, p, ok)
		}
		p, _ = pool(row, checkers.PropertyQuorum, "reads_decided")
		if p.Value != float64(decided) || p.How != pooledSum || p.Seeds != len(row.Seeds) {
			t.Fatalf("%d decided: got %+v", decided, p)
		}
		if p, _ = pool(row, harness.MarksProperty, "failover"); p.Value != marks || p.How != pooledSum {
			t.Fatalf("%v marks: got %+v", marks, p)
		}
	}
}

func TestPoolMean(t *testing.T) {
	row := &harness.Row{Seeds: []harness.SeedOutcome{quorumSeed(1, 0, 10), quorumSeed(2, 1, 1000),
		{Seed: 3, Verdicts: []checkers.Verdict{{Property: checkers.PropertyQuorum}}}, {Seed: 4}}}
	p, ok := pool(row, checkers.PropertyQuorum, "no_overlap_share")
	if want := (pooled{checkers.PropertyQuorum, "no_overlap_share", p.Value, pooledMean, "", 0, 2}); !ok ||
		p != want || math.Abs(p.Value-0.15) > 1e-9 {
		t.Errorf("got %+v, %v", p, ok)
	}
	for _, ref := range []MeasureRef{{checkers.PropertyQuorum, "moon"}, {"moon", "stale_share"}, {"", ""}} {
		if p, ok := pool(row, ref.Property, ref.Name); ok {
			t.Errorf("%+v: got %+v", ref, p)
		}
	}
}

// TestPooledNames: what is added up or weighted is the name of a measure that its checkers give.
func TestPooledNames(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "checkers", "*.go"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var source strings.Builder
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(file, "_test.go") {
			source.Write(data)
		}
	}
	check := func(name string) {
		if !strings.Contains(source.String(), `"`+name) && name != weightOpportunities {
			t.Errorf("no checker has the measure %s", name)
		}
	}
	for _, names := range summed {
		for _, name := range names {
			check(name)
		}
	}
	for _, shares := range weighted {
		for name, by := range shares {
			check(strings.TrimSuffix(name, "_writes"))
			check(by)
		}
	}
}

// sampleComparison has two rows that ran, one that is not possible and one that was not run.
func sampleComparison() *Comparison {
	row := func(name string, seeds ...harness.SeedOutcome) harness.Row {
		r := harness.Row{Experiment: "sample", Row: name, Env: "sim", Seeds: seeds, Cells: []harness.Cell{
			{Property: checkers.Linearizability, Valid: 2, Result: checkers.Valid},
			{Property: checkers.PropertyQuorum, Valid: 1, Invalid: 1, Result: checkers.Invalid, Ops: 200,
				Counts: map[string]int64{checkers.KindStaleNoOverlap: 5}},
			{Property: checkers.Availability, Valid: 2, Result: checkers.Valid},
		}, Expectations: []harness.ExpectationResult{
			{Property: checkers.PropertyQuorum, Asked: "must-hold", Exit: 1, Saw: "violated in 1 of 2 seeds",
				Reproduce: "rashomon run x.yaml --set config.r=1 --seed 2"},
			{Property: checkers.Durability, Asked: "may-violate", Exit: 2, Saw: "unknown in 1 of 2 seeds"},
			{Property: checkers.Linearizability, Asked: "must-hold", Met: true},
		}}
		for i := range r.Cells {
			for _, s := range seeds {
				for _, v := range s.Verdicts {
					if v.Property == r.Cells[i].Property {
						r.Cells[i].Measures = v.Measures
					}
				}
			}
		}
		return r
	}
	value := func(text string, x any) harness.VariedValue { return harness.VariedValue{Text: text, Any: x} }
	first := row("config.r=1, config.w=1", quorumSeed(1, 1, 10), quorumSeed(2, 0, 990))
	second := row("config.r=2, config.w=2", quorumSeed(1, 20, 40), quorumSeed(2, 0, 0))
	second.Cells, second.Expectations = second.Cells[:2], nil
	return &Comparison{
		Fields: []string{"config.r", "config.w"},
		Rows: []ComparedRow{
			{Row: first.Row, Values: []harness.VariedValue{value("1", 1), value("1", 1)}},
			{Row: "config.r=1, config.w=4", Values: []harness.VariedValue{value("1", 1), value("4", 4)},
				Refused: "config.w: 4 is not allowed; allowed: 1 to n, which is 3"},
			{Row: second.Row, Values: []harness.VariedValue{value("2", 2), value("2", 2)}},
			{Row: "config.r=2, config.w=3", Values: []harness.VariedValue{value("2", 2), value("3", 3)}},
		},
		Measures: []MeasureRef{{"", "stale_share"}, {checkers.PropertyQuorum, "reads_decided"},
			{checkers.Availability, "write_p99_ns"}, {harness.MarksProperty, "failover"}, {"", "moon"},
			{checkers.PropertyQuorum, "stale_share"}},
		Outcome: &harness.Outcome{Schema: harness.OutcomeSchema, Name: "sample", Stopped: true, Exit: 4,
			Rows: []harness.Row{first, second}},
	}
}

func TestCompareText(t *testing.T) {
	var wide, narrow, colored, markdown bytes.Buffer
	for _, err := range []error{
		CompareText(&wide, sampleComparison(), View{}),
		CompareText(&narrow, sampleComparison(), View{Width: 60}),
		CompareText(&colored, sampleComparison(), View{Color: true}),
		CompareMarkdown(&markdown, sampleComparison()),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "compare.txt", wide.String())
	golden(t, "compare-narrow.txt", narrow.String())
	golden(t, "compare.md", markdown.String())
	table, _, _ := strings.Cut(narrow.String(), "\n\n[1]")
	for line := range strings.SplitSeq(table, "\n") {
		if n := utf8.RuneCountInString(line); n > 60 && !strings.Contains(line, "over the seeds") {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	plain := strings.NewReplacer("\x1b[32m", "", "\x1b[31m", "", "\x1b[33m", "", "\x1b[0m", "")
	if colored.String() == wide.String() || plain.Replace(colored.String()) != wide.String() {
		t.Errorf("colours must change colours only:\n%s", colored.String())
	}
}

func TestCompareJSON(t *testing.T) {
	var buf bytes.Buffer
	if err := CompareJSON(&buf, sampleComparison()); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Rows []struct {
			Row, Refused string
			Values       map[string]any
			Measures     []pooled
		}
		Outcome any
	}
	if err := json.Unmarshal(buf.Bytes(), &got); err != nil || len(got.Rows) != 4 {
		t.Fatalf("%v\n%s", err, buf.String())
	}
	if got.Rows[1].Refused == "" || got.Rows[1].Values["config.w"] != 4.0 || len(got.Rows[1].Measures) > 0 ||
		len(got.Rows[3].Measures) > 0 || len(got.Rows[0].Measures) != 6 {
		t.Errorf("got %+v", got.Rows)
	}
	s := readSchema(t)
	for _, wrong := range s.check(s, "outcome", got.Outcome) {
		t.Error(wrong)
	}
}

// TestCompareNothing: without anything that varies the rows are the file's configurations.
func TestCompareNothing(t *testing.T) {
	c := &Comparison{Rows: []ComparedRow{{Row: ""}}, Outcome: &harness.Outcome{Name: "x",
		Rows: []harness.Row{{Experiment: "x", Seeds: []harness.SeedOutcome{{Seed: 1}}}}}}
	var buf bytes.Buffer
	if err := CompareText(&buf, c, View{}); err != nil || buf.String() != "configuration  seeds  avail\n"+
		"x              1      –\n" {
		t.Errorf("%v\n%s", err, buf.String())
	}
}

func TestMeasureText(t *testing.T) {
	for _, c := range []struct {
		name string
		x    float64
		want string
	}{
		{"stale_share", 0, "0.0%"}, {"stale_share", 0.00042, "0.042%"}, {"stale_share", 0.0123, "1.2%"},
		{"stale_share", 0.421, "42.1%"}, {"stale_share", 0.9999, "99.9%"}, {"ok_share@n1", 1, "100.0%"},
		{"t_max_ns", 1234567, "1.23ms"}, {"t_max_ns", 0, "0s"}, {"t_max_ns", 12345678901, "12.3s"},
		{"t_max_ns", 999, "999ns"}, {"reads_decided", 1e6, "1000000"}, {"k_max", 2.5, "2.5"},
	} {
		if got := measureText(c.name, c.x); got != c.want {
			t.Errorf("%s %v: got %s, want %s", c.name, c.x, got, c.want)
		}
	}
}
