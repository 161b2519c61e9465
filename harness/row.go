package harness

import (
	"maps"
	"slices"

	"github.com/rashomon-harness/rashomon/checkers"
)

// newRow returns the row of an experiment, without seeds.
func newRow(e *Experiment) Row {
	return Row{Experiment: e.Name, Row: e.Row, Target: e.Target, Env: e.Env, Config: e.Config}
}

// finish sums up the seeds of a row and judges them.
func (row *Row) finish(e *Experiment, cat *Catalogue, reproduce func(*Experiment, uint64) string) {
	row.doubtMissing()
	row.Cells = nil
	for _, p := range e.Properties(cat) {
		row.Cells = append(row.Cells, row.cell(p))
	}
	row.judge(e, reproduce)
}

// doubtMissing makes the valid verdicts unknown when a kind of fault was planned in some seeds and
// installed in none of them.
func (row *Row) doubtMissing() {
	sum := make(map[string]FaultCounts)
	for i := range row.Seeds {
		for kind, n := range row.Seeds[i].Faults {
			s := sum[kind]
			s.Installed += n.Installed
			s.Skipped += n.Skipped
			s.Indeterminate += n.Indeterminate
			if s.Reason == "" {
				s.Reason = n.Reason
			}
			sum[kind] = s
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(sum)) {
		reason := sum[kind].missing(kind)
		if reason == "" {
			continue
		}
		for i := range row.Seeds {
			if _, planned := row.Seeds[i].Faults[kind]; planned {
				doubt(row.Seeds[i].Verdicts, reason)
			}
		}
	}
}

// cell sums up what the seeds say about one property.
func (row *Row) cell(property string) Cell {
	cell := Cell{Property: property}
	measured := make(map[string]int)
	for i := range row.Seeds {
		seed := &row.Seeds[i]
		cell.Ops += int64(seed.Ops)
		v := seed.verdict(property)
		if v == nil {
			continue
		}
		switch v.Result {
		case checkers.Valid:
			cell.Valid++
		case checkers.Invalid:
			cell.Invalid++
		default:
			if cell.Unknown++; cell.Reason == "" {
				cell.Reason = v.Reason
			}
		}
		cell.Opportunities += v.Opportunities
		cell.Counts = added(cell.Counts, v.Counts)
		for name, x := range v.Measures {
			if cell.Measures == nil {
				cell.Measures = make(map[string]float64)
			}
			cell.Measures[name] += x
			measured[name]++
		}
		cell.Smallest = smaller(cell.Smallest, seed.Seed, v)
	}
	for name, n := range measured {
		cell.Measures[name] /= float64(n)
	}
	switch {
	case cell.Invalid > 0:
		cell.Result = checkers.Invalid
	case cell.Unknown == 0 && cell.Valid > 0:
		cell.Result = checkers.Valid
	}
	return cell
}

// verdict returns what a seed says about a property, nil when it says nothing.
func (s *SeedOutcome) verdict(property string) *checkers.Verdict {
	for i := range s.Verdicts {
		if s.Verdicts[i].Property == property {
			return &s.Verdicts[i]
		}
	}
	return nil
}

// smaller returns the witness with the fewest operations, and of these the one with the lowest seed:
// the best so far, or one of v's.
func smaller(best *Witness, seed uint64, v *checkers.Verdict) *Witness {
	if v.Result != checkers.Invalid {
		return best
	}
	for i := range v.Anomalies {
		a := &v.Anomalies[i]
		if best == nil || size(a) < size(&best.Anomaly) ||
			size(a) == size(&best.Anomaly) && seed < best.Seed {
			best = &Witness{Seed: seed, Anomaly: *a}
		}
	}
	return best
}
