//go:build linux && amd64

package vdso

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// limits bound how long a process is disturbed.
type limits struct {
	total   time.Duration // for all attempts together
	attempt time.Duration // for one: as long as that, some threads may stand still and wait for others
}

// usualLimits allow for a thread that is in a slow system call of the kind that cannot be interrupted.
var usualLimits = limits{total: 5 * time.Second, attempt: 100 * time.Millisecond}

// busyError is the error of an attempt that may succeed when it is made again.
type busyError struct{ reason string }

func (b *busyError) Error() string { return b.reason }

// stopped calls do while all threads of a process stand still and tries again when that, or do, ends in
// a busyError. Between attempts the process runs for at least twice as long as one took. What do does must be
// done on the calling thread.
func stopped(pid int, l limits, do func(*tracees) error) error {
	deadline := time.Now().Add(l.total)
	for {
		began := time.Now()
		err := onOwnThread(func() error {
			t := &tracees{pid: pid, known: map[int]*tracee{}}
			defer t.release()
			if err := t.stop(l.attempt); err != nil {
				return err
			}
			return do(t)
		})
		var busy *busyError
		if !errors.As(err, &busy) || !time.Now().Before(deadline) {
			return err
		}
		time.Sleep(max(2*time.Since(began), time.Millisecond))
	}
}

// tracees are the threads of a process, all of which shall stand still. A thread that stands still makes
// no other ones, so all are found by looking again until there is nothing new.
//
// No signal is lost: those that arrive in the meantime are pending until the release; one that a thread
// was about to receive is handed back by the release. A process that was stopped by SIGSTOP remains so: the
// kernel resumes its stop at the release, unless a SIGCONT has come.
type tracees struct {
	pid   int
	known map[int]*tracee // by thread id
}

// tracee is a thread that is traced, or one that ended before it was.
type tracee struct {
	tid    int
	still  bool
	ended  bool
	signal syscall.Signal // that it was about to receive, if still
}

// stop stops all threads. It returns a busyError when that takes longer than the limit, and
// os.ErrProcessDone when the process has ended.
func (t *tracees) stop(limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		found, err := t.seize()
		if err != nil {
			return err
		}
		if !found {
			break
		}
		if err := t.await(deadline); err != nil {
			return err
		}
	}
	if t.any() == nil {
		return os.ErrProcessDone
	}
	return nil
}

// any returns a thread that stands still, nil when there is none.
func (t *tracees) any() *tracee {
	for _, th := range t.known {
		if th.still {
			return th
		}
	}
	return nil
}

// seize begins to trace the threads that are not known yet, and asks them to stop. It reports whether there
// were any, or might have been: the kernel ends a listing early where it comes upon a thread that has just
// been listed and is gone by then. A thread that stands still is not gone.
func (t *tracees) seize() (found bool, err error) {
	tasks, err := os.ReadDir(procFile(t.pid, "task"))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return false, os.ErrProcessDone
	}
	if err != nil {
		return false, err
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			continue
		}
		if th := t.known[tid]; th != nil {
			found = found || th.ended && !threadListed(t.pid, tid)
			continue
		}
		found = true
		if err := t.seizeOne(tid); err != nil {
			return false, err
		}
	}
	return found, nil
}

func (t *tracees) seizeOne(tid int) error {
	th := &tracee{tid: tid}
	err := ptrace(ptraceSeize, tid, 0)
	switch {
	case err == nil:
		_ = ptrace(ptraceInterrupt, tid, 0) // fails when the thread has ended, which await finds out
	case threadEnded(t.pid, tid):
		th.ended = true
	case errors.Is(err, syscall.EPERM) && t.status(tid, "TracerPid") != "0":
		return &busyError{fmt.Sprintf("its thread %d is already traced, by thread %s", tid,
			t.status(tid, "TracerPid"))}
	default:
		return fmt.Errorf("its thread %d cannot be traced: %w", tid, err)
	}
	t.known[tid] = th
	return nil
}

// await waits until all known threads stand still.
func (t *tracees) await(deadline time.Time) error {
	const spins = 50 // a thread that runs stops in microseconds, unless it is in a long system call
	pause := 20 * time.Microsecond
	for spin := 0; ; spin++ {
		if !time.Now().Before(deadline) {
			return t.tooLate()
		}
		waiting := false
		for _, th := range t.known {
			if th.still || th.ended {
				continue
			}
			signal, err := stopOf(th.tid)
			th.still, th.signal = err == nil, signal
			th.ended = err != nil && spin >= spins && threadEnded(t.pid, th.tid)
			waiting = waiting || !th.still && !th.ended
		}
		if !waiting {
			return nil
		}
		if spin >= spins {
			time.Sleep(pause)
			pause = min(2*pause, 2*time.Millisecond)
		}
	}
}

// tooLate names a thread that runs though it should stand still.
func (t *tracees) tooLate() error {
	for _, th := range t.known {
		if !th.still && !th.ended {
			return &busyError{fmt.Sprintf("its thread %d did not stop in time: its state is %s", th.tid,
				t.status(th.tid, "State"))}
		}
	}
	return &busyError{"its threads did not stop in time"}
}

// release lets all threads that stand still go on, each with the signal that it was about to receive. Those
// that do not are let go by the end of the tracing thread.
func (t *tracees) release() {
	for _, th := range t.known {
		if th.still {
			_ = ptrace(syscall.PTRACE_DETACH, th.tid, uintptr(th.signal)) // fails when it was killed
		}
	}
}

// status returns a field of a thread's status file, "" when there is none.
func (t *tracees) status(tid int, field string) string {
	text, err := os.ReadFile(procFile(t.pid, "task/"+strconv.Itoa(tid)+"/status"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); name == field {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// stackDepth is how far above the stack pointer the frame of an interrupted function is looked for. Go's
// stacks for signals are of this size.
const stackDepth = 32 << 10

// outside returns a busyError when a thread is at an address where it must not be: its instruction pointer
// is there, or it handles a signal that interrupted it there. The frame of a signal has the address to go on
// at; no other word of a stack is likely to be the same, and one that is costs just another attempt.
func (t *tracees) outside(mustNot func(address uint64) bool, memory io.ReaderAt) error {
	stack := make([]byte, stackDepth)
	for _, th := range t.known {
		if !th.still {
			continue
		}
		var regs syscall.PtraceRegs
		if err := syscall.PtraceGetRegs(th.tid, &regs); err != nil {
			return err
		}
		if mustNot(regs.Rip) {
			return &busyError{fmt.Sprintf("its thread %d is always reading a clock", th.tid)}
		}
		n, _ := memory.ReadAt(stack, int64(regs.Rsp&^7)) // or up to the end of the stack
		for i := 0; i+8 <= n; i += 8 {
			if mustNot(le.Uint64(stack[i:])) {
				return &busyError{fmt.Sprintf("its thread %d handles a signal in the midst of reading "+
					"a clock", th.tid)}
			}
		}
	}
	return nil
}
