//go:build linux

package powerloss

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rashomon-harness/rashomon/internal/need"
)

func TestProbe(t *testing.T) {
	if !need.Root(t) {
		return
	}
	dir := t.TempDir()
	if err := Probe(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("the probe left %v, %v", left, err)
	}
	if err := Probe(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in a directory that is not there: %v", err)
	}
}

func TestMountRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	below := filepath.Join(dir, "below")
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ backing, at, want string }{
		{filepath.Join(dir, "none"), dir, "no such file"},
		{dir, filepath.Join(dir, "none"), "no such file"},
		{file, dir, "not a directory"},
		{dir, file, "not a directory"},
		{dir, below, "must not lie below"},
	} {
		f, err := Mount(tc.backing, tc.at, nil)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("Mount(%s, %s): %v, want %q", tc.backing, tc.at, err, tc.want)
		}
		if err == nil {
			_ = f.Close()
		}
	}
}

// The mount may hide its own backing.
func TestMountOverTheBacking(t *testing.T) {
	if !need.Root(t) {
		return
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Mount(dir, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("lost and more"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := expect(file, "lost and more"); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil { // syncs nothing
		t.Fatal(err)
	}
	if err := expect(file, "kept"); err != nil {
		t.Error(err)
	}
}

func TestCloseWhileBusy(t *testing.T) {
	if !need.Root(t) {
		return
	}
	dir, at := t.TempDir(), t.TempDir()
	f, err := Mount(dir, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(at, "file"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString("unsynced"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // again does nothing
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := topMount(at); !errors.Is(err, errNotMounted) {
		t.Errorf("after Close: %v", err)
	}
	if err := file.Sync(); !errors.Is(err, unix.EIO) {
		t.Errorf("fsync after Close: %v", err)
	}
	if _, err := file.WriteString("more"); !errors.Is(err, unix.EIO) {
		t.Errorf("write after Close: %v", err)
	}
	if _, err := f.PowerLoss(); !errors.Is(err, errClosed) {
		t.Errorf("power loss after Close: %v", err)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "the last user lets go", func() bool {
		select {
		case <-f.served:
			return true
		default:
			return false
		}
	})
	if err := expect(filepath.Join(dir, "file"), ""); err != nil {
		t.Error(err)
	}
}

// A closed file system leaves alone what somebody else mounted there since.
func TestCloseAfterAnother(t *testing.T) {
	if !need.Root(t) {
		return
	}
	dir, at := t.TempDir(), t.TempDir()
	first, err := Mount(dir, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := Unmount(at); err != nil {
		t.Fatal(err)
	}
	second, err := Mount(dir, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if _, err := topMount(at); err != nil {
		t.Error(err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

func TestUnmount(t *testing.T) {
	if !need.Root(t) {
		return
	}
	at := filepath.Join(t.TempDir(), "a directory")
	if err := os.Mkdir(at, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Unmount(at); err != nil {
		t.Errorf("where nothing is mounted: %v", err)
	}
	if err := unix.Mount("none", at, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	if err := Unmount(at); err == nil || !strings.Contains(err.Error(), "tmpfs") {
		t.Errorf("another file system: %v", err)
	}
	if err := unix.Unmount(at, 0); err != nil {
		t.Error(err)
	}
	for range 2 { // one upon the other
		if _, err := Mount(t.TempDir(), at, nil); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(at, link); err != nil {
		t.Fatal(err)
	}
	if err := Unmount(link); err != nil {
		t.Error(err)
	}
	if _, err := topMount(at); !errors.Is(err, errNotMounted) {
		t.Errorf("after Unmount: %v", err)
	}
}

// The process that serves dies; what it leaves can be removed, and the next one begins with what was synced.
func TestServerDies(t *testing.T) {
	if !need.Root(t) {
		return
	}
	dir, at := t.TempDir(), t.TempDir()
	server := startChild(t, childServes, dir, at)
	path := filepath.Join(at, "file")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteString("kept")
	if err = errors.Join(err, file.Sync()); err != nil {
		t.Fatal(err)
	}
	if _, err = file.WriteString(", lost"); err != nil {
		t.Fatal(err)
	}
	server.kill()
	if _, err := file.WriteString("more"); !errors.Is(err, unix.ENOTCONN) {
		t.Errorf("a write without a server: %v", err)
	}
	_, err = Mount(dir, at, nil)
	if !errors.Is(err, unix.ENOTCONN) || !strings.Contains(err.Error(), "Unmount") {
		t.Errorf("a mount on the dead one: %v", err)
	}
	if err := Unmount(at); err != nil { // with the file still open
		t.Fatal(err)
	}
	f, err := Mount(dir, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := expect(path, "kept"); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	_ = file.Close()
}

// What the device of the mount is open on must not be inherited: a child that has it keeps the mount waiting
// when the server dies.
func TestDeviceIsNotInherited(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	fds, err := os.ReadDir("/proc/self/fd")
	b.must(err)
	devices := 0
	for _, fd := range fds {
		path := filepath.Join("/proc/self/fd", fd.Name())
		if target, err := os.Readlink(path); err != nil || target != "/dev/fuse" {
			continue
		}
		devices++
		info, err := os.ReadFile(filepath.Join("/proc/self/fdinfo", fd.Name()))
		b.must(err)
		if !strings.Contains(string(info), "flags:\t02") { // O_CLOEXEC is 02000000
			t.Errorf("descriptor %s: %s", fd.Name(), info)
		}
	}
	if devices == 0 {
		t.Error("no device is open")
	}
}

func TestDescriptorsAreGivenBack(t *testing.T) {
	if !need.Root(t) {
		return
	}
	count := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(fds)
	}
	round := func() {
		dir, at := t.TempDir(), t.TempDir()
		f, err := Mount(dir, at, slog.New(slog.NewTextHandler(io.Discard, nil)))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a", "b", "c"} {
			if err := os.WriteFile(filepath.Join(at, name), []byte("x"), 0o600); err != nil {
				t.Error(err)
			}
		}
		if _, err := os.ReadDir(at); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		<-f.served
	}
	round()
	before := count()
	for range 5 {
		round()
	}
	if after := count(); after > before {
		t.Errorf("%d descriptors are open, %d were", after, before)
	}
}

func TestTopOf(t *testing.T) {
	const info = `22 1 0:21 / / rw,relatime shared:1 - ext4 /dev/vda rw
36 22 98:0 / /mnt/a\040b rw,noatime master:1 propagate_from:2 - ext3 /dev/root rw,errors=continue
40 22 0:50 / /data rw,nosuid - fuse.rashomon-powerloss rashomon-powerloss rw,user_id=0
41 40 0:51 / /data rw - tmpfs none rw
broken
`
	for _, tc := range []struct {
		path string
		want mountPoint
		err  error
	}{
		{"/mnt/a b", mountPoint{"/mnt/a b", "ext3", "/dev/root"}, nil},
		{"/data", mountPoint{"/data", "tmpfs", "none"}, nil},
		{"/", mountPoint{"/", "ext4", "/dev/vda"}, nil},
		{"/mnt", mountPoint{}, errNotMounted},
	} {
		if got, err := topOf(info, tc.path); got != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("at %s: %+v, %v", tc.path, got, err)
		}
	}
	fields := map[string]string{`a`: "a", `\040`: " ", `a\134b`: `a\b`, `\0`: `\0`, `\9zz`: `\9zz`}
	for field, want := range fields {
		if got := unescaped(field); got != want {
			t.Errorf("%s is %q", field, got)
		}
	}
}
