// Package powerloss is a file system that forgets at a power loss what was never synced. It lies over a
// directory, the backing, and passes everything through but the content of files: what is written stays in
// memory until somebody asks that it be durable.
//
//	write, append, mmap            stay in memory: the bytes, the size, the modification time
//	truncate, fallocate            likewise, as changes of size and content
//	fsync, fdatasync, msync        put the file into the backing, whole, and sync it there
//	O_SYNC, O_DSYNC, RWF_DSYNC     a write, then the same
//	create, mkdir, link, rename,   take effect in the backing at once, and are never lost
//	unlink, chmod, chown, utimes
//
// PowerLoss forgets what is in memory, of all files at the same instant, whether they are open or not.
// Programs that survive it keep their descriptors and see the files as the backing has them. What is pending
// belongs to the inode: it goes along with renames and hard links, survives the last close, and ends when
// the file has neither a name nor a user.
//
// How this differs from a real disk:
//   - Everything unsynced is lost, always. A real power loss keeps some of it, and tears some.
//   - Metadata is durable at once and in order, so that a missing fsync of a directory goes unnoticed. A file
//     that was written to and renamed without fsync is there after a power loss, under its new name, empty.
//   - An fsync makes all of the file durable, whoever wrote it. It is durable when it has reached the
//     backing's page cache, which may be shortly before fsync returns.
//   - sync and syncfs do not reach a FUSE file system, and sync_file_range is no promise: they change
//     nothing.
//   - What is pending takes memory, up to MaxPending for all files together: beyond that, writes fail with
//     ENOSPC until something is synced, lost, or deleted.
//   - A backing that is full answers the fsync, not the write. What was written stays pending then.
//   - fallocate sets the size and reserves nothing. SEEK_HOLE finds the end of the file only.
//   - There are no extended attributes and no O_TMPFILE.
//
// Files are read through the kernel's page cache and written through it, without direct I/O, because only so
// do mappings and reads and writes of the same file agree; at a power loss the cache is emptied. Pages that
// were dirtied through a shared mapping are pending once the kernel hands them over (msync, munmap, the end
// of the process, its own leisure); those that it still holds at a power loss are dropped. Tests show this
// for a mapping that reads while others write (as bbolt does), and for one that writes, synced and not. Where
// a power loss makes a file shorter, a mapping that lives on may get SIGBUS, as after any truncation.
//
// Locks of all kinds (flock, fcntl, open file description locks) are the kernel's own: they hold among all
// who use the same mount, from whatever container.
//
// It needs Linux with FUSE, /proc, and the right to mount (CAP_SYS_ADMIN); no helper program is called. Each
// file that the kernel remembers takes a file descriptor. Elsewhere all functions return an error that wraps
// errors.ErrUnsupported.
package powerloss

// MaxPending is how many bytes may be pending in one mount, all files together, with what it takes to keep
// track of them. The process needs up to twice that memory.
const MaxPending = 1 << 30

// Lost is what a power loss takes away. Files without a name any more are not counted.
type Lost struct {
	Files int   `json:"files"` // those that change: their content, size or modification time
	Bytes int64 `json:"bytes"` // written to them and not synced; bytes that a truncation cut off do not count
}
