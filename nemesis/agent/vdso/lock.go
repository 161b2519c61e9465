//go:build linux && amd64

package vdso

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// lock makes sure that nobody else who uses this package changes the process until unlock is called. Who
// waits longer than the limit gets an error.
func lock(pid int, limit time.Duration) (unlock func(), err error) {
	mem, err := os.Open(procFile(pid, "mem"))
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(limit)
	for {
		err = syscall.Flock(int(mem.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() {
				// Explicitly, as a child that is being forked may have the file for a while.
				_ = syscall.Flock(int(mem.Fd()), syscall.LOCK_UN)
				_ = mem.Close()
			}, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(err, mem.Close())
		}
		if !time.Now().Before(deadline) {
			return nil, errors.Join(errors.New("somebody else is changing it"), mem.Close())
		}
		time.Sleep(time.Millisecond)
	}
}
