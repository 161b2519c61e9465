package history

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// DrawOptions says what a drawing shows beside its operations. The zero value is a plain drawing.
type DrawOptions struct {
	Notes    []string // a note for each of the operations, in their order; missing and "" are none
	Faults   []Fault  // faults to draw as intervals; those that were skipped are left out
	Phases   []Phase  // phases to mark at their beginning
	Versions bool     // the version that was read or written, from the evidence
	Width    int      // columns to aim at; 0 is 100. Bars are squeezed to it, labels are never cut
}

// Draw draws operations on a compressed axis of time, one a line by call time; ParseDrawing reads the
// drawing back and has the grammar. Only the order of times is drawn, not their distance, and it is
// drawn exactly: earlier is further left, equal times share a column. So precedence and overlap of any
// two operations can be seen and are kept when the drawing is parsed.
func Draw(ops []Op, options DrawOptions) string {
	var d drawing
	for i := range ops {
		note := ""
		if i < len(options.Notes) {
			note = options.Notes[i]
		}
		d.addOp(&ops[i], note, options.Versions)
	}
	byFrom := func(a, b row) int { return cmp.Compare(a.from, b.from) }
	slices.SortStableFunc(d.rows, byFrom)
	others := len(d.rows)
	for i := range options.Faults {
		if options.Faults[i].InEffect() {
			d.addFault(&options.Faults[i])
		}
	}
	slices.SortStableFunc(d.rows[others:], byFrom)
	for i := range options.Phases {
		from, name := options.Phases[i].From, appendName(nil, options.Phases[i].Name)
		d.rows = append(d.rows, row{kind: phaseRow, label: "phase", text: string(name), from: from, to: from})
	}
	d.squeeze(cmp.Or(options.Width, 100))
	return d.print()
}

// Draw draws the whole history with its faults and phases.
func (h *History) Draw() string {
	return Draw(h.Ops(), DrawOptions{Faults: h.Faults, Phases: h.Phases})
}

type rowKind uint8

const (
	opRow rowKind = iota
	faultRow
	phaseRow
)

// row is one line of a drawing.
type row struct {
	kind     rowKind
	label    string
	text     string // what stands inside the bar
	from, to int64  // to is Never for open bars
	tail     string // what stands behind the axis
}

func (r *row) open() bool    { return r.to == Never }
func (r *row) instant() bool { return r.to == r.from }

// drawing is rows and the layout of their times.
type drawing struct {
	rows  []row
	times []int64 // distinct, rising
	cols  []int   // the column of each time
	end   int     // columns of the axis
	dash  int     // dashes at least on either side of a bar's text
	gap   int     // columns at least between two times
}

func (d *drawing) addOp(op *Op, note string, versions bool) {
	label := appendSession(nil, op.Session)
	if op.Device != "" {
		label = appendSession(append(label, '/'), op.Device)
	}
	if op.Node != "" {
		label = appendName(append(label, " @"...), op.Node)
	}
	o := *op
	if o.Type != Ok && o.Type != Fail || o.Return == Never {
		o.Type, o.Return = Info, Never
	}
	text := o.appendShort(nil)
	if versions {
		text = o.appendVersions(text)
	}
	d.rows = append(d.rows, row{label: string(label), text: string(text), from: o.Call,
		to: max(o.Return, o.Call), tail: outcomeText(&o, guardNote(note))})
}

// outcomeText returns what stands behind an operation: its outcome, where a note replaces a mere "ok".
func outcomeText(op *Op, note string) string {
	if op.Type == Ok && note != "" {
		return note
	}
	outcome := op.Type.String()
	if code := op.Err.Code.String(); op.Type != Ok && code != "" {
		outcome += " " + code
	}
	if note != "" {
		outcome += "  " + note
	}
	return outcome
}

// guardNote makes sure that a note is not taken for a bar or an outcome when it is parsed.
func guardNote(note string) string {
	words := strings.Fields(note)
	if len(words) == 0 {
		return ""
	}
	note = strings.Join(words, " ")
	s := scanner{text: []rune(words[0])}
	first := s.bare(true)
	code, _ := ParseCode(first)
	isCode := first == code.String() && code != NoError
	if isCode || strings.ContainsAny(note[:1], "|!") || slices.Contains(outcomeWords, first) {
		return "— " + note
	}
	return note
}

// outcomeWords are the words for Ok, Fail and Info, in this order.
var outcomeWords = []string{"ok", "fail", "info"}

func (d *drawing) addFault(f *Fault) {
	d.rows = append(d.rows, row{kind: faultRow, label: faultLabel(f), from: f.From, to: max(f.To, f.From),
		text: string(appendName(nil, f.Family))})
}

// faultLabel says whom a fault hits: the groups of a partition as n1/n2,n3, the nodes of another fault
// as n1,n2, and where neither is told the fault's id.
func faultLabel(f *Fault) string {
	if groups, ok := f.What.Get("cut").AsList(); ok {
		var labels []string
		for _, g := range groups {
			if names := nameList(g); names != "" {
				labels = append(labels, names)
			}
		}
		if len(labels) > 0 {
			return strings.Join(labels, "/")
		}
	}
	return cmp.Or(nameList(f.What.Get("nodes")), string(appendSession(nil, f.ID)))
}

// nameList returns the strings of the list v joined by commas.
func nameList(v Value) string {
	list, _ := v.AsList()
	var b []byte
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendSession(b, list[i].text)
	}
	return string(b)
}

// squeeze lays the drawing out, as roomy as fits in so many columns.
func (d *drawing) squeeze(columns int) {
	for _, try := range [...][2]int{{2, 3}, {2, 1}, {1, 1}, {0, 1}} {
		d.dash, d.gap = try[0], try[1]
		d.layout()
		if d.labelWidth()+d.end+tailWidth <= columns {
			return
		}
	}
}

// tailWidth is the room that squeeze leaves for the outcome.
const tailWidth = 8

// width returns the columns of the row's bar with the fewest dashes.
func (d *drawing) width(r *row) int {
	n := utf8.RuneCountInString(r.text)
	switch {
	case r.kind == phaseRow:
		return n + 1
	case r.kind == faultRow && r.instant():
		return n + 4
	case r.kind == faultRow:
		return n + 2 + 2*max(d.dash, 1)
	case r.instant():
		return n + 2
	}
	return n + 2 + 2*d.dash
}

// layout gives every distinct time the first column that leaves a gap to the time before and room for
// the bars that end there.
func (d *drawing) layout() {
	d.times = d.times[:0]
	for i := range d.rows {
		d.times = append(d.times, d.rows[i].from)
		if !d.rows[i].open() {
			d.times = append(d.times, d.rows[i].to)
		}
	}
	slices.Sort(d.times)
	d.times = slices.Compact(d.times)
	d.cols = make([]int, len(d.times))
	byEnd := make([][]*row, len(d.times))
	for i := range d.rows {
		if r := &d.rows[i]; !r.open() && !r.instant() && r.kind != phaseRow {
			at, _ := slices.BinarySearch(d.times, r.to)
			byEnd[at] = append(byEnd[at], r)
		}
	}
	for i := range d.times {
		if i > 0 {
			d.cols[i] = d.cols[i-1] + d.gap
		}
		for _, r := range byEnd[i] {
			d.cols[i] = max(d.cols[i], d.column(r.from)+d.width(r)-1)
		}
	}
	d.end = 0
	for i := range d.rows {
		r := &d.rows[i]
		d.end = max(d.end, d.column(r.from)+d.width(r))
		if !r.open() {
			d.end = max(d.end, d.column(r.to)+1)
		}
	}
}

func (d *drawing) column(t int64) int {
	i, _ := slices.BinarySearch(d.times, t)
	return d.cols[i]
}

// labelWidth returns the column at which the axis begins.
func (d *drawing) labelWidth() int {
	w := 0
	for i := range d.rows {
		w = max(w, utf8.RuneCountInString(d.rows[i].label))
	}
	return w + 2
}

func (d *drawing) print() string {
	var b strings.Builder
	start := d.labelWidth()
	for i := range d.rows {
		r := &d.rows[i]
		bar := d.bar(r)
		b.WriteString(r.label)
		from := start + d.column(r.from)
		pad(&b, from-utf8.RuneCountInString(r.label))
		b.WriteString(bar)
		if r.tail != "" {
			pad(&b, start+d.end+2-from-utf8.RuneCountInString(bar))
			b.WriteString(r.tail)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func pad(b *strings.Builder, n int) {
	for range n {
		b.WriteByte(' ')
	}
}

// bar returns the row's bar, from the column of its beginning.
func (d *drawing) bar(r *row) string {
	switch {
	case r.kind == phaseRow:
		return "^" + r.text
	case r.kind == faultRow && r.instant():
		return "!░" + r.text + "░!"
	case r.instant():
		return "!" + r.text + "!"
	}
	last := d.end - 1
	if !r.open() {
		last = d.column(r.to)
	}
	inner := last - d.column(r.from) + 1 - utf8.RuneCountInString(r.text) - 2
	left, right := inner/2, inner-inner/2
	if r.open() {
		left, right = min(max(d.dash, 1), left), inner-min(max(d.dash, 1), left)
	}
	if r.kind == faultRow {
		return faultBar(r, left, right)
	}
	closing := "|"
	if r.open() {
		closing = "…"
	}
	return "|" + strings.Repeat("-", left) + r.text + strings.Repeat("-", right) + closing
}

// faultBar draws a fault: a space on either side of its name takes the place of the two bars.
func faultBar(r *row, left, right int) string {
	closing := ""
	if r.open() {
		closing, right = "…", right-1
	}
	return strings.Repeat("░", left) + " " + r.text + " " + strings.Repeat("░", right) + closing
}
