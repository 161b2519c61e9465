//go:build linux && amd64

package vdso

import (
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// What package syscall does not have of ptrace(2).
const (
	ptraceGetSigInfo = 0x4202
	ptraceSeize      = 0x4206
	ptraceInterrupt  = 0x4207
	ptraceEventStop  = 128
)

// ptrace makes a request of a thread. It returns a syscall.Errno; ESRCH is also said of a thread that lives
// and does not stand still.
func ptrace(request, tid int, data uintptr) error {
	_, _, errno := syscall.Syscall6(syscall.SYS_PTRACE, uintptr(request), uintptr(tid), 0, data, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// signalInfo is the kernel's siginfo_t.
type signalInfo struct {
	number, errno, code int32
	_                   [116]byte
}

// stopOf returns nil when a thread stands still, and then the signal that it was about to receive, 0 when
// none. It asks for the state instead of waiting for its change: a change is told once, and whoever waits
// for any child, as process 1 does, may be the one that hears of it.
func stopOf(tid int) (syscall.Signal, error) {
	var info signalInfo
	_, _, errno := syscall.Syscall6(syscall.SYS_PTRACE, ptraceGetSigInfo, uintptr(tid), 0,
		uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	if info.code>>8 == ptraceEventStop {
		return 0, nil // stopped by us, or by SIGSTOP and the like: no signal is under way
	}
	return syscall.Signal(info.number), nil
}

// poker writes into the memory of the process of a thread that stands still. It may write where the
// process itself may not.
type poker struct{ tid int }

// WriteAt implements io.WriterAt; off is an address.
func (p poker) WriteAt(b []byte, off int64) (int, error) {
	return syscall.PtracePokeData(p.tid, uintptr(off), b)
}

// onOwnThread calls do on a thread of the operating system that is not used before or after, and returns
// when that thread has ended. A tracer is a thread; all requests must come from it. When it ends, the kernel
// lets go of all threads that it traced, in whatever state they are, and loses none of their signals. So no
// thread stays traced, not even one that never came to stand still.
func onOwnThread(do func() error) error {
	type result struct {
		tid int
		err error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread()
		if tid := syscall.Gettid(); tid != os.Getpid() {
			// Never unlocked: the thread ends with the goroutine.
			done <- result{tid, do()}
			return
		}
		// The main thread does not end. While it is taken, another goroutine gets another one.
		err := onOwnThread(do)
		runtime.UnlockOSThread()
		done <- result{0, err}
	}()
	r := <-done
	const wait, pause = time.Second, 20 * time.Microsecond // it ends at once; the limit is for the unforeseen
	for range wait / pause {
		if r.tid == 0 || syscall.Tgkill(os.Getpid(), r.tid, 0) != nil {
			break
		}
		time.Sleep(pause)
	}
	return r.err
}
