package results

import (
	"fmt"
	"io"
	"strings"

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
// What came true of the kinds that the table shows anyway is put together, a line a row, unless long.
func writeExpectations(w io.Writer, out *harness.Outcome, long, color bool) {
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
		if text := inShort(row); text != "" && !long {
			fmt.Fprintf(w, "%s %s: %s\n", paint(MarkHeld, color), Label(row), text)
		}
		for j := range row.Expectations {
			e := &row.Expectations[j]
			if !long && plain(e) {
				continue
			}
			mark := paint(expectationMark(e), color)
			fmt.Fprintf(w, "%s %s: %s %s: %s\n", mark, Label(row), e.Property, e.Asked, e.Saw)
			if !e.Met && e.Reproduce != "" {
				fmt.Fprintf(w, "  $ %s\n", e.Reproduce)
			}
		}
	}
}

// plain reports whether an expectation came true and the table shows why.
func plain(e *harness.ExpectationResult) bool {
	return e.Met && (strings.HasPrefix(e.Asked, string(harness.MustHold)) ||
		strings.HasPrefix(e.Asked, string(harness.MustViolate)))
}

// inShort puts the plain expectations of a row together by what was asked: "must-violate linearizability,
// read-your-writes; must-hold convergence".
func inShort(row *harness.Row) string {
	var kinds []string
	properties := map[string][]string{}
	for i := range row.Expectations {
		e := &row.Expectations[i]
		if !plain(e) {
			continue
		}
		kind, anomaly, _ := strings.Cut(e.Asked, " ")
		if properties[kind] == nil {
			kinds = append(kinds, kind)
		}
		name := e.Property
		if anomaly != "" {
			name += " (" + anomaly + ")"
		}
		properties[kind] = append(properties[kind], name)
	}
	for i, kind := range kinds {
		kinds[i] += " " + strings.Join(properties[kind], ", ")
	}
	return strings.Join(kinds, "; ")
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
