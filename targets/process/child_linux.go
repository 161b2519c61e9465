package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// childAttributes has the kernel kill a node when the harness dies, also a stopped one.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// How long a process that was sent SIGSTOP may take to stop, and how often that is looked at.
const (
	stopLimit = 5 * time.Second
	lookEvery = 200 * time.Microsecond
)

// awaitStopped returns when no thread of a process that was sent SIGSTOP runs any more: the signal is only
// noticed when a thread leaves the kernel, and until then the process may go on answering.
func awaitStopped(pid int) error {
	for end := time.Now().Add(stopLimit); ; time.Sleep(lookEvery) {
		if stopped(pid) {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("process %d has not stopped within %s", pid, stopLimit)
		}
	}
}

// stopped reports whether all threads of a process are stopped, or it is gone.
func stopped(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, thread := range threads {
		stat, err := os.ReadFile(thread)
		if err != nil {
			continue // the thread has ended
		}
		// the state stands behind the name, which is in brackets and may have any in it
		state := stat[bytes.LastIndexByte(stat, ')')+1:]
		if len(state) > 1 && bytes.IndexByte([]byte("TtZX"), state[1]) < 0 {
			return false
		}
	}
	return true
}
