//go:build linux && amd64

package vdso

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Processes returns the pids of all processes of this pid namespace whose clocks could be bent, ascending:
// all but this one, threads of the kernel, those that have ended, and those that skip (nil: none) wants
// left out. skip is given the path of the program, "" where this process may not know it; that of a program
// which was deleted or replaced ends in " (deleted)".
func Processes(skip func(pid int, exe string) bool) ([]int, error) {
	self, err := os.Readlink("/proc/self")
	if err != nil {
		return nil, fmt.Errorf("cannot list the processes: /proc is no proc file system: %w", err)
	}
	if self != strconv.Itoa(os.Getpid()) {
		return nil, fmt.Errorf("cannot list the processes: /proc is of another pid namespace: "+
			"this process is %s there, and %d in its own", self, os.Getpid())
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("cannot list the processes: %w", err)
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		exe, err := os.Readlink(procFile(pid, "exe"))
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it has ended, or is a thread of the kernel
		}
		if skip == nil || !skip(pid, exe) {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

// ended reports whether a process is gone, or on its way.
func ended(pid int) bool {
	tasks, err := os.ReadDir(procFile(pid, "task"))
	if err != nil {
		return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH)
	}
	for _, task := range tasks {
		if tid, err := strconv.Atoi(task.Name()); err == nil && !threadEnded(pid, tid) {
			return false
		}
	}
	return true
}

// threadEnded reports whether a thread is gone, or on its way: it will not run the process's code again.
func threadEnded(pid, tid int) bool {
	text, err := os.ReadFile(procFile(pid, "task/"+strconv.Itoa(tid)+"/stat"))
	if err != nil {
		return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH)
	}
	// The name is in parentheses and may have any characters, parentheses too. State, parent, group, session,
	// terminal and its group follow, then the flags.
	const exiting, flagsAt = 0x4, 6 // PF_EXITING
	stat := string(text)
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) <= flagsAt {
		return false
	}
	flags, err := strconv.ParseUint(fields[flagsAt], 10, 64)
	return err == nil && flags&exiting != 0
}

// threadListed reports whether the kernel still lists a thread, alive or not.
func threadListed(pid, tid int) bool {
	_, err := os.Stat(procFile(pid, "task/"+strconv.Itoa(tid)))
	return err == nil
}
