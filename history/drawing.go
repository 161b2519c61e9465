package history

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Column is the time, in nanoseconds, that a column of a parsed drawing stands for.
const Column = 1000

// ParseDrawing reads a drawing as Draw writes it, or as one writes it by hand, and returns the history:
//
//	# A stale read, and what its session makes of it.
//	s1 @n1     |--w k=1--|                     |--r k=∅--|    ok
//	s2/d2 @n2        |--cas k 1→2--…                          info timeout
//	s3                  |--w k=3--|  fail not-leader    |--r k--|  fail
//	n1/n2,n3      ░░░░░░░░ partition ░░░░░░░░
//	n1                                      ░░ crash ░░░…
//	phase                                      ^final-reads
//
// A line is a label, then bars. The column of a bar's first and last character are the times of call and
// return, a column being 1000 ns (Column); so bars that share a column overlap, and one precedes
// another when it ends in an earlier column than the other begins in.
//
//	label      session, "/" and device if it has several, "@" and node if one is known
//	|--op--|       an operation; dashes are optional
//	|--op--…       one that never returned; "--..." will do
//	!op!           one that was called and returned in the column of the first "!"
//	░░ family ░░   a fault that was healed; "░░ family ░░…" one that was not. Its label is n1/n2,n3, the
//	               groups of a partition (Fault.What is then {cut:[[n1] [n2 n3]]}), or n1,n2, the nodes
//	               hit (Fault.What is then {nodes:[n1 n2]}); !░family░! is a fault of no duration
//	^name          the beginning of a phase of the run; the label is not read
//
// An op is one of the short forms that Op.Short lists, where w, r, → and ∅ may also be write, read, ->
// and null; " ver s0e1:7,s1e1:9" may follow it as the version in the evidence. Names and strings
// that are more than letters, digits, "_", "/", "." and inner "-" are quoted as in Go.
//
// Behind a bar stands the outcome: ok, fail or info, after the latter two the name of an error code.
// Without it a bar that ends in "|" is ok, and one that ends in "…" is info. Then another bar may
// follow; the rest of the line is a note and not read. Lines that begin with # are comments. Tabs may
// stand at the beginning of lines, in the same number everywhere, and nowhere else.
//
// Every operation is a process of its own. In the history's order of operations those called in the
// same column stand as their lines do. Errors have line and column.
func ParseDrawing(text string) (*History, error) {
	p := drawingParser{tabs: -1}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " \t\r")
		content := strings.TrimLeft(line, "\t")
		if content == "" || strings.HasPrefix(strings.TrimLeft(content, " "), "#") {
			continue
		}
		s := &scanner{text: []rune(content), line: i + 1, shift: len(line) - len(content)}
		if err := p.parseLine(s); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(p.events, func(a, b Event) int { return cmp.Compare(a.Time, b.Time) })
	slices.Sort(p.nodes)
	return Build(&Header{Version: FormatVersion, Nodes: slices.Compact(p.nodes)}, p.events), nil
}

type drawingParser struct {
	tabs   int // tabs before the first line, -1 before there was one
	events []Event
	ops    int32
	faults int
	nodes  []string
}

func (p *drawingParser) parseLine(s *scanner) error {
	if p.tabs < 0 {
		p.tabs = s.shift
	}
	if s.shift != p.tabs {
		return s.errorAt(0, "%d tabs before this line, %d before the first: columns do not line up", s.shift,
			p.tabs)
	}
	if tab := slices.Index(s.text, '\t'); tab >= 0 {
		return s.errorAt(tab, "a tab has no column: use spaces")
	}
	bar := s.findBar()
	if bar == len(s.text) {
		return s.errorAt(bar, "expected a bar: |--w k=1--|, !w k=1!, ░░ fault ░░ or ^phase")
	}
	switch {
	case s.text[bar] == '^':
		return p.parsePhases(s, bar)
	case s.text[bar] == '░', s.text[bar] == '!' && bar+1 < len(s.text) && s.text[bar+1] == '░':
		return p.parseFault(s, bar)
	}
	return p.parseOps(s)
}

// findBar returns the position of the first character that begins a bar.
func (s *scanner) findBar() int {
	for i := 0; i < len(s.text); i++ {
		switch s.text[i] {
		case '"':
			i = s.quoteEnd(i) - 1
		case '|', '!', '░', '^':
			return i
		}
	}
	return len(s.text)
}

func (p *drawingParser) parsePhases(s *scanner, bar int) error {
	s.pos = bar
	for s.pos < len(s.text) {
		at := s.pos
		if !s.accept("^") {
			return s.expected("^ and the name of a phase")
		}
		name, err := s.name("the name of a phase", true)
		if err != nil {
			return err
		}
		p.events = append(p.events, Event{Time: int64(at) * Column, Type: Info, Process: Harness, F: FPhase,
			Value: StringValue(name)})
		s.skip(' ')
	}
	return nil
}

func (p *drawingParser) parseFault(s *scanner, bar int) error {
	what, err := s.faultLabel(bar)
	if err != nil {
		return err
	}
	instant := s.accept("!")
	s.skip('░')
	s.skip(' ')
	family, err := s.name("the fault's family", true)
	if err != nil {
		return err
	}
	s.skip(' ')
	fill := s.pos
	s.skip('░')
	last, healedAt := s.pos-1, true
	switch {
	case instant && s.accept("!"):
		last = bar
	case instant:
		return s.expected("░!")
	case s.accept("…") || s.accept("..."):
		healedAt = false
	case fill == s.pos:
		return s.expected("░ or …")
	}
	if s.pos < len(s.text) {
		return s.expected("the end of the line")
	}
	p.faults++
	ev := Event{Time: int64(bar) * Column, Type: Info, Process: Nemesis, F: family,
		Fault: "f" + strconv.Itoa(p.faults)}
	asked, outcome, end := ev, ev, ev
	asked.Value, outcome.Value = what, StringValue("installed")
	end.Time, end.Value = int64(last)*Column, StringValue(healed)
	p.events = append(p.events, asked, outcome)
	if healedAt {
		p.events = append(p.events, end)
	}
	return nil
}

// faultLabel reads the groups n1/n2,n3 or the nodes n1,n2 before the bar.
func (s *scanner) faultLabel(bar int) (Value, error) {
	groups := [][]Value{nil}
	for {
		name, err := s.name("the name of a node", false)
		if err != nil {
			return Value{}, err
		}
		last := &groups[len(groups)-1]
		*last = append(*last, StringValue(name))
		if s.accept("/") {
			groups = append(groups, nil)
		} else if !s.accept(",") {
			break
		}
	}
	s.skip(' ')
	if s.pos != bar {
		return Value{}, s.expected("the bar of the fault")
	}
	if len(groups) == 1 {
		return MapValue(map[string]Value{"nodes": ListValue(groups[0]...)}), nil
	}
	cut := make([]Value, len(groups))
	for i, g := range groups {
		cut[i] = ListValue(g...)
	}
	return MapValue(map[string]Value{"cut": ListValue(cut...)}), nil
}
