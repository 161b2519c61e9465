package history

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"
)

// MaxLine is the longest line, in bytes, that is read from a recorded history.
const MaxLine = 64 << 20

// ErrFormat is wrapped by the errors of Read about what stands in the file.
var ErrFormat = errors.New("not a recorded history")

// ReadFile reads the recorded history at path. Its errors name the file.
func ReadFile(path string) (*History, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read a history: %w", err)
	}
	defer f.Close()
	h, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return h, nil
}

// Read reads a recorded history: a header line, then lines as AppendEvent writes them, and pairs it.
// Fields may stand in any order, spaces between them, blank lines between lines, and "i" may be left
// out. A last line without newline that is cut in the middle, as a crash leaves it, is overlooked and
// told in History.Warns. Everything else that is wrong is an error with line and column that wraps
// ErrFormat: a version that is unknown, a field that is unknown, twice there or of a wrong type, an
// index that is not the event's place, events in an impossible order (see Recorder.Record).
func Read(r io.Reader) (*History, error) {
	d := newDecoder(r, MaxLine)
	if err := d.run(); err != nil {
		return nil, err
	}
	h := d.memory.History()
	h.Header = d.header
	h.Warns = append(d.warns, h.Warns...)
	return h, nil
}

type decoder struct {
	lines  *bufio.Reader
	spill  []byte // a line longer than the reader's buffer
	limit  int
	line   int // of the last line read, from 1
	parser parser
	order  orderRules
	begun  bool // the header was read
	header Header
	memory *Builder
	warns  []string
}

func newDecoder(r io.Reader, limit int) *decoder {
	return &decoder{lines: bufio.NewReaderSize(r, 256<<10), order: newOrderRules(), limit: limit,
		parser: parser{names: map[string]string{}}, memory: NewBuilder(nil)}
}

func (d *decoder) run() error {
	for {
		text, whole, err := d.next()
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(text)) > 0 {
			if err := d.decode(text); err != nil {
				return d.judge(err, whole)
			}
		}
		if !whole {
			break
		}
	}
	if !d.begun {
		return fmt.Errorf("%w: it is empty, without even a header line", ErrFormat)
	}
	return nil
}

// decode reads one line: the header if there was none, an event otherwise.
func (d *decoder) decode(text []byte) error {
	d.parser.begin(text)
	if !d.begun {
		err := d.parser.header(&d.header)
		d.begun = err == nil
		return err
	}
	n := d.memory.Len()
	ev := Event{Index: n}
	if err := d.parser.event(&ev); err != nil {
		return err
	}
	if ev.Index != n {
		return d.parser.errorAt(0, "the index is %d, but this is event %d", ev.Index, n)
	}
	if err := d.order.admit(&ev); err != nil {
		return d.parser.errorAt(0, "%w", err)
	}
	d.memory.Add(&ev)
	return nil
}

// judge turns an error of decode into a warning when the line is the last and cut in the middle.
func (d *decoder) judge(err error, whole bool) error {
	var bad *lineError
	if !errors.As(err, &bad) {
		return err
	}
	if bad.cut && !whole && d.begun {
		d.warns = append(d.warns, fmt.Sprintf("line %d is cut in the middle; read up to there", d.line))
		return nil
	}
	column := utf8.RuneCount(d.parser.data[:bad.pos]) + 1
	return fmt.Errorf("%w: line %d, column %d: %w", ErrFormat, d.line, column, bad.err)
}

// next returns the next line, without its newline, and whether it had one. The line is valid until the
// next call. Behind the end of the file it returns an empty line that is not whole.
func (d *decoder) next() (text []byte, whole bool, err error) {
	d.line++
	d.spill = d.spill[:0]
	for {
		part, err := d.lines.ReadSlice('\n')
		if len(d.spill)+len(part) > d.limit {
			return nil, false, fmt.Errorf("%w: line %d is longer than %d bytes", ErrFormat, d.line, d.limit)
		}
		switch {
		case err != nil && err != io.EOF && err != bufio.ErrBufferFull:
			return nil, false, fmt.Errorf("line %d: %w", d.line, err)
		case err == nil && len(d.spill) == 0:
			return part[:len(part)-1], true, nil
		}
		d.spill = append(d.spill, part...)
		if err == nil {
			return d.spill[:len(d.spill)-1], true, nil
		}
		if err == io.EOF {
			return d.spill, false, nil
		}
	}
}
