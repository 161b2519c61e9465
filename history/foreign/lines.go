package foreign

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/rashomon-harness/rashomon/history/edn"
)

// maxLine bounds the lines of a text, in bytes.
const maxLine = 16 << 20

// lineReader reads the lines of a text.
type lineReader struct {
	src    *bufio.Reader
	buf    []byte
	number int
	values *edn.Reader
	// of the formats
	failed  bool // the line before has an error, whose text may go on
	foreign bool // the line before is a log line about something else
}

// next returns the next line without its newline, and whether it has one. Behind the end it returns an
// empty line without.
func (r *lineReader) next() (line []byte, whole bool, err error) {
	r.number++
	r.buf = r.buf[:0]
	for {
		part, err := r.src.ReadSlice('\n')
		if len(r.buf)+len(part) > maxLine {
			return nil, false, r.errorf("the line is longer than %d bytes", maxLine)
		}
		r.buf = append(r.buf, part...)
		switch err {
		case nil:
			return bytes.TrimSuffix(r.buf[:len(r.buf)-1], []byte("\r")), true, nil
		case io.EOF:
			return r.buf, false, nil
		case bufio.ErrBufferFull:
		default:
			return nil, false, &edn.Error{Line: r.number, Column: 1, Err: err}
		}
	}
}

func (r *lineReader) errorf(format string, args ...any) error {
	at := edn.Value{Line: int32(r.number), Column: 1}
	return at.Errorf(format, args...)
}

// readLines reads a format of one operation a line. read reads the line of one, nil for none.
func (l *loader) readLines(src io.Reader, read func(r *lineReader, line []byte) (*record, error)) error {
	r := &lineReader{src: bufio.NewReaderSize(src, 64<<10), values: edn.NewTextReader(edn.Limits{})}
	for {
		line, whole, err := r.next()
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(line)) > 0 {
			if !whole {
				l.warns.count("the last line has no newline, as if it had been cut; it is left out",
					r.record())
				return r.judge(l)
			}
			rec, err := read(r, line)
			if err != nil {
				return err
			}
			if rec != nil {
				if err := l.add(rec); err != nil {
					return err
				}
			}
		}
		if !whole {
			return r.judge(l)
		}
	}
}

// judge refuses a text of which nothing was understood.
func (r *lineReader) judge(l *loader) error {
	if l.builder.Len() == 0 && len(l.warns.list) > 0 {
		return r.errorf("no line is one of an operation")
	}
	return nil
}

// record returns an empty record that stands at the current line.
func (r *lineReader) record() *record {
	return &record{at: edn.Value{Line: int32(r.number), Column: 1}}
}

// textLine reads process, type, function, value and error.
func (l *loader) textLine(r *lineReader, line []byte) (*record, error) {
	if r.failed && !beginsOperation(line) {
		l.warns.count("a line that goes on the error of the line before it", r.record())
		return nil, nil
	}
	return r.operation(line, 1)
}

// beginsOperation reports whether a line begins with a process and a tab or space.
func beginsOperation(line []byte) bool {
	rest := bytes.TrimPrefix(line, []byte(":nemesis"))
	if len(rest) == len(line) {
		rest = bytes.TrimLeft(line, "0123456789")
	}
	return len(rest) < len(line) && len(rest) > 0 && (rest[0] == '\t' || rest[0] == ' ')
}

var lineFields = [...]struct {
	field field
	what  string
}{{processField, "a process, such as 3 or :nemesis,"}, {typeField, "a type (:invoke, :ok, :fail, :info)"},
	{fField, "a function, such as :read,"}, {valueField, "a value"}}

// operation reads an operation that stands at the given column of the line.
func (r *lineReader) operation(line []byte, column int) (*record, error) {
	rec := r.record()
	rec.at.Column = int32(column)
	r.values.Reset(line, r.number, column)
	for _, part := range lineFields {
		v, err := r.values.Next()
		if errors.Is(err, io.EOF) && part.field == valueField {
			break // no value is nil
		}
		if errors.Is(err, io.EOF) {
			err = rec.at.Errorf("the line ends where %s should stand; allowed: process, type, function, "+
				"value, error", part.what)
		}
		if err != nil {
			return nil, err
		}
		rec.set(part.field, v)
	}
	rest := bytes.TrimSpace(r.values.Rest())
	if r.failed = len(rest) > 0; r.failed {
		rec.set(errorField, r.error(rest))
	}
	return rec, nil
}

// error returns what stands behind the value: EDN, or else a text.
func (r *lineReader) error(rest []byte) edn.Value {
	text := edn.Value{Kind: edn.String, Text: string(bytes.ToValidUTF8(rest, []byte("\ufffd")))}
	r.values.Reset(rest, r.number, 1)
	v, err := r.values.Next()
	if err != nil || len(bytes.TrimSpace(r.values.Rest())) > 0 || v.Kind == edn.Symbol {
		return text
	}
	return v
}

// logLine reads an operation behind "jepsen.util" in a log, and overlooks lines about other things.
func (l *loader) logLine(r *lineReader, line []byte) (*record, error) {
	const marker = "jepsen.util"
	at := bytes.Index(line, []byte(marker))
	if at < 0 {
		return nil, l.overlook(r, line)
	}
	r.foreign = false
	rest := bytes.TrimLeft(line[at+len(marker):], " \t")
	if len(rest) > 1 && (rest[0] == '-' || rest[0] == ':') && (rest[1] == ' ' || rest[1] == '\t') {
		rest = rest[2:]
	}
	rest = bytes.TrimLeft(rest, " \t")
	return r.operation(rest, 1+utf8.RuneCount(line[:len(line)-len(rest)]))
}

// overlook accepts a log line that is about no operation: it has a level, or goes on one that has.
func (l *loader) overlook(r *lineReader, line []byte) error {
	hasLevel := false
	for _, level := range []string{"INFO", "WARN", "ERROR", "DEBUG", "TRACE"} {
		hasLevel = hasLevel || bytes.Contains(line, []byte(level))
	}
	for _, word := range []string{":invoke", ":ok", ":fail", ":info"} {
		if bytes.Contains(line, []byte(word)) || !hasLevel && !r.foreign {
			return r.errorf("the line is no log line of an operation; allowed: %q",
				"INFO  jepsen.util - 0\t:invoke\t:read\tnil")
		}
	}
	r.foreign = true
	l.warns.count("a log line about something else", r.record())
	return nil
}
