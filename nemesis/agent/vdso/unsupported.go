//go:build !(linux && amd64)

package vdso

import (
	"context"
	"os/exec"
	"runtime"
	"time"
)

// unsupported returns the error of all that is exported.
func unsupported() error {
	return &Unsupported{"clocks of processes can be bent on linux/amd64 alone; this is " +
		runtime.GOOS + "/" + runtime.GOARCH}
}

// Set returns *Unsupported.
func Set(int, time.Duration) error { return unsupported() }

// Restore returns *Unsupported.
func Restore(int) error { return unsupported() }

// Offset returns *Unsupported.
func Offset(int) (time.Duration, bool, error) { return 0, false, unsupported() }

// Processes returns *Unsupported.
func Processes(func(pid int, exe string) bool) ([]int, error) { return nil, unsupported() }

// Probe returns *Unsupported.
func Probe(context.Context, *exec.Cmd) error { return unsupported() }
