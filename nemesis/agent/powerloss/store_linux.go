//go:build linux

package powerloss

import (
	"errors"

	"golang.org/x/sys/unix"
)

// descriptor is an open file of the backing, as a store.
type descriptor int

func (d descriptor) size() (int64, error) {
	var st unix.Stat_t
	err := again(func() error { return unix.Fstat(int(d), &st) })
	return st.Size, err
}

func (d descriptor) readAt(p []byte, off int64) (int, error) {
	done := 0
	for done < len(p) {
		n, err := unix.Pread(int(d), p[done:], off+int64(done))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return done, err
		case n == 0:
			return done, nil
		}
		done += n
	}
	return done, nil
}

func (d descriptor) writeAt(p []byte, off int64) error {
	for len(p) > 0 {
		n, err := unix.Pwrite(int(d), p, off)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		p, off = p[n:], off+int64(n)
	}
	return nil
}

// zero punches a hole, where the backing cannot do that it writes zeros.
func (d descriptor) zero(from, to int64) error {
	err := again(func() error {
		return unix.Fallocate(int(d), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, from, to-from)
	})
	if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	zeros := make([]byte, min(to-from, 1<<20))
	for from < to {
		n := min(to-from, int64(len(zeros)))
		if err := d.writeAt(zeros[:n], from); err != nil {
			return err
		}
		from += n
	}
	return nil
}

func (d descriptor) truncate(size int64) error {
	return again(func() error { return unix.Ftruncate(int(d), size) })
}

// again calls f until no signal interrupts it.
func again(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
