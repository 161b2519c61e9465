package results

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/harness"
)

// column is a property with its heading in the anomaly table.
type column struct{ property, title string }

// columns are the properties that the table knows, in their order. Availability is no column here: it
// has no verdict in the table but a figure, before all others.
var columns = []column{
	{checkers.Linearizability, "linearizable"},
	{checkers.ReadYourWrites, "read-your-writes"},
	{checkers.MonotonicReads, "monotonic reads"},
	{checkers.MonotonicWrites, "monotonic writes"},
	{checkers.WritesFollowReads, "writes follow reads"},
	{checkers.SessionCausality, "session causality"},
	{checkers.CausalConsistency, "causal consistency"},
	{checkers.CausalConvergence, "causal convergence"},
	{checkers.ConsistentPrefix, "prefix"},
	{checkers.PropertyStaleness, "stale reads"},
	{checkers.PropertyQuorum, "quorum"},
	{checkers.PropertyConflicts, "conflicts"},
	{checkers.PropertySet, "set"},
	{checkers.PropertyCounter, "counter"},
	{checkers.Durability, "lost writes"},
	{checkers.Convergence, "converged"},
}

// MeasureOkShare is the measure of availability that the table shows: the share of operations that
// completed with ok.
const MeasureOkShare = "ok_share"

// The measures of staleness that the table shows: the share of reads that are stale, and of how many of
// them it is known exactly. Where that is not all, the former is a lower bound.
const (
	measureStaleShare = "stale_share"
	measureExactShare = "exact_share"
)

// grid is the anomaly table as text, before it is laid out.
type grid struct {
	header []string
	rows   [][]string
	notes  []string // footnotes, from [1]
}

// note adds a footnote, once, and returns its reference: "[1]".
func (g *grid) note(text string) string {
	i := slices.Index(g.notes, text)
	if i < 0 {
		g.notes = append(g.notes, text)
		i = len(g.notes) - 1
	}
	return "[" + strconv.Itoa(i+1) + "]"
}

// newGrid makes the table of an outcome: one row a configuration, one column a property that at least
// one row was judged by.
func newGrid(out *harness.Outcome) *grid {
	shown := shownColumns(out)
	g := &grid{header: []string{"configuration", "seeds", "avail"}}
	for _, c := range shown {
		g.header = append(g.header, c.title)
	}
	for i := range out.Rows {
		row := &out.Rows[i]
		line := []string{Label(row), g.seeds(row), availability(row)}
		for _, c := range shown {
			line = append(line, g.cell(row, c.property))
		}
		g.rows = append(g.rows, line)
	}
	return g
}

// shownColumns returns the columns that at least one row has, unknown properties last, by name.
func shownColumns(out *harness.Outcome) []column {
	var found []string
	for i := range out.Rows {
		for _, c := range out.Rows[i].Cells {
			if c.Property != checkers.Availability && !slices.Contains(found, c.Property) {
				found = append(found, c.Property)
			}
		}
	}
	var shown []column
	for _, c := range columns {
		if i := slices.Index(found, c.property); i >= 0 {
			shown = append(shown, c)
			found = slices.Delete(found, i, i+1)
		}
	}
	slices.Sort(found)
	for _, property := range found {
		shown = append(shown, column{property, property})
	}
	return shown
}

// Label returns the name of a row for people: the variant's, or the experiment's when it has no variants.
func Label(row *harness.Row) string { return cmp.Or(row.Row, row.Experiment) }

// cellOf returns the row's cell of a property, nil when the row was not judged by it.
func cellOf(row *harness.Row, property string) *harness.Cell {
	i := slices.IndexFunc(row.Cells, func(c harness.Cell) bool { return c.Property == property })
	if i < 0 {
		return nil
	}
	return &row.Cells[i]
}

// seeds says how many seeds ran, with a footnote when some did not run as they should.
func (g *grid) seeds(row *harness.Row) string {
	failed, stopped, why := 0, 0, ""
	for i := range row.Seeds {
		s := &row.Seeds[i]
		if s.Failure != "" {
			failed++
			why = cmp.Or(why, fmt.Sprintf("seed %d: %s", s.Seed, s.Failure))
		}
		if s.Stopped {
			stopped++
		}
	}
	text := strconv.Itoa(len(row.Seeds))
	if failed > 0 {
		text += " " + g.note(fmt.Sprintf("harness failure in %s of %q: the run could not do what was"+
			" asked. %s",
			plural(failed, "seed"), Label(row), why))
	}
	if stopped > 0 {
		text += " " + g.note(fmt.Sprintf("%q was interrupted: %s ended before the time",
			Label(row), plural(stopped, "seed")))
	}
	return text
}

// availability returns the share of operations that were ok.
func availability(row *harness.Row) string {
	if c := cellOf(row, checkers.Availability); c != nil {
		if share, ok := c.Measures[MeasureOkShare]; ok {
			return percent(share)
		}
	}
	ops, ok := 0, 0
	for i := range row.Seeds {
		ops, ok = ops+row.Seeds[i].Ops, ok+row.Seeds[i].Ok
	}
	if ops == 0 {
		return MarkAbsent
	}
	return percent(float64(ok) / float64(ops))
}

// cell returns what the table shows of a property: `✓`, `✗ 20/20 · 31.2/k`, `? 2/20 [1]`, `– [2]`.
func (g *grid) cell(row *harness.Row, property string) string {
	c := cellOf(row, property)
	if c == nil {
		return MarkAbsent + " " + g.note("not judged: the workloads of the row do not make the property"+
			" possible, or its checkers leave it out")
	}
	seeds := c.Valid + c.Invalid + c.Unknown
	switch c.Result {
	case checkers.Valid:
		return cmp.Or(staleShare(c), MarkHeld)
	case checkers.Invalid:
		return fmt.Sprintf("%s %d/%d%s", MarkFailed, c.Invalid, seeds, frequency(c))
	}
	share := ""
	if c.Unknown < seeds {
		share = fmt.Sprintf(" %d/%d", c.Unknown, seeds)
	}
	return MarkUnknown + share + " " + g.note("unknown: "+cmp.Or(c.Reason, "no reason was recorded"))
}

// staleShare returns the share of reads that are stale, "" for other properties: without bounds, staleness
// has no verdict but figures.
func staleShare(c *harness.Cell) string {
	share, ok := c.Measures[measureStaleShare]
	switch {
	case c.Property != checkers.PropertyStaleness || !ok:
		return ""
	case c.Measures[measureExactShare] < 1:
		return "≥ " + percent(share)
	}
	return percent(share)
}

// frequency says how often a property failed: lost writes as a count, since each is a loss by itself,
// everything else a thousand operations.
func frequency(c *harness.Cell) string {
	total := anomalies(c)
	switch {
	case total == 0:
		return ""
	case c.Property == checkers.Durability:
		return fmt.Sprintf(" · %d", total)
	case c.Ops > 0:
		return " · " + figure(1000*float64(total)/float64(c.Ops)) + "/k"
	}
	return ""
}

// anomalies returns the number of anomalies of all kinds.
func anomalies(c *harness.Cell) int64 {
	var total int64
	for _, n := range c.Counts {
		total += n
	}
	return total
}

// plural writes a count of things: "1 seed", "2 seeds".
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
