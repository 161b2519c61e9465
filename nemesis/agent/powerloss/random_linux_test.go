//go:build linux

package powerloss

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// twinFile is what a file of the mount must be.
type twinFile struct {
	logical []byte
	pending []bool // by byte of logical: written and not synced
	durable []byte
	dirty   bool // something is pending, were it the time alone
	names   int
}

func (f *twinFile) write(off int64, p []byte) {
	f.logical = plainWrite(f.logical, off, p)
	f.pending = append(f.pending, make([]bool, len(f.logical)-len(f.pending))...)
	for i := range p {
		f.pending[int(off)+i] = true
	}
	f.dirty = true
}

func (f *twinFile) truncate(size int64) {
	f.logical = plainTruncate(f.logical, size)
	pending := make([]bool, size)
	copy(pending, f.pending)
	f.pending = pending
	f.dirty = true
}

func (f *twinFile) zero(from, to int64) {
	n := int64(len(f.logical))
	clear(f.logical[min(from, n):min(to, n)])
	clear(f.pending[min(from, n):min(to, n)])
	f.dirty = true
}

func (f *twinFile) sync() {
	f.durable = bytes.Clone(f.logical)
	clear(f.pending)
	f.dirty = false
}

func (f *twinFile) lose() Lost {
	var lost Lost
	if f.dirty && f.names > 0 {
		lost.Files = 1
		for _, p := range f.pending {
			if p {
				lost.Bytes++
			}
		}
	}
	f.logical = bytes.Clone(f.durable)
	f.pending = make([]bool, len(f.logical))
	f.dirty = false
	return lost
}

// twinHandle is an open file.
type twinHandle struct {
	file  *os.File
	twin  *twinFile
	flags int
}

// walk is a random sequence of operations on a mount and its twin.
type walk struct {
	*bench
	luck    *rand.Rand
	names   map[string]*twinFile
	handles []twinHandle
	log     []string // the operations, for a failure
}

func (w *walk) did(format string, args ...any) {
	if w.log = append(w.log, fmt.Sprintf(format, args...)); len(w.log) > 40 {
		w.log = w.log[1:]
	}
}

func (w *walk) check(ok bool, format string, args ...any) {
	w.Helper()
	if !ok {
		w.Fatalf("%s; after:\n%s", fmt.Sprintf(format, args...), bytes.Join(linesOf(w.log), []byte("\n")))
	}
}

func linesOf(log []string) [][]byte {
	var lines [][]byte
	for _, l := range log {
		lines = append(lines, []byte(l))
	}
	return lines
}

func (w *walk) anyName() string { return string(rune('a' + w.luck.IntN(6))) }

func (w *walk) place() int64 {
	if w.luck.IntN(4) == 0 {
		return max(0, w.luck.Int64N(3)*cellBytes+w.luck.Int64N(11)-5)
	}
	return w.luck.Int64N(9000)
}

func (w *walk) text() []byte {
	n := w.luck.IntN(300)
	if w.luck.IntN(12) == 0 {
		n = w.luck.IntN(200 << 10) // more than one request
	}
	p := make([]byte, n)
	first := w.luck.IntN(255)
	for i := range p {
		p[i] = byte(1 + (first+i)%255)
	}
	return p
}

func (w *walk) open() {
	name, flags := w.anyName(), os.O_RDWR
	for _, f := range []int{os.O_CREATE, os.O_TRUNC, os.O_APPEND, unix.O_DSYNC} {
		if w.luck.IntN(3) == 0 || f == os.O_CREATE && w.luck.IntN(2) == 0 {
			flags |= f
		}
	}
	w.did("open %s %#x", name, flags)
	file, err := os.OpenFile(w.path(name), flags, 0o644)
	twin := w.names[name]
	if twin == nil {
		if flags&os.O_CREATE == 0 {
			w.check(errors.Is(err, os.ErrNotExist), "open %s: %v", name, err)
			return
		}
		twin = &twinFile{names: 1}
		w.names[name] = twin
	} else if flags&os.O_TRUNC != 0 {
		twin.truncate(0)
	}
	w.check(err == nil, "open %s: %v", name, err)
	w.handles = append(w.handles, twinHandle{file, twin, flags})
	if len(w.handles) > 8 {
		w.did("close the oldest")
		w.must(w.handles[0].file.Close())
		w.handles = w.handles[1:]
	}
}

// onHandle does something to an open file.
func (w *walk) onHandle() {
	if len(w.handles) == 0 {
		return
	}
	h := w.handles[w.luck.IntN(len(w.handles))]
	switch w.luck.IntN(9) {
	case 0, 1, 2, 3:
		w.write(h)
	case 4:
		w.did("fsync %s", h.file.Name())
		w.must(h.file.Sync())
		h.twin.sync()
	case 5:
		size := w.place()
		w.did("truncate %s to %d", h.file.Name(), size)
		w.must(h.file.Truncate(size))
		h.twin.truncate(size)
	case 6:
		w.allocate(h)
	default:
		w.read(h)
	}
}

func (w *walk) write(h twinHandle) {
	p, off := w.text(), w.place()
	if len(p) == 0 {
		return
	}
	w.did("write %d bytes to %s at %d, flags %#x", len(p), h.file.Name(), off, h.flags)
	var err error
	if h.flags&os.O_APPEND != 0 {
		off = int64(len(h.twin.logical))
		_, err = h.file.Write(p)
	} else {
		_, err = h.file.WriteAt(p, off)
	}
	w.must(err)
	h.twin.write(off, p)
	if h.flags&unix.O_DSYNC != 0 {
		h.twin.sync()
	}
}

func (w *walk) allocate(h twinHandle) {
	const keep, punch, zero = unix.FALLOC_FL_KEEP_SIZE, unix.FALLOC_FL_PUNCH_HOLE, unix.FALLOC_FL_ZERO_RANGE
	modes := []uint32{0, keep, punch | keep, zero, zero | keep}
	mode, off, n := modes[w.luck.IntN(len(modes))], w.place(), 1+w.place()
	w.did("allocate %s, mode %d, %d at %d", h.file.Name(), mode, n, off)
	w.must(unix.Fallocate(int(h.file.Fd()), mode, off, n))
	h.twin.dirty = true
	if mode&(punch|zero) != 0 {
		h.twin.zero(off, off+n)
	}
	if mode&keep == 0 {
		h.twin.truncate(max(off+n, int64(len(h.twin.logical))))
	}
	if h.flags&unix.O_DSYNC != 0 {
		// Not said anywhere: whether such a file syncs fallocate is up to the kernel.
		w.must(h.file.Sync())
		h.twin.sync()
	}
}

func (w *walk) read(h twinHandle) {
	off, p := w.place(), make([]byte, w.luck.IntN(20000))
	w.did("read %d bytes of %s at %d", len(p), h.file.Name(), off)
	n, err := h.file.ReadAt(p, off)
	w.check(err == nil || errors.Is(err, io.EOF), "read: %v", err)
	want := h.twin.logical[min(off, int64(len(h.twin.logical))):]
	want = want[:min(len(p), len(want))]
	w.check(bytes.Equal(p[:n], want), "read %d bytes that differ from the twin's %d", n, len(want))
}

// onName does something to a name.
func (w *walk) onName() {
	name, other := w.anyName(), w.anyName()
	twin := w.names[name]
	if twin == nil {
		return
	}
	switch w.luck.IntN(4) {
	case 0:
		w.did("rename %s to %s", name, other)
		w.must(os.Rename(w.path(name), w.path(other)))
		if over := w.names[other]; over == twin {
			break // two names of one file: nothing happens
		} else if over != nil {
			over.names--
		}
		delete(w.names, name)
		w.names[other] = twin
	case 1:
		w.did("link %s as %s", name, other)
		err := os.Link(w.path(name), w.path(other))
		w.check((err == nil) == (w.names[other] == nil), "link: %v", err)
		if err == nil {
			w.names[other] = twin
			twin.names++
		}
	case 2:
		w.did("remove %s", name)
		w.must(os.Remove(w.path(name)))
		delete(w.names, name)
		twin.names--
	case 3:
		size := w.place()
		w.did("truncate %s to %d", name, size)
		w.must(os.Truncate(w.path(name), size))
		twin.truncate(size)
	}
}

// files returns all files, with a name or open, each once, those with a name first and by name.
func (w *walk) files() []*twinFile {
	var all []*twinFile
	for _, name := range slices.Sorted(maps.Keys(w.names)) {
		if !slices.Contains(all, w.names[name]) {
			all = append(all, w.names[name])
		}
	}
	for _, h := range w.handles {
		if !slices.Contains(all, h.twin) {
			all = append(all, h.twin)
		}
	}
	return all
}

func (w *walk) powerLoss() {
	w.did("power loss")
	var want Lost
	for _, f := range w.files() {
		lost := f.lose()
		want.Files += lost.Files
		want.Bytes += lost.Bytes
	}
	w.check(w.fs.Pending() == want, "pending: %+v, want %+v", w.fs.Pending(), want)
	got, err := w.fs.PowerLoss()
	w.must(err)
	w.check(got == want, "lost: %+v, want %+v", got, want)
	for _, h := range w.handles {
		if h.flags&os.O_APPEND != 0 { // for the kernel to know where to append
			_, err := h.file.Stat()
			w.must(err)
		}
	}
}

// common returns how many bytes the two have in common at the begin.
func common(a, b []byte) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// checkAll looks at all files through new descriptors, through the open ones, and at the backing.
func (w *walk) checkAll() {
	for name, twin := range w.names {
		got, err := os.ReadFile(w.path(name))
		w.must(err)
		w.check(bytes.Equal(got, twin.logical), "%s differs from its twin from %d on",
			name, common(got, twin.logical))
		info, err := os.Stat(w.path(name))
		w.must(err)
		w.check(info.Size() == int64(len(twin.logical)), "%s has size %d", name, info.Size())
		stored, err := os.ReadFile(w.backing + "/" + name)
		w.must(err)
		w.check(bytes.Equal(stored, twin.durable), "the backing's %s differs from its twin", name)
	}
	for _, h := range w.handles {
		info, err := h.file.Stat()
		w.must(err)
		w.check(info.Size() == int64(len(h.twin.logical)), "%s has size %d", h.file.Name(), info.Size())
		w.read(h)
	}
	entries, err := os.ReadDir(w.at)
	w.must(err)
	w.check(len(entries) == len(w.names), "the directory has %d entries, want %d", len(entries), len(w.names))
}

func (w *walk) step() {
	switch n := w.luck.IntN(100); {
	case n < 15:
		w.open()
	case n < 80:
		w.onHandle()
	case n < 94:
		w.onName()
	case n < 97:
		w.powerLoss()
	default:
		w.checkAll()
	}
}

func TestRandomWalk(t *testing.T) {
	for seed := range uint64(4) {
		b := newBench(t, MaxPending)
		if b == nil {
			return
		}
		w := &walk{bench: b, luck: rand.New(rand.NewPCG(seed, 7)), names: map[string]*twinFile{}}
		w.did("seed %d", seed)
		for range 1000 {
			w.step()
		}
		w.checkAll()
		w.powerLoss()
		w.checkAll()
		for _, h := range w.handles {
			w.must(h.file.Close())
		}
	}
}
