package results

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/rashomon-harness/rashomon/checkers"
)

// Verdicts writes the verdicts about one history for people: a line each, then measures if the view is
// long, then the counterexamples.
func Verdicts(w io.Writer, verdicts []checkers.Verdict, v View) error {
	header, rows := verdictRows(verdicts)
	if err := Columns(w, header, rows, v.Color); err != nil {
		return err
	}
	if v.Long {
		writeMeasures(w, verdicts)
	}
	if v.Witnesses {
		eachAnomaly(verdicts, func(verdict *checkers.Verdict, a *checkers.Anomaly) {
			fmt.Fprintf(w, "\n%s %s\n", paint(MarkFailed, v.Color), anomalyTitle(verdict, a))
			Counterexample(w, a, "  ")
		})
	}
	return nil
}

// VerdictsMarkdown is Verdicts as Markdown.
func VerdictsMarkdown(w io.Writer, verdicts []checkers.Verdict, v View) error {
	header, rows := verdictRows(verdicts)
	if err := ColumnsMarkdown(w, header, rows); err != nil {
		return err
	}
	if v.Witnesses {
		eachAnomaly(verdicts, func(verdict *checkers.Verdict, a *checkers.Anomaly) {
			fmt.Fprintf(w, "\n### %s\n\n%s\n%s", anomalyTitle(verdict, a), a.Sentence, fenced(a.Drawing))
		})
	}
	return nil
}

// VerdictsJSON writes the verdicts as a JSON array.
func VerdictsJSON(w io.Writer, verdicts []checkers.Verdict) error {
	text, err := json.MarshalIndent(present(verdicts), "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

// verdictRows returns the table of verdicts.
func verdictRows(verdicts []checkers.Verdict) (header []string, rows [][]string) {
	for i := range verdicts {
		v := &verdicts[i]
		found := v.Reason
		if len(v.Counts) > 0 {
			found = counts(v.Counts)
		}
		rows = append(rows, []string{mark(v.Result), v.Property, v.Result.String(), v.Engine,
			strconv.FormatInt(v.Opportunities, 10), found})
	}
	return []string{"", "property", "verdict", "engine", "opportunities", "found"}, rows
}

// writeMeasures writes the figures of the verdicts that have some.
func writeMeasures(w io.Writer, verdicts []checkers.Verdict) {
	for i := range verdicts {
		v := &verdicts[i]
		for at, name := range slices.Sorted(maps.Keys(v.Measures)) {
			if at == 0 {
				fmt.Fprintf(w, "\n%s\n", v.Property)
			}
			fmt.Fprintf(w, "  %s %s\n", name, figure(v.Measures[name]))
		}
	}
}

// eachAnomaly calls do for every anomaly that is explained.
func eachAnomaly(verdicts []checkers.Verdict, do func(*checkers.Verdict, *checkers.Anomaly)) {
	for i := range verdicts {
		for j := range verdicts[i].Anomalies {
			do(&verdicts[i], &verdicts[i].Anomalies[j])
		}
	}
}

// anomalyTitle names an anomaly and where it is.
func anomalyTitle(v *checkers.Verdict, a *checkers.Anomaly) string {
	title := v.Property + ": " + a.Kind
	if a.Key != "" {
		title += " of " + a.Key
	}
	return title
}
