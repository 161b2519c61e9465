//go:build linux

package powerloss

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// fsName is the type of our mounts, behind "fuse.".
const fsName = "rashomon-powerloss"

// FS is a mounted file system. Its methods may be called from several goroutines.
type FS struct {
	at     string
	source string // of the mount: a name that no other has, while the kernel's numbers are given again
	layer  *layer
	served chan struct{} // closed when the last request was answered
	losing chan struct{} // has room for one: the power loss under way
}

// Mount has the directory backing show at the directory at, which may be the same but must not lie below it;
// files are changed through at only from then on. All users may use it. It serves until Close, or until
// somebody unmounts it. Without a log (nil) nothing is said.
//
// The errors say what is missing: the directories, the device /dev/fuse, the right to mount. What an earlier
// process that died has left at that place is to be removed by Unmount before.
func Mount(backing, at string, log *slog.Logger) (*FS, error) {
	return mount(backing, at, MaxPending, log)
}

// mount is Mount with another limit of what may be pending.
func mount(backing, at string, limit int64, log *slog.Logger) (*FS, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	f, err := prepare(backing, at, limit, log)
	if err == nil {
		err = f.start(log)
	}
	if err != nil {
		return nil, fmt.Errorf("mount %s at %s: %w", backing, at, err)
	}
	log.Info("mounted a file system that forgets what is not synced", "backing", backing, "at", at)
	return f, nil
}

// prepare returns the file system, not yet mounted.
func prepare(backing, at string, limit int64, log *slog.Logger) (*FS, error) {
	backing, err := directoryAt(backing)
	if err != nil {
		return nil, err
	}
	if at, err = directoryAt(at); err != nil {
		return nil, err
	}
	if strings.HasPrefix(at, strings.TrimSuffix(backing, "/")+"/") {
		return nil, errors.New("it would show itself: the place must not lie below the backing")
	}
	root, err := unix.Open(backing, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", backing, err)
	}
	l, err := newLayer(root, limit, log)
	if err != nil {
		return nil, err
	}
	return &FS{
		at:     at,
		source: fsName + "-" + rand.Text(),
		layer:  l,
		served: make(chan struct{}),
		losing: make(chan struct{}, 1),
	}, nil
}

// directoryAt returns the path of a directory, absolute and without symbolic links.
func directoryAt(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(abs)
	if errors.Is(err, unix.ENOTCONN) {
		return "", fmt.Errorf("%w: a mount is there whose server has died; Unmount removes ours", err)
	}
	if err != nil {
		return "", err
	}
	var st unix.Stat_t
	if err := unix.Stat(real, &st); err != nil {
		return "", fmt.Errorf("stat %s: %w", real, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return "", fmt.Errorf("%s: %w", real, unix.ENOTDIR)
	}
	return real, nil
}

// start mounts and serves. When it fails nothing is left.
func (f *FS) start(log *slog.Logger) error {
	options := &fuse.MountOptions{
		Name:               fsName,
		MaxWrite:           128 << 10,
		DisableReadDirPlus: true,
		DisableXAttrs:      true,
		DisableSplice:      true,

		ExplicitDataCacheControl: true, // see layer.Open
		DisabledCapabilities:     fuse.CAP_PASSTHROUGH,
		Logger:                   slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	options.PanicHandler = func(v any) fuse.Status {
		log.Error("a request failed with EIO: the handler panicked", "panic", v)
		return fuse.EIO
	}
	device, err := attach(f.source, f.at, options.MaxWrite)
	if err != nil {
		f.layer.OnUnmount()
		return err
	}
	// The library takes the descriptor over.
	server, err := fuse.NewServer(f.layer, fmt.Sprintf("/dev/fd/%d", device), options)
	if err != nil {
		_ = unix.Unmount(f.at, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		f.layer.OnUnmount()
		return err
	}
	go func() {
		defer close(f.served)
		server.Serve()
	}()
	settlePolling(f.at)
	return nil
}

// attach mounts at a path, and returns the device through which the mount is served.
func attach(source, at string, maxRead int) (int, error) {
	device, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open /dev/fuse, which the process must have: %w", err)
	}
	options := fmt.Sprintf("fd=%d,user_id=%d,group_id=%d,max_read=%d,"+
		"rootmode=40000,allow_other,default_permissions", device, unix.Geteuid(), unix.Getegid(), maxRead)
	const flags = unix.MS_NOSUID | unix.MS_NODEV
	if err := unix.Mount(source, at, "fuse."+fsName, flags, options); err != nil {
		_ = unix.Close(device)
		return 0, fmt.Errorf("mount, for which CAP_SYS_ADMIN is needed: %w", err)
	}
	return device, nil
}

// settlePolling has the kernel ask once whether files can be polled: the library says no, for the whole
// mount. Otherwise Go's poller would ask when a file is opened in this very process, at a moment when the
// answer may have no processor left to run on.
func settlePolling(at string) {
	fd, err := unix.Open(filepath.Join(at, ".go-fuse-epoll-hack"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	_ = unix.Close(fd)
}

// closeTimeout bounds the wait for the last request of a mount that is gone.
const closeTimeout = 2 * time.Second

// Close unmounts, and syncs nothing: the backing is left as a power loss would leave it. When somebody still
// uses the mount, it disappears for all others, and every further request of theirs fails with EIO. Closing
// again does nothing. It is no error that somebody else has unmounted it before, or covered it by another
// mount.
func (f *FS) Close() error {
	f.layer.shut.Store(true)
	top, err := topMount(f.at)
	if errors.Is(err, errNotMounted) || err == nil && top.source != f.source {
		return nil
	}
	if err != nil {
		return err
	}
	err = unix.Unmount(f.at, unix.UMOUNT_NOFOLLOW)
	if errors.Is(err, unix.EBUSY) {
		if err = unix.Unmount(f.at, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err == nil {
			f.layer.log.Info("unmounted while in use", "at", f.at)
			return nil
		}
	}
	if err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("unmount %s: %w", f.at, err)
	}
	select {
	case <-f.served:
	case <-time.After(closeTimeout): // another mount namespace still has it
	}
	return nil
}
