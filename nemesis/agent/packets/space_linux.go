//go:build linux

package packets

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// ownNamespace returns the network namespace of the calling thread, nil when it is that of the process: then
// sockets of any thread are in it, and nobody needs the right to change namespaces.
func ownNamespace() (*os.File, error) {
	thread := fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid())
	mine, err := os.Stat(thread)
	if err != nil {
		return nil, fmt.Errorf("network namespace: %w", err)
	}
	all, err := os.Stat("/proc/self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("network namespace: %w", err)
	}
	if os.SameFile(mine, all) {
		return nil, nil
	}
	file, err := os.Open(thread)
	if err != nil {
		return nil, fmt.Errorf("network namespace: %w", err)
	}
	return file, nil
}

// space is a network namespace of our own making, that a thread is in. It ends with the thread.
type space struct {
	file *os.File
	work chan func()
	gone chan struct{}
}

// newSpace makes an empty network namespace.
func newSpace() (*space, error) {
	s := &space{work: make(chan func()), gone: make(chan struct{})}
	failure := make(chan error)
	onOwnThread(func() {
		defer close(s.gone)
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			s.file, err = ownNamespace()
		}
		failure <- err
		if err != nil {
			return
		}
		for f := range s.work {
			f()
		}
	})
	if err := <-failure; err != nil {
		return nil, fmt.Errorf("fresh network namespace: %w", err)
	}
	return s, nil
}

// do runs a function on the thread that is in the namespace. A nil space is where the caller is.
func (s *space) do(f func() error) error {
	if s == nil {
		return f()
	}
	result := make(chan error, 1)
	s.work <- func() { result <- f() }
	return <-result
}

// close gives the namespace up; the kernel removes it when its last socket is closed.
func (s *space) close() error {
	if s == nil {
		return nil
	}
	close(s.work)
	<-s.gone
	return s.file.Close()
}

// onOwnThread runs a function on a thread that does nothing else and ends with it. It is never the first
// thread of the process, whose namespace stands for the process's.
func onOwnThread(f func()) {
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if unix.Gettid() != unix.Getpid() {
			f()
			return
		}
		other := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(other)
			f()
		}()
		<-other
		runtime.UnlockOSThread()
	}()
}
