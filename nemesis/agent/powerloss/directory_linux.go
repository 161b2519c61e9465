//go:build linux

package powerloss

import (
	"sync"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// directories has the open directories by handle.
type directories struct {
	mu   sync.Mutex
	open map[uint64]*directory
	last uint64 // the handle given last
}

// directory is an open directory, read up to the entry before at.
type directory struct {
	mu   sync.Mutex
	fd   int
	at   uint64 // what telldir(3) says
	buf  []byte
	rest []byte // of buf: the entries from at on
}

func (d *directories) add(fd int) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last++
	d.open[d.last] = &directory{fd: fd, buf: make([]byte, 8<<10)}
	return d.last
}

func (d *directories) get(handle uint64) *directory {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open[handle]
}

func (d *directories) close(handle uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if dir := d.open[handle]; dir != nil {
		_ = unix.Close(dir.fd)
		delete(d.open, handle)
	}
}

func (d *directories) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, dir := range d.open {
		_ = unix.Close(dir.fd)
	}
	clear(d.open)
}

// read fills the list with entries from off on.
func (d *directory) read(off uint64, list *fuse.DirEntryList) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if off != d.at {
		if _, err := unix.Seek(d.fd, int64(off), unix.SEEK_SET); err != nil {
			return err
		}
		d.at, d.rest = off, nil
	}
	for {
		if len(d.rest) == 0 {
			n, err := unix.Getdents(d.fd, d.buf)
			if err != nil || n == 0 {
				return err
			}
			d.rest = d.buf[:n]
		}
		var e fuse.DirEntry
		length := e.Parse(d.rest)
		if !list.AddDirEntry(e) {
			return nil
		}
		d.at, d.rest = e.Off, d.rest[length:]
	}
}

// OpenDir opens a directory.
func (l *layer) OpenDir(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	n, status := l.node(in.NodeId)
	if !status.Ok() {
		return status
	}
	fd, err := unix.Openat(n.path, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fuse.ToStatus(err)
	}
	out.Fh = l.dirs.add(fd)
	return fuse.OK
}

// ReadDir reads entries.
func (l *layer) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, list *fuse.DirEntryList) fuse.Status {
	if l.shut.Load() {
		return fuse.EIO
	}
	dir := l.dirs.get(in.Fh)
	if dir == nil {
		return fuse.EBADF
	}
	return fuse.ToStatus(dir.read(in.Offset, list))
}

// ReleaseDir closes a directory.
func (l *layer) ReleaseDir(in *fuse.ReleaseIn) { l.dirs.close(in.Fh) }

// FsyncDir syncs a directory in the backing; its names are there already.
func (l *layer) FsyncDir(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	if l.shut.Load() {
		return fuse.EIO
	}
	dir := l.dirs.get(in.Fh)
	if dir == nil {
		return fuse.EBADF
	}
	return fuse.ToStatus(again(func() error { return unix.Fsync(dir.fd) }))
}
