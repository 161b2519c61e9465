//go:build !(linux && amd64)

package vdso

import (
	"errors"
	"os/exec"
	"testing"
	"time"
)

func TestUnsupported(t *testing.T) {
	_, _, offset := Offset(1)
	_, processes := Processes(nil)
	probe := Probe(t.Context(), exec.Command("none"))
	for _, err := range []error{Set(1, time.Second), Restore(1), offset, processes, probe} {
		var no *Unsupported
		if !errors.As(err, &no) || no.Reason == "" {
			t.Errorf("the error is %v", err)
		}
	}
}
