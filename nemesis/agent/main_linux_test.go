package agent

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/rashomon-harness/rashomon/nemesis/agent/vdso"
)

// TestMain lets the test binary play the processes of a pod: by its first argument it is the agent or one of
// those that the agent does things to.
func TestMain(m *testing.M) {
	role := ""
	if len(os.Args) > 1 {
		role = os.Args[1]
	}
	var err error
	switch role {
	case "pod-agent":
		err = playAgent(os.Args[2], os.Args[3])
	case "pod-starter":
		os.Exit(playStarter(os.Args[2], os.Args[3]))
	case "pod-victim":
		err = vdso.Victim(os.Stdin, os.Stdout)
	case "pod-exec":
		err = playExec()
	case "pod-parent":
		err = playParent()
	case "pod-talker":
		err = playTalker(os.Stdin, os.Stdout)
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		os.Exit(1)
	}
}

// playAgent is the agent as PID 1 of fresh namespaces. It listens on a socket of another namespace, which is
// its descriptor 3, and lives until the end of its input.
func playAgent(backing, dataDir string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("mounts of its own: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := loopbackUp(); err != nil {
		return err
	}
	l, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	cfg, err := Config{Token: token, Backing: backing, DataDir: dataDir, Victim: []string{"pod-victim"},
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}.complete()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return serve(ctx, cfg, open(cfg), l)
}

// loopbackUp switches the loopback interface on, which is off in a fresh network namespace.
func loopbackUp() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = syscall.Close(fd) }()
	request := struct {
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}{flags: syscall.IFF_UP | syscall.IFF_RUNNING}
	copy(request.name[:], "lo")
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS,
		uintptr(unsafe.Pointer(&request)))
	if errno != 0 {
		return fmt.Errorf("loopback up: %w", errno)
	}
	return nil
}

// playStarter starts a process in the pod of an agent, says which on its descriptor 3, and returns the number
// of the signal that ended it, or 1.
func playStarter(agent, role string) int {
	runtime.LockOSThread()
	self, err := os.Executable()
	if err == nil {
		err = enter(agent, "pid", "net")
	}
	cmd := exec.Command(self, role)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "pod-starter:", err)
		return 1
	}
	fmt.Fprintln(os.NewFile(3, "pid"), cmd.Process.Pid)
	_ = cmd.Wait()
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case status.Signaled():
		return int(status.Signal())
	case status.ExitStatus() != 0:
		return 1
	}
	return 0
}

// enter moves the calling thread into namespaces of a process; that of pids is for its children.
func enter(pid string, kinds ...string) error {
	setns, ok := map[string]uintptr{"amd64": 308, "arm64": 268}[runtime.GOARCH]
	if !ok {
		return errors.New("the number of setns is unknown")
	}
	for _, kind := range kinds {
		f, err := os.Open(filepath.Join("/proc", pid, "ns", kind))
		if err != nil {
			return err
		}
		_, _, errno := syscall.RawSyscall(setns, f.Fd(), 0, 0)
		_ = f.Close()
		if errno != 0 {
			return fmt.Errorf("setns %s: %w", kind, errno)
		}
	}
	return nil
}

// playExec becomes a victim, in the same process, when it reads a line.
func playExec() error {
	var line [1]byte
	if _, err := os.Stdin.Read(line[:]); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(self, []string{self, "pod-victim"}, os.Environ())
}

// playParent starts a child and ends before it: the child is an orphan, and ends with its input, which it
// shares with its parent.
func playParent() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "pod-victim")
	cmd.Stdin = os.Stdin
	return cmd.Start()
}

// playTalker sends itself a datagram for each line that it reads, and says whether it came.
func playTalker(r io.Reader, w io.Writer) error {
	l, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	buf := make([]byte, 16)
	for n, lines := 0, bufio.NewScanner(r); lines.Scan(); n++ {
		sent := fmt.Sprint(n)
		if _, err := l.WriteTo([]byte(sent), l.LocalAddr()); err != nil {
			return err
		}
		_ = l.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		k, err := l.Read(buf)
		_, _ = fmt.Fprintln(w, err == nil && string(buf[:k]) == sent)
	}
	return nil
}
