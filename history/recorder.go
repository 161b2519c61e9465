package history

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
)

// chunk is how many bytes of lines the recorder gathers before it hashes and writes them.
const chunk = 64 << 10

// Recorder takes down the events of a run: in memory for analysis, and as lines of JSON streamed to a
// writer, so that what was recorded survives a crash of the harness (up to the last Flush, or the last
// full 64 KiB). It has no lock: one goroutine uses it, or the callers share a lock of their own, as the
// driver in wall time does.
type Recorder struct {
	header Header
	memory *Builder
	order  orderRules
	lines  []byte // encoded, neither hashed nor written yet
	hash   hash.Hash
	w      io.Writer // nil for no file
	err    error     // the first write error; nothing is written after it
}

// NewRecorder returns a recorder that has written the header line to w. A nil w records in memory only,
// a nil header is an empty one. Header.Version is set to FormatVersion. The error is that of writing.
func NewRecorder(w io.Writer, header *Header) (*Recorder, error) {
	r := &Recorder{w: w, order: newOrderRules(), hash: sha256.New(), lines: make([]byte, 0, chunk+chunk/4)}
	if header != nil {
		r.header = *header
	}
	r.header.Version = FormatVersion
	r.memory = NewBuilder(&r.header)
	if w == nil {
		return r, nil
	}
	if _, err := w.Write(append(appendHeader(nil, &r.header), '\n')); err != nil {
		return nil, fmt.Errorf("write the header of the history: %w", err)
	}
	return r, nil
}

// Grow makes room in memory for n more events.
func (r *Recorder) Grow(n int) { r.memory.Grow(n) }

// Record appends ev to the history and returns its index, which it sets. It refuses, with an error that
// wraps ErrOrder and without recording: a completion without its invoke, an invoke while the process
// has an operation open or after it retired with an info completion, time that runs backwards within a
// process, and an event that names both one key and several. An error of the writer is not reported
// here: the history in memory goes on, and Flush and Close report it.
func (r *Recorder) Record(ev Event) (int, error) {
	ev.Index = r.memory.Len()
	if ev.Key != "" && len(ev.Keys) > 0 {
		return 0, fmt.Errorf("%w: %s names the key %q and a list of keys", ErrOrder, ev.F, ev.Key)
	}
	if err := r.order.admit(&ev); err != nil {
		return 0, err
	}
	r.memory.Add(&ev)
	r.lines = append(AppendEvent(r.lines, &ev), '\n')
	if len(r.lines) >= chunk {
		r.drain()
	}
	return ev.Index, nil
}

// drain hashes and writes the lines gathered.
func (r *Recorder) drain() {
	if len(r.lines) == 0 {
		return
	}
	r.hash.Write(r.lines)
	if r.w != nil && r.err == nil {
		if n, err := r.w.Write(r.lines); err != nil {
			r.err = err
		} else if n < len(r.lines) {
			r.err = io.ErrShortWrite
		}
	}
	r.lines = r.lines[:0]
}

// Len returns the number of events recorded.
func (r *Recorder) Len() int { return r.memory.Len() }

// History returns the events recorded, paired. Nothing may be recorded afterwards.
func (r *Recorder) History() *History { return r.memory.History() }

// Hash returns the SHA-256, in hexadecimal, of all event lines so far, newlines included and the header
// line not: the identity of the run.
func (r *Recorder) Hash() string {
	r.drain()
	return hex.EncodeToString(r.hash.Sum(nil))
}

// Flush writes what is gathered to the writer. Its error is the first that the writer ever gave; the
// events that followed it are in memory only.
func (r *Recorder) Flush() error {
	r.drain()
	if r.err != nil {
		return fmt.Errorf("write the history: %w", r.err)
	}
	return nil
}

// Close flushes, and closes the writer when it is an io.Closer. The history in memory stays usable.
func (r *Recorder) Close() error {
	err := r.Flush()
	if c, ok := r.w.(io.Closer); ok {
		err = errors.Join(err, c.Close())
	}
	r.w = nil
	return err
}
