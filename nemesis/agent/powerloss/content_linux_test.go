//go:build linux

package powerloss

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

func TestKeptAndLost(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	file := b.open("f", os.O_RDWR|os.O_CREATE)
	b.write(file, "kept")
	b.must(file.Sync())
	b.stored("f", "kept")
	b.write(file, " and lost")
	b.writeAt(file, "K", 0)
	b.stored("f", "kept")
	b.shows(file, "Kept and lost")
	b.has("f", "Kept and lost")
	b.lose(Lost{Files: 1, Bytes: 10})
	b.shows(file, "kept") // an old descriptor
	b.has("f", "kept")    // a new one
	b.writeAt(file, "!", 4)
	b.must(unix.Fdatasync(int(file.Fd())))
	b.lose(Lost{})
	b.shows(file, "kept!")
	b.stored("f", "kept!")
}

func TestClosedFilesAreLostToo(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	b.create("never", "gone", false)
	b.create("once", "kept", true)
	file := b.open("once", os.O_RDWR|os.O_APPEND)
	b.write(file, ", lost")
	b.must(file.Close())
	b.has("never", "gone")
	b.lose(Lost{Files: 2, Bytes: 10})
	b.has("never", "")
	b.has("once", "kept")
}

// A file stays in memory when the kernel forgets it.
func TestPendingOutlivesTheKernelsMemory(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	b.create("f", "there", false)
	id := b.stat("f").Ino
	n := b.nodeOf(id)
	eventually(t, "the file is closed", func() bool { return !n.isOpen() })
	b.fs.layer.nodes.release(n, n.lookups, &b.fs.layer.budget) // as FORGET does
	if b.nodeOf(id) != n {
		t.Fatal("what is pending did not hold the node")
	}
	b.fs.layer.nodes.again(n) // the kernel has not really forgotten it
	b.has("f", "there")
	b.lose(Lost{Files: 1, Bytes: 5})
}

// nodeOf returns the node with an inode number, nil when it is not in the table.
func (b *bench) nodeOf(ino uint64) *node {
	var found *node
	b.fs.layer.nodes.each(func(n *node) {
		if n.key.ino == ino {
			found = n
		}
	})
	return found
}

func TestAppend(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	one := b.open("log", os.O_RDWR|os.O_CREATE|os.O_APPEND)
	two := b.open("log", os.O_RDWR|os.O_APPEND)
	b.write(one, "a1 ")
	b.write(two, "b1 ")
	b.must(one.Sync())
	b.write(one, "a2 ")
	b.write(two, "b2 ")
	b.has("log", "a1 b1 a2 b2 ")
	b.lose(Lost{Files: 1, Bytes: 6})
	// Descriptors of before: the kernel has not looked at the size since.
	b.write(two, "b3 ")
	b.write(one, "a3 ")
	b.shows(one, "a1 b1 b3 a3 ")
	b.has("log", "a1 b1 b3 a3 ")
	b.must(two.Sync())
	b.stored("log", "a1 b1 b3 a3 ")
}

// Whole pages that are appended after a power loss are in the kernel's page cache at the wrong place for a
// moment.
func TestAppendPagesAfterALoss(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	page := func(text string) string { return strings.Repeat(text, pageSize) }
	a := page("a")
	b.create("log", a, true)
	file := b.open("log", os.O_RDWR|os.O_APPEND)
	b.write(file, a+a+a)
	b.lose(Lost{Files: 1, Bytes: 3 * pageSize})
	b.write(file, page("v")+page("w")) // the kernel takes them for pages 4 and 5
	b.stored("log", a)
	b.write(file, page("x")+page("y"))
	eventually(t, "the pages are where they belong", func() bool {
		got, err := os.ReadFile(b.path("log"))
		return err == nil && string(got) == a+page("v")+page("w")+page("x")+page("y")
	})
	b.lose(Lost{Files: 1, Bytes: 4 * pageSize})
	b.has("log", a)
}

func TestTruncate(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	const zeros = "\x00\x00\x00"
	for _, tc := range []struct {
		name string
		do   func(file *os.File)
		want string
		lost int64
	}{
		{"shorter", func(f *os.File) { b.must(f.Truncate(2)) }, "ab", 0},
		{"longer", func(f *os.File) { b.must(f.Truncate(9)) }, "abcdef" + zeros, 0},
		{"shorter and longer", func(f *os.File) { b.must(errors.Join(f.Truncate(3), f.Truncate(6))) },
			"abc" + zeros, 0},
		{"to nothing and longer", func(f *os.File) { b.must(errors.Join(f.Truncate(0), f.Truncate(3))) },
			zeros, 0},
		{"by path", func(f *os.File) { b.must(os.Truncate(f.Name(), 1)) }, "a", 0},
		{"by O_TRUNC", func(f *os.File) { b.create("f", "xyz", false) }, "xyz", 3},
		{"a write cut short", func(f *os.File) { b.writeAt(f, "UVWXYZ", 0); b.must(f.Truncate(2)) }, "UV", 2},
		{"cut and written beyond", func(f *os.File) { b.must(f.Truncate(1)); b.writeAt(f, "X", 4) },
			"a" + zeros + "X", 1},
		{"a hole", func(f *os.File) { b.writeAt(f, "X", 9) }, "abcdef" + zeros + "X", 1},
	} {
		b.create("f", "abcdef", true)
		file := b.open("f", os.O_RDWR)
		tc.do(file)
		b.shows(file, tc.want)
		b.has("f", tc.want)
		b.stored("f", "abcdef")
		b.lose(Lost{Files: 1, Bytes: tc.lost})
		b.shows(file, "abcdef")
		tc.do(file)
		b.must(file.Sync())
		b.lose(Lost{})
		b.shows(file, tc.want)
		b.stored("f", tc.want)
		if t.Failed() {
			t.Fatalf("in the case %q", tc.name)
		}
	}
}

func TestFallocate(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	const keep, punch, zero = unix.FALLOC_FL_KEEP_SIZE, unix.FALLOC_FL_PUNCH_HOLE, unix.FALLOC_FL_ZERO_RANGE
	for _, tc := range []struct {
		mode      uint32
		off, size int64
		want      string
	}{
		{0, 0, 8, "abcdef\x00\x00"},
		{0, 2, 3, "abcdef"},
		{keep, 0, 100, "abcdef"},
		{punch | keep, 1, 2, "a\x00\x00def"},
		{punch | keep, 4, 9, "abcd\x00\x00"},
		{zero, 4, 4, "abcd\x00\x00\x00\x00"},
		{zero | keep, 4, 4, "abcd\x00\x00"},
	} {
		b.create("f", "abcdef", true)
		file := b.open("f", os.O_RDWR)
		do := func() { b.must(unix.Fallocate(int(file.Fd()), tc.mode, tc.off, tc.size)) }
		do()
		b.shows(file, tc.want)
		b.lose(Lost{Files: 1})
		b.shows(file, "abcdef")
		do()
		b.must(file.Sync())
		b.lose(Lost{})
		b.has("f", tc.want)
		b.stored("f", tc.want)
	}
	file := b.open("f", os.O_RDWR)
	err := unix.Fallocate(int(file.Fd()), unix.FALLOC_FL_COLLAPSE_RANGE, 0, 4096)
	if !errors.Is(err, unix.EOPNOTSUPP) {
		t.Errorf("collapse: %v", err)
	}
}

// As etcd prepares a segment of its log: preallocated, synced, then written without changing the size.
func TestPreallocated(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	const size = 64 << 20
	file := b.open("0.wal", os.O_RDWR|os.O_CREATE)
	b.must(unix.Fallocate(int(file.Fd()), 0, 0, size))
	b.must(file.Sync())
	b.writeAt(file, "one", 0)
	b.must(unix.Fdatasync(int(file.Fd())))
	b.writeAt(file, "two", 3)
	b.lose(Lost{Files: 1, Bytes: 3})
	p := make([]byte, 8)
	if _, err := file.ReadAt(p, 0); err != nil || string(p) != "one\x00\x00\x00\x00\x00" {
		t.Errorf("the segment begins with %q, %v", p, err)
	}
	if got := b.stat("0.wal").Size; got != size {
		t.Errorf("it is %d long", got)
	}
}

func TestSyncFlags(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	for name, flags := range map[string]int{
		"dsync": unix.O_DSYNC, "sync": unix.O_SYNC, "append": unix.O_DSYNC | unix.O_APPEND,
		"direct": unix.O_DSYNC | unix.O_DIRECT,
	} {
		file := b.open(name, os.O_RDWR|os.O_CREATE|flags)
		page := strings.Repeat(name[:1], 4096)
		n, err := unix.Write(int(file.Fd()), []byte(page))
		if err != nil || n != len(page) {
			t.Fatalf("%s: %d, %v", name, n, err)
		}
		b.stored(name, page)
		b.lose(Lost{})
		b.has(name, page)
	}
	file := b.open("call", os.O_RDWR|os.O_CREATE)
	_, err := unix.Pwritev2(int(file.Fd()), [][]byte{[]byte("durable")}, 0, unix.RWF_DSYNC)
	b.must(err)
	b.stored("call", "durable")
	b.lose(Lost{})
}

// Not every kernel follows up such a write by an fsync of its own; and what it writes back from its page
// cache is neither an append nor to be synced, whatever the flags of the descriptor that it took.
func TestWriteRequests(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	file := b.open("f", os.O_RDWR|os.O_CREATE)
	b.write(file, "abcdef")
	write := func(text string, writeFlags uint32) {
		t.Helper()
		in := &fuse.WriteIn{Offset: 1, WriteFlags: writeFlags, Flags: unix.O_APPEND | unix.O_DSYNC}
		in.NodeId = b.nodeOf(b.stat("f").Ino).id
		if n, status := b.fs.layer.Write(nil, in, []byte(text)); !status.Ok() || int(n) != len(text) {
			t.Fatalf("%d, %v", n, status)
		}
	}
	write("BC", fuse.WRITE_CACHE)
	b.stored("f", "")
	write("GH", 0)
	b.stored("f", "aBCdefGH")
}

func TestDirectIO(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	page := strings.Repeat("x", 8192)
	file := b.open("f", os.O_RDWR|os.O_CREATE|unix.O_DIRECT)
	b.write(file, page)
	b.must(file.Sync())
	b.write(file, page)
	b.has("f", page+page) // through the page cache
	b.shows(file, page+page)
	b.lose(Lost{Files: 1, Bytes: 8192})
	b.shows(file, page)
	b.has("f", page)
}

func TestStat(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	b.create("f", strings.Repeat("x", 10000), true)
	before := b.stat("f")
	if before.Blocks == 0 || before.Blksize == 0 {
		t.Errorf("a file of 10000 bytes has %d blocks, the best size is %d", before.Blocks, before.Blksize)
	}
	file := b.open("f", os.O_RDWR)
	old := time.Unix(1e9, 5000)
	b.must(os.Chtimes(b.path("f"), old, old))
	b.write(file, strings.Repeat("y", 20000))
	pending := b.stat("f")
	if pending.Size != 20000 || pending.Blocks < 40 || pending.Blocks > 48 {
		t.Errorf("pending: size %d, %d blocks", pending.Size, pending.Blocks)
	}
	if time.Since(time.Unix(pending.Mtim.Unix())) > time.Hour {
		t.Errorf("the write did not change the modification time: %v", pending.Mtim)
	}
	b.must(file.Sync())
	if synced := b.stat("f"); synced.Mtim != pending.Mtim {
		t.Errorf("fsync changed the modification time from %v to %v", pending.Mtim, synced.Mtim)
	}
	b.must(file.Truncate(0))
	if empty := b.stat("f"); empty.Size != 0 || empty.Blocks != 0 {
		t.Errorf("truncated: size %d, %d blocks", empty.Size, empty.Blocks)
	}
	b.must(os.Chtimes(b.path("f"), old, old))
	if at := b.stat("f").Mtim; at.Nano() != old.UnixNano() {
		t.Errorf("the time set is %v", at)
	}
	b.must(file.Sync())
	if at := b.stat("f").Mtim; at.Nano() != old.UnixNano() {
		t.Errorf("the time set is %v after fsync", at)
	}
	b.lose(Lost{})
}

func TestSeek(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	b.create("f", "0123456789", true)
	file := b.open("f", os.O_RDWR)
	b.must(file.Truncate(100))
	for _, tc := range []struct {
		off    int64
		whence int
		want   int64
	}{
		{-10, unix.SEEK_END, 90}, {4, unix.SEEK_DATA, 4}, {4, unix.SEEK_HOLE, 100}, {7, unix.SEEK_SET, 7},
	} {
		if got, err := unix.Seek(int(file.Fd()), tc.off, tc.whence); err != nil || got != tc.want {
			t.Errorf("seek(%d, %d) is %d, %v; want %d", tc.off, tc.whence, got, err, tc.want)
		}
	}
	b.lose(Lost{Files: 1})
	if got, err := unix.Seek(int(file.Fd()), 0, unix.SEEK_END); err != nil || got != 10 {
		t.Errorf("the end is at %d after the power loss, %v", got, err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	b := newBench(t, 1<<20)
	if b == nil {
		return
	}
	file := b.open("f", os.O_RDWR|os.O_CREATE)
	other := b.open("other", os.O_RDWR|os.O_CREATE)
	chunk := make([]byte, 64<<10)
	fill := func() {
		t.Helper()
		var err error
		wrote := int64(0)
		for ; err == nil && wrote <= 2<<20; wrote += int64(len(chunk)) {
			_, err = file.WriteAt(chunk, wrote)
		}
		if !errors.Is(err, unix.ENOSPC) || wrote < 3<<18 || wrote > 5<<18 {
			t.Fatalf("after %d bytes: %v", wrote, err)
		}
		if _, err := other.WriteAt(chunk, 0); !errors.Is(err, unix.ENOSPC) {
			t.Fatalf("another file: %v", err)
		}
	}
	fill()
	b.must(file.Sync())
	b.must(file.Truncate(0))
	fill()
	_, err := b.fs.PowerLoss()
	b.must(err)
	fill()
	b.must(file.Truncate(0))
	fill()
	b.must(file.Close())
	b.must(os.Remove(b.path("f")))
	eventually(t, "the deletion makes room", func() bool { return b.fs.layer.budget.used.Load() == 0 })
	_, err = other.WriteAt(chunk, 0)
	b.must(err)
}
