//go:build linux

package powerloss

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rashomon-harness/rashomon/internal/need"
)

// bench is a mount to test on.
type bench struct {
	testing.TB
	fs      *FS
	backing string
	at      string
}

// newBench mounts in a new directory. It returns nil when the test is to go without.
func newBench(t testing.TB, limit int64) *bench {
	t.Helper()
	if !need.Root(t) {
		return nil
	}
	dir := t.TempDir()
	b := &bench{TB: t, backing: filepath.Join(dir, "backing"), at: filepath.Join(dir, "at")}
	b.must(errors.Join(os.Mkdir(b.backing, 0o755), os.Mkdir(b.at, 0o755)))
	fs, err := mount(b.backing, b.at, limit, nil)
	b.must(err)
	b.fs = fs
	t.Cleanup(func() {
		b.must(fs.Close())
		if _, err := topMount(b.at); !errors.Is(err, errNotMounted) {
			t.Errorf("after Close: %v", err)
		}
	})
	return b
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) path(name string) string { return filepath.Join(b.at, name) }

// open opens a file of the mount; it is closed at the end of the test.
func (b *bench) open(name string, flags int) *os.File {
	b.Helper()
	file, err := os.OpenFile(b.path(name), flags, 0o644)
	b.must(err)
	b.Cleanup(func() { _ = file.Close() })
	return file
}

// create makes a file with some content, durable or not, and closes it.
func (b *bench) create(name, content string, durable bool) {
	b.Helper()
	file := b.open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	b.write(file, content)
	if durable {
		b.must(file.Sync())
	}
	b.must(file.Close())
}

func (b *bench) write(file *os.File, text string) {
	b.Helper()
	_, err := file.WriteString(text)
	b.must(err)
}

func (b *bench) writeAt(file *os.File, text string, off int64) {
	b.Helper()
	_, err := file.WriteAt([]byte(text), off)
	b.must(err)
}

// has fails the test when a file has another content or size than that.
func (b *bench) has(name, want string) {
	b.Helper()
	got, err := os.ReadFile(b.path(name))
	b.must(err)
	if string(got) != want {
		b.Fatalf("%s has %.200q, want %.200q", name, got, want)
	}
	info, err := os.Stat(b.path(name))
	b.must(err)
	if info.Size() != int64(len(want)) {
		b.Fatalf("%s has size %d, want %d", name, info.Size(), len(want))
	}
}

// shows fails the test when an open file has another content or size than that.
func (b *bench) shows(file *os.File, want string) {
	b.Helper()
	p := make([]byte, len(want)+10)
	n, _ := file.ReadAt(p, 0)
	if string(p[:n]) != want {
		b.Fatalf("%s shows %.200q, want %.200q", file.Name(), p[:n], want)
	}
	info, err := file.Stat()
	b.must(err)
	if info.Size() != int64(len(want)) {
		b.Fatalf("%s shows size %d, want %d", file.Name(), info.Size(), len(want))
	}
}

// stored fails the test when the backing has another content of a file.
func (b *bench) stored(name, want string) {
	b.Helper()
	got, err := os.ReadFile(filepath.Join(b.backing, name))
	b.must(err)
	if string(got) != want {
		b.Fatalf("the backing's %s has %.200q, want %.200q", name, got, want)
	}
}

// lose has a power loss, and fails the test when something else is lost, or something is left.
func (b *bench) lose(want Lost) {
	b.Helper()
	if got := b.fs.Pending(); got != want {
		b.Fatalf("pending: %+v, want %+v", got, want)
	}
	got, err := b.fs.PowerLoss()
	b.must(err)
	if got != want {
		b.Fatalf("lost: %+v, want %+v", got, want)
	}
	if rest := b.fs.Pending(); rest != (Lost{}) {
		b.Fatalf("pending after a power loss: %+v", rest)
	}
}

func (b *bench) stat(name string) unix.Stat_t {
	b.Helper()
	var st unix.Stat_t
	b.must(unix.Lstat(b.path(name), &st))
	return st
}
