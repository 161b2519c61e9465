package history

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// lineError is what is wrong in a line, and at which byte of it.
type lineError struct {
	pos int
	err error
	cut bool // the line ended too early, and might go on rightly
}

func (e *lineError) Error() string { return e.err.Error() }

func (e *lineError) Unwrap() error { return e.err }

// parser reads the JSON of one line. It is written by hand because a record has millions of lines of the
// same few fields: names are shared instead of copied, and errors have a column.
type parser struct {
	data   []byte
	pos    int
	recent nameCache
	names  map[string]string   // the names met so far
	lists  map[string][]string // the lists of names met so far, by how they are written
	text   []byte              // the last string with escapes, unescaped
	spare  *spareEvidence
}

func newParser() parser {
	return parser{names: map[string]string{}, lists: map[string][]string{}, spare: &spareEvidence{}}
}

// maxNames bounds the names that a parser shares; later ones are copied.
const maxNames = 1 << 16

func (p *parser) begin(line []byte) { p.data, p.pos = line, 0 }

func (p *parser) errorAt(pos int, format string, args ...any) error {
	return &lineError{pos: pos, err: fmt.Errorf(format, args...)}
}

// expected returns the error that something else should stand here.
func (p *parser) expected(what string) error {
	if p.pos >= len(p.data) {
		err := fmt.Errorf("the line ends where %s should stand", what)
		return &lineError{pos: len(p.data), err: err, cut: true}
	}
	found := p.data[p.pos:min(p.pos+16, len(p.data))]
	return p.errorAt(p.pos, "expected %s, found %q", what, found)
}

func (p *parser) space() {
	for p.pos < len(p.data) && (p.data[p.pos] == ' ' || p.data[p.pos] == '\t' || p.data[p.pos] == '\r') {
		p.pos++
	}
}

// next steps over spaces and returns the byte that follows, or 0 at the end.
func (p *parser) next() byte {
	p.space()
	if p.pos < len(p.data) {
		return p.data[p.pos]
	}
	return 0
}

// accept steps over c if it comes next.
func (p *parser) accept(c byte) bool {
	if p.next() == c && p.pos < len(p.data) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) need(c byte) error {
	if p.accept(c) {
		return nil
	}
	return p.expected(strconv.QuoteRune(rune(c)))
}

// elements calls read for every element of a list.
func (p *parser) elements(read func() error) error {
	if err := p.need('['); err != nil {
		return err
	}
	if p.accept(']') {
		return nil
	}
	for {
		if err := read(); err != nil {
			return err
		}
		if p.accept(']') {
			return nil
		}
		if !p.accept(',') {
			return p.expected("',' or ']'")
		}
	}
}

// schema describes an object: its fields, which of them must be there, and how to read one into a T.
type schema[T any] struct {
	what     string
	fields   []string
	required []string
	read     func(p *parser, field string, into *T) error
}

// object reads an object that keeps to s.
func object[T any](p *parser, s *schema[T], into *T) error {
	start := p.pos
	if err := p.need('{'); err != nil {
		return err
	}
	seen, last := 0, -1
	for first := true; !p.accept('}'); first = false {
		if !first && !p.accept(',') {
			return p.expected("',' or '}'")
		}
		at := p.pos
		name, err := p.bytes("the name of a field")
		if err != nil {
			return err
		}
		if last = s.find(name, last+1); last < 0 {
			allowed := strings.Join(s.fields, ", ")
			return p.errorAt(at, "%s has no field %q; allowed: %s", s.what, name, allowed)
		}
		if seen&(1<<last) != 0 {
			return p.errorAt(at, "the field %q stands twice", name)
		}
		seen |= 1 << last
		if err := p.need(':'); err != nil {
			return err
		}
		p.space()
		if err := s.read(p, s.fields[last], into); err != nil {
			return err
		}
	}
	for _, name := range s.required {
		if seen&(1<<slices.Index(s.fields, name)) == 0 {
			return p.errorAt(start, "%s lacks the field %q", s.what, name)
		}
	}
	return nil
}

// find returns the place of a field, or -1. The search begins at guess, because fields mostly stand in
// the order of the schema.
func (s *schema[T]) find(name []byte, guess int) int {
	for i := range s.fields {
		at := (guess + i) % len(s.fields)
		if s.fields[at] == string(name) {
			return at
		}
	}
	return -1
}

// end checks that nothing more stands in the line.
func (p *parser) end() error {
	if p.space(); p.pos < len(p.data) {
		return p.expected("the end of the line")
	}
	return nil
}

// bytes reads a string. The result is valid until the next string is read.
func (p *parser) bytes(what string) ([]byte, error) {
	if p.next() != '"' {
		return nil, p.expected(what)
	}
	p.pos++
	start := p.pos
	for ; p.pos < len(p.data) && plain[p.data[p.pos]]; p.pos++ {
	}
	if p.pos < len(p.data) && p.data[p.pos] == '"' {
		p.pos++
		return p.data[start : p.pos-1], nil
	}
	return p.escaped(start)
}

// escaped reads on in a string that is not plain; it began at start.
func (p *parser) escaped(start int) ([]byte, error) {
	p.text = append(p.text[:0], p.data[start:p.pos]...)
	for p.pos < len(p.data) {
		c := p.data[p.pos]
		switch {
		case c == '"':
			p.pos++
			return p.text, nil
		case c == '\\':
			if err := p.escape(); err != nil {
				return nil, err
			}
		case c < ' ':
			return nil, p.errorAt(p.pos, "a control character in a string; write it as \\u%04x", c)
		default:
			r, n := utf8.DecodeRune(p.data[p.pos:])
			if r == utf8.RuneError && n == 1 {
				if !utf8.FullRune(p.data[p.pos:]) { // cut inside a character
					p.pos = len(p.data)
					break
				}
				return nil, p.errorAt(p.pos, "the byte %#02x is no UTF-8", c)
			}
			p.text = append(p.text, p.data[p.pos:p.pos+n]...)
			p.pos += n
		}
	}
	return nil, p.expected("the end of a string")
}

// escape reads one escape sequence into p.text.
func (p *parser) escape() error {
	at := p.pos
	p.pos++
	if p.pos == len(p.data) {
		return p.expected("the rest of an escape")
	}
	c := p.data[p.pos]
	p.pos++
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		p.text = append(p.text, "\"\\/\b\f\n\r\t"[i])
		return nil
	}
	if c != 'u' {
		return p.errorAt(at, `no escape \%c; allowed: \" \\ \/ \b \f \n \r \t \u0000`, c)
	}
	r, err := p.hex4(at)
	if err != nil {
		return err
	}
	if utf16.IsSurrogate(r) && p.pos+1 < len(p.data) && p.data[p.pos] == '\\' && p.data[p.pos+1] == 'u' {
		back := p.pos
		p.pos += 2
		low, err := p.hex4(back)
		if err != nil {
			return err
		}
		if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
			r = both
		} else {
			p.pos = back // the second stands for itself
		}
	}
	p.text = utf8.AppendRune(p.text, r) // a lone surrogate becomes U+FFFD
	return nil
}

func (p *parser) hex4(at int) (rune, error) {
	if len(p.data)-p.pos < 4 {
		p.pos = len(p.data)
		return 0, p.expected("four hexadecimal digits")
	}
	n, err := strconv.ParseUint(string(p.data[p.pos:p.pos+4]), 16, 16)
	if err != nil {
		return 0, p.errorAt(at, `\u takes four hexadecimal digits`)
	}
	p.pos += 4
	return rune(n), nil
}

// name reads a string that is likely to come again.
func (p *parser) name(what string) (string, error) {
	b, err := p.bytes(what)
	if err != nil {
		return "", err
	}
	at := &p.recent[slot(b)]
	if *at == string(b) {
		return *at, nil
	}
	s, known := p.names[string(b)]
	if !known {
		s = string(b)
		if len(p.names) < maxNames {
			p.names[s] = s
		}
	}
	*at = s
	return s, nil
}

// nameList reads a list of names; an empty one is nil. Lists that are written alike share their memory.
func (p *parser) nameList(what string) (list []string, err error) {
	start := p.pos
	if end := bytes.IndexByte(p.data[start:], ']'); end >= 0 {
		if list, known := p.lists[string(p.data[start:start+end+1])]; known {
			p.pos += end + 1
			return list, nil
		}
	}
	err = p.elements(func() error {
		name, err := p.name(what)
		list = append(list, name)
		return err
	})
	if err == nil && len(p.lists) < maxNames {
		list = slices.Clip(list)
		p.lists[string(p.data[start:p.pos])] = list
	}
	return list, err
}

// digits reads an integer of at most 19 digits that is written as JSON writes it, and is not the least of 64
// bits; not ok leaves the line where it was.
func (p *parser) digits() (n int64, ok bool) {
	at := p.pos
	minus := at < len(p.data) && p.data[at] == '-'
	if minus {
		at++
	}
	first, size := at, uint64(0) // 19 digits fit
	for at < len(p.data) && p.data[at]-'0' <= 9 {
		size = size*10 + uint64(p.data[at]-'0')
		at++
	}
	switch {
	case at == first, at > first+19, p.data[first] == '0' && at > first+1, size > math.MaxInt64:
		return 0, false
	case at < len(p.data) && strings.IndexByte("+-.eE", p.data[at]) >= 0:
		return 0, false
	}
	p.pos = at
	if n = int64(size); minus {
		n = -n
	}
	return n, true
}

// number reads the digits of an integer, with its sign.
func (p *parser) number(what string) (string, int, error) {
	start := p.pos
	for p.pos < len(p.data) && strings.IndexByte("+-.0123456789eE", p.data[p.pos]) >= 0 {
		p.pos++
	}
	text := string(p.data[start:p.pos])
	if text == "" || text == "-" {
		return "", start, p.expected(what)
	}
	if digits := strings.TrimPrefix(text, "-"); digits[0] == '+' || digits[0] == '0' && len(digits) > 1 {
		return "", start, p.errorAt(start, "%s is not how JSON writes an integer", text)
	}
	return text, start, nil
}

// integer reads an integer in [low, high].
func (p *parser) integer(what string, low, high int64) (int64, error) {
	back := p.pos
	if n, ok := p.digits(); ok && n >= low && n <= high {
		return n, nil
	}
	p.pos = back
	text, at, err := p.number(what)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < low || n > high {
		return 0, p.errorAt(at, "%s is not %s; allowed: integers from %d to %d", text, what, low, high)
	}
	return n, nil
}
