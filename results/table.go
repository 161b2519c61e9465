package results

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/rashomon-harness/rashomon/harness"
)

// View says how an outcome is shown.
type View struct {
	Color     bool // marks in colour
	Width     int  // columns of the screen, 0 for no limit
	Long      bool // opportunities, bounds and intervals too
	Witnesses bool // the smallest counterexample of each failing cell
	// Command is the beginning of the line that reproduces a row and seed ("rashomon run FILE"); the
	// row and the seed are added as flags.
	Command string
}

// Text writes the outcome for a terminal: the anomaly table, its footnotes, what the long form adds, the
// counterexamples, and the expectations.
func Text(w io.Writer, out *harness.Outcome, v View) error {
	var buf bytes.Buffer
	g := newGrid(out)
	for i, part := range g.fit(v.Width) {
		if i > 0 {
			buf.WriteByte('\n')
		}
		text, err := layOut(part.header, part.rows, textRenderer())
		if err != nil {
			return err
		}
		buf.WriteString(paint(text, v.Color))
	}
	writeNotes(&buf, g.notes)
	writeKept(&buf, out)
	if v.Long {
		if err := writeLong(&buf, out, textRenderer(), v.Color); err != nil {
			return err
		}
	}
	if v.Witnesses {
		writeWitnesses(&buf, out, v)
	}
	writeExpectations(&buf, out, v.Long, v.Color)
	_, err := w.Write(buf.Bytes())
	return err
}

// Markdown writes the same as Text as Markdown, without colours and without regard to the screen.
func Markdown(w io.Writer, out *harness.Outcome, v View) error {
	var buf bytes.Buffer
	g := newGrid(out)
	text, err := layOut(escaped(g.header), escapedRows(g.rows), renderer.NewMarkdown())
	if err != nil {
		return err
	}
	buf.WriteString(text)
	writeNotesMarkdown(&buf, g.notes)
	writeKeptMarkdown(&buf, out)
	if v.Long {
		if err := writeLong(&buf, out, renderer.NewMarkdown(), false); err != nil {
			return err
		}
	}
	if v.Witnesses {
		writeWitnessesMarkdown(&buf, out, v)
	}
	writeExpectationsMarkdown(&buf, out)
	_, err = w.Write(buf.Bytes())
	return err
}

// Columns writes rows under a header, in columns two blanks apart, for a terminal.
func Columns(w io.Writer, header []string, rows [][]string, color bool) error {
	text, err := layOut(header, rows, textRenderer())
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, paint(text, color))
	return err
}

// ColumnsMarkdown writes rows under a header as a Markdown table.
func ColumnsMarkdown(w io.Writer, header []string, rows [][]string) error {
	text, err := layOut(escaped(header), escapedRows(rows), renderer.NewMarkdown())
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}

// textRenderer draws columns without any lines.
func textRenderer() tw.Renderer {
	return renderer.NewBlueprint(tw.Rendition{
		Borders: tw.BorderNone,
		Symbols: tw.NewSymbols(tw.StyleLight),
		Settings: tw.Settings{
			Separators: tw.Separators{ShowHeader: tw.Off, ShowFooter: tw.Off, BetweenRows: tw.Off,
				BetweenColumns: tw.Off},
			Lines: tw.LinesNone,
		},
	})
}

// layOut aligns header and rows. Widths are counted as everywhere but in East Asian locales, where
// terminals no longer agree on the width of signs such as `·`; so output is the same everywhere.
func layOut(header []string, rows [][]string, r tw.Renderer) (string, error) {
	padding := tw.Padding{Right: "  ", Overwrite: true}
	if _, markdown := r.(*renderer.Markdown); markdown {
		padding = tw.PaddingDefault
	}
	var buf bytes.Buffer
	table := tablewriter.NewTable(&buf,
		tablewriter.WithRenderer(r),
		tablewriter.WithEastAsian(tw.Off),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithHeaderAlignment(tw.AlignLeft),
		tablewriter.WithRowAlignment(tw.AlignLeft),
		tablewriter.WithPadding(padding),
	)
	table.Header(header)
	if err := table.Bulk(rows); err != nil {
		return "", fmt.Errorf("table cannot be laid out: %w", err)
	}
	if err := table.Render(); err != nil {
		return "", fmt.Errorf("table cannot be laid out: %w", err)
	}
	lines := strings.Split(buf.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n"), nil
}

// gap is the number of blanks between columns.
const gap = 2

// fit returns the table in a form that fits into width columns: as it is; with cells and headings
// stacked; or, when that is too wide still, in several tables that all begin with the configuration.
func (g *grid) fit(width int) []*grid {
	if width <= 0 || sum(g.widths()) <= width+gap {
		return []*grid{g}
	}
	s := g.stacked()
	widths := s.widths()
	var parts []*grid
	for from := 1; from < len(s.header); {
		to, used := from+1, widths[0]+widths[from]
		for to < len(widths) && used+widths[to] <= width+gap {
			used += widths[to]
			to++
		}
		parts = append(parts, s.part(from, to))
		from = to
	}
	return parts
}

// part returns the table of the first column and the columns from..to-1.
func (g *grid) part(from, to int) *grid {
	cut := func(line []string) []string { return append([]string{line[0]}, line[from:to]...) }
	p := &grid{header: cut(g.header)}
	for _, row := range g.rows {
		p.rows = append(p.rows, cut(row))
	}
	return p
}

// stacked returns the table with each heading a word a line and each cell's parts below each other.
func (g *grid) stacked() *grid {
	s := &grid{}
	for _, h := range g.header {
		s.header = append(s.header, strings.ReplaceAll(strings.ReplaceAll(h, " ", "\n"), "-", "-\n"))
	}
	for _, row := range g.rows {
		line := []string{Wrap(row[0], 20)}
		for _, cell := range row[1:] {
			line = append(line, strings.ReplaceAll(cell, " · ", "\n"))
		}
		s.rows = append(s.rows, line)
	}
	return s
}

// widths returns the width of each column, the gap after it included.
func (g *grid) widths() []int {
	widths := make([]int, len(g.header))
	for _, line := range append([][]string{g.header}, g.rows...) {
		for i, cell := range line {
			for part := range strings.SplitSeq(cell, "\n") {
				widths[i] = max(widths[i], gap+twwidth.WidthWithOptions(part, twwidth.Options{}))
			}
		}
	}
	return widths
}

// sum returns the sum of ns.
func sum(ns []int) int {
	total := 0
	for _, n := range ns {
		total += n
	}
	return total
}

// Wrap breaks text between words into lines of at most width columns, where words allow.
func Wrap(text string, width int) string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case twwidth.WidthWithOptions(line+" "+word, twwidth.Options{}) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return strings.Join(append(lines, line), "\n")
}

// WrapLines wraps each of the lines by itself.
func WrapLines(lines []string, width int) string {
	wrapped := make([]string, len(lines))
	for i, line := range lines {
		wrapped[i] = Wrap(line, width)
	}
	return strings.Join(wrapped, "\n")
}

// escaped returns cells with the signs escaped that mean something in a Markdown table.
func escaped(cells []string) []string {
	out := make([]string, len(cells))
	for i, cell := range cells {
		out[i] = strings.ReplaceAll(cell, "|", "\\|")
	}
	return out
}

// escapedRows escapes all rows.
func escapedRows(rows [][]string) [][]string {
	out := make([][]string, len(rows))
	for i, row := range rows {
		out[i] = escaped(row)
	}
	return out
}
