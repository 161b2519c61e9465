//go:build linux && amd64

package vdso

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// Set makes the wall clock of a process show the kernel's time plus offset, exactly, from now on; it
// replaces the offset of an earlier call. A process whose clock is not bent yet is stopped for a moment,
// usually well below a millisecond; any other is not disturbed, which makes it cheap to change the offset
// often, and to call Set just in case.
//
// A thread that is in a system call of the kind that cannot be interrupted cannot be stopped; after 5 s of
// attempts, in between which the process runs, an error says so. Other errors: os.ErrProcessDone when the
// process has ended or ends meanwhile; *Unsupported; no privilege (CAP_SYS_PTRACE, and CAP_DAC_OVERRIDE for
// processes of others); the process is of 32 bits, has no or an unknown vDSO, or has a debugger. Whatever the
// error, the process goes on.
//
// The process must not be the calling one, nor one that another goroutine waits for meanwhile (by
// exec.Cmd.Wait or the like): the kernel tells a waiting parent that is also the tracer of the stop, which
// passes for the end. For the same reason whoever waits for any child (wait4 of -1) must look whether it
// has exited.
func Set(pid int, offset time.Duration) error { return set(pid, offset, usualLimits) }

func set(pid int, offset time.Duration, l limits) error {
	return change(pid, "set the clock", l, func(p *pattern) error {
		v, err := look(pid, p, true)
		if err != nil {
			return err
		}
		defer v.mem.Close()
		if v.bent() && v.publish(v.mem, offset) == nil {
			return nil
		}
		// Not bent yet; or this kernel allows only a tracer to write there.
		return stopped(pid, l, func(t *tracees) error { return bend(t, p, offset) })
	})
}

// bend leads the functions of a process that stands still to the stubs.
func bend(t *tracees, p *pattern, offset time.Duration) error {
	v, err := look(t.pid, p, false) // again: it may have changed its program before it stopped
	if err != nil {
		return err
	}
	defer v.mem.Close()
	if err := v.claim(); err != nil {
		return err
	}
	if err := t.outside(v.insideEntry, v.mem); err != nil {
		return err
	}
	to := poker{t.any().tid}
	if err := v.writeArea(to); err != nil {
		return err
	}
	if err := v.publish(to, offset); err != nil {
		return err
	}
	return v.writeJumps(to)
}

// Restore makes the wall clock of a process show the kernel's time again, whichever process has bent it. It
// does nothing to one whose clock is right. Errors are those of Set; an error because a thread did not stop
// means that the clock is right but still goes through the stubs.
func Restore(pid int) error { return restore(pid, usualLimits) }

func restore(pid int, l limits) error {
	return change(pid, "restore the clock", l, func(p *pattern) error {
		v, err := look(pid, p, true)
		if err != nil {
			return err
		}
		defer v.mem.Close()
		if count(v.pristine) == functions {
			return nil
		}
		if v.bent() {
			// For threads that are in a stub now, or that cannot be stopped. Where the kernel does not
			// allow it without a stop, the entries must do.
			_ = v.publish(v.mem, 0)
		}
		return stopped(pid, l, func(t *tracees) error { return straighten(t, p) })
	})
}

// straighten gives the functions of a process that stands still their entries back.
func straighten(t *tracees, p *pattern) error {
	v, err := look(t.pid, p, false)
	if err != nil {
		return err
	}
	defer v.mem.Close()
	return v.writePristine(poker{t.any().tid})
}

// Offset returns the offset in force in a process, and whether its clock is bent at all: one that was never
// bent, or was restored, has 0 and false. It disturbs nothing. Errors are those of Set.
func Offset(pid int) (time.Duration, bool, error) {
	offset, bent, err := readOffset(pid)
	return offset, bent, explain(pid, "read the offset of the clock", err)
}

func readOffset(pid int) (offset time.Duration, bent bool, err error) {
	p, err := patternFor(pid)
	if err != nil {
		return 0, false, err
	}
	v, err := look(pid, p, false)
	if err != nil {
		return 0, false, err
	}
	defer v.mem.Close()
	if !v.bent() {
		if count(v.pristine) < functions {
			return 0, false, v.claim()
		}
		return 0, false, nil
	}
	offset, err = v.offset()
	return offset, err == nil, err
}

// errPid is the error of a pid that cannot be a victim's.
var errPid = errors.New("allowed: the pid of any process but this one")

// patternFor returns the pattern to change a process by.
func patternFor(pid int) (*pattern, error) {
	if pid <= 0 || pid == os.Getpid() {
		return nil, errPid
	}
	return ownPattern()
}

// change does something to the vDSO of a process, while nobody else does.
func change(pid int, what string, l limits, do func(*pattern) error) error {
	p, err := patternFor(pid)
	if err != nil {
		return explain(pid, what, err)
	}
	unlock, err := lock(pid, l.total)
	if err != nil {
		return explain(pid, what, err)
	}
	defer unlock()
	return explain(pid, what, do(p))
}

// explain adds to an error which process could not have what done, and what may help.
func explain(pid int, what string, err error) error {
	if err == nil {
		return nil
	}
	doing := fmt.Sprintf("cannot %s of process %d", what, pid)
	var no *Unsupported
	switch {
	case errors.As(err, &no) || errors.Is(err, errPid):
		return fmt.Errorf("%s: %w", doing, err)
	case endedBy(pid, err):
		return fmt.Errorf("%s: it has ended: %w", doing, os.ErrProcessDone)
	case errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: %w; needed: root, or CAP_SYS_PTRACE and, for processes of others, "+
			"CAP_DAC_OVERRIDE", doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// endedBy reports whether the process has ended, as the error may come from. A process that is being killed
// takes a moment from its first sign to its end.
func endedBy(pid int, err error) bool {
	if ended(pid) {
		return true
	}
	if !errors.Is(err, syscall.ESRCH) && !errors.Is(err, syscall.EIO) && !errors.Is(err, io.EOF) {
		return false
	}
	const wait, pause = 100 * time.Millisecond, time.Millisecond
	for range wait / pause {
		time.Sleep(pause)
		if ended(pid) {
			return true
		}
	}
	return false
}
