//go:build linux

package powerloss

import (
	"errors"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// node is an inode of the backing.
type node struct {
	id   uint64 // the kernel's name for it
	key  key
	path int // an O_PATH descriptor: while it is open, the backing gives the inode number to no other file

	lookups uint64 // how many references the kernel has; guarded by table.mu

	mu    sync.RWMutex
	opens int        // how often the kernel has it open
	file  descriptor // for reading and writing, while it is open
	diff  pending
}

// procPath is a path that leads to what the descriptor fd is open on, whatever its names are by now.
func procPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// open has the node open once more.
func (n *node) open() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.opens == 0 {
		fd, err := reopen(n.path)
		if err != nil {
			return err
		}
		n.file = descriptor(fd)
	}
	n.opens++
	return nil
}

// reopen opens for reading and writing; the kernel above checks what each program may do. What can not be
// written to (a backing that is mounted read-only, a program that runs) is opened for reading.
func reopen(path int) (int, error) {
	fd, err := unix.Open(procPath(path), unix.O_RDWR|unix.O_CLOEXEC, 0)
	for _, cannotWrite := range []error{unix.EROFS, unix.ETXTBSY, unix.EACCES, unix.EPERM} {
		if errors.Is(err, cannotWrite) {
			return unix.Open(procPath(path), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
	}
	return fd, err
}

// close undoes an open.
func (n *node) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.opens--; n.opens == 0 {
		_ = unix.Close(int(n.file))
	}
}

// read fills p from off on, and returns how much there was.
func (n *node) read(p []byte, off int64) (int, error) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.opens == 0 {
		return 0, unix.EBADF
	}
	return n.diff.read(p, off, n.file)
}

// atEnd is the offset of a write that is to append.
const atEnd = -1

// write writes p at off, or atEnd, and returns where that was. It fails with ENOSPC when the budget has no
// room.
func (n *node) write(p []byte, off int64, b *budget) (int64, error) {
	most := costOfWrite(len(p))
	if !b.take(most) {
		return off, unix.ENOSPC
	}
	defer b.give(most)
	err := n.change(b, func(d *pending) error {
		if off == atEnd {
			off = d.size
		}
		if off > endless-int64(len(p)) {
			return unix.EFBIG
		}
		d.write(off, p)
		return nil
	})
	return off, err
}

// truncate makes the file size long.
func (n *node) truncate(size int64, b *budget) error {
	return n.change(b, func(d *pending) error {
		d.truncate(size)
		return nil
	})
}

// allocate is fallocate(2), as far as FUSE has it: the size grows, bytes are zeroed, nothing is reserved.
func (n *node) allocate(mode uint32, off, length int64, b *budget) error {
	const known = unix.FALLOC_FL_KEEP_SIZE | unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_ZERO_RANGE
	if mode&^known != 0 {
		return unix.EOPNOTSUPP
	}
	if off > endless-length {
		return unix.EFBIG
	}
	zero := mode&(unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_ZERO_RANGE) != 0
	if zero {
		if !b.take(spanCost + extentCost) {
			return unix.ENOSPC
		}
		defer b.give(spanCost + extentCost)
	}
	return n.change(b, func(d *pending) error {
		if zero {
			d.zero(off, off+length)
		}
		if mode&unix.FALLOC_FL_KEEP_SIZE == 0 {
			d.extend(off + length)
		}
		return nil
	})
}

// change makes a change of content or size, and takes from the budget what it costs.
func (n *node) change(b *budget, how func(*pending) error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	var st unix.Stat_t
	if !n.diff.active {
		if err := unix.Fstat(n.path, &st); err != nil {
			return err
		}
	}
	before := n.diff.cost()
	n.diff.begin(st.Size, time.Now())
	err := how(&n.diff)
	b.give(before - n.diff.cost())
	return err
}

// flush puts the file into the backing, with the modification time that it has shown.
func (n *node) flush(b *budget) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.opens == 0 {
		return unix.EBADF
	}
	if !n.diff.active {
		return nil
	}
	cost, changed := n.diff.cost(), n.diff.changed
	if err := n.diff.flush(n.file); err != nil {
		return err
	}
	b.give(cost)
	return setTimes(n.path, time.Time{}, changed)
}

// sync makes durable what is in the backing's page cache; the times too unless dataOnly.
func (n *node) sync(dataOnly bool) error {
	n.mu.RLock()
	file, opens := n.file, n.opens
	n.mu.RUnlock()
	if opens == 0 {
		return unix.EBADF
	}
	if dataOnly {
		return again(func() error { return unix.Fdatasync(int(file)) })
	}
	return again(func() error { return unix.Fsync(int(file)) })
}

// forget drops what is pending. It returns how many bytes had been written, and whether anything was pending.
func (n *node) forget(b *budget) (bytes int64, some bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	bytes, some = n.diff.written.bytes, n.diff.active
	b.give(n.diff.cost())
	n.diff = pending{}
	return bytes, some
}

// waits returns how many bytes were written and are pending, and whether anything is.
func (n *node) waits() (bytes int64, some bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.diff.written.bytes, n.diff.active
}

// nameless reports whether the inode has no name left in the backing.
func (n *node) nameless() bool {
	var st unix.Stat_t
	return unix.Fstat(n.path, &st) == nil && st.Nlink == 0
}

// stat fills in what stat(2) shows.
func (n *node) stat(out *fuse.Attr) error {
	n.mu.RLock()
	defer n.mu.RUnlock()
	var st syscall.Stat_t
	if err := syscall.Fstat(n.path, &st); err != nil {
		return err
	}
	out.FromStat(&st)
	if n.diff.active {
		n.diff.show(out)
	}
	return nil
}

// show changes what stat(2) shows of the backing into what the file looks like.
func (d *pending) show(out *fuse.Attr) {
	kept := out.Blocks
	out.Size = uint64(d.size)
	out.Blocks = min(min(kept, blocksOf(d.size))+blocksOf(d.written.bytes), max(kept, blocksOf(d.size)))
	out.SetTimes(nil, &d.changed, nil)
	if d.changed.After(time.Unix(int64(out.Ctime), int64(out.Ctimensec))) {
		out.SetTimes(nil, nil, &d.changed)
	}
}

// blocksOf returns how many blocks of 512 bytes n bytes take, in pages.
func blocksOf(n int64) uint64 { return (uint64(n) + 4095) / 4096 * 8 }

// touch sets the times; those that are zero stay.
func (n *node) touch(accessed, changed time.Time) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !changed.IsZero() {
		n.diff.changed = changed
	}
	return setTimes(n.path, accessed, changed)
}

// setTimes sets the times of what path is open on; those that are zero stay.
func setTimes(path int, accessed, changed time.Time) error {
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, {Nsec: unix.UTIME_OMIT}}
	for i, t := range []time.Time{accessed, changed} {
		if t.IsZero() {
			continue
		}
		ts, err := unix.TimeToTimespec(t)
		if err != nil {
			return err
		}
		times[i] = ts
	}
	err := unix.UtimesNanoAt(unix.AT_FDCWD, procPath(path), times, 0)
	if errors.Is(err, unix.ELOOP) { // a symbolic link
		err = unix.UtimesNanoAt(path, "", times, unix.AT_EMPTY_PATH)
	}
	return err
}
