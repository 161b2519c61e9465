//go:build linux

package powerloss

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What this test binary is when the variable has it as value; a test otherwise.
const (
	childVariable = "RASHOMON_POWERLOSS_TEST_CHILD"
	childServes   = "serves" // mounts the first argument at the second, and serves until it is killed
	childMaps     = "maps"   // maps a file, and does what standard input says; see mapper
)

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(childVariable) {
	case childServes:
		err = serveForever(os.Args[1], os.Args[2])
	case childMaps:
		err = mapAndObey(os.Args[1])
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func serveForever(backing, at string) error {
	if _, err := Mount(backing, at, nil); err != nil {
		return err
	}
	fmt.Println("ok")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// mapAndObey maps a file shared. A page fault on a mapping blocks a whole processor of the Go runtime, so
// that the process that serves the file must not be the one that maps it.
func mapAndObey(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	const access = unix.PROT_READ | unix.PROT_WRITE
	data, err := unix.Mmap(int(file.Fd()), 0, int(info.Size()), access, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	fmt.Println("ok")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		words := strings.Fields(lines.Text())
		at, _ := strconv.Atoi(words[1])
		switch words[0] {
		case "read":
			n, _ := strconv.Atoi(words[2])
			fmt.Printf("%q\n", data[at:at+n])
			continue
		case "write":
			copy(data[at:], words[2])
		case "msync":
			err = unix.Msync(data, unix.MS_SYNC)
		}
		if err != nil {
			return err
		}
		fmt.Println("ok")
	}
	return nil
}

// child is this test binary in another process.
type child struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
}

// startChild starts a child and returns when it says "ok".
func startChild(t *testing.T, role string, args ...string) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.Command("/proc/self/exe", args...), lines: make(chan string)}
	c.cmd.Env = append(os.Environ(), childVariable+"="+role)
	in, err := c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.in = in
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	go func() {
		defer close(c.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			c.lines <- s.Text()
		}
	}()
	c.expect("ok")
	return c
}

// expect fails the test when the next line is another one.
func (c *child) expect(want string) {
	c.t.Helper()
	select {
	case got := <-c.lines:
		if got != want {
			c.t.Fatalf("the child says %s, want %s", got, want)
		}
	case <-time.After(patience):
		c.t.Fatal("the child says nothing")
	}
}

// ask has the child do something.
func (c *child) ask(want, command string, args ...any) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.in, command+"\n", args...); err != nil {
		c.t.Fatal(err)
	}
	c.expect(want)
}

// kill ends the child by SIGKILL, and waits for its end.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	for range c.lines {
		continue
	}
	_ = c.cmd.Wait()
}

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// eventually waits for a condition.
func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("did not happen: %s", what)
		}
	}
}
