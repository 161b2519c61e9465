package container

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The labels of everything that is made in a container engine.
const (
	labelPrefix  = "org.rashomon-harness."
	labelRun     = labelPrefix + "run"
	labelNode    = labelPrefix + "node"
	labelRole    = labelPrefix + "role"
	labelHost    = labelPrefix + "host"
	labelPID     = labelPrefix + "pid"
	labelStarted = labelPrefix + "started" // of the harness: see owner
	labelMade    = labelPrefix + "made"    // seconds since 1970
)

// The roles of what is made.
const (
	roleHolder   = "holder"
	roleDatabase = "database"
	roleNetwork  = "network"
	roleVolume   = "volume"
)

// owner is the process that a run belongs to.
type owner struct {
	Host    string // the name of its machine
	PID     int
	Started string // when it started, by the clock of its kernel; "" when unknown
}

// self returns this process.
func self() owner {
	host, _ := os.Hostname()
	return owner{Host: host, PID: os.Getpid(), Started: startOf(os.Getpid())}
}

// labels returns the labels that everything of a run has.
func (o owner) labels(run string, made time.Time) map[string]string {
	return map[string]string{
		labelRun: run, labelHost: o.Host, labelPID: strconv.Itoa(o.PID), labelStarted: o.Started,
		labelMade: strconv.FormatInt(made.Unix(), 10),
	}
}

// ownerOf reads the labels again.
func ownerOf(labels map[string]string) owner {
	pid, _ := strconv.Atoi(labels[labelPID])
	return owner{Host: labels[labelHost], PID: pid, Started: labels[labelStarted]}
}

// String returns the owner for people.
func (o owner) String() string {
	return fmt.Sprintf("process %d on %s", o.PID, cmp.Or(o.Host, "an unknown machine"))
}

// gone reports whether the process has ended for certain. Nothing is certain about other machines. The zero
// owner is one that did not get as far as to say who it is.
func (o owner) gone() bool {
	if o == (owner{}) {
		return true
	}
	host, err := os.Hostname()
	if err != nil || o.Host != host {
		return false
	}
	return !running(o.PID) || startOf(o.PID) != o.Started
}

// startOf returns an identity of the process that no later process with its number has: the boot of the
// kernel and the ticks from there to the start. It is "" where that is not to be had, also of a process that
// has ended and waits for its parent.
func startOf(pid int) string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	// The name in the second field may have spaces and parentheses; state is the third, start the 22nd.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	return strings.TrimSpace(string(boot)) + "/" + fields[19]
}

// running reports whether there is a process with that number. Without a way to know there is.
func running(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer func() { _ = p.Release() }()
	if runtime.GOOS == "windows" {
		return true // it was opened
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}
