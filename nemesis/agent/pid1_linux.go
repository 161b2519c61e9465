package agent

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// processSignals are the real signals.
type processSignals struct{}

// Stop stops a process.
func (processSignals) Stop(pid int) error { return send(pid, syscall.SIGSTOP) }

// Continue lets a process go on.
func (processSignals) Continue(pid int) error { return send(pid, syscall.SIGCONT) }

// Kill kills a process.
func (processSignals) Kill(pid int) error { return send(pid, syscall.SIGKILL) }

// send signals one process; negative pids and 0 would mean many.
func send(pid int, sig syscall.Signal) error {
	if pid <= 1 {
		return errors.New("this pid is none of a process that may be signalled")
	}
	if err := syscall.Kill(pid, sig); !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil // it is gone
}

// inherited returns the orphans of PID 1.
func inherited() orphans {
	died := make(chan os.Signal, 1)
	signal.Notify(died, syscall.SIGCHLD)
	select {
	case died <- syscall.SIGCHLD: // some may have died already
	default:
	}
	return orphans{died: died, reap: reapAll}
}

// reapAll waits for all children that are dead. Those that live or are traced are left alone: nobody traces
// while the pod is held.
func reapAll() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
	}
}
