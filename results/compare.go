package results

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter/renderer"

	"github.com/rashomon-harness/rashomon/harness"
)

// ComparisonSchema is the version of the JSON form of comparisons.
const ComparisonSchema = 1

// Comparison is an outcome of rows that differ in a few fields, over the same seeds.
type Comparison struct {
	Fields   []string      // the paths of the fields that differ
	Rows     []ComparedRow // in the order in which they are shown
	Measures []MeasureRef  // that are shown, in this order
	Outcome  *harness.Outcome
}

// ComparedRow is one combination of values.
type ComparedRow struct {
	Row     string                // its name in the outcome
	Variant string                // the file's variant, "" when it has none
	Values  []harness.VariedValue // of the fields
	Refused string                // why the combination is not possible, "" when it is
}

// outcome returns what the row showed, nil when it was not run.
func (c *Comparison) outcome(row *ComparedRow) *harness.Row {
	i := slices.IndexFunc(c.Outcome.Rows, func(r harness.Row) bool { return r.Row == row.Row })
	if i < 0 || row.Refused != "" {
		return nil
	}
	return &c.Outcome.Rows[i]
}

// CompareText writes the comparison for a terminal: one table with a row a combination; below it how the
// measures come about, the footnotes, and what came out otherwise than expected.
func CompareText(w io.Writer, c *Comparison, v View) error {
	var buf bytes.Buffer
	g, keys := c.grid()
	for i, part := range g.fitAfter(keys, v.Width) {
		if i > 0 {
			buf.WriteByte('\n')
		}
		text, err := layOut(part.header, part.rows, textRenderer())
		if err != nil {
			return err
		}
		buf.WriteString(paint(text, v.Color))
	}
	if how := c.poolings(c.measureColumns()); how != "" {
		fmt.Fprintf(&buf, "\n%s.\n", how)
	}
	writeNotes(&buf, g.notes)
	c.writeUnmet(&buf, v.Color)
	_, err := w.Write(buf.Bytes())
	return err
}

// CompareMarkdown writes the same as CompareText as Markdown, without regard to the screen.
func CompareMarkdown(w io.Writer, c *Comparison) error {
	var buf bytes.Buffer
	g, _ := c.grid()
	text, err := layOut(escaped(g.header), escapedRows(g.rows), renderer.NewMarkdown())
	if err != nil {
		return err
	}
	buf.WriteString(text)
	if how := c.poolings(c.measureColumns()); how != "" {
		fmt.Fprintf(&buf, "\n%s.\n", how)
	}
	writeNotesMarkdown(&buf, g.notes)
	first := true
	c.eachUnmet(func(row *harness.Row, e *harness.ExpectationResult) {
		if first {
			fmt.Fprint(&buf, "\n## Not as expected\n\n")
			first = false
		}
		fmt.Fprintf(&buf, "- %s %s: %s %s: %s\n", expectationMark(e), Label(row), e.Property, e.Asked, e.Saw)
	})
	_, err = w.Write(buf.Bytes())
	return err
}

// comparedJSON is a row in the JSON form of a comparison.
type comparedJSON struct {
	Row      string         `json:"row"` // its name in the outcome, which has no such row when it was not run
	Variant  string         `json:"variant,omitempty"`
	Values   map[string]any `json:"values"` // by the field's path
	Refused  string         `json:"refused,omitempty"`
	Measures []pooled       `json:"measures"` // all that were measured
}

// CompareJSON writes the comparison with the whole outcome, and each row's measures over its seeds.
func CompareJSON(w io.Writer, c *Comparison) error {
	out := struct {
		Schema  int              `json:"schema"`
		Fields  []string         `json:"fields"`
		Rows    []comparedJSON   `json:"rows"`
		Outcome *harness.Outcome `json:"outcome"`
	}{ComparisonSchema, present(c.Fields), nil, complete(c.Outcome)}
	measured := c.measured()
	for i := range c.Rows {
		row := &c.Rows[i]
		line := comparedJSON{Row: row.Row, Variant: row.Variant, Values: map[string]any{},
			Refused: row.Refused, Measures: []pooled{}}
		for j, field := range c.Fields {
			line.Values[field] = row.Values[j].Any
		}
		if ran := c.outcome(row); ran != nil {
			for _, m := range measured {
				if p, ok := pool(ran, m.Property, m.Name); ok {
					line.Measures = append(line.Measures, p)
				}
			}
		}
		out.Rows = append(out.Rows, line)
	}
	out.Rows = present(out.Rows)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(out); err != nil {
		return fmt.Errorf("comparison cannot be written as JSON: %w", err)
	}
	return nil
}

// grid makes the table. The first keys columns say which row it is.
func (c *Comparison) grid() (g *grid, keys int) {
	g = &grid{}
	named := len(c.Fields) == 0 ||
		slices.ContainsFunc(c.Rows, func(r ComparedRow) bool { return r.Variant != "" })
	if named {
		g.header = append(g.header, "configuration")
	}
	g.header = append(g.header, c.Fields...)
	keys = len(g.header)
	properties, measures := shownColumns(c.Outcome), c.measureColumns()
	g.header = append(g.header, "seeds", "avail")
	for _, p := range properties {
		g.header = append(g.header, p.title)
	}
	for _, m := range measures {
		g.header = append(g.header, m.title)
	}
	for i := range c.Rows {
		row := &c.Rows[i]
		var line []string
		if named {
			line = append(line, cmp.Or(row.Variant, c.Outcome.Name))
		}
		for _, value := range row.Values {
			line = append(line, value.Text)
		}
		line = append(line, c.cells(g, row, properties, measures)...)
		g.rows = append(g.rows, append(line, make([]string, len(g.header)-len(line))...))
	}
	return g, keys
}

// cells returns what the table shows of a row: seeds, availability, properties, measures.
func (c *Comparison) cells(g *grid, row *ComparedRow, properties []column,
	measures []measureColumn) []string {
	if row.Refused != "" {
		return []string{"not possible " + g.note(row.Refused)}
	}
	ran := c.outcome(row)
	if ran == nil {
		return []string{"not run " + g.note("interrupted before it began")}
	}
	cells := []string{g.seeds(ran), availability(ran)}
	for _, p := range properties {
		cells = append(cells, g.cell(ran, p.property))
	}
	for _, m := range measures {
		cells = append(cells, c.measure(g, ran, m))
	}
	return cells
}

// measure returns a row's value of a measure.
func (c *Comparison) measure(g *grid, row *harness.Row, m measureColumn) string {
	if p, ok := pool(row, m.Property, m.Name); ok {
		return measureText(m.Name, p.Value)
	}
	all := c.measured()
	if slices.Contains(all, m.MeasureRef) {
		return MarkAbsent + " " + g.note("not measured in this row: there was nothing to measure, or it does"+
			" not apply")
	}
	var names []string
	for _, ref := range all {
		if (ref.Property == harness.MarksProperty) == (m.Property == harness.MarksProperty) {
			names = append(names, ref.Property+"."+ref.Name)
		}
	}
	slices.Sort(names)
	return MarkAbsent + " " + g.note(m.title+" was not measured; measured: "+
		cmp.Or(strings.Join(names, ", "), "nothing"))
}

// fitAfter is fit for a table whose first keys columns stand in each of its parts.
func (g *grid) fitAfter(keys, width int) []*grid {
	if width <= 0 || sum(g.widths()) <= width+gap {
		return []*grid{g}
	}
	s := g.stacked()
	widths := s.widths()
	var parts []*grid
	for from := keys; from < len(s.header); {
		to, used := from+1, sum(widths[:keys])+widths[from]
		for to < len(widths) && used+widths[to] <= width+gap {
			used += widths[to]
			to++
		}
		cut := func(line []string) []string { return slices.Concat(line[:keys], line[from:to]) }
		part := &grid{header: cut(s.header)}
		for _, row := range s.rows {
			part.rows = append(part.rows, cut(row))
		}
		parts = append(parts, part)
		from = to
	}
	return parts
}

// eachUnmet calls do for each expectation that did not come true. What may be violated or not and is unknown
// has its footnote in the table.
func (c *Comparison) eachUnmet(do func(*harness.Row, *harness.ExpectationResult)) {
	for i := range c.Outcome.Rows {
		row := &c.Outcome.Rows[i]
		for j := range row.Expectations {
			if e := &row.Expectations[j]; !e.Met && e.Asked != string(harness.MayViolate) {
				do(row, e)
			}
		}
	}
}

// writeUnmet writes the expectations that did not come true, each with the line that shows it again.
func (c *Comparison) writeUnmet(w io.Writer, color bool) {
	first := true
	c.eachUnmet(func(row *harness.Row, e *harness.ExpectationResult) {
		if first {
			fmt.Fprint(w, "\nNot as expected:\n")
			first = false
		}
		mark := paint(expectationMark(e), color)
		fmt.Fprintf(w, "%s %s: %s %s: %s\n", mark, Label(row), e.Property, e.Asked, e.Saw)
		if e.Reproduce != "" {
			fmt.Fprintf(w, "  $ %s\n", e.Reproduce)
		}
	})
}
