package harness

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/history"
)

// seedOf is a seed's outcome with one verdict.
func seedOf(seed uint64, result checkers.Result, counts map[string]int64, x float64) SeedOutcome {
	v := checkers.Verdict{Property: checkers.Durability, Result: result, Counts: counts,
		Measures: map[string]float64{"ok_share": x}}
	if result == checkers.Unknown {
		v.Reason = checkers.NotExercised
	}
	return SeedOutcome{Seed: seed, Verdicts: []checkers.Verdict{v}, Marks: map[string]int64{"failover": 2}}
}

func TestJudge(t *testing.T) {
	held := seedOf(1, checkers.Valid, nil, 1)
	lost := seedOf(2, checkers.Invalid, map[string]int64{"lost-write": 3}, 0.5)
	open := seedOf(3, checkers.Unknown, nil, 0)
	failed := open
	failed.Failure = "a node never came up"
	hold := Expectation{Property: checkers.Durability, Kind: MustHold}
	violate := Expectation{Property: checkers.Durability, Kind: MustViolate}
	kind := func(k string) Expectation {
		return Expectation{Property: checkers.Durability, Kind: MustViolate, Anomaly: k}
	}
	may := Expectation{Property: checkers.Durability, Kind: MayViolate}
	bound := func(property, measure string, least, most float64) Expectation {
		return Expectation{Property: property, Kind: Bound, Measure: measure, AtLeast: least, AtMost: most}
	}
	for _, c := range []struct {
		seeds  []SeedOutcome
		expect Expectation
		exit   int
		saw    string
	}{
		{[]SeedOutcome{held, held}, hold, ExitExpected, "held in 2 of 2 seeds"},
		{[]SeedOutcome{held, lost}, hold, ExitUnexpected, "violated in 1 of 2 seeds: lost-write 3"},
		{[]SeedOutcome{held, open}, hold, ExitUnknown, "unknown in 1 of 2 seeds (not exercised)"},
		{[]SeedOutcome{held, failed}, hold, ExitFailure, "unknown in 1 of 2 seeds"},
		{[]SeedOutcome{lost, open}, hold, ExitUnexpected, "violated"},
		{[]SeedOutcome{held, lost}, violate, ExitExpected, "violated in 1 of 2 seeds"},
		{[]SeedOutcome{held, lost}, kind("lost-write"), ExitExpected, "lost-write in 1 of 2 seeds"},
		{[]SeedOutcome{held, lost}, kind("phantom"), ExitUnexpected, "no phantom"},
		{[]SeedOutcome{held, held}, violate, ExitUnexpected, "held in 2 of 2 seeds"},
		{[]SeedOutcome{held, open}, violate, ExitUnknown, "unknown"},
		{[]SeedOutcome{held, lost}, may, ExitExpected, "violated"},
		{[]SeedOutcome{held, open}, may, ExitUnknown, "unknown"},
		{[]SeedOutcome{held, lost}, bound(checkers.Durability, "ok_share", 0.75, 1), ExitExpected,
			"75.0% in the mean over the seeds"},
		{[]SeedOutcome{held, lost}, bound(checkers.Durability, "ok_share", 0.8, 1), ExitUnexpected, "75.0%"},
		{[]SeedOutcome{held}, bound(checkers.Durability, "speed", 0, 1), ExitUnknown, "measured: ok_share"},
		{[]SeedOutcome{held, lost}, bound(MarksProperty, "failover", 4, math.Inf(1)), ExitExpected,
			"4 over all seeds"},
		{[]SeedOutcome{held, lost}, bound(MarksProperty, "failover", 5, math.Inf(1)), ExitUnexpected, "4"},
		{[]SeedOutcome{held}, Expectation{Property: checkers.Convergence, Kind: MustHold}, ExitUnknown,
			"not checked"},
		{nil, hold, ExitFailure, "no seed was run"},
	} {
		row := Row{Seeds: c.seeds}
		row.Cells = []Cell{row.cell(checkers.Durability)}
		row.judge(&Experiment{Expect: []Expectation{c.expect}}, func(*Experiment,
			uint64) string {
			return "again"
		})
		got := row.Expectations[0]
		if got.Exit != c.exit || !strings.Contains(got.Saw, c.saw) || got.Met != (c.exit == ExitExpected) {
			t.Errorf("%d seeds, %s: exit %d, saw %q; want %d, %q", len(c.seeds), &c.expect, got.Exit, got.Saw,
				c.exit, c.saw)
		}
	}
}

func TestNothingExpectedMeansHold(t *testing.T) {
	row := Row{Seeds: []SeedOutcome{seedOf(1, checkers.Invalid, nil, 0)}}
	row.Cells = []Cell{row.cell(checkers.Durability)}
	row.judge(&Experiment{}, func(*Experiment, uint64) string { return "" })
	if row.Exit != ExitUnexpected || row.Expectations[0].Asked != "must-hold" {
		t.Errorf("exit %d, %+v", row.Exit, row.Expectations)
	}
}

// TestNothingJudged: a run of which nothing is asked (a replay compares histories) comes out as expected, and
// a harness failure in it is one still.
func TestNothingJudged(t *testing.T) {
	failed := seedOf(1, checkers.Unknown, nil, 0)
	failed.Failure = "a node never came up"
	for want, seeds := range map[int][]SeedOutcome{
		ExitExpected: {seedOf(1, checkers.Valid, nil, 1)}, ExitFailure: {failed},
	} {
		row := Row{Seeds: seeds}
		row.judge(&Experiment{Checkers: []string{}}, func(*Experiment, uint64) string { return "" })
		if row.Exit != want || len(row.Expectations) > 0 {
			t.Errorf("exit %d, want %d; %+v", row.Exit, want, row.Expectations)
		}
	}
}

func TestWorst(t *testing.T) {
	for want, codes := range map[int][]int{
		ExitUnexpected: {0, 2, 4, 1}, ExitFailure: {0, 2, 4}, ExitUnknown: {0, 2, 0}, ExitExpected: {0, 0},
	} {
		if got := Worst(codes...); got != want {
			t.Errorf("%v: %d, want %d", codes, got, want)
		}
	}
	if Worst() != ExitFailure {
		t.Error("what ran nothing passes")
	}
}

// TestSkippedFaults: an environment that cannot do a fault leaves the seed open; a fault that found nobody
// to hit does only when its kind was never there in the whole row.
func TestSkippedFaults(t *testing.T) {
	lacks := FaultCounts{Skipped: 2, Cannot: 1, Reason: "this environment cannot: x"}
	nobody := FaultCounts{Skipped: 1, Reason: "no leader is known"}
	there := FaultCounts{Installed: 3}
	for _, c := range []struct {
		first, second FaultCounts
		seed          string // why the first seed is in doubt
		row           checkers.Result
	}{
		{there, there, "", checkers.Valid},
		{nobody, there, "", checkers.Valid},
		{nobody, nobody, "", checkers.Unknown},
		{lacks, lacks, "partition/halves was skipped", checkers.Unknown},
		{FaultCounts{Indeterminate: 1, Reason: "x"}, there, "may not have been installed", checkers.Valid},
	} {
		if got := lacking(map[string]FaultCounts{"partition/halves": c.first}); !strings.Contains(got,
			c.seed) ||
			(got == "") != (c.seed == "") {
			t.Errorf("%+v: %q, want %q", c.first, got, c.seed)
		}
		row := Row{}
		for i, n := range []FaultCounts{c.first, c.second} {
			s := seedOf(uint64(i), checkers.Valid, nil, 1)
			s.Faults = map[string]FaultCounts{"partition/halves": n}
			row.Seeds = append(row.Seeds, s)
		}
		row.doubtMissing()
		if cell := row.cell(checkers.Durability); cell.Result != c.row {
			t.Errorf("%+v and %+v: the row is %v, want %v", c.first, c.second, cell.Result, c.row)
		}
	}
}

func TestSmallestWitness(t *testing.T) {
	seed := func(n uint64, sizes ...int) SeedOutcome {
		s := seedOf(n, checkers.Invalid, nil, 0)
		for _, k := range sizes {
			s.Verdicts[0].Anomalies = append(s.Verdicts[0].Anomalies,
				checkers.Anomaly{Kind: fmt.Sprint(k), Indices: make([]int, k)})
		}
		return s
	}
	row := Row{Seeds: []SeedOutcome{seed(7, 2), seed(2, 3, 2), seed(1, 4), seed(3, 2),
		seedOf(4, checkers.Valid, nil, 1)}}
	w := row.cell(checkers.Durability).Smallest
	if w == nil || w.Seed != 2 || w.Anomaly.Kind != "2" {
		t.Errorf("got %+v", w)
	}
}

type brokenChecker struct{}

func (brokenChecker) Properties() []string { return []string{checkers.Durability} }

func (brokenChecker) Check(context.Context, *history.History) []checkers.Verdict { panic("off by one") }

func TestABrokenCheckerIsUnknown(t *testing.T) {
	got := Check(t.Context(), brokenChecker{}, &history.History{})
	if len(got) != 1 || got[0].Result != checkers.Unknown || !strings.Contains(got[0].Reason, "off by one") {
		t.Errorf("got %+v", got)
	}
}

// TestWhichSeedShowsIt: what did not come true names the seed that shows it best: the smallest witness, the
// first that does not know, the first harness failure.
func TestWhichSeedShowsIt(t *testing.T) {
	lost := func(seed uint64, size int) SeedOutcome {
		s := seedOf(seed, checkers.Invalid, map[string]int64{"lost-write": 1}, 0.5)
		if size > 0 {
			s.Verdicts[0].Anomalies = []checkers.Anomaly{{Kind: "lost-write", Indices: make([]int, size)}}
		}
		return s
	}
	held := func(seed uint64) SeedOutcome { return seedOf(seed, checkers.Valid, nil, 1) }
	open, failed := seedOf(5, checkers.Unknown, nil, 0), seedOf(6, checkers.Unknown, nil, 0)
	failed.Failure = "a node never came up"
	ask := func(kind ExpectKind, anomaly string) Expectation {
		return Expectation{Property: checkers.Durability, Kind: kind, Anomaly: anomaly}
	}
	share := ask(Bound, "")
	share.Measure, share.AtLeast, share.AtMost = "ok_share", 0.9, 1
	for _, c := range []struct {
		seeds  []SeedOutcome
		expect Expectation
		exit   int
		want   string
	}{
		{[]SeedOutcome{held(1), lost(2, 4), lost(3, 2)}, ask(MustHold, ""), ExitUnexpected, "3"},
		{[]SeedOutcome{held(1), lost(2, 0), lost(3, 0)}, ask(MustHold, ""), ExitUnexpected, "2"},
		{[]SeedOutcome{held(1), open, open}, ask(MustHold, ""), ExitUnknown, "5"},
		{[]SeedOutcome{held(1), open, failed}, ask(MustHold, ""), ExitFailure, "6"},
		{[]SeedOutcome{lost(2, 1), failed}, ask(MustHold, ""), ExitUnexpected, "2"},
		{[]SeedOutcome{lost(2, 1), failed}, ask(MayViolate, ""), ExitFailure, "6"},
		{[]SeedOutcome{lost(2, 1), failed}, ask(MustViolate, ""), ExitFailure, ""},
		{[]SeedOutcome{held(1), lost(2, 1)}, ask(MustViolate, "phantom"), ExitUnexpected, "2"},
		{[]SeedOutcome{held(1), held(2)}, ask(MustViolate, ""), ExitUnexpected, ""},
		{[]SeedOutcome{held(1), lost(2, 1)}, share, ExitUnexpected, "1"},
		{[]SeedOutcome{held(1), failed}, share, ExitFailure, "6"},
		{[]SeedOutcome{held(1)}, share, ExitExpected, ""},
	} {
		row := Row{Seeds: c.seeds}
		row.Cells = []Cell{row.cell(checkers.Durability)}
		row.judge(&Experiment{Expect: []Expectation{c.expect}}, func(_ *Experiment, seed uint64) string {
			return fmt.Sprint(seed)
		})
		if got := row.Expectations[0].Reproduce; got != c.want || row.Exit != c.exit {
			t.Errorf("%v of %d seeds: exit %d, shown by seed %q; want %d, %q", &c.expect, len(c.seeds),
				row.Exit, got, c.exit, c.want)
		}
	}
}

// TestAsked: bounds are asked for in the measure's unit.
func TestAsked(t *testing.T) {
	none := math.Inf(1)
	for want, e := range map[string]Expectation{
		"must-hold":               {Kind: MustHold},
		"must-violate":            {Kind: MustViolate},
		"must-violate lost-write": {Kind: MustViolate, Anomaly: "lost-write"},
		"may-violate":             {Kind: MayViolate},
		"ok_share_writes at least 60.0% at most 99.5%": {Kind: Bound, Measure: "ok_share_writes",
			AtLeast: 0.6, AtMost: 0.995},
		"write_p50_ns at most 20ms": {Kind: Bound, Measure: "write_p50_ns", AtLeast: -none, AtMost: 20e6},
		"failover at least 3":       {Kind: Bound, Measure: "failover", AtLeast: 3, AtMost: none},
	} {
		if got := e.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
