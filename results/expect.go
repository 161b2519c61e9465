package results

import (
	"fmt"
	"io"

	"github.com/rashomon-harness/rashomon/harness"
)

// expectationMark returns the mark of an expectation: ✓ met, ✗ not met, ? not known.
func expectationMark(e *harness.ExpectationResult) string {
	switch {
	case e.Met:
		return MarkHeld
	case e.Exit == harness.ExitUnexpected:
		return MarkFailed
	}
	return MarkUnknown
}

// writeExpectations writes what was asked of each row, what was seen, and whether that is what was asked.
func writeExpectations(w io.Writer, out *harness.Outcome, color bool) {
	met, all := 0, 0
	for i := range out.Rows {
		for j := range out.Rows[i].Expectations {
			all++
			if out.Rows[i].Expectations[j].Met {
				met++
			}
		}
	}
	if all == 0 {
		return
	}
	fmt.Fprintf(w, "\nExpectations: %d of %d came true.\n", met, all)
	for i := range out.Rows {
		row := &out.Rows[i]
		for j := range row.Expectations {
			e := &row.Expectations[j]
			fmt.Fprintf(w, "%s %s: %s %s: %s\n", paint(expectationMark(e), color), Label(row), e.Property, e.Asked, e.Saw)
			if !e.Met && e.Reproduce != "" {
				fmt.Fprintf(w, "  $ %s\n", e.Reproduce)
			}
		}
	}
}

// writeExpectationsMarkdown is writeExpectations as a Markdown list.
func writeExpectationsMarkdown(w io.Writer, out *harness.Outcome) {
	first := true
	for i := range out.Rows {
		row := &out.Rows[i]
		for j := range row.Expectations {
			e := &row.Expectations[j]
			if first {
				fmt.Fprintf(w, "\n## Expectations\n\n")
				first = false
			}
			fmt.Fprintf(w, "- %s %s: %s %s: %s\n", expectationMark(e), Label(row), e.Property, e.Asked, e.Saw)
		}
	}
}
