package results

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/harness"
)

// finding is one failing cell of the table.
type finding struct {
	row  *harness.Row
	cell *harness.Cell
}

// findings returns the cells that failed, by row and in the table's order of columns. Availability is not
// among them: it has no counterexample.
func findings(out *harness.Outcome) []finding {
	shown := shownColumns(out)
	var found []finding
	for i := range out.Rows {
		for _, c := range shown {
			cell := cellOf(&out.Rows[i], c.property)
			if cell != nil && cell.Result == checkers.Invalid {
				found = append(found, finding{&out.Rows[i], cell})
			}
		}
	}
	return found
}

// title names the failing cell and what was found in it.
func (f finding) title() string {
	return fmt.Sprintf("%s: %s failed in %d of %s (%s)", Label(f.row), f.cell.Property, f.cell.Invalid,
		plural(f.cell.Valid+f.cell.Invalid+f.cell.Unknown, "seed"), counts(f.cell.Counts))
}

// counts writes anomalies by kind: "lost-write 41, resurrection 2".
func counts(byKind map[string]int64) string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		parts = append(parts, fmt.Sprintf("%s %d", kind, byKind[kind]))
	}
	return strings.Join(parts, ", ")
}

// Reproduce returns the command line that shows one row and seed again. An experiment without variants
// has the row "".
func Reproduce(command, row string, seed uint64) string {
	if row != "" {
		command += " --row " + Quote(row)
	}
	return fmt.Sprintf("%s --seed %d", command, seed)
}

// Quote quotes s for a POSIX shell, where it needs it.
func Quote(s string) string {
	safe := s != ""
	for _, r := range s {
		safe = safe && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("-_./=:,@%+", r))
	}
	if safe {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Indent returns text with by before every line, ending with a line break.
func Indent(text, by string) string {
	text = strings.TrimRight(text, "\n")
	return by + strings.ReplaceAll(text, "\n", "\n"+by) + "\n"
}

// Counterexample writes an anomaly for people: the sentence and the drawing, set in by indent.
func Counterexample(w io.Writer, a *checkers.Anomaly, indent string) {
	fmt.Fprint(w, Indent(a.Sentence, indent))
	if a.Drawing != "" {
		fmt.Fprint(w, Indent(a.Drawing, indent))
	}
}

// writeWitnesses writes the smallest counterexample of each failing cell, and the line that reproduces it.
func writeWitnesses(w io.Writer, out *harness.Outcome, v View) {
	for i, f := range findings(out) {
		if i == 0 {
			fmt.Fprintf(w, "\nThe smallest counterexample of each failing cell:\n")
		}
		fmt.Fprintf(w, "\n%s %s\n", paint(MarkFailed, v.Color), f.title())
		if f.cell.Smallest == nil {
			continue
		}
		Counterexample(w, &f.cell.Smallest.Anomaly, "  ")
		fmt.Fprintf(w, "  $ %s\n", Reproduce(v.Command, f.row.Row, f.cell.Smallest.Seed))
	}
}

// writeWitnessesMarkdown is writeWitnesses as Markdown.
func writeWitnessesMarkdown(w io.Writer, out *harness.Outcome, v View) {
	for i, f := range findings(out) {
		if i == 0 {
			fmt.Fprintf(w, "\n## The smallest counterexample of each failing cell\n")
		}
		fmt.Fprintf(w, "\n### %s\n", f.title())
		if f.cell.Smallest == nil {
			continue
		}
		a := &f.cell.Smallest.Anomaly
		fmt.Fprintf(w, "\n%s\n\n```\n%s\n```\n", a.Sentence, strings.TrimRight(a.Drawing, "\n"))
		fmt.Fprintf(w, "\n```sh\n%s\n```\n", Reproduce(v.Command, f.row.Row, f.cell.Smallest.Seed))
	}
}
