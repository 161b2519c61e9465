package links

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// scene is something that happens to the connection of a session s with n1.
type scene struct {
	name string
	run  func(t *testing.T, n *Network, near, far net.Conn)
}

// playScenes plays scenes over sockets and in memory.
func playScenes(t *testing.T, scenes []scene) {
	t.Helper()
	for _, sc := range scenes {
		for name, w := range map[string]wire{"tcp": tcp, "pipe": pipe} {
			t.Run(sc.name+" "+name, func(t *testing.T) {
				n := network(t)
				near, far := w.pair(t, n)
				sc.run(t, n, near, far)
			})
		}
	}
}

func TestCuts(t *testing.T) {
	playScenes(t, []scene{
		{"open links carry both ways", func(t *testing.T, n *Network, near, far net.Conn) {
			tell(t, near, "ask")
			hear(t, far, "ask")
			tell(t, far, "answer")
			hear(t, near, "answer")
		}},
		{"a cut holds, and the sender sees nothing", func(t *testing.T, n *Network, near, far net.Conn) {
			must(t, n.Cut("f", one("s", "n1")))
			say(t, near, "one")
			say(t, near, "two")
			silence(t, far)
			must(t, n.Uncut("f"))
			hear(t, far, "onetwo")
			tell(t, near, "three")
			hear(t, far, "three")
		}},
		{"a cut is one way", func(t *testing.T, n *Network, near, far net.Conn) {
			must(t, n.Cut("f", one("s", "n1")))
			tell(t, far, "from the node")
			hear(t, near, "from the node")
			say(t, near, "to the node")
			silence(t, far)
			must(t, n.Uncut("f"))
			must(t, n.Cut("f", one("n1", "s")))
			hear(t, far, "to the node")
			tell(t, far, "held")
			silence(t, near)
			must(t, n.Uncut("f"))
			hear(t, near, "held")
		}},
		{"cuts of two ids add up", func(t *testing.T, n *Network, near, far net.Conn) {
			must(t, n.Cut("f", both("s", "n1")))
			must(t, n.Cut("g", one("s", "n1")))
			say(t, near, "ask")
			must(t, n.Uncut("f"))
			silence(t, far)
			tell(t, far, "unasked")
			hear(t, near, "unasked")
			must(t, n.Uncut("g"))
			hear(t, far, "ask")
		}},
	})
}

func TestEnds(t *testing.T) {
	playScenes(t, []scene{
		{"a close shows after the cut, behind words", func(t *testing.T, n *Network, near, far net.Conn) {
			must(t, n.Cut("f", both("s", "n1")))
			say(t, near, "last words")
			must(t, near.Close())
			silence(t, far)
			must(t, n.Uncut("f"))
			hear(t, far, "last words")
			ends(t, far, io.EOF)
		}},
		{"a close without words shows after the cut", func(t *testing.T, n *Network, near, far net.Conn) {
			must(t, n.Cut("f", one("s", "n1")))
			must(t, near.Close())
			silence(t, far)
			must(t, n.Uncut("f"))
			ends(t, far, io.EOF)
		}},
		{"a close of the far end shows after the cut", func(t *testing.T, n *Network, near, far net.Conn) {
			must(t, n.Cut("f", one("n1", "s")))
			must(t, far.Close())
			silence(t, near)
			must(t, n.Uncut("f"))
			ends(t, near, io.EOF)
			ends(t, near, io.EOF)
			must(t, n.Cut("g", one("n1", "s")))
			ends(t, near, io.EOF) // what was seen stays
		}},
		{"closing the network ends connections", func(t *testing.T, n *Network, near, far net.Conn) {
			must(t, n.Cut("f", both("s", "n1")))
			say(t, near, "never heard")
			must(t, n.Close())
			ends(t, far, io.EOF)
			fails(t, near, net.ErrClosed)
		}},
	})
}

// fails fails unless reading and writing fail with that error.
func fails(t *testing.T, c net.Conn, how error) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, how) {
		t.Errorf("read %d, %v; want %v", n, err, how)
	}
	if n, err := c.Write(make([]byte, 1)); n != 0 || !errors.Is(err, how) {
		t.Errorf("wrote %d, %v; want %v", n, err, how)
	}
}

func TestCloseIsImmediate(t *testing.T) {
	n := network(t)
	near, far := wire(tcp).pair(t, n)
	failed := make(chan error, 2)
	go func() {
		_, err := near.Read(make([]byte, 1))
		failed <- err
	}()
	until(t, "the read waits in the inner connection", func() bool { return reading(near) })
	must(t, n.Cut("f", both("s", "n1")))
	say(t, near, "word")
	go func() {
		_, err := near.Write(make([]byte, 2*buffer))
		failed <- err
	}()
	until(t, "the buffer is full", func() bool { return held(near) == buffer })
	must(t, near.Close())
	for range 2 {
		select {
		case err := <-failed:
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("a waiting call failed with %v", err)
			}
		case <-time.After(patience):
			t.Fatal("a call waits on although the connection is closed")
		}
	}
	fails(t, near, net.ErrClosed)
	if err := near.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
	setters := []func(time.Time) error{near.SetDeadline, near.SetReadDeadline, near.SetWriteDeadline}
	for _, set := range setters {
		if err := set(time.Now()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a deadline of a closed connection: %v", err)
		}
	}
	must(t, n.Uncut("f"))
	hear(t, far, "word")
}

// held returns how many bytes are on their way out.
func held(c net.Conn) int {
	inside := c.(*conn)
	inside.mu.Lock()
	defer inside.mu.Unlock()
	return inside.out.queue.size
}

func TestReadDeadlineDuringCut(t *testing.T) {
	for name, w := range map[string]wire{"tcp": tcp, "pipe": pipe} {
		t.Run(name, func(t *testing.T) {
			n := network(t)
			near, far := w.pair(t, n)
			result := make(chan error, 1)
			read := func() {
				_, err := near.Read(make([]byte, 1))
				result <- err
			}
			go read() // it waits in the inner connection when the cut comes
			until(t, "the read has begun", func() bool { return reading(near) })
			must(t, n.Cut("f", one("n1", "s")))
			tell(t, far, "x")
			must(t, near.SetReadDeadline(time.Now().Add(moment)))
			timeout(t, <-result)
			must(t, near.SetReadDeadline(time.Time{}))
			go read() // it waits for the link
			must(t, near.SetReadDeadline(time.Now().Add(moment)))
			timeout(t, <-result)
			timeout(t, func() error { _, err := near.Read(nil); return err }())
			must(t, n.Uncut("f"))
			hear(t, near, "x")
		})
	}
}

// reading reports whether a call of Read waits in the inner connection.
func reading(c net.Conn) bool {
	inside := c.(*conn)
	inside.mu.Lock()
	defer inside.mu.Unlock()
	return inside.in.busy
}

// timeout fails unless the error is that of a deadline, as package net has it.
func timeout(t *testing.T, err error) {
	t.Helper()
	var ne net.Error
	if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() {
		t.Fatalf("got %v; want a timeout", err)
	}
}

func TestWriteDeadlineDuringCut(t *testing.T) {
	n := network(t)
	near, far := wire(tcp).pair(t, n)
	must(t, n.Cut("f", one("s", "n1")))
	must(t, near.SetWriteDeadline(time.Now().Add(patience)))
	text := bytes.Repeat([]byte("0123456789abcdef"), buffer/16)
	if k, err := near.Write(text); k != buffer || err != nil {
		t.Fatalf("an empty buffer took %d, %v", k, err)
	}
	must(t, near.SetWriteDeadline(time.Now().Add(moment)))
	k, err := near.Write([]byte("more"))
	if timeout(t, err); k != 0 {
		t.Fatalf("a full buffer took %d", k)
	}
	must(t, near.SetWriteDeadline(time.Now().Add(-time.Second)))
	_, err = near.Write(nil)
	timeout(t, err)
	must(t, near.SetWriteDeadline(time.Time{}))
	must(t, n.Uncut("f"))
	hear(t, far, string(text))
	say(t, near, "again")
	hear(t, far, "again")
}

// TestCutOfWrite cuts the link under a write that waits because nobody reads.
func TestCutOfWrite(t *testing.T) {
	for name, w := range map[string]wire{"tcp": tcp, "pipe": pipe} {
		t.Run(name, func(t *testing.T) {
			n := network(t)
			near, far := w.pair(t, n)
			text := make([]byte, 16<<20)
			for i := range text {
				text[i] = byte(i ^ i>>8 ^ i>>16)
			}
			wrote := make(chan error, 1)
			go func() {
				k, err := near.Write(text)
				if err == nil && k != len(text) {
					err = io.ErrShortWrite
				}
				wrote <- err
			}()
			first := make([]byte, 1000)
			if _, err := io.ReadFull(far, first); err != nil {
				t.Fatal(err)
			}
			must(t, n.Cut("f", one("s", "n1")))
			until(t, "the rest of the write is held", func() bool { return held(near) == buffer })
			arrived := drain(t, far)
			must(t, n.Uncut("f"))
			rest := make([]byte, len(text)-len(first)-len(arrived))
			must(t, far.SetReadDeadline(time.Now().Add(patience)))
			if _, err := io.ReadFull(far, rest); err != nil {
				t.Fatal(err)
			}
			must(t, <-wrote)
			if !bytes.Equal(append(append(first, arrived...), rest...), text) {
				t.Error("the bytes differ")
			}
		})
	}
}

// drain returns what comes until there is silence.
func drain(t *testing.T, c net.Conn) (all []byte) {
	t.Helper()
	p := make([]byte, 1<<20)
	for {
		must(t, c.SetReadDeadline(time.Now().Add(moment)))
		n, err := c.Read(p)
		all = append(all, p[:n]...)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return all
		}
		must(t, err)
	}
}

func TestCloseWrite(t *testing.T) {
	n := network(t)
	near, far := wire(tcp).pair(t, n)
	half := near.(interface{ CloseWrite() error })
	must(t, n.Cut("f", one("s", "n1")))
	say(t, near, "question")
	must(t, half.CloseWrite())
	must(t, half.CloseWrite())
	if _, err := near.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("wrote behind the end: %v", err)
	}
	silence(t, far)
	must(t, n.Uncut("f"))
	hear(t, far, "question")
	ends(t, far, io.EOF)
	say(t, far, "answer")
	hear(t, near, "answer")
	must(t, near.Close())
	if err := half.CloseWrite(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("half of a closed connection: %v", err)
	}
	near, far = wire(tcp).pair(t, n)
	must(t, near.(interface{ CloseWrite() error }).CloseWrite())
	ends(t, far, io.EOF)
	must(t, n.Cut("f", both("s", "n1")))
	must(t, near.Close())
	must(t, n.Uncut("f"))
	<-near.(*conn).gone
}

// TestCloseBehindWrite closes a connection, one direction or all of it, while a write waits because nobody
// reads.
func TestCloseBehindWrite(t *testing.T) {
	for _, all := range []bool{false, true} {
		n := network(t)
		near, far := wire(tcp).pair(t, n)
		text := make([]byte, 16<<20)
		wrote := make(chan error, 1)
		go func() {
			_, err := near.Write(text)
			wrote <- err
		}()
		until(t, "the write waits", func() bool { return writing(near) })
		must(t, near.(interface{ CloseWrite() error }).CloseWrite())
		if all {
			must(t, near.Close())
			if err := <-wrote; !errors.Is(err, net.ErrClosed) {
				t.Errorf("the write ended with %v", err)
			}
		}
		must(t, far.SetReadDeadline(time.Now().Add(patience)))
		k, err := io.Copy(io.Discard, far)
		if err != nil || k == 0 || !all && k != int64(len(text)) {
			t.Errorf("got %d bytes, %v", k, err)
		}
		if !all {
			must(t, <-wrote)
		}
	}
}

// writing reports whether a call to the inner connection moves bytes outwards.
func writing(c net.Conn) bool {
	inside := c.(*conn)
	inside.mu.Lock()
	defer inside.mu.Unlock()
	return inside.out.busy
}

func TestCloseWriteNeedsHalves(t *testing.T) {
	n := network(t)
	near, far := wire(pipe).pair(t, n)
	if err := near.(interface{ CloseWrite() error }).CloseWrite(); err == nil {
		t.Error("half of a pipe was closed")
	}
	tell(t, near, "still open")
	hear(t, far, "still open")
}

// TestDeathBehindCut has the far end die while its answers do not arrive: the near end must not know.
func TestDeathBehindCut(t *testing.T) {
	n := network(t)
	near, far := wire(tcp).pair(t, n)
	must(t, n.Cut("f", one("n1", "s")))
	must(t, far.(*net.TCPConn).SetLinger(0))
	must(t, far.Close())
	for range 20 {
		say(t, near, "into the void")
	}
	silence(t, near)
	must(t, near.SetWriteDeadline(time.Time{}))
	wrote := make(chan error, 1)
	go func() {
		_, err := near.Write(make([]byte, 2*buffer))
		wrote <- err
	}()
	until(t, "the buffer is full", func() bool { return held(near) == buffer })
	must(t, near.SetWriteDeadline(time.Now()))
	timeout(t, <-wrote)
	must(t, near.SetWriteDeadline(time.Time{}))
	go func() {
		_, err := near.Write(make([]byte, 1))
		wrote <- err
	}()
	must(t, n.Uncut("f"))
	if err := <-wrote; !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Errorf("wrote to the dead: %v", err)
	}
	ends(t, near, syscall.ECONNRESET)
	must(t, near.Close())
	<-near.(*conn).gone
}

// TestDeathOfFarEndWhileClosing has a connection that was closed during a cut, whose far end dies.
func TestDeathOfFarEndWhileClosing(t *testing.T) {
	n := network(t)
	near, far := wire(tcp).pair(t, n)
	must(t, n.Cut("f", one("s", "n1")))
	say(t, near, "late")
	must(t, near.Close())
	must(t, far.(*net.TCPConn).SetLinger(0))
	must(t, far.Close())
	must(t, n.Uncut("f"))
	select {
	case <-near.(*conn).gone:
	case <-time.After(patience):
		t.Fatal("the connection lives on")
	}
}

// TestManyAtOnce has many connections write and read while their links are cut and shaped.
func TestManyAtOnce(t *testing.T) {
	n := network(t)
	const conns, words = 50, 200
	var talks sync.WaitGroup
	for range conns {
		near, far := wire(tcp).pair(t, n)
		talks.Go(func() { _, _ = io.Copy(far, far) })
		talks.Go(func() {
			defer near.Close()
			p := make([]byte, 100)
			for i := range words {
				p[0] = byte(i)
				if _, err := near.Write(p); err != nil {
					t.Error(err)
					return
				}
				if _, err := io.ReadFull(near, p); err != nil || p[0] != byte(i) {
					t.Errorf("echo %d is %d, %v", i, p[0], err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		talks.Wait()
		close(done)
	}()
	for i, over := 0, false; !over; i++ {
		must(t, n.Cut("f", both("s", "n1")[i%2:]))
		must(t, n.Shape("g", one("s", "n1"), delay(time.Duration(i%3)*ms)))
		must(t, n.Uncut("f"))
		must(t, n.Unshape("g"))
		select {
		case <-done:
			over = true
		case <-time.After(ms):
		}
	}
}

func TestNothingIsLeft(t *testing.T) {
	check := noLeaks(t)
	n := New([]string{"n1", "n2"})
	must(t, n.Shape("f", both("s", "n1"), delay(ms)))
	must(t, n.Cut("g", both("n1", "n2")))
	for range 20 {
		near, _ := wire(tcp).pair(t, n)
		say(t, near, "x")
		p, err := n.Proxy("n1", "n2", dialer("127.0.0.1:1"))
		must(t, err)
		c, err := net.Dial("tcp4", p.Addr())
		must(t, err)
		defer c.Close()
		say(t, c, "x")
	}
	must(t, n.Close())
	check()
	must(t, n.Close())
	if len(n.links) != 0 || len(n.conns) != 0 {
		t.Errorf("%d links and %d connections are left", len(n.links), len(n.conns))
	}
	near, far := wire(tcp).pair(t, n)
	fails(t, near, net.ErrClosed)
	ends(t, far, io.EOF)
	if _, err := n.Proxy("n1", "n2", dialer("127.0.0.1:1")); err == nil {
		t.Error("a closed network has a new proxy")
	}
	if n.Cut("f", both("n1", "n2")) == nil || n.Base(nil, delay(0)) == nil {
		t.Error("a closed network has a new fault")
	}
	check()
}

// TestDeadlineOfBoth sets both deadlines with one call, and looks at the addresses.
func TestDeadlineOfBoth(t *testing.T) {
	n := network(t)
	inner, far := tcp(t)
	near := n.Conn(inner, "s", "n1")
	must(t, near.SetDeadline(time.Now().Add(-time.Second)))
	_, err := near.Read(make([]byte, 1))
	timeout(t, err)
	_, err = near.Write(make([]byte, 1))
	timeout(t, err)
	must(t, near.SetDeadline(time.Time{}))
	say(t, near, "on time")
	hear(t, far, "on time")
	if near.LocalAddr() != inner.LocalAddr() || near.RemoteAddr().String() != far.LocalAddr().String() {
		t.Errorf("addresses %v and %v", near.LocalAddr(), near.RemoteAddr())
	}
}
