package agent

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestProgramOf sees that a process becomes another program, although it is the same executable again.
func TestProgramOf(t *testing.T) {
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self, "pod-exec")
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	eventually(t, "it runs the program", func() bool { // Start may come back in the midst of the exec
		args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", cmd.Process.Pid))
		return err == nil && strings.Contains(string(args), "pod-exec")
	})
	before := programOf(cmd.Process.Pid)
	if before == "" || programOf(cmd.Process.Pid) != before {
		t.Error("a program is not known, or changes by itself")
	}
	_, err = io.WriteString(in, "!")
	must(t, err)
	eventually(t, "it is another program", func() bool {
		now := programOf(cmd.Process.Pid)
		return now != "" && now != before
	})
	must(t, in.Close())
	must(t, cmd.Wait())
	if programOf(cmd.Process.Pid) != "" {
		t.Error("a process that has ended runs a program")
	}
}

// TestNoPodNoProcesses: outside of a pod nothing is done to processes, which would be the machine's.
func TestNoPodNoProcesses(t *testing.T) {
	var p parts
	p.openProcesses(testConfig(t))
	for _, name := range []string{clockAbility, stopAbility, killAbility} {
		if err := p.needs(name); err == nil || !strings.Contains(err.Error(), "not PID 1") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if pids, err := p.clocks.Processes(); len(pids) != 0 || err != nil {
		t.Errorf("it knows of the processes %v, %v", pids, err)
	}
	if p.orphans.died != nil {
		t.Error("it reaps children of others")
	}
}

// TestSignalsNeedAPid: no pid that means many, or PID 1.
func TestSignalsNeedAPid(t *testing.T) {
	var s processSignals
	for _, pid := range []int{-1, 0, 1, -7} {
		for _, send := range []func(int) error{s.Stop, s.Continue} {
			if send(pid) == nil {
				t.Errorf("a signal was sent to %d", pid)
			}
		}
	}
	if err := s.Continue(1 << 30); err != nil {
		t.Errorf("to a process that is gone: %v", err)
	}
}
