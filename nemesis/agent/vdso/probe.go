//go:build linux && amd64

package vdso

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// Probe finds out whether this machine lets this process bend clocks, by doing it: it starts cmd, which must
// run Victim on its standard input and output and have neither set yet, bends its clock forward and back,
// restores it, and looks each time at what the victim itself says. At the end of ctx, or of Probe, the
// victim is killed. The error says what did not work.
func Probe(ctx context.Context, cmd *exec.Cmd) (err error) {
	v, err := startVictim(cmd)
	if err != nil {
		return fmt.Errorf("cannot probe the bending of clocks: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer func() {
		stop()
		_ = v.end(time.Second)
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			err = fmt.Errorf("cannot bend clocks: %w", err)
		}
	}()
	return probe(v, cmd.Process.Pid)
}

// probe tries all that Set and Restore do.
func probe(v *victim, pid int) error {
	if err := v.shows(0); err != nil {
		return fmt.Errorf("before anything was done, %w", err)
	}
	for _, offset := range []time.Duration{time.Hour, -7200*time.Second - 500*time.Millisecond} {
		if err := Set(pid, offset); err != nil {
			return err
		}
		if err := v.shows(offset); err != nil {
			return fmt.Errorf("set off by %v, %w", offset, err)
		}
	}
	if err := Restore(pid); err != nil {
		return err
	}
	if err := v.shows(0); err != nil {
		return fmt.Errorf("restored, %w", err)
	}
	return nil
}

// victim is a child process that runs Victim.
type victim struct {
	cmd     *exec.Cmd
	ask     io.WriteCloser
	answers *bufio.Reader
	last    answer
}

// answer is what a victim said, and when.
type answer struct {
	before, after time.Time // on this process's clocks
	wall, mono    int64     // on the victim's
}

func startVictim(cmd *exec.Cmd) (*victim, error) {
	ask, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &victim{cmd: cmd, ask: ask, answers: bufio.NewReader(answers)}, nil
}

// end ends the victim by the end of its input, and by force where that does not help in time.
func (v *victim) end(patience time.Duration) error {
	kill := time.AfterFunc(patience, func() { _ = v.cmd.Process.Kill() })
	defer kill.Stop()
	return errors.Join(v.ask.Close(), v.cmd.Wait())
}

// asks asks the victim for its time.
func (v *victim) asks() (a answer, err error) {
	a.before = time.Now()
	if _, err := io.WriteString(v.ask, "time?\n"); err != nil {
		return a, fmt.Errorf("the victim cannot be asked: %w", err)
	}
	line, err := v.answers.ReadString('\n')
	a.after = time.Now()
	if err != nil {
		return a, fmt.Errorf("the victim does not answer: %w", err)
	}
	if _, err := fmt.Sscanf(line, "%d %d\n", &a.wall, &a.mono); err != nil {
		return a, fmt.Errorf("the victim answers %q instead of its wall and monotonic time: %w", line, err)
	}
	return a, nil
}

// tolerance is for what others do to the kernel's clock between two of its readings.
const tolerance = 10 * time.Millisecond

// shows asks the victim for its time and returns an error when its wall clock is not off by offset, or when
// its monotonic clock has not gone on since the last time as this process's has.
func (v *victim) shows(offset time.Duration) error {
	a, err := v.asks()
	if err != nil {
		return err
	}
	if off := outsideOf(time.Duration(a.wall), time.Duration(a.before.UnixNano())+offset,
		time.Duration(a.after.UnixNano())+offset); off != 0 {
		return fmt.Errorf("the victim's wall clock is wrong by %v", off)
	}
	if last := v.last; !last.before.IsZero() {
		passed := time.Duration(a.mono - last.mono)
		if off := outsideOf(passed, a.before.Sub(last.after), a.after.Sub(last.before)); off != 0 {
			return fmt.Errorf("the victim's monotonic clock is wrong by %v", off)
		}
	}
	v.last = a
	return nil
}

// outsideOf returns how far t is below (negative) or above the interval, give or take the tolerance.
func outsideOf(t, from, to time.Duration) time.Duration {
	switch {
	case t < from-tolerance:
		return t - from
	case t > to+tolerance:
		return t - to
	}
	return 0
}
