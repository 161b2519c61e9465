//go:build linux

package powerloss

import (
	"errors"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// The requests about names take effect in the backing at once.

// maker is who makes something: it becomes the owner.
type maker struct {
	parent *node
	owner  fuse.Owner
	mode   uint32 // of what is made, the umask already taken off
}

// made opens what was just made under that name as O_PATH descriptor, with the owner and mode that it shall
// have: neither those of this process, nor its umask. What cannot be given away is removed again.
func (m *maker) made(name string) (int, error) {
	path, err := openPath(m.parent.path, name)
	if err != nil {
		return 0, err
	}
	if err := m.give(path); err != nil {
		_ = unix.Close(path)
		if unix.Unlinkat(m.parent.path, name, 0) != nil {
			_ = unix.Unlinkat(m.parent.path, name, unix.AT_REMOVEDIR)
		}
		return 0, err
	}
	return path, nil
}

// give sets owner and mode of what path is open on.
func (m *maker) give(path int) error {
	var dir, st unix.Stat_t
	if err := errors.Join(unix.Fstat(m.parent.path, &dir), unix.Fstat(path, &st)); err != nil {
		return err
	}
	gid, mode := m.owner.Gid, m.mode&0o7777
	if dir.Mode&unix.S_ISGID != 0 { // the group is handed down
		gid = dir.Gid
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			mode |= unix.S_ISGID
		}
	}
	if err := unix.Fchownat(path, "", int(m.owner.Uid), int(gid), unix.AT_EMPTY_PATH); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return nil
	}
	return unix.Fchmodat(unix.AT_FDCWD, procPath(path), mode, 0)
}

// make answers with something that how makes under a name in a directory.
func (l *layer) make(
	in *fuse.InHeader, name string, mode uint32, out *fuse.EntryOut, how func(dir int) error,
) fuse.Status {
	parent, status := l.node(in.NodeId)
	if !status.Ok() {
		return status
	}
	if err := how(parent.path); err != nil {
		return fuse.ToStatus(err)
	}
	m := maker{parent, in.Owner, mode}
	path, err := m.made(name)
	if err != nil {
		return fuse.ToStatus(err)
	}
	_, status = l.entry(path, out)
	return status
}

// Mkdir makes a directory.
func (l *layer) Mkdir(_ <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	return l.make(&in.InHeader, name, in.Mode, out, func(dir int) error {
		return unix.Mkdirat(dir, name, 0o700)
	})
}

// Mknod makes a file, pipe, socket or device.
func (l *layer) Mknod(_ <-chan struct{}, in *fuse.MknodIn, name string, out *fuse.EntryOut) fuse.Status {
	return l.make(&in.InHeader, name, in.Mode, out, func(dir int) error {
		return unix.Mknodat(dir, name, in.Mode&unix.S_IFMT|0o600, int(in.Rdev))
	})
}

// Symlink makes a symbolic link.
func (l *layer) Symlink(
	_ <-chan struct{}, in *fuse.InHeader, target, name string, out *fuse.EntryOut,
) fuse.Status {
	return l.make(in, name, 0, out, func(dir int) error {
		return unix.Symlinkat(target, dir, name)
	})
}

// Create makes a file and opens it; without O_EXCL it may be there by now.
func (l *layer) Create(_ <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	n, status := l.createEntry(in, name, &out.EntryOut)
	if !status.Ok() {
		return status
	}
	err := n.open()
	if err == nil && in.Flags&unix.O_TRUNC != 0 && out.Size > 0 {
		if err = l.truncate(n, 0); err == nil {
			err = n.stat(&out.Attr)
		}
		if err != nil {
			n.close()
		}
	}
	if err != nil {
		l.nodes.release(n, 1, &l.budget)
	}
	out.OpenFlags = fuse.FOPEN_KEEP_CACHE // see Open
	return fuse.ToStatus(err)
}

func (l *layer) createEntry(in *fuse.CreateIn, name string, out *fuse.EntryOut) (*node, fuse.Status) {
	parent, status := l.node(in.NodeId)
	if !status.Ok() {
		return nil, status
	}
	const flags = unix.O_CREAT | unix.O_EXCL | unix.O_WRONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	var path int
	fd, err := unix.Openat(parent.path, name, flags, 0o600)
	switch {
	case err == nil:
		_ = unix.Close(fd)
		m := maker{parent, in.Owner, in.Mode}
		path, err = m.made(name)
	case errors.Is(err, unix.EEXIST) && in.Flags&unix.O_EXCL == 0:
		path, err = openPath(parent.path, name)
	}
	if err != nil {
		return nil, fuse.ToStatus(err)
	}
	return l.entry(path, out)
}

// Link gives an inode one more name.
func (l *layer) Link(_ <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	parent, status := l.node(in.NodeId)
	if !status.Ok() {
		return status
	}
	n, status := l.node(in.Oldnodeid)
	if !status.Ok() {
		return status
	}
	err := unix.Linkat(unix.AT_FDCWD, procPath(n.path), parent.path, name, unix.AT_SYMLINK_FOLLOW)
	if err == nil {
		err = n.stat(&out.Attr)
	}
	if err != nil {
		return fuse.ToStatus(err)
	}
	l.nodes.again(n)
	out.NodeId = n.id
	return fuse.OK
}

// Unlink removes the name of a file.
func (l *layer) Unlink(_ <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	return l.unlink(in, name, 0)
}

// Rmdir removes a directory.
func (l *layer) Rmdir(_ <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	return l.unlink(in, name, unix.AT_REMOVEDIR)
}

func (l *layer) unlink(in *fuse.InHeader, name string, flags int) fuse.Status {
	parent, status := l.node(in.NodeId)
	if !status.Ok() {
		return status
	}
	return fuse.ToStatus(unix.Unlinkat(parent.path, name, flags))
}

// Rename moves a name, or exchanges two.
func (l *layer) Rename(_ <-chan struct{}, in *fuse.RenameIn, oldName, newName string) fuse.Status {
	from, status := l.node(in.NodeId)
	if !status.Ok() {
		return status
	}
	to, status := l.node(in.Newdir)
	if !status.Ok() {
		return status
	}
	if in.Flags == 0 {
		return fuse.ToStatus(unix.Renameat(from.path, oldName, to.path, newName))
	}
	return fuse.ToStatus(unix.Renameat2(from.path, oldName, to.path, newName, uint(in.Flags)))
}
