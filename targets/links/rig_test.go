package links

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/targets"
)

const ms = time.Millisecond

// patience bounds what must happen; nothing takes so long when all is well.
const patience = 10 * time.Second

// moment is how long something must not happen on real sockets. Too short a one cannot make a test fail.
const moment = 30 * ms

func one(from, to string) []targets.Link { return []targets.Link{{From: from, To: to}} }

func both(a, b string) []targets.Link {
	return []targets.Link{{From: a, To: b}, {From: b, To: a}}
}

func delay(d time.Duration) targets.Shape { return targets.Shape{DelayNanos: int64(d)} }

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// network returns a network of three nodes that is closed with the test.
func network(t testing.TB) *Network {
	t.Helper()
	n := New([]string{"n1", "n2", "n3"})
	t.Cleanup(func() { must(t, n.Close()) })
	return n
}

// wire makes the two ends of a connection.
type wire func(t testing.TB) (near, far net.Conn)

// tcp makes a connection over loopback.
func tcp(t testing.TB) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	near, err = net.Dial("tcp4", l.Addr().String())
	must(t, err)
	far, err = l.Accept()
	must(t, err)
	t.Cleanup(func() {
		_ = near.Close()
		_ = far.Close()
	})
	return near, far
}

// pipe makes a connection in memory, which holds nothing itself.
func pipe(t testing.TB) (near, far net.Conn) {
	t.Helper()
	near, far = net.Pipe()
	t.Cleanup(func() {
		_ = near.Close()
		_ = far.Close()
	})
	return near, far
}

// pair returns a session's connection on the links to n1, and its far end, which is not on them.
func (w wire) pair(t testing.TB, n *Network) (near, far net.Conn) {
	t.Helper()
	inner, far := w(t)
	return n.Conn(inner, "s", "n1"), far
}

// say writes, in a time that is bounded.
func say(t testing.TB, c net.Conn, text string) {
	t.Helper()
	must(t, c.SetWriteDeadline(time.Now().Add(patience)))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatalf("saying %q: %v", text, err)
	}
}

// tell writes in the background, for a connection that holds nothing itself; the text must not be lost.
func tell(t testing.TB, c net.Conn, text string) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c, text)
		done <- err
	}()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Errorf("telling %q: %v", text, err)
		}
	})
}

// hear fails unless the text comes next.
func hear(t testing.TB, c net.Conn, text string) {
	t.Helper()
	must(t, c.SetReadDeadline(time.Now().Add(patience)))
	p := make([]byte, len(text))
	if n, err := io.ReadFull(c, p); err != nil || string(p) != text {
		t.Fatalf("heard %d bytes, %.40q, %v; want %d, %.40q", n, p[:n], err, len(text), text)
	}
}

// silence fails if anything comes for a moment, also an end.
func silence(t testing.TB, c net.Conn) {
	t.Helper()
	must(t, c.SetReadDeadline(time.Now().Add(moment)))
	p := make([]byte, 100)
	n, err := c.Read(p)
	if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("heard %q, %v; want silence", p[:n], err)
	}
}

// ends fails unless the end of the stream comes next, with that error.
func ends(t testing.TB, c net.Conn, how error) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience)) // a pipe that has ended takes none
	p := make([]byte, 100)
	if n, err := c.Read(p); n != 0 || !errors.Is(err, how) {
		t.Fatalf("heard %q, %v; want %v", p[:n], err, how)
	}
}

// until waits until something holds.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(ms)
	defer tick.Stop()
	for late := time.After(patience); !holds(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("not so after %v: %s", patience, what)
		}
	}
}

// noLeaks returns a function that fails the test if goroutines of this package have come and stay.
func noLeaks(t testing.TB) func() {
	return func() {
		t.Helper()
		until(t, "no goroutine is left", func() bool {
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			return !strings.Contains(string(stacks), "targets/links.(*")
		})
	}
}
