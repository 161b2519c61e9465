//go:build linux && amd64

package vdso

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// roleVariable names the environment variable by which this test binary, run again, is told what to be
// instead of a test.
const roleVariable = "RASHOMON_VDSO_ROLE"

// roles are what the test binary can be: each is given the numbers on its command line.
var roles = map[string]func(args []int) error{
	"victim":   func([]int) error { return Victim(os.Stdin, os.Stdout) },
	"exact":    func([]int) error { return exactVictim() },
	"hammer":   hammerVictim,
	"signals":  func([]int) error { return signalsVictim() },
	"exit":     func([]int) error { return exitVictim() },
	"exec":     func([]int) error { return execVictim() },
	"restorer": func(args []int) error { return Restore(args[0]) },
	"storm":    func(args []int) error { return storm(args[0], nil) },
}

func TestMain(m *testing.M) {
	role, found := roles[os.Getenv(roleVariable)]
	if !found {
		os.Exit(m.Run())
	}
	var args []int
	for _, arg := range os.Args[1:] {
		n, err := strconv.Atoi(arg)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		args = append(args, n)
	}
	if err := role(args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// command returns the command that runs this test binary in a role.
func command(t testing.TB, role string, args ...int) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	for _, arg := range args {
		cmd.Args = append(cmd.Args, strconv.Itoa(arg))
	}
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	return cmd
}

// start starts a process in a role, which does not live longer than the test or a minute.
func start(t testing.TB, role string, args ...int) *victim {
	t.Helper()
	v, err := startVictim(command(t, role, args...))
	if err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(time.Minute, func() { _ = v.cmd.Process.Kill() })
	t.Cleanup(func() {
		kill.Stop()
		_ = v.cmd.Process.Kill()
		_ = v.end(10 * time.Second)
	})
	return v
}

func (v *victim) pid() int { return v.cmd.Process.Pid }

// says sends a line to the process and returns the line that it answers.
func (v *victim) says(t *testing.T, line string) string {
	t.Helper()
	if _, err := fmt.Fprintln(v.ask, line); err != nil {
		t.Fatal(err)
	}
	answer, err := v.answers.ReadString('\n')
	if err != nil {
		t.Fatalf("no answer to %q: %v", line, err)
	}
	return answer[:len(answer)-1]
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until it holds, and fails the test when it does not within seconds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(10 * time.Second)
	for !holds() {
		select {
		case <-late:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

// signalsVictim answers each SIGUSR1 with a line.
func signalsVictim() error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	fmt.Println("ready")
	for range signals {
		fmt.Println("signal")
	}
	return nil
}

// exitVictim exits with status 7 at the first line, from the midst of threads that come and go.
func exitVictim() error {
	for range 4 {
		go churn(func() {})
	}
	fmt.Println("ready")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	os.Exit(7)
	return nil
}

// execVictim answers a line, and then becomes a new program in the same process: the usual victim.
func execVictim() error {
	if _, err := bufio.NewReaderSize(os.Stdin, 16).ReadString('\n'); err != nil {
		return err
	}
	path, err := os.Executable()
	if err != nil {
		return err
	}
	fmt.Println("exec")
	if err := os.Setenv(roleVariable, "victim"); err != nil {
		return err
	}
	return syscall.Exec(path, []string{path}, os.Environ())
}

// storm bends and restores the clock of a process until it ends, and returns an error when that end is not
// told as one.
func storm(pid int, cycles *int) error {
	for {
		err := Set(pid, time.Hour)
		if err == nil {
			err = Restore(pid)
		}
		if errors.Is(err, os.ErrProcessDone) {
			return nil
		}
		if err != nil {
			return err
		}
		if cycles != nil {
			*cycles++
		}
	}
}
