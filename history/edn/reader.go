package edn

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

// ErrSyntax is wrapped by the errors of a Reader about what stands in the text.
var ErrSyntax = errors.New("not EDN")

// Error is what is wrong in a text, and where.
type Error struct {
	Line   int // from 1
	Column int // from 1, in characters
	Err    error
}

// Error says where and what is wrong.
func (e *Error) Error() string { return fmt.Sprintf("line %d, column %d: %v", e.Line, e.Column, e.Err) }

// Unwrap returns what is wrong: it wraps ErrSyntax, or is the error of the source.
func (e *Error) Unwrap() error { return e.Err }

// Limits bounds what reading one value takes. A zero field is its default.
type Limits struct {
	Depth int // how deep values are nested; 128
	Token int // bytes of a string, number or name; 16 MiB
	Items int // values that one value of the top level consists of; 2 Mi, of 64 bytes each
}

// The defaults of Limits.
const (
	defaultDepth = 128
	defaultToken = 16 << 20
	defaultItems = 2 << 20
)

// maxNames bounds the keywords and symbols whose text is shared; that of later ones is copied.
const maxNames = 1 << 16

// Reader reads values from a stream. After an error it must not be used.
type Reader struct {
	src     io.Reader
	buf     []byte // what was read ahead
	pos     int
	line    int
	column  int
	err     error // of src, io.EOF at the end
	limits  Limits
	items   int // of the value that is being read
	token   []byte
	stack   []Value // elements of the sequences that are being read, the outer ones first
	names   map[string]string
	closer  byte // of the sequence that Element is inside of, 0 for none
	opening Value
}

// NewReader returns a reader of src.
func NewReader(src io.Reader, limits Limits) *Reader {
	set := func(field *int, standard int) {
		if *field <= 0 {
			*field = standard
		}
	}
	set(&limits.Depth, defaultDepth)
	set(&limits.Token, defaultToken)
	set(&limits.Items, defaultItems)
	return &Reader{src: src, line: 1, column: 1, limits: limits, names: map[string]string{}}
}

// NewTextReader returns a reader of texts that are given to it by Reset.
func NewTextReader(limits Limits) *Reader {
	r := NewReader(nil, limits)
	r.err = io.EOF
	return r
}

// Reset begins to read text, which stands at the given line and column. The text must not change until
// the next Reset.
func (r *Reader) Reset(text []byte, line, column int) {
	r.buf, r.pos, r.line, r.column, r.err, r.closer = text, 0, line, column, io.EOF, 0
	r.stack = r.stack[:0]
}

// Rest returns what of the text given to Reset is not read.
func (r *Reader) Rest() []byte { return r.buf[r.pos:] }

// Next returns the next value, or io.EOF behind the last.
func (r *Reader) Next() (Value, error) {
	r.items = 0
	if err := r.skip(0); err != nil {
		return Value{}, err
	}
	if _, ok := r.peek(); !ok {
		return Value{}, r.end()
	}
	return r.value(0)
}

// Element returns the next value as Next does, but steps into the vectors and lists of the top level and
// returns their elements one by one.
func (r *Reader) Element() (Value, error) {
	for {
		r.items = 0
		if err := r.skip(0); err != nil {
			return Value{}, err
		}
		c, ok := r.peek()
		switch {
		case !ok && r.closer != 0 && r.err == io.EOF:
			return Value{}, r.unclosed(&r.opening)
		case !ok:
			return Value{}, r.end()
		case r.closer != 0 && c == r.closer:
			r.step()
			r.closer = 0
		case r.closer == 0 && (c == '[' || c == '('):
			r.opening = r.here(Vector)
			r.step()
			if r.closer = ']'; c == '(' {
				r.closer, r.opening.Kind = ')', List
			}
		default:
			return r.value(0)
		}
	}
}

// peek returns the next byte, and whether there is one; r.err says why not.
func (r *Reader) peek() (byte, bool) {
	if r.pos < len(r.buf) || r.fill() {
		return r.buf[r.pos], true
	}
	return 0, false
}

// second returns the byte behind the next, 0 for none.
func (r *Reader) second() byte {
	if r.pos+1 >= len(r.buf) && !r.fill() {
		return 0
	}
	if r.pos+1 < len(r.buf) {
		return r.buf[r.pos+1]
	}
	return 0
}

const (
	bufferSize = 64 << 10
	emptyReads = 100 // of a source that gives nothing, in a row, before that is an error
)

// fill reads more of the source, and reports whether there was more.
func (r *Reader) fill() bool {
	if r.err != nil {
		return false
	}
	if r.buf == nil {
		r.buf = make([]byte, 0, bufferSize)
	}
	kept := copy(r.buf[:cap(r.buf)], r.buf[r.pos:])
	r.buf, r.pos = r.buf[:kept], 0
	for range emptyReads {
		n, err := r.src.Read(r.buf[kept:cap(r.buf)])
		r.buf, r.err = r.buf[:kept+n], err
		if n > 0 || err != nil {
			return n > 0
		}
	}
	r.err = io.ErrNoProgress
	return false
}

// step steps over the next byte, which is there.
func (r *Reader) step() {
	switch c := r.buf[r.pos]; {
	case c == '\n':
		r.line, r.column = r.line+1, 1
	case c&0xc0 != 0x80: // not the second byte of a character, or a later one
		r.column++
	}
	r.pos++
}

// take steps over the ASCII bytes of the table, as far as they are read ahead, and appends them to the token.
// The token does not become longer than its limit and a byte.
func (r *Reader) take(table *[256]bool) {
	ahead := r.buf[r.pos:min(len(r.buf), r.pos+r.limits.Token+1-len(r.token))]
	n := 0
	for n < len(ahead) && table[ahead[n]] {
		n++
	}
	r.token = append(r.token, ahead[:n]...)
	r.pos, r.column = r.pos+n, r.column+n
}

// here returns a value of that kind that begins here.
func (r *Reader) here(kind Kind) Value {
	line, column := min(r.line, math.MaxInt32), min(r.column, math.MaxInt32)
	return Value{Kind: kind, Line: int32(line), Column: int32(column)}
}

// end returns the error that nothing more is there.
func (r *Reader) end() error {
	if r.err == io.EOF {
		return io.EOF
	}
	return &Error{r.line, r.column, r.err}
}

func (r *Reader) errorHere(format string, args ...any) error {
	at := r.here(Nil)
	return at.malformed(format, args...)
}

// malformed returns the error that v is not EDN.
func (v *Value) malformed(format string, args ...any) error {
	return v.Errorf("%w: %w", ErrSyntax, fmt.Errorf(format, args...))
}

// Errorf returns the error that something is wrong with v, at its place.
func (v *Value) Errorf(format string, args ...any) error {
	return &Error{int(v.Line), int(v.Column), fmt.Errorf(format, args...)}
}

// expected returns the error that something else should stand here.
func (r *Reader) expected(what string) error {
	c, ok := r.peek()
	switch {
	case ok && c < 0x80:
		return r.errorHere("expected %s, found %s", what, strconv.QuoteRune(rune(c)))
	case ok:
		return r.errorHere("expected %s, found a byte %#02x", what, c)
	case r.err == io.EOF:
		return r.errorHere("the text ends where %s should stand", what)
	}
	return r.end()
}

func (r *Reader) unclosed(begin *Value) error {
	if r.err != nil && r.err != io.EOF {
		return r.end()
	}
	return r.errorHere("the text ends inside the %s that begins at line %d, column %d", begin.Kind,
		begin.Line, begin.Column)
}

// skip steps over white space, commas, comments and discarded values.
func (r *Reader) skip(depth int) error {
	for {
		c, ok := r.peek()
		switch {
		case !ok:
			return nil
		case isSpace(c):
			r.step()
		case c == ';':
			r.comment()
		case c == '#' && r.second() == '_':
			r.step()
			r.step()
			if _, err := r.value(depth + 1); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

func (r *Reader) comment() {
	for {
		if c, ok := r.peek(); !ok || c == '\n' {
			return
		}
		r.step()
	}
}

func isSpace(c byte) bool { return c == ' ' || c == ',' || c >= '\t' && c <= '\r' }
