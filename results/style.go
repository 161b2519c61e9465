package results

import (
	"strconv"
	"strings"
)

// The marks of a cell.
const (
	MarkHeld    = "✓" // held in every seed
	MarkFailed  = "✗" // failed in at least one seed
	MarkUnknown = "?" // not decided, see the footnote
	MarkAbsent  = "–" // not judged here, see the footnote
)

// MarkInfo explains one mark.
type MarkInfo struct{ Mark, Meaning string }

// Marks returns the marks of the anomaly table with their meanings.
func Marks() []MarkInfo {
	return []MarkInfo{
		{MarkHeld, "held in every seed. None in N seeds means: in fewer than 3/N of all seeds, with 95%" +
			" confidence"},
		{MarkFailed, "failed: `✗ 7/20 · 31.2/k` in 7 of 20 seeds, with 31.2 anomalies a thousand" +
			" operations over all seeds; of lost writes `✗ 7/20 · 41` is how many were lost"},
		{MarkUnknown, "unknown in at least one seed, and failed in none; the footnote has the reason." +
			" Never success"},
		{MarkAbsent, "not judged; the footnote says why"},
	}
}

// painter colours marks in text that is laid out already, so that colours cannot disturb the layout.
var painter = strings.NewReplacer(
	MarkHeld, "\x1b[32m"+MarkHeld+"\x1b[0m",
	MarkFailed, "\x1b[31m"+MarkFailed+"\x1b[0m",
	MarkUnknown+" [", "\x1b[33m"+MarkUnknown+"\x1b[0m [",
)

// paint colours the marks in s when color is set.
func paint(s string, color bool) string {
	if !color {
		return s
	}
	return painter.Replace(s)
}

// figure writes x with two or three digits: 0.042, 0.42, 8.4, 31.2, 412.
func figure(x float64) string {
	switch {
	case x == 0:
		return "0"
	case x < 0.1:
		return strconv.FormatFloat(x, 'g', 2, 64)
	case x < 1:
		return strconv.FormatFloat(x, 'f', 2, 64)
	case x < 100:
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'f', 0, 64)
}

// percent writes a share with a digit after the point; never 100.0% of what is not all, nor 0.0% of
// what is not nothing.
func percent(x float64) string {
	s := strconv.FormatFloat(100*x, 'f', 1, 64)
	switch {
	case s == "100.0" && x < 1:
		s = "99.9"
	case s == "0.0" && x > 0:
		s = "<0.1"
	}
	return s + "%"
}
