package results

import (
	"fmt"
	"io"
	"strings"

	"github.com/rashomon-harness/rashomon/harness"
)

// writeNotes writes the footnotes. Of a note of several lines, which ends with what a node or an engine
// wrote, the others are set in.
func writeNotes(w io.Writer, notes []string) {
	if len(notes) > 0 {
		fmt.Fprintln(w)
	}
	for i, note := range notes {
		first, rest, more := strings.Cut(strings.TrimRight(note, "\n"), "\n")
		fmt.Fprintf(w, "[%d] %s\n", i+1, first)
		if more {
			fmt.Fprint(w, Indent(rest, "    "))
		}
	}
}

// writeNotesMarkdown is writeNotes as Markdown, in which lines of text would run into one.
func writeNotesMarkdown(w io.Writer, notes []string) {
	if len(notes) > 0 {
		fmt.Fprintln(w)
	}
	for i, note := range notes {
		first, rest, more := strings.Cut(strings.TrimRight(note, "\n"), "\n")
		fmt.Fprintf(w, "[%d] %s\n", i+1, first)
		if more {
			fmt.Fprint(w, fenced(rest))
		}
	}
}

// fenced returns text as a block of Markdown in which nothing means anything.
func fenced(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return "\n" + fence + "\n" + strings.TrimRight(text, "\n") + "\n" + fence + "\n"
}

// keptTitle names the cluster that was to be kept.
func keptTitle(row *harness.Row, seed *harness.SeedOutcome) string {
	return fmt.Sprintf("The cluster of seed %d of %q, which was to be kept:", seed.Seed, Label(row))
}

// writeKept says how to get at the clusters that were kept.
func writeKept(w io.Writer, out *harness.Outcome) {
	eachKept(out, func(row *harness.Row, seed *harness.SeedOutcome) {
		fmt.Fprintf(w, "\n%s\n%s", keptTitle(row, seed), Indent(seed.Kept, "  "))
	})
}

// writeKeptMarkdown is writeKept as Markdown.
func writeKeptMarkdown(w io.Writer, out *harness.Outcome) {
	eachKept(out, func(row *harness.Row, seed *harness.SeedOutcome) {
		fmt.Fprintf(w, "\n%s\n%s", keptTitle(row, seed), fenced(seed.Kept))
	})
}

// eachKept calls do for each seed whose cluster was to be kept.
func eachKept(out *harness.Outcome, do func(*harness.Row, *harness.SeedOutcome)) {
	for i := range out.Rows {
		row := &out.Rows[i]
		for j := range row.Seeds {
			if row.Seeds[j].Kept != "" {
				do(row, &row.Seeds[j])
			}
		}
	}
}
