package results

import (
	"fmt"
	"io"
	"strconv"

	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/harness"
)

// writeLong writes what the table leaves out: a line for each row and property, with the opportunities
// and what the counts say about seeds that were not run.
func writeLong(w io.Writer, out *harness.Outcome, r tw.Renderer, color bool) error {
	header := []string{"configuration", "property", "", "seeds failing", "of all seeds (95%)",
		"opportunities",
		"anomalies", "a thousand ops"}
	var rows [][]string
	for i := range out.Rows {
		for _, c := range shownColumns(out) {
			if cell := cellOf(&out.Rows[i], c.property); cell != nil {
				rows = append(rows, longLine(&out.Rows[i], cell))
			}
		}
	}
	if _, markdown := r.(*renderer.Markdown); markdown {
		header, rows = escaped(header), escapedRows(rows)
	}
	text, err := layOut(header, rows, r)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%s", paint(text, color))
	return nil
}

// longLine is the line of one row and property.
func longLine(row *harness.Row, c *harness.Cell) []string {
	line := []string{Label(row), c.Property, mark(c.Result),
		fmt.Sprintf("%d/%d", c.Invalid, c.Valid+c.Invalid+c.Unknown), interval(c),
		strconv.FormatInt(c.Opportunities, 10), strconv.FormatInt(anomalies(c), 10), ""}
	if total := anomalies(c); total > 0 && c.Ops > 0 {
		line[len(line)-1] = figure(1000 * float64(total) / float64(c.Ops))
	}
	return line
}

// mark returns the mark of a result.
func mark(r checkers.Result) string {
	switch r {
	case checkers.Valid:
		return MarkHeld
	case checkers.Invalid:
		return MarkFailed
	}
	return MarkUnknown
}

// interval says what the decided seeds tell about the share of all seeds in which the property fails: a
// bound when none did, an interval otherwise. Seeds are independent trials; opportunities are not.
func interval(c *harness.Cell) string {
	decided := int64(c.Valid + c.Invalid)
	switch {
	case decided == 0:
		return "no seed decided"
	case c.Invalid == 0:
		return "below " + percent(RuleOfThree(decided))
	}
	lo, hi := checkers.Wilson(int64(c.Invalid), decided)
	return percent(lo) + " to " + percent(hi)
}
