package harness

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rashomon-harness/rashomon/checkers"
)

// Worst returns the exit code that stands for several: unexpected, before harness failure, before
// unknown, before as expected. Nothing is a harness failure: what ran nothing proved nothing.
func Worst(codes ...int) int {
	for _, code := range []int{ExitUnexpected, ExitFailure, ExitUnknown, ExitExpected} {
		if slices.Contains(codes, code) {
			return code
		}
	}
	return ExitFailure
}

// judge holds the row against what was expected of it. An experiment that expects nothing must hold in
// all properties; one that expects something is judged by that alone.
func (row *Row) judge(e *Experiment, reproduce func(*Experiment, uint64) string) {
	expect := e.Expect
	if len(expect) == 0 {
		for i := range row.Cells {
			expect = append(expect, Expectation{Property: row.Cells[i].Property, Kind: MustHold})
		}
	}
	row.Expectations = nil
	codes := []int{ExitExpected}
	if len(row.Seeds) == 0 {
		codes = nil
	}
	for i := range expect {
		j := &judgement{row: row, e: &expect[i]}
		result := ExpectationResult{Property: expect[i].Property, Asked: expect[i].String()}
		result.Exit, result.Saw = j.decide()
		result.Met = result.Exit == ExitExpected
		if !result.Met && j.seed != nil {
			result.Reproduce = reproduce(e, j.seed.Seed)
		}
		row.Expectations = append(row.Expectations, result)
		codes = append(codes, result.Exit)
	}
	if failed := row.failed(); failed != nil {
		codes = append(codes, ExitFailure)
	}
	row.Exit = Worst(codes...)
}

// failed returns the first seed with a harness failure, nil when there is none.
func (row *Row) failed() *SeedOutcome {
	for i := range row.Seeds {
		if row.Seeds[i].Failure != "" {
			return &row.Seeds[i]
		}
	}
	return nil
}

// String returns what is asked, for people: "must-violate lost-write", "ok_share at least 0.6".
func (e *Expectation) String() string {
	switch e.Kind {
	case MustViolate:
		return strings.TrimSpace(string(e.Kind) + " " + e.Anomaly)
	case Bound:
		text := e.Measure
		if e.AtLeast > math.Inf(-1) {
			text += " at least " + figure(e.Measure, e.AtLeast)
		}
		if e.AtMost < math.Inf(1) {
			text += " at most " + figure(e.Measure, e.AtMost)
		}
		return text
	}
	return string(e.Kind)
}

// figure writes the value of a measure, for people; the measure's name ends with its unit.
func figure(measure string, x float64) string {
	switch {
	case strings.HasSuffix(measure, "_ns"):
		return time.Duration(x).Round(time.Microsecond).String()
	case strings.Contains(measure, "_share"):
		return strconv.FormatFloat(100*x, 'f', 1, 64) + "%"
	}
	return strconv.FormatFloat(x, 'g', 6, 64)
}

// judgement is one expectation being held against a row.
type judgement struct {
	row  *Row
	e    *Expectation
	seed *SeedOutcome // the one that shows why it did not come true, nil when there is none
}

// decide returns the exit code of the expectation and what was seen.
func (j *judgement) decide() (exit int, saw string) {
	if len(j.row.Seeds) == 0 {
		return ExitFailure, "no seed was run"
	}
	if j.e.Property == MarksProperty {
		return j.marks()
	}
	cell := j.row.find(j.e.Property)
	if cell == nil {
		return ExitUnknown, "the property was not checked"
	}
	switch j.e.Kind {
	case MustHold:
		return j.mustHold(cell)
	case MustViolate:
		return j.mustViolate(cell)
	case MayViolate:
		if cell.Unknown > 0 {
			return j.unknown(cell)
		}
		return ExitExpected, j.violated(cell)
	}
	return j.bound(cell)
}

// find returns the row's cell of a property, nil when it has none.
func (row *Row) find(property string) *Cell {
	for i := range row.Cells {
		if row.Cells[i].Property == property {
			return &row.Cells[i]
		}
	}
	return nil
}

// first returns the first seed whose verdict has the given result, nil when there is none.
func (j *judgement) first(result checkers.Result) *SeedOutcome {
	for i := range j.row.Seeds {
		if v := j.row.Seeds[i].verdict(j.e.Property); v != nil && v.Result == result {
			return &j.row.Seeds[i]
		}
	}
	return nil
}

// unknown is the judgement when a seed does not know: a harness failure when that is why.
func (j *judgement) unknown(cell *Cell) (exit int, saw string) {
	j.seed = j.first(checkers.Unknown)
	exit = ExitUnknown
	if failed := j.row.failed(); failed != nil {
		j.seed, exit = failed, ExitFailure
	}
	return exit, fmt.Sprintf("unknown in %s (%s)", ofSeeds(cell.Unknown, j.row), cell.Reason)
}

func (j *judgement) mustHold(cell *Cell) (exit int, saw string) {
	switch {
	case cell.Invalid > 0:
		j.seed = j.first(checkers.Invalid)
		if cell.Smallest != nil {
			j.seed = j.row.seed(cell.Smallest.Seed)
		}
		return ExitUnexpected, j.violated(cell)
	case cell.Unknown > 0 || cell.Valid == 0:
		return j.unknown(cell)
	}
	return ExitExpected, j.violated(cell)
}

// seed returns the outcome of a seed, nil when it was not run.
func (row *Row) seed(n uint64) *SeedOutcome {
	for i := range row.Seeds {
		if row.Seeds[i].Seed == n {
			return &row.Seeds[i]
		}
	}
	return nil
}

func (j *judgement) mustViolate(cell *Cell) (exit int, saw string) {
	shown := 0
	for i := range j.row.Seeds {
		if shows(j.row.Seeds[i].verdict(j.e.Property), j.e.Anomaly) {
			shown++
		}
	}
	switch {
	case shown > 0 && j.e.Anomaly != "":
		return ExitExpected, fmt.Sprintf("%s in %s", j.e.Anomaly, ofSeeds(shown, j.row))
	case shown > 0:
		return ExitExpected, j.violated(cell)
	case cell.Unknown > 0:
		return j.unknown(cell)
	case cell.Invalid > 0:
		j.seed = j.first(checkers.Invalid)
		return ExitUnexpected, fmt.Sprintf("no %s; %s", j.e.Anomaly, j.violated(cell))
	}
	return ExitUnexpected, j.violated(cell)
}

// shows reports whether a verdict has an anomaly of that kind; of any, for "".
func shows(v *checkers.Verdict, kind string) bool {
	if v == nil || v.Result != checkers.Invalid {
		return false
	}
	return kind == "" || v.Counts[kind] > 0 ||
		slices.ContainsFunc(v.Anomalies, func(a checkers.Anomaly) bool { return a.Kind == kind })
}

// violated says how often a property was violated, and how.
func (j *judgement) violated(cell *Cell) string {
	if cell.Invalid == 0 {
		return "held in " + ofSeeds(cell.Valid, j.row)
	}
	text := "violated in " + ofSeeds(cell.Invalid, j.row)
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(cell.Counts)) {
		kinds = append(kinds, fmt.Sprintf("%s %d", kind, cell.Counts[kind]))
	}
	if len(kinds) > 0 {
		text += ": " + strings.Join(kinds, ", ")
	}
	return text
}

// ofSeeds counts seeds for people: "3 of 20 seeds".
func ofSeeds(n int, row *Row) string { return fmt.Sprintf("%d of %d seeds", n, len(row.Seeds)) }

func (j *judgement) bound(cell *Cell) (exit int, saw string) {
	x, ok := cell.Measures[j.e.Measure]
	if !ok {
		exit, _ = j.unknown(cell)
		return exit, fmt.Sprintf("%s was not measured; measured: %s", j.e.Measure,
			strings.Join(slices.Sorted(maps.Keys(cell.Measures)), ", "))
	}
	return j.within(x, figure(j.e.Measure, x)+" in the mean over the seeds")
}

// within judges a figure by the bounds.
func (j *judgement) within(x float64, saw string) (int, string) {
	if failed := j.row.failed(); failed != nil {
		j.seed = failed
		return ExitFailure, saw + ", but not all seeds could be run"
	}
	if x < j.e.AtLeast || x > j.e.AtMost {
		j.seed = &j.row.Seeds[0]
		return ExitUnexpected, saw
	}
	return ExitExpected, saw
}

// marks judges how often a mark was reached, over all seeds.
func (j *judgement) marks() (exit int, saw string) {
	sum, counted := int64(0), false
	for i := range j.row.Seeds {
		counted = counted || j.row.Seeds[i].Marks != nil
		sum += j.row.Seeds[i].Marks[j.e.Measure]
	}
	if !counted {
		return ExitUnknown, "this environment does not count marks"
	}
	return j.within(float64(sum), fmt.Sprintf("%d over all seeds", sum))
}
