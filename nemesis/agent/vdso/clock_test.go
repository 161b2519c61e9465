//go:build linux && amd64

package vdso

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/internal/need"
)

// root reports whether the test can go on.
func root(t *testing.T) bool {
	t.Helper()
	return need.Root(t)
}

// isOff fails the test when the victim's clock does not show that offset, or Offset does not tell it.
func (v *victim) isOff(t *testing.T, offset time.Duration, bent bool) {
	t.Helper()
	if err := v.shows(offset); err != nil {
		t.Errorf("off by %v: %v", offset, err)
	}
	if got, is, err := Offset(v.pid()); got != offset || is != bent || err != nil {
		t.Errorf("Offset: %v, %v, %v; want %v, %v", got, is, err, offset, bent)
	}
}

// untraced fails the test when a thread of the process is traced.
func untraced(t *testing.T, pid int) {
	t.Helper()
	tasks, err := os.ReadDir(procFile(pid, "task"))
	must(t, err)
	for _, task := range tasks {
		text, err := os.ReadFile(procFile(pid, "task/"+task.Name()+"/status"))
		if err == nil && !strings.Contains(string(text), "TracerPid:\t0\n") {
			t.Errorf("thread %s is still traced", task.Name())
		}
	}
}

func TestSetShows(t *testing.T) {
	if !root(t) {
		return
	}
	v := start(t, "victim")
	v.isOff(t, 0, false)
	for _, offset := range theOffsets {
		must(t, Set(v.pid(), offset))
		v.isOff(t, offset, true)
		v.isOff(t, offset, true)
		must(t, Set(v.pid(), offset))
		v.isOff(t, offset, true)
		must(t, Restore(v.pid()))
		v.isOff(t, 0, false)
		untraced(t, v.pid())
	}
}

// TestExact has the victim compare all functions with the kernel's, to the nanosecond.
func TestExact(t *testing.T) {
	if !root(t) {
		return
	}
	v := start(t, "exact")
	expect := func(offset time.Duration, what string) {
		t.Helper()
		if got := v.says(t, fmt.Sprint(int64(offset))); got != "ok" {
			t.Errorf("%s by %v: %s", what, offset, got)
		}
	}
	expect(0, "untouched, off")
	for _, offset := range theOffsets {
		must(t, Set(v.pid(), offset))
		expect(offset, "off")
		must(t, Set(v.pid(), -offset/3))
		expect(-offset/3, "changed to off")
		must(t, Restore(v.pid()))
		expect(0, "restored, off")
		must(t, Restore(v.pid()))
		expect(0, "restored twice, off")
	}
}

// TestCheckSeesErrors holds the check that the tests rely on against wrong offsets.
func TestCheckSeesErrors(t *testing.T) {
	if !root(t) {
		return
	}
	v := start(t, "exact")
	v.says(t, "0")
	must(t, Set(v.pid(), time.Second))
	for _, wrong := range []time.Duration{0, -time.Second, time.Second - 1, time.Second + 1} {
		if got := v.says(t, fmt.Sprint(int64(wrong))); got == "ok" {
			t.Errorf("off by a second passes for off by %v", wrong)
		}
	}
	w := start(t, "victim")
	must(t, Set(w.pid(), time.Second))
	for _, wrong := range []time.Duration{0, 900 * time.Millisecond, 1500 * time.Millisecond} {
		if w.shows(wrong) == nil {
			t.Errorf("off by a second passes for off by %v in an answer", wrong)
		}
	}
}

func TestRestartIsUnbent(t *testing.T) {
	if !root(t) {
		return
	}
	v := start(t, "victim")
	must(t, Set(v.pid(), time.Hour))
	v.isOff(t, time.Hour, true)
	must(t, v.end(10*time.Second))
	v = start(t, "victim")
	v.isOff(t, 0, false)

	w := start(t, "exec")
	must(t, Set(w.pid(), time.Hour))
	if got := w.says(t, "go"); got != "exec" {
		t.Fatal(got)
	}
	w.isOff(t, 0, false)
	must(t, Set(w.pid(), -time.Hour))
	w.isOff(t, -time.Hour, true)
}

// TestRestoreFromElsewhere restores what another process has bent.
func TestRestoreFromElsewhere(t *testing.T) {
	if !root(t) {
		return
	}
	v := start(t, "victim")
	must(t, Set(v.pid(), time.Hour))
	v.isOff(t, time.Hour, true)
	if out, err := command(t, "restorer", v.pid()).Output(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	v.isOff(t, 0, false)
	must(t, Set(v.pid(), 2*time.Hour))
	v.isOff(t, 2*time.Hour, true)
}

func TestStoppedProcess(t *testing.T) {
	if !root(t) {
		return
	}
	v := start(t, "victim")
	v.isOff(t, 0, false)
	must(t, v.cmd.Process.Signal(syscall.SIGSTOP))
	stands := func() bool {
		text, err := os.ReadFile(procFile(v.pid(), "stat"))
		_, rest, _ := strings.Cut(string(text), ") ")
		return err == nil && strings.HasPrefix(rest, "T")
	}
	eventually(t, "a stopped process", stands)
	for _, change := range []func() error{
		func() error { return Set(v.pid(), time.Hour) },
		func() error { return Restore(v.pid()) },
		func() error { return Set(v.pid(), -time.Hour) },
		func() error { return Set(v.pid(), -2*time.Hour) },
	} {
		must(t, change())
		eventually(t, "the process stopped as before", stands)
		untraced(t, v.pid())
	}
	must(t, v.cmd.Process.Signal(syscall.SIGCONT))
	v.isOff(t, -2*time.Hour, true)
}

// TestNoSignalIsLost sends signals, each after the last one has had its effect, while the clock of their
// receiver is bent and restored again and again.
func TestNoSignalIsLost(t *testing.T) {
	if !root(t) {
		return
	}
	v := start(t, "signals")
	line, err := v.answers.ReadString('\n')
	if line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	stop, done := make(chan struct{}), make(chan int)
	go func() {
		cycles := 0
		for {
			select {
			case <-stop:
				done <- cycles
				return
			default:
			}
			if err := errors.Join(Set(v.pid(), time.Hour), Restore(v.pid())); err != nil {
				t.Error(err)
			}
			cycles++
		}
	}()
	for range 500 {
		must(t, v.cmd.Process.Signal(syscall.SIGUSR1))
		if line, err := v.answers.ReadString('\n'); line != "signal\n" {
			t.Fatalf("%q, %v", line, err)
		}
	}
	close(stop)
	t.Logf("500 signals in %d cycles", <-done)
}

// TestEndMeanwhile bends the clocks of processes that end in the meantime, by themselves or killed, as a
// parent of theirs and not as one. The error says so, and the parent hears how they ended.
func TestEndMeanwhile(t *testing.T) {
	if !root(t) {
		return
	}
	cycles := 0
	for round := range 8 {
		v := start(t, "exit")
		if line, err := v.answers.ReadString('\n'); line != "ready\n" {
			t.Fatalf("%q, %v", line, err)
		}
		stormy := make(chan error, 1)
		if round%2 == 0 {
			go func() { stormy <- storm(v.pid(), &cycles) }()
		} else {
			go func() { stormy <- command(t, "storm", v.pid()).Run() }()
		}
		seen := 0
		eventually(t, "the storm has begun", func() bool {
			_, bent, err := Offset(v.pid())
			if err == nil && bent {
				seen++
			}
			return seen > round
		})
		want := "exit status 7"
		if round%4 < 2 {
			_, err := io.WriteString(v.ask, "exit\n")
			must(t, err)
		} else {
			want = "signal: killed"
			must(t, v.cmd.Process.Kill())
		}
		if err := <-stormy; err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		if err := v.cmd.Wait(); err == nil || err.Error() != want {
			t.Errorf("round %d: %v instead of %s", round, err, want)
		}
	}
	t.Logf("%d cycles in this process", cycles)
}

func TestNoProcess(t *testing.T) {
	if !root(t) {
		return
	}
	v := start(t, "victim")
	zombie := start(t, "victim")
	must(t, v.end(10*time.Second))
	must(t, zombie.cmd.Process.Kill())
	eventually(t, "a dead process", func() bool { return ended(zombie.pid()) })
	for _, pid := range []int{v.pid(), zombie.pid()} {
		_, _, err := Offset(pid)
		for _, err := range []error{Set(pid, time.Second), Restore(pid), err} {
			if !errors.Is(err, os.ErrProcessDone) || !strings.Contains(fmt.Sprint(err), fmt.Sprint(pid)) {
				t.Errorf("a dead process: %v", err)
			}
		}
	}
	for _, pid := range []int{os.Getpid(), 0, -1} {
		err := Set(pid, time.Second)
		if err == nil || !strings.Contains(err.Error(), "any process but this one") {
			t.Errorf("pid %d: %v", pid, err)
		}
	}
	// A thread of the kernel. It is nobody's victim: nothing can be patched.
	if err := Set(2, time.Second); err == nil {
		t.Error("a thread of the kernel has a clock")
	}
}

// TestTooLate gives the threads no time to stop at all.
func TestTooLate(t *testing.T) {
	if !root(t) {
		return
	}
	v := start(t, "hammer", 0, int(time.Hour))
	v.counts(t, 2)
	err := set(v.pid(), time.Hour, limits{})
	if err == nil || !strings.Contains(err.Error(), "did not stop in time: its state is") {
		t.Errorf("no time to stop: %v", err)
	}
	untraced(t, v.pid())
	if counts := v.counts(t, 2); counts[1] != 0 {
		t.Errorf("%d readings of a clock that could not be bent", counts[1])
	}
	must(t, Set(v.pid(), time.Hour))
	eventually(t, "readings of a bent clock", func() bool { return v.counts(t, 2)[1] > 0 })

	// The clock is right even though the jumps could not be taken away.
	if err := restore(v.pid(), limits{}); err == nil {
		t.Error("restored in no time")
	}
	untraced(t, v.pid())
	if offset, bent, err := Offset(v.pid()); offset != 0 || !bent || err != nil {
		t.Errorf("half restored: %v, %v, %v", offset, bent, err)
	}
	v.counts(t, 2)
	if counts := v.counts(t, 2); counts[1] != 0 {
		t.Errorf("%d readings of a clock that was set right", counts[1])
	}
	must(t, Restore(v.pid()))
}

func TestTracedByAnother(t *testing.T) {
	if !root(t) {
		return
	}
	v := start(t, "victim")
	v.isOff(t, 0, false)
	err := onOwnThread(func() error {
		if err := ptrace(ptraceSeize, v.pid(), 0); err != nil {
			return fmt.Errorf("cannot trace: %w", err)
		}
		return set(v.pid(), time.Hour, limits{total: 20 * time.Millisecond, attempt: time.Second})
	})
	if err == nil || !strings.Contains(err.Error(), "is already traced, by thread ") {
		t.Errorf("already traced: %v", err)
	}
	v.isOff(t, 0, false)
	must(t, Set(v.pid(), time.Hour))
	v.isOff(t, time.Hour, true)
}

func TestLock(t *testing.T) {
	if !root(t) {
		return
	}
	v := start(t, "victim")
	unlock, err := lock(v.pid(), 0)
	must(t, err)
	if _, err := lock(v.pid(), 0); err == nil || !strings.Contains(err.Error(), "somebody else") {
		t.Errorf("locked twice: %v", err)
	}
	other := command(t, "restorer", v.pid()) // waits for us
	must(t, other.Start())
	unlock()
	must(t, other.Wait())
	unlock, err = lock(v.pid(), 0)
	must(t, err)
	unlock()
}

// elf32 is a program of 32 bits that does nothing: a header, one segment, and
// mov eax, 29 (pause); int 0x80; jmp to the first.
const elf32 = "\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x02\x00\x03\x00\x01\x00\x00\x00\x54\x80\x04\x08\x34\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x34\x00\x20\x00\x01\x00\x00\x00\x00\x00\x00\x00" +
	"\x01\x00\x00\x00\x00\x00\x00\x00\x00\x80\x04\x08\x00\x80\x04\x08" +
	"\x5d\x00\x00\x00\x5d\x00\x00\x00\x05\x00\x00\x00\x00\x10\x00\x00" +
	"\xb8\x1d\x00\x00\x00\xcd\x80\xeb\xf7"

func Test32Bit(t *testing.T) {
	if !root(t) {
		return
	}
	path := filepath.Join(t.TempDir(), "elf32")
	must(t, os.WriteFile(path, []byte(elf32), 0o755))
	cmd := exec.Command(path)
	err := cmd.Start()
	if errors.Is(err, syscall.ENOEXEC) {
		t.Log("this kernel has no 32-bit processes")
		return
	}
	must(t, err)
	err = Set(cmd.Process.Pid, time.Hour)
	if err == nil || !strings.Contains(err.Error(), "32-bit process") {
		t.Errorf("a 32-bit process: %v", err)
	}
	must(t, cmd.Process.Kill())
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the 32-bit process ended: %v", err)
	}
}

func TestProcesses(t *testing.T) {
	v, w := start(t, "victim"), start(t, "victim")
	exes := map[int]string{}
	pids, err := Processes(func(pid int, exe string) bool {
		exes[pid] = exe
		return pid == w.pid()
	})
	must(t, err)
	self, err := os.Executable()
	must(t, err)
	has := func(pids []int, wanted ...int) (found []bool) {
		for _, pid := range wanted {
			found = append(found, slices.Contains(pids, pid))
		}
		return found
	}
	if !slices.Equal(has(pids, v.pid(), w.pid(), os.Getpid()), []bool{true, false, false}) ||
		!slices.IsSorted(pids) {
		t.Errorf("processes %v; want %d", pids, v.pid())
	}
	if exes[v.pid()] != self || exes[w.pid()] != self || exes[os.Getpid()] != "" {
		t.Errorf("programs %v; want %s twice", exes, self)
	}
	all, err := Processes(nil)
	must(t, err)
	const kernelThread = 2
	if !slices.Equal(has(all, v.pid(), w.pid(), kernelThread), []bool{true, true, false}) {
		t.Errorf("all processes: %v", all)
	}
}

func TestProbe(t *testing.T) {
	if !root(t) {
		return
	}
	must(t, Probe(t.Context(), command(t, "victim")))
}

func TestProbeFails(t *testing.T) {
	if !root(t) {
		return
	}
	err := Probe(t.Context(), exec.Command(filepath.Join(t.TempDir(), "nothing")))
	if err == nil || !strings.Contains(err.Error(), "cannot probe") {
		t.Errorf("a missing program: %v", err)
	}
	err = Probe(t.Context(), command(t, "signals"))
	if err == nil || !strings.Contains(err.Error(), `answers "ready\n" instead`) {
		t.Errorf("a victim of another kind: %v", err)
	}
	silent, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := Probe(silent, exec.Command("sleep", "60")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a silent victim: %v", err)
	}
}

func BenchmarkSetUnbent(b *testing.B) {
	v := start(b, "victim")
	for b.Loop() {
		must(b, Set(v.pid(), time.Hour))
		b.StopTimer()
		must(b, Restore(v.pid()))
		b.StartTimer()
	}
}

func BenchmarkSetBent(b *testing.B) {
	v := start(b, "victim")
	i := time.Duration(0)
	for b.Loop() {
		i++
		must(b, Set(v.pid(), i))
	}
}

func BenchmarkOffset(b *testing.B) {
	v := start(b, "victim")
	must(b, Set(v.pid(), time.Hour))
	for b.Loop() {
		_, _, err := Offset(v.pid())
		must(b, err)
	}
}
