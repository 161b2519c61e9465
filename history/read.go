package history

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
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
//
// Lines are parsed on all processors. After an error one more read from r may be under way.
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

// decoder reads a file in blocks of lines. One goroutine cuts them, several parse them, and the caller's
// takes their events in, block by block.
type decoder struct {
	cutter *cutter
	size   int64 // of the file, bytes; 0 when it is not known
	order  orderRules
	begun  bool // the header was read
	header Header
	memory *Builder
	warns  []string
}

func newDecoder(r io.Reader, limit int) *decoder {
	return &decoder{cutter: &cutter{r: r, limit: limit, line: 1}, size: sizeOf(r), order: newOrderRules(),
		memory: NewBuilder(nil)}
}

// sizeOf returns how many bytes r has, 0 when that is not known.
func sizeOf(r io.Reader) int64 {
	switch r := r.(type) {
	case interface{ Len() int }:
		return int64(r.Len())
	case interface{ Stat() (os.FileInfo, error) }:
		if info, err := r.Stat(); err == nil && info.Mode().IsRegular() {
			return info.Size()
		}
	}
	return 0
}

// blocksPerWorker is how many blocks there are for each goroutine that parses.
const blocksPerWorker = 3

func (d *decoder) run() error {
	workers := runtime.GOMAXPROCS(0)
	spare := make(chan *block, workers*blocksPerWorker)
	for range cap(spare) {
		spare <- &block{parsed: make(chan struct{}, 1)}
	}
	work, inOrder := make(chan *block, cap(spare)), make(chan *block, cap(spare))
	quit := make(chan struct{})
	defer close(quit)
	go d.cutter.cutAll(spare, work, inOrder, quit)
	for range workers {
		go func() {
			p := newParser()
			for b := range work {
				b.parse(&p, d.cutter.limit)
				b.parsed <- struct{}{}
			}
		}()
	}
	for b := range inOrder {
		<-b.parsed
		if err := d.take(b); err != nil {
			return err
		}
		spare <- b
	}
	if d.cutter.err != nil {
		return d.cutter.err
	}
	if !d.begun {
		return fmt.Errorf("%w: it is empty, without even a header line", ErrFormat)
	}
	return nil
}

// take takes in the events of a block.
func (d *decoder) take(b *block) error {
	if b.hasHeader {
		d.header, d.begun = b.header, true
	}
	if d.memory.Len() == 0 && d.size > 0 {
		d.memory.Grow(int(int64(len(b.events)) * d.size / int64(len(b.text)+1)))
	}
	for i := range b.events {
		ev, n := &b.events[i], d.memory.Len()
		if ev.Index >= 0 && ev.Index != n {
			return lineErrorf(b.lines[i], "the index is %d, but this is event %d", ev.Index, n)
		}
		if err := d.order.admit(ev); err != nil {
			return lineErrorf(b.lines[i], "%w", err)
		}
		if n > mostEvents {
			return lineErrorf(b.lines[i], "this is event %d; at most %d are read", n, mostEvents)
		}
		d.memory.Add(ev)
	}
	if b.warning != "" {
		d.warns = append(d.warns, b.warning)
	}
	return b.err
}

// lineErrorf returns the error that the event of a line is wrong.
func lineErrorf(line int, format string, args ...any) error {
	return fmt.Errorf("%w: line %d, column 1: %w", ErrFormat, line, fmt.Errorf(format, args...))
}

// block is whole lines of the file, and what was read in them.
type block struct {
	text   []byte
	first  bool // its first line that is not blank is the header
	ends   bool // the file ends with it
	line   int  // the number of its first line, from 1
	parsed chan struct{}

	header    Header
	hasHeader bool
	events    []Event // Index is -1 where it was left out
	lines     []int   // the lines of the events
	evidence  spareEvidence
	warning   string
	err       error // of the line behind the events
}

// parse reads the lines, until one is wrong.
func (b *block) parse(p *parser, limit int) {
	b.hasHeader, b.warning, b.err = false, "", nil
	b.events, b.lines = b.events[:0], b.lines[:0]
	b.evidence.reset()
	p.spare = &b.evidence
	line := b.line
	for rest := b.text; len(rest) > 0; line++ {
		text, after, whole := bytes.Cut(rest, []byte{'\n'})
		rest = after
		if len(text) > limit {
			b.err = tooLong(line, limit)
			return
		}
		if len(text) == 0 || text[0] != '{' && len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		if err := b.parseLine(p, text, line); err != nil {
			b.judge(p, err, line, whole)
			return
		}
	}
}

func tooLong(line, limit int) error {
	return fmt.Errorf("%w: line %d is longer than %d bytes", ErrFormat, line, limit)
}

// parseLine reads one line: the header if there was none, an event otherwise.
func (b *block) parseLine(p *parser, text []byte, line int) error {
	p.begin(text)
	if b.first && !b.hasHeader {
		b.header = Header{}
		err := p.header(&b.header)
		b.hasHeader = err == nil
		return err
	}
	b.events = append(b.events, Event{Index: -1})
	if err := p.event(&b.events[len(b.events)-1]); err != nil {
		b.events = b.events[:len(b.events)-1]
		return err
	}
	b.lines = append(b.lines, line)
	return nil
}

// judge turns an error into a warning when the line is the last of the file and cut in the middle.
func (b *block) judge(p *parser, err error, line int, whole bool) {
	var bad *lineError
	switch errors.As(err, &bad); {
	case bad == nil:
		b.err = err
	case bad.cut && !whole && b.ends && (b.hasHeader || !b.first):
		b.warning = fmt.Sprintf("line %d is cut in the middle; read up to there", line)
	default:
		column := utf8.RuneCount(p.data[:bad.pos]) + 1
		b.err = fmt.Errorf("%w: line %d, column %d: %w", ErrFormat, line, column, bad.err)
	}
}

// blockSize is how much is read of a file at a time, bytes.
const blockSize = 512 << 10

// cutter cuts a file into blocks of whole lines.
type cutter struct {
	r     io.Reader
	limit int
	line  int    // of the next block
	begun bool   // there was a line that is not blank
	rest  []byte // of the line that the last block's reading ended in
	err   error  // of reading; to be looked at when all blocks were taken
}

// cutAll fills spare blocks and sends them to be parsed, and to be taken in that order.
func (c *cutter) cutAll(spare <-chan *block, work, inOrder chan<- *block, quit <-chan struct{}) {
	defer close(inOrder)
	defer close(work)
	for more := true; more; {
		var b *block
		select {
		case b = <-spare:
		case <-quit:
			return
		}
		if more = c.cut(b); len(b.text) > 0 {
			work <- b
			inOrder <- b
		}
	}
}

// cut fills a block, and reports whether there is more to come.
func (c *cutter) cut(b *block) bool {
	b.text = append(b.text[:0], c.rest...)
	b.line, b.first, b.ends = c.line, !c.begun, false
	c.rest = c.rest[:0]
	for {
		from := len(b.text)
		b.text = append(b.text, make([]byte, blockSize)...)
		n, err := io.ReadFull(c.r, b.text[from:])
		b.text = b.text[:from+n]
		ended := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !ended {
			c.err = fmt.Errorf("line %d: %w", c.line+bytes.Count(b.text, []byte{'\n'}), err)
		}
		end := bytes.LastIndexByte(b.text, '\n') + 1
		switch {
		case err != nil:
			b.ends = true
			return false
		case end > 0 && c.hasHeader(b.text[:end]):
			c.rest = append(c.rest, b.text[end:]...)
			b.text = b.text[:end]
			c.line += bytes.Count(b.text, []byte{'\n'})
			return true
		case len(b.text) > c.limit:
			c.err = tooLong(c.line, c.limit)
			b.text = b.text[:0]
			return false
		}
	}
}

// hasHeader reports whether the header was read, or is in a block's text.
func (c *cutter) hasHeader(text []byte) bool {
	c.begun = c.begun || len(bytes.TrimSpace(text)) > 0
	return c.begun
}
