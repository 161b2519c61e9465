package harness

import (
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/checkers"
)

// TestCellSumsUp: counts add up over the seeds, measures are means over the seeds that have them, and a seed
// without a verdict on the property is neither valid nor unknown.
func TestCellSumsUp(t *testing.T) {
	seed := func(n uint64, v checkers.Verdict) SeedOutcome {
		v.Property, v.Opportunities = checkers.Durability, 10
		return SeedOutcome{Seed: n, Ops: 100, Verdicts: []checkers.Verdict{{Property: "other"}, v}}
	}
	unknown := func(n uint64, reason string) SeedOutcome {
		return seed(n, checkers.Verdict{Reason: reason, Measures: map[string]float64{"outage_ns": 6}})
	}
	lost := func(n uint64, lost int64) SeedOutcome {
		return seed(n, checkers.Verdict{Result: checkers.Invalid,
			Counts:   map[string]int64{"lost-write": lost},
			Measures: map[string]float64{"outage_ns": 3, "speed": 7}})
	}
	row := Row{Seeds: []SeedOutcome{
		{Seed: 1, Ops: 100}, unknown(2, "out of time"), unknown(3, "out of memory"), lost(4, 2), lost(5, 5),
		seed(6, checkers.Verdict{Result: checkers.Valid}),
	}}
	got := row.cell(checkers.Durability)
	if got.Valid != 1 || got.Invalid != 2 || got.Unknown != 2 || got.Result != checkers.Invalid ||
		got.Reason != "out of time" || got.Ops != 600 || got.Opportunities != 50 ||
		got.Counts["lost-write"] != 7 || got.Measures["outage_ns"] != 4.5 || got.Measures["speed"] != 7 {
		t.Errorf("got %+v", got)
	}
	for _, c := range []struct {
		seeds []SeedOutcome
		want  checkers.Result
	}{
		{row.Seeds[5:], checkers.Valid},
		{row.Seeds[:1], checkers.Unknown},
		{append(row.Seeds[5:], row.Seeds[1]), checkers.Unknown},
	} {
		part := Row{Seeds: c.seeds}
		if got := part.cell(checkers.Durability); got.Result != c.want {
			t.Errorf("%d seeds: %v, want %v", len(c.seeds), got.Result, c.want)
		}
	}
}

// TestDoubtOverTheWholeRow: a kind that no seed had leaves open what would be valid in the seeds that planned
// it, for the first reason given, and what is invalid stays so.
func TestDoubtOverTheWholeRow(t *testing.T) {
	const kind = "crash/lose-unsynced"
	with := func(n uint64, result checkers.Result, faults map[string]FaultCounts) SeedOutcome {
		s := seedOf(n, result, nil, 1)
		s.Faults = faults
		return s
	}
	skipped := func(reason string) map[string]FaultCounts {
		return map[string]FaultCounts{kind: {Skipped: 1, Reason: reason},
			"pause/pause": {Installed: 1, Skipped: 2, Reason: "n1 is down"}}
	}
	half := map[string]FaultCounts{kind: {Indeterminate: 1, Reason: "no answer"}}
	row := Row{Seeds: []SeedOutcome{
		with(1, checkers.Valid, skipped("no leader is known")),
		with(2, checkers.Valid, skipped("all are down")), with(3, checkers.Valid, nil),
		with(4, checkers.Invalid, skipped("all are down")),
	}}
	row.finish(&Experiment{}, &Catalogue{}, func(*Experiment, uint64) string { return "" })
	cell := row.cell(checkers.Durability)
	if cell.Valid != 1 || cell.Unknown != 2 || cell.Invalid != 1 ||
		cell.Reason != "fault "+kind+" was skipped: no leader is known" {
		t.Errorf("got %+v", cell)
	}
	row = Row{Seeds: []SeedOutcome{with(1, checkers.Valid, half), with(2, checkers.Valid, half)}}
	row.doubtMissing()
	if cell := row.cell(checkers.Durability); cell.Unknown != 2 || !strings.Contains(cell.Reason,
		"may not have been installed: no answer") {
		t.Errorf("got %+v", cell)
	}
}
