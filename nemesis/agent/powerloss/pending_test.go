package powerloss

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

// memory is a store in memory. It fails once failIn operations were done, when that is not 0.
type memory struct {
	data   []byte
	failIn int
}

var errFull = errors.New("full")

func (m *memory) fail() error {
	if m.failIn == 0 {
		return nil
	}
	if m.failIn--; m.failIn == 0 {
		return errFull
	}
	return nil
}

func (m *memory) size() (int64, error) { return int64(len(m.data)), nil }

func (m *memory) readAt(p []byte, off int64) (int, error) {
	return copy(p, m.data[min(off, int64(len(m.data))):]), nil
}

func (m *memory) writeAt(p []byte, off int64) error {
	if err := m.fail(); err != nil {
		return err
	}
	m.data = plainWrite(m.data, off, p)
	return nil
}

func (m *memory) zero(from, to int64) error {
	if err := m.fail(); err != nil {
		return err
	}
	clear(m.data[from:to])
	return nil
}

func (m *memory) truncate(size int64) error {
	if err := m.fail(); err != nil {
		return err
	}
	m.data = plainTruncate(m.data, size)
	return nil
}

// plainTruncate returns data with that size, filled up with zeros, in memory of its own.
func plainTruncate(data []byte, size int64) []byte {
	sized := make([]byte, size)
	copy(sized, data)
	return sized
}

// plainWrite returns data with p written at off, in memory of its own when that makes it longer.
func plainWrite(data []byte, off int64, p []byte) []byte {
	if len(p) == 0 {
		return data
	}
	if need := off + int64(len(p)); need > int64(len(data)) {
		data = plainTruncate(data, need)
	}
	copy(data[off:], p)
	return data
}

// twins is a file as pending has it, and as two plain slices have it.
type twins struct {
	t       *testing.T
	d       pending
	store   memory
	logical []byte // what the file must look like
	durable []byte // what must be left of it after a loss
	script  *script
}

// script is random bytes from which operations are read; it is over when they are.
type script struct{ rest []byte }

func (s *script) number(below int64) int64 {
	if len(s.rest) == 0 {
		return 0
	}
	n := min(2, len(s.rest))
	var b [2]byte
	copy(b[:], s.rest[:n])
	s.rest = s.rest[n:]
	return int64(binary.LittleEndian.Uint16(b[:])) % below
}

// place is an offset or a size. Half of them are near the bounds of cells.
func (s *script) place() int64 {
	if n := s.number(1 << 10); n%2 == 0 {
		return n / 2
	}
	return max(0, s.number(2)*cellBytes+s.number(9)-4)
}

// length is a number of bytes, mostly small.
func (s *script) length() int64 {
	if s.number(10) == 0 {
		return cellBytes + s.number(9) - 4
	}
	return s.number(64)
}

func (w *twins) step() {
	s := w.script
	w.d.begin(int64(len(w.store.data)), time.Unix(1, 0))
	switch s.number(12) {
	case 0, 1, 2, 3:
		w.write(s.place(), s.length())
	case 4:
		w.write(int64(len(w.logical)), s.length())
	case 5:
		size := s.place()
		w.d.truncate(size)
		w.logical = plainTruncate(w.logical, size)
	case 6:
		size := s.place()
		w.d.extend(size)
		w.logical = plainTruncate(w.logical, max(size, int64(len(w.logical))))
	case 7:
		from := s.place()
		to := from + s.length()
		w.d.zero(from, to)
		n := int64(len(w.logical))
		clear(w.logical[min(from, n):min(to, n)])
	case 8, 9:
		w.sync(0)
	case 10:
		w.sync(int(1 + s.number(4)))
	case 11:
		w.d = pending{}
		w.logical = bytes.Clone(w.durable)
	}
}

func (w *twins) write(off, n int64) {
	p, first := make([]byte, n), w.script.number(255)
	for i := range p {
		p[i] = byte(1 + (first+int64(i))%255)
	}
	w.d.write(off, p)
	w.logical = plainWrite(w.logical, off, p)
	clear(p) // nobody may hold on to it
}

// sync flushes. The store fails at the failIn-th operation when that is not 0.
func (w *twins) sync(failIn int) {
	w.store.failIn = failIn
	err := w.d.flush(&w.store)
	w.store.failIn = 0
	if err != nil {
		if failIn == 0 || !errors.Is(err, errFull) {
			w.t.Fatal(err)
		}
		w.durable = bytes.Clone(w.store.data) // half of it; only the file itself is as it was
		return
	}
	w.durable = bytes.Clone(w.logical)
	if w.d.active || w.d.cost() != 0 {
		w.t.Fatalf("something is pending after a flush: %+v", w.d)
	}
}

func (w *twins) check() {
	w.t.Helper()
	checkExtents(w.t, &w.d.written)
	if !bytes.Equal(w.store.data, w.durable) {
		w.t.Fatal("the store is not what was flushed")
	}
	w.checkRead(0, int64(len(w.logical))+9)
	w.checkRead(w.script.place(), w.script.length())
}

func (w *twins) checkRead(off, n int64) {
	w.t.Helper()
	p := bytes.Repeat([]byte{0xee}, int(n))
	got, err := w.d.read(p, off, &w.store)
	if err != nil {
		w.t.Fatal(err)
	}
	want := w.logical[min(off, int64(len(w.logical))):]
	want = want[:min(n, int64(len(want)))]
	if !bytes.Equal(p[:got], want) {
		w.t.Fatalf("read(%d bytes at %d) is not what the file has: %d bytes, want %d", n, off, got, len(want))
	}
}

func play(t *testing.T, ops []byte) {
	w := &twins{t: t, script: &script{ops}}
	for step := 0; len(w.script.rest) > 0 && step < 100; step++ {
		w.step()
		w.check()
	}
}

func FuzzPending(f *testing.F) {
	luck := rand.New(rand.NewPCG(5, 6))
	for range 15 {
		ops := make([]byte, 900)
		for i := range ops {
			ops[i] = byte(luck.Uint32())
		}
		f.Add(ops)
	}
	f.Fuzz(play)
}

// The example in the comment on pending.
func TestPendingAsDrawn(t *testing.T) {
	s := memory{data: []byte("aaaaaaaaaaaaaa")}
	var d pending
	d.begin(14, time.Unix(1, 0))
	d.truncate(6)
	d.write(10, []byte("bbb"))
	d.truncate(16)
	p := make([]byte, 20)
	n, err := d.read(p, 0, &s)
	want := "aaaaaa\x00\x00\x00\x00bbb\x00\x00\x00"
	if err != nil || string(p[:n]) != want {
		t.Fatalf("got %q, %v", p[:n], err)
	}
	if err := d.flush(&s); err != nil || string(s.data) != want {
		t.Fatalf("the store has %q, %v", s.data, err)
	}
}

func TestHolesTakeNoMemory(t *testing.T) {
	var d pending
	d.begin(1<<50, time.Unix(1, 0))
	d.zero(1<<20, 1<<49)
	d.truncate(1 << 40)
	d.truncate(1 << 60)
	d.write(1<<59, []byte("x"))
	if c := d.cost(); c > 1000 {
		t.Errorf("it takes %d bytes", c)
	}
}
