//go:build linux

package powerloss

import (
	"errors"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// The requests about the content of files change what is pending, or make it durable. A request names the
// inode, and that is enough: there is nothing to know about a handle.

// Open opens a file. The kernel has taken O_TRUNC away; it truncates in a request of its own.
//
// The kernel keeps the pages that it has, and drops them at a power loss alone. By itself it would do so at
// each open, and whenever a modification time has changed; but that is wrong while somebody writes: a page in
// the cache is unlocked before the write reaches us, so that it can be dropped, read again as it was, and be
// kept so.
func (l *layer) Open(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	n, status := l.node(in.NodeId)
	if !status.Ok() {
		return status
	}
	out.OpenFlags = fuse.FOPEN_KEEP_CACHE
	return fuse.ToStatus(n.open())
}

// Release undoes an open.
func (l *layer) Release(_ <-chan struct{}, in *fuse.ReleaseIn) {
	if n := l.nodes.get(in.NodeId); n != nil {
		n.close()
		l.nodes.release(n, 0, &l.budget)
	}
}

// Flush is close(2), at which nothing has to be done.
func (l *layer) Flush(<-chan struct{}, *fuse.FlushIn) fuse.Status { return fuse.ENOSYS }

// Read reads.
func (l *layer) Read(_ <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	n, status := l.node(in.NodeId)
	if !status.Ok() {
		return nil, status
	}
	if in.Offset > endless-uint64(len(buf)) {
		return nil, fuse.EINVAL
	}
	length, err := n.read(buf, int64(in.Offset))
	if err != nil {
		return nil, fuse.ToStatus(err)
	}
	return fuse.ReadResultData(buf[:length]), fuse.OK
}

// Write writes, and syncs where the file was opened so or the call wants it.
//
// An append goes to the end of the file. That is where the kernel thinks it is, unless there was a power
// loss and no stat since: then it has the bytes in its page cache at a wrong place, and has to drop them;
// not before the answer, as it may hold a lock on the page until then. What it writes back from its page
// cache it writes through any descriptor, so that the flags mean nothing.
func (l *layer) Write(_ <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	n, status := l.node(in.NodeId)
	if !status.Ok() {
		return 0, status
	}
	if in.Offset > endless {
		return 0, fuse.Status(unix.EFBIG)
	}
	off, flags := int64(in.Offset), in.Flags
	writeBack := in.WriteFlags&fuse.WRITE_CACHE != 0
	if writeBack {
		flags = 0
	}
	if flags&unix.O_APPEND != 0 {
		off = atEnd
	}
	wrote, err := l.write(n, data, off, writeBack)
	if err != nil {
		return 0, fuse.ToStatus(err)
	}
	if wrote != int64(in.Offset) {
		go func() { _ = l.dropCached(n.id) }()
	}
	if flags&unix.O_DSYNC != 0 {
		if err := l.sync(n, true); err != nil {
			return 0, fuse.ToStatus(err)
		}
	}
	return uint32(len(data)), fuse.OK
}

// write writes, and returns where.
func (l *layer) write(n *node, data []byte, off int64, writeBack bool) (int64, error) {
	l.loss.RLock()
	defer l.loss.RUnlock()
	if writeBack && l.dark {
		return off, nil
	}
	off, err := n.write(data, off, &l.budget)
	if errors.Is(err, unix.ENOSPC) && !l.full.Swap(true) {
		l.log.Warn("writes fail with ENOSPC: too much is pending; a sync, a loss or a deletion makes room",
			"limit_bytes", l.budget.limit)
	}
	return off, err
}

// truncate sets the size.
func (l *layer) truncate(n *node, size int64) error {
	l.loss.RLock()
	defer l.loss.RUnlock()
	return n.truncate(size, &l.budget)
}

// Fallocate allocates, or zeroes.
func (l *layer) Fallocate(_ <-chan struct{}, in *fuse.FallocateIn) fuse.Status {
	n, status := l.node(in.NodeId)
	if !status.Ok() {
		return status
	}
	if in.Offset > endless || in.Length > endless {
		return fuse.Status(unix.EFBIG)
	}
	l.loss.RLock()
	defer l.loss.RUnlock()
	return fuse.ToStatus(n.allocate(in.Mode, int64(in.Offset), int64(in.Length), &l.budget))
}

// Fsync makes a file durable.
func (l *layer) Fsync(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	n, status := l.node(in.NodeId)
	if !status.Ok() {
		return status
	}
	const dataOnly = 1 // FUSE_FSYNC_FDATASYNC
	return fuse.ToStatus(l.sync(n, in.FsyncFlags&dataOnly != 0))
}

// sync puts the file into the backing and syncs it there. The second part takes the time of a disk; others
// can use the file meanwhile, and a power loss too takes the file as durable then.
func (l *layer) sync(n *node, dataOnly bool) error {
	l.loss.RLock()
	err := n.flush(&l.budget)
	l.loss.RUnlock()
	if err != nil {
		l.log.Warn("an fsync failed: the backing does not take what is pending", "error", err)
		return err
	}
	return n.sync(dataOnly)
}
