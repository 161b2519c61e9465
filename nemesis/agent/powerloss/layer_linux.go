//go:build linux

package powerloss

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// layer answers the kernel's requests. Inodes are held by descriptors, never by path, so that renames cannot
// lead a request astray; permissions are checked by the kernel. No answer may be cached for any time, so that
// the kernel asks again after a power loss. What is not answered here is not there (ENOSYS), and the kernel
// makes do without it: locks are its own, lseek finds no holes, copy_file_range reads and writes.
type layer struct {
	fuse.RawFileSystem // answers all else with ENOSYS
	server             *fuse.Server
	nodes              *table
	dirs               *directories
	budget             budget
	log                *slog.Logger
	full               atomic.Bool // the log has said that the budget is exhausted
	shut               atomic.Bool // all requests fail from now on

	// loss is held exclusively at the instant of a power loss, and shared by all that changes what is
	// pending: so all files are lost at the same instant.
	loss sync.RWMutex
	// dark is true while the kernel's page cache is emptied at a power loss: what it writes back is lost.
	dark bool
}

// newLayer returns a layer over the directory that root, an O_PATH descriptor, is open on.
func newLayer(root int, limit int64, log *slog.Logger) (*layer, error) {
	nodes, err := newTable(root)
	if err != nil {
		return nil, err
	}
	return &layer{
		RawFileSystem: fuse.NewDefaultRawFileSystem(),
		nodes:         nodes,
		dirs:          &directories{open: map[uint64]*directory{}},
		budget:        budget{limit: limit},
		log:           log,
	}, nil
}

// String is the name for the library's messages.
func (l *layer) String() string { return fsName }

// Init is called before the first request.
func (l *layer) Init(server *fuse.Server) { l.server = server }

// OnUnmount is called after the last request.
func (l *layer) OnUnmount() {
	l.dirs.clear()
	l.nodes.clear()
}

// node returns the node that a request is about.
func (l *layer) node(id uint64) (*node, fuse.Status) {
	if l.shut.Load() {
		return nil, fuse.EIO
	}
	if n := l.nodes.get(id); n != nil {
		return n, fuse.OK
	}
	return nil, fuse.Status(unix.ESTALE)
}

// entry answers with an inode that path, an O_PATH descriptor, is open on.
func (l *layer) entry(path int, out *fuse.EntryOut) (*node, fuse.Status) {
	n, err := l.nodes.hold(path)
	if err != nil {
		return nil, fuse.ToStatus(err)
	}
	if err := n.stat(&out.Attr); err != nil {
		l.nodes.release(n, 1, &l.budget)
		return nil, fuse.ToStatus(err)
	}
	out.NodeId = n.id
	return n, fuse.OK
}

// Lookup finds a name in a directory.
func (l *layer) Lookup(_ <-chan struct{}, in *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	parent, status := l.node(in.NodeId)
	if !status.Ok() {
		return status
	}
	path, err := openPath(parent.path, name)
	if err != nil {
		return fuse.ToStatus(err)
	}
	_, status = l.entry(path, out)
	return status
}

// openPath opens what has that name in a directory, as O_PATH descriptor.
func openPath(dir int, name string) (int, error) {
	return unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

// Forget takes back references.
func (l *layer) Forget(id, lookups uint64) {
	if n := l.nodes.get(id); n != nil {
		l.nodes.release(n, lookups, &l.budget)
	}
}

// GetAttr is stat(2).
func (l *layer) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	n, status := l.node(in.NodeId)
	if !status.Ok() {
		return status
	}
	return fuse.ToStatus(n.stat(&out.Attr))
}

// SetAttr is chmod, chown, truncate and utimes.
func (l *layer) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	n, status := l.node(in.NodeId)
	if !status.Ok() {
		return status
	}
	if err := l.setAttr(n, in); err != nil {
		return fuse.ToStatus(err)
	}
	return fuse.ToStatus(n.stat(&out.Attr))
}

func (l *layer) setAttr(n *node, in *fuse.SetAttrIn) error {
	uid, hasUID := in.GetUID()
	gid, hasGID := in.GetGID()
	if hasUID || hasGID {
		// Without a value they are -1, which means: as it was.
		err := unix.Fchownat(n.path, "", int(int32(uid)), int(int32(gid)), unix.AT_EMPTY_PATH)
		if err != nil {
			return err
		}
	}
	if mode, ok := in.GetMode(); ok {
		if err := unix.Fchmodat(unix.AT_FDCWD, procPath(n.path), mode, 0); err != nil {
			return err
		}
	}
	if size, ok := in.GetSize(); ok {
		if size > endless {
			return unix.EFBIG
		}
		if err := l.truncate(n, int64(size)); err != nil {
			return err
		}
	}
	changed, hasChanged := in.GetMTime()
	accessed, hasAccessed := in.GetATime()
	if hasChanged || hasAccessed {
		return n.touch(accessed, changed)
	}
	return nil
}

// StatFs is statfs(2) of the backing.
func (l *layer) StatFs(_ <-chan struct{}, in *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	n, status := l.node(in.NodeId)
	if !status.Ok() {
		return status
	}
	var st unix.Statfs_t
	if err := again(func() error { return unix.Fstatfs(n.path, &st) }); err != nil {
		return fuse.ToStatus(err)
	}
	*out = fuse.StatfsOut{
		Blocks: st.Blocks, Bfree: st.Bfree, Bavail: st.Bavail, Files: st.Files, Ffree: st.Ffree,
		Bsize: uint32(st.Bsize), Frsize: uint32(st.Frsize), NameLen: uint32(st.Namelen),
	}
	return fuse.OK
}

// Readlink reads a symbolic link.
func (l *layer) Readlink(_ <-chan struct{}, in *fuse.InHeader) ([]byte, fuse.Status) {
	n, status := l.node(in.NodeId)
	if !status.Ok() {
		return nil, status
	}
	target := make([]byte, unix.PathMax)
	length, err := unix.Readlinkat(n.path, "", target)
	if err != nil {
		return nil, fuse.ToStatus(err)
	}
	return target[:length], fuse.OK
}

// Ioctl knows no request.
func (l *layer) Ioctl(<-chan struct{}, *fuse.IoctlIn, []byte, *fuse.IoctlOut, []byte) fuse.Status {
	return fuse.Status(unix.ENOTTY)
}
