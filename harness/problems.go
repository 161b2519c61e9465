package harness

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with an experiment: where it stands, and what may stand there.
type Problem struct {
	File  string // the file's name, as Load was given it
	Line  int    // from 1; 0 when no line can be named
	Flag  string // the flag that brought it in ("--set nodes=0"), "" when the file did
	Field string // the field's path ("config.replication", "faults.2.crash.every"), "" for the whole file
	Text  string // what is wrong and what is allowed, for people
}

// Error returns "file:line: field: what is wrong".
func (p Problem) Error() string {
	var b strings.Builder
	switch {
	case p.Flag != "":
		b.WriteString(p.Flag)
	case p.Line > 0:
		fmt.Fprintf(&b, "%s:%d", p.File, p.Line)
	default:
		b.WriteString(p.File)
	}
	if p.Field != "" {
		b.WriteString(": " + p.Field)
	}
	return b.String() + ": " + p.Text
}

// Problems is everything wrong with an experiment, in the file's order: the error of Load.
type Problems []Problem

// Error returns a line for every problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// tidied returns the problems by line, of each place the first: what is wrong in the part of a file that all
// variants share would otherwise be said once for each, and one mistake once for every rule that it breaks.
func (ps Problems) tidied() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int { return a.Line - b.Line })
	var out Problems
	said := make(map[Problem]bool) // places: problems without their texts
	for _, p := range ps {
		place := p
		place.Text = ""
		if !said[place] {
			said[place] = true
			out = append(out, p)
		}
	}
	return out
}

// allowed lists what is allowed, and adds what was probably meant.
func allowed(got string, names []string) string {
	sorted := slices.Sorted(slices.Values(names))
	if len(sorted) == 0 {
		return "none is allowed here"
	}
	text := "allowed: " + strings.Join(sorted, ", ")
	if near := nearest(got, sorted); near != "" {
		return fmt.Sprintf("did you mean %s? %s", near, text)
	}
	return text
}

// nearest returns the name that differs least from got, "" when none is near: more than a third of its
// letters, and more than one, would have to change.
func nearest(got string, names []string) string {
	best, bestDistance := "", 0
	for _, name := range names {
		d := distance(strings.ToLower(got), name)
		if d <= max(1, len(name)/3) && (best == "" || d < bestDistance) {
			best, bestDistance = name, d
		}
	}
	return best
}

// distance is the edit distance of Levenshtein, cut off for long words: they are no slips of the finger.
func distance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
