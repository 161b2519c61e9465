//go:build linux

package powerloss

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Write to a temporary file, fsync, rename: what everybody does.
func TestReplaceByRename(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	dir, err := os.Open(b.at)
	b.must(err)
	defer func() { _ = dir.Close() }()
	for _, tc := range []struct {
		durable bool
		after   string
		lost    Lost
	}{
		{true, "new", Lost{}},
		{false, "", Lost{Files: 1, Bytes: 3}}, // the name was durable before the content: an empty file
	} {
		b.create("f", "old", true)
		b.create("f.tmp", "new", tc.durable)
		b.must(os.Rename(b.path("f.tmp"), b.path("f")))
		b.must(dir.Sync())
		b.has("f", "new")
		b.lose(tc.lost)
		b.has("f", tc.after)
		b.stored("f", tc.after)
		if _, err := os.Stat(b.path("f.tmp")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the old name: %v", err)
		}
	}
}

func TestPendingFollowsTheInode(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	b.must(os.Mkdir(b.path("d"), 0o755))
	b.create("a", "A", true)
	file := b.open("a", os.O_RDWR|os.O_APPEND)
	b.write(file, "1")
	b.must(os.Rename(b.path("a"), b.path("d/b")))
	b.has("d/b", "A1")
	b.must(os.Rename(b.path("d"), b.path("e"))) // a directory above it
	b.write(file, "2")
	b.has("e/b", "A12")
	b.must(os.Link(b.path("e/b"), b.path("c")))
	b.must(os.Remove(b.path("e/b")))
	b.has("c", "A12")
	b.create("x", "X", false)
	b.must(unix.Renameat2(unix.AT_FDCWD, b.path("x"), unix.AT_FDCWD, b.path("c"), unix.RENAME_EXCHANGE))
	b.has("x", "A12")
	b.has("c", "X")
	err := unix.Renameat2(unix.AT_FDCWD, b.path("x"), unix.AT_FDCWD, b.path("c"), unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EEXIST) {
		t.Errorf("rename over what must not be replaced: %v", err)
	}
	b.must(file.Sync())
	b.lose(Lost{Files: 1, Bytes: 1})
	b.has("x", "A12")
	b.has("c", "")
}

func TestDeletedWhileOpen(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	file := b.open("f", os.O_RDWR|os.O_CREATE)
	b.write(file, "hello")
	b.must(os.Remove(b.path("f")))
	b.write(file, ", world")
	b.shows(file, "hello, world")
	if got := b.fs.Pending(); got != (Lost{}) {
		t.Errorf("a file without a name is counted: %+v", got)
	}
	b.create("f", "another", false)
	b.must(file.Truncate(5))
	b.shows(file, "hello")
	b.must(file.Sync())
	b.lose(Lost{Files: 1, Bytes: 7})
	b.shows(file, "hello")
	b.must(file.Close())
	b.must(os.Remove(b.path("f")))
	eventually(t, "all nodes but the root go", func() bool {
		nodes := 0
		b.fs.layer.nodes.each(func(*node) { nodes++ })
		return nodes == 1
	})
}

func TestDirectories(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	b.must(os.MkdirAll(b.path("d/e"), 0o700))
	if err := os.Remove(b.path("d")); !errors.Is(err, unix.ENOTEMPTY) {
		t.Errorf("remove of a full directory: %v", err)
	}
	b.must(os.Remove(b.path("d/e")))
	var want []string
	for i := range 600 { // several requests
		name := fmt.Sprintf("a file with quite a long name, number %04d", i)
		want = append(want, name)
		b.must(os.WriteFile(b.path("d/"+name), nil, 0o600))
	}
	dir, err := os.Open(b.path("d"))
	b.must(err)
	defer func() { _ = dir.Close() }()
	for range 2 {
		got, err := dir.Readdirnames(-1)
		b.must(err)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("the directory lists %d names, want %d", len(got), len(want))
		}
		_, err = dir.Seek(0, io.SeekStart)
		b.must(err)
	}
	b.must(dir.Sync())
	b.lose(Lost{})
	b.must(os.RemoveAll(b.path("d")))
	if _, err := os.Stat(b.path("d")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the removal: %v", err)
	}
}

func TestOtherKinds(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	b.must(os.Symlink("target", b.path("link")))
	if got, err := os.Readlink(b.path("link")); err != nil || got != "target" {
		t.Errorf("the link leads to %q, %v", got, err)
	}
	b.must(os.Lchown(b.path("link"), 7, 8))
	b.create("target", "here", true)
	b.has("link", "here")
	b.must(unix.Mkfifo(b.path("pipe"), 0o640))
	if st := b.stat("pipe"); st.Mode != unix.S_IFIFO|0o640 {
		t.Errorf("the pipe has mode %o", st.Mode)
	}
	server, err := net.Listen("unix", b.path("socket"))
	b.must(err)
	client, err := net.Dial("unix", b.path("socket"))
	b.must(err)
	b.must(errors.Join(client.Close(), server.Close()))
	var st unix.Statfs_t
	b.must(unix.Statfs(b.at, &st))
	if st.Blocks == 0 || st.Bavail == 0 || st.Namelen == 0 {
		t.Errorf("statfs: %+v", st)
	}
	err = unix.Setxattr(b.path("target"), "user.a", []byte("b"), 0)
	if !errors.Is(err, unix.EOPNOTSUPP) {
		t.Errorf("setxattr: %v", err)
	}
	err = unix.IoctlSetInt(int(b.open("target", os.O_RDWR).Fd()), unix.FS_IOC_GETFLAGS, 0)
	if !errors.Is(err, unix.ENOTTY) {
		t.Errorf("ioctl: %v", err)
	}
}

// What is made belongs to who makes it, with the mode asked for.
func TestOwnersAndModes(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	b.must(os.Chmod(b.at, 0o777))
	for dir := b.at; len(dir) > len(os.TempDir()); dir = dir[:len(dir)-1] {
		if dir[len(dir)-1] == '/' {
			b.must(os.Chmod(dir, 0o777))
		}
	}
	b.must(os.Mkdir(b.path("shared"), 0o755))
	b.must(os.Chown(b.path("shared"), 0, 999))
	b.must(os.Chmod(b.path("shared"), 0o777|os.ModeSetgid))
	as := func(script string) error {
		cmd := exec.Command("/bin/sh", "-c", script)
		cmd.Env = append(os.Environ(), "AT="+b.at)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1234, Gid: 567}}
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return err
	}
	b.must(as(`umask 002; cd "$AT"; echo x >f; mkdir d; ln -s f l; mkfifo p; cat f`))
	b.must(as(`umask 002; cd "$AT"; mkdir shared/d; echo x >shared/f`))
	for name, want := range map[string]struct{ mode, uid, gid uint32 }{
		"f": {unix.S_IFREG | 0o664, 1234, 567}, "d": {unix.S_IFDIR | 0o775, 1234, 567},
		"l": {unix.S_IFLNK | 0o777, 1234, 567}, "p": {unix.S_IFIFO | 0o664, 1234, 567},
		"shared/d": {unix.S_IFDIR | unix.S_ISGID | 0o775, 1234, 999},
		"shared/f": {unix.S_IFREG | 0o664, 1234, 999},
	} {
		if st := b.stat(name); st.Mode != want.mode || st.Uid != want.uid || st.Gid != want.gid {
			t.Errorf("%s has mode %o and belongs to %d:%d, want %o, %d:%d",
				name, st.Mode, st.Uid, st.Gid, want.mode, want.uid, want.gid)
		}
	}
	b.must(os.Chmod(b.path("f"), 0o600))
	b.must(os.Chown(b.path("f"), 0, -1))
	if err := as(`cat "$AT/f"`); err == nil {
		t.Error("a user reads a file of root")
	}
	if st := b.stat("f"); st.Uid != 0 || st.Gid != 567 || st.Mode&0o7777 != 0o600 {
		t.Errorf("after chmod and chown: %d:%d %o", st.Uid, st.Gid, st.Mode)
	}
	if _, err := b.fs.PowerLoss(); err != nil {
		t.Fatal(err)
	}
	if st := b.stat("f"); st.Uid != 0 || st.Mode&0o7777 != 0o600 || st.Size != 0 {
		t.Errorf("after the power loss: owner %d, mode %o, size %d", st.Uid, st.Mode, st.Size)
	}
}

func TestLocks(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	one, two := b.open("f", os.O_RDWR|os.O_CREATE), b.open("f", os.O_RDWR)
	b.must(unix.Flock(int(one.Fd()), unix.LOCK_EX|unix.LOCK_NB))
	if err := unix.Flock(int(two.Fd()), unix.LOCK_SH|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
		t.Errorf("flock of what is locked: %v", err)
	}
	b.must(unix.Flock(int(one.Fd()), unix.LOCK_UN))
	b.must(unix.Flock(int(two.Fd()), unix.LOCK_SH|unix.LOCK_NB))
	// Locks of open file descriptions conflict within one process, and are the same lock otherwise.
	lock := func(file *os.File, kind int16, start int64) error {
		l := unix.Flock_t{Type: kind, Whence: io.SeekStart, Start: start, Len: 10}
		return unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLK, &l)
	}
	b.must(lock(one, unix.F_WRLCK, 0))
	if err := lock(two, unix.F_RDLCK, 5); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("fcntl lock of what is locked: %v", err)
	}
	b.must(lock(two, unix.F_WRLCK, 10))
	got := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: 0, Len: 1}
	b.must(unix.FcntlFlock(two.Fd(), unix.F_GETLK, &got))
	if got.Type != unix.F_WRLCK {
		t.Errorf("the lock found is %+v", got)
	}
	b.must(one.Close())
	b.must(lock(two, unix.F_WRLCK, 0))
}
