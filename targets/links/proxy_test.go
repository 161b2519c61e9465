package links

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// target is a server that a proxy connects to.
type target struct {
	t testing.TB
	net.Listener
}

func newTarget(t testing.TB) target {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return target{t, l}
}

// next returns the next connection that the target gets.
func (g target) next() net.Conn {
	g.t.Helper()
	must(g.t, g.Listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience)))
	c, err := g.Accept()
	must(g.t, err)
	g.t.Cleanup(func() { _ = c.Close() })
	return c
}

// lonely fails if the target gets a connection in a moment.
func (g target) lonely() {
	g.t.Helper()
	must(g.t, g.Listener.(*net.TCPListener).SetDeadline(time.Now().Add(moment)))
	if c, err := g.Accept(); err == nil {
		_ = c.Close()
		g.t.Fatal("the target got a connection")
	}
}

// call connects to a proxy.
func call(t testing.TB, p *Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp4", p.Addr())
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// proxy makes a proxy from n1 to n2.
func proxy(t testing.TB, n *Network, dial func(ctx context.Context) (net.Conn, error)) *Proxy {
	t.Helper()
	p, err := n.Proxy("n1", "n2", dial)
	must(t, err)
	return p
}

// proxied returns the ends of a connection from n1 to n2 through a proxy.
func proxied(t testing.TB, n *Network) (near, far net.Conn) {
	t.Helper()
	g := newTarget(t)
	near = call(t, proxy(t, n, dialer(g.Addr().String())))
	far = g.next()
	until(t, "the proxy knows that it is connected", func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		return len(n.conns) > 0
	})
	return near, far
}

func TestProxyCarries(t *testing.T) {
	playProxied(t, []scene{
		{"carries both ways", func(t *testing.T, n *Network, near, far net.Conn) {
			say(t, near, "ask")
			hear(t, far, "ask")
			say(t, far, "answer")
			hear(t, near, "answer")
		}},
		{"cut one way, then the other", func(t *testing.T, n *Network, near, far net.Conn) {
			must(t, n.Cut("f", one("n1", "n2")))
			say(t, near, "there")
			say(t, far, "back")
			hear(t, near, "back")
			silence(t, far)
			must(t, n.Uncut("f"))
			hear(t, far, "there")
			must(t, n.Cut("f", one("n2", "n1")))
			say(t, near, "there")
			say(t, far, "back")
			hear(t, far, "there")
			silence(t, near)
			must(t, n.Uncut("f"))
			hear(t, near, "back")
		}},
		{"opener half-closes", func(t *testing.T, n *Network, near, far net.Conn) {
			say(t, near, "question")
			must(t, near.(*net.TCPConn).CloseWrite())
			hear(t, far, "question")
			ends(t, far, io.EOF)
			say(t, far, "answer")
			must(t, far.Close())
			hear(t, near, "answer")
			ends(t, near, io.EOF)
		}},
		{"target half-closes", func(t *testing.T, n *Network, near, far net.Conn) {
			must(t, far.(*net.TCPConn).CloseWrite())
			ends(t, near, io.EOF)
			say(t, near, "still here")
			hear(t, far, "still here")
			must(t, near.Close())
			ends(t, far, io.EOF)
		}},
		{"opener resets", func(t *testing.T, n *Network, near, far net.Conn) {
			reset(t, near)
			ends(t, far, syscall.ECONNRESET)
		}},
		{"target resets", func(t *testing.T, n *Network, near, far net.Conn) {
			reset(t, far)
			ends(t, near, syscall.ECONNRESET)
		}},
	})
}

func TestProxyEnds(t *testing.T) {
	playProxied(t, []scene{
		{"opener dies during a cut", func(t *testing.T, n *Network, near, far net.Conn) {
			must(t, n.Cut("f", both("n1", "n2")))
			say(t, near, "last words")
			must(t, near.Close())
			silence(t, far)
			must(t, n.Uncut("f"))
			hear(t, far, "last words")
			ends(t, far, io.EOF)
		}},
		{"opener resets during a cut", func(t *testing.T, n *Network, near, far net.Conn) {
			must(t, n.Cut("f", both("n1", "n2")))
			reset(t, near)
			silence(t, far)
			must(t, n.Uncut("f"))
			ends(t, far, syscall.ECONNRESET)
		}},
		{"target dies during a cut", func(t *testing.T, n *Network, near, far net.Conn) {
			must(t, n.Cut("f", one("n2", "n1")))
			must(t, far.Close())
			for range 10 {
				say(t, near, "into the void")
			}
			silence(t, near)
			must(t, n.Uncut("f"))
			broken(t, near)
		}},
		{"target resets during a cut", func(t *testing.T, n *Network, near, far net.Conn) {
			must(t, n.Cut("f", both("n1", "n2")))
			reset(t, far)
			say(t, near, "into the void")
			silence(t, near)
			must(t, n.Uncut("f"))
			broken(t, near)
		}},
		{"target dies while the opener talks", func(t *testing.T, n *Network, near, far net.Conn) {
			must(t, far.Close())
			broken(t, near)
		}},
		{"proxy ends", func(t *testing.T, n *Network, near, far net.Conn) {
			must(t, n.Cut("f", both("n1", "n2")))
			say(t, near, "never heard")
			must(t, n.Close())
			broken(t, near)
			broken(t, far)
		}},
	})
}

// playProxied plays scenes with the ends of a connection from n1 to n2 through a proxy, whose relay must end
// when both have.
func playProxied(t *testing.T, scenes []scene) {
	t.Helper()
	for _, sc := range scenes {
		t.Run(sc.name, func(t *testing.T) {
			check := noLeaks(t)
			n := network(t)
			near, far := proxied(t, n)
			sc.run(t, n, near, far)
			_ = near.Close()
			_ = far.Close()
			until(t, "the relay has ended", func() bool {
				n.mu.Lock()
				defer n.mu.Unlock()
				return len(n.conns) == 0 && len(n.links) == 0
			})
			must(t, n.Close())
			check()
		})
	}
}

// reset closes a connection with a reset.
func reset(t *testing.T, c net.Conn) {
	t.Helper()
	must(t, c.(*net.TCPConn).SetLinger(0))
	must(t, c.Close())
}

// broken fails unless writing to the connection fails after some time.
func broken(t *testing.T, c net.Conn) {
	t.Helper()
	until(t, "writing fails", func() bool {
		_, err := c.Write([]byte("x"))
		return err != nil
	})
}

// TestProxyOfCutLink has connections that are opened while the link is cut, in either direction.
func TestProxyOfCutLink(t *testing.T) {
	for _, cut := range [][2]string{{"n1", "n2"}, {"n2", "n1"}} {
		n := network(t)
		g := newTarget(t)
		p := proxy(t, n, dialer(g.Addr().String()))
		must(t, n.Cut("f", one(cut[0], cut[1])))
		waits, resets, closes := call(t, p), call(t, p), call(t, p)
		for _, c := range []net.Conn{waits, resets, closes} {
			say(t, c, "hello")
		}
		g.lonely()
		reset(t, resets)
		must(t, closes.Close())
		until(t, "two have given up", func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return len(p.relays) == 1
		})
		must(t, n.Uncut("f"))
		far := g.next()
		hear(t, far, "hello")
		say(t, far, "welcome")
		hear(t, waits, "welcome")
		g.lonely()
	}
}

// TestProxyOfMuch has an opener that says more than is held before the target is reached, and half-closes.
func TestProxyOfMuch(t *testing.T) {
	n := network(t)
	g := newTarget(t)
	p := proxy(t, n, dialer(g.Addr().String()))
	must(t, n.Cut("f", both("n1", "n2")))
	near := call(t, p)
	text := bytes.Repeat([]byte("0123456789abcdef"), 8*buffer/16)
	wrote := make(chan error, 1)
	go func() {
		_, err := near.Write(text)
		wrote <- errors.Join(err, near.(*net.TCPConn).CloseWrite())
	}()
	g.lonely()
	must(t, n.Uncut("f"))
	far := g.next()
	must(t, far.SetDeadline(time.Now().Add(patience)))
	got, err := io.ReadAll(far)
	if err != nil || !bytes.Equal(got, text) {
		t.Fatalf("got %d bytes, %v; want %d", len(got), err, len(text))
	}
	must(t, <-wrote)
}

// TestProxyOfSlowTarget has an opener half-close while the target is being dialed: it is still connected.
func TestProxyOfSlowTarget(t *testing.T) {
	n := network(t)
	g := newTarget(t)
	dialing, finish := make(chan struct{}), make(chan struct{})
	p := proxy(t, n, func(ctx context.Context) (net.Conn, error) {
		close(dialing)
		<-finish
		return dialer(g.Addr().String())(ctx)
	})
	near := call(t, p)
	say(t, near, "question")
	must(t, near.(*net.TCPConn).CloseWrite())
	<-dialing
	close(finish)
	far := g.next()
	hear(t, far, "question")
	ends(t, far, io.EOF)
	say(t, far, "answer")
	hear(t, near, "answer")
}

// TestProxyOfDeadTarget has connections refused, but only when the refusal arrives.
func TestProxyOfDeadTarget(t *testing.T) {
	n := network(t)
	g := newTarget(t)
	must(t, g.Close())
	p := proxy(t, n, dialer(g.Addr().String()))
	refused(t, p)
	must(t, n.Cut("f", one("n2", "n1")))
	near := call(t, p)
	silence(t, near)
	must(t, n.Uncut("f"))
	ends(t, near, syscall.ECONNRESET)
}

// refused fails unless a connection is reset, maybe so soon that connecting fails.
func refused(t *testing.T, p *Proxy) {
	t.Helper()
	c, err := net.Dial("tcp4", p.Addr())
	if err == nil {
		ends(t, c, syscall.ECONNRESET)
		must(t, c.Close())
	} else if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("connecting failed with %v", err)
	}
}

// TestProxyOfTargetThatMoves has a target that comes back on another port.
func TestProxyOfTargetThatMoves(t *testing.T) {
	n := network(t)
	var addr atomic.Value
	g := newTarget(t)
	addr.Store(g.Addr().String())
	dials := atomic.Int64{}
	p := proxy(t, n, func(ctx context.Context) (net.Conn, error) {
		dials.Add(1)
		return dialer(addr.Load().(string))(ctx)
	})
	near := call(t, p)
	far := g.next()
	must(t, g.Close())
	must(t, far.Close())
	ends(t, near, io.EOF)
	refused(t, p)
	g = newTarget(t)
	addr.Store(g.Addr().String())
	near = call(t, p)
	say(t, near, "found")
	hear(t, g.next(), "found")
	if d := dials.Load(); d != 3 {
		t.Errorf("%d dials for 3 connections", d)
	}
}

func TestProxyClose(t *testing.T) {
	check := noLeaks(t)
	n := network(t)
	g := newTarget(t)
	p := proxy(t, n, dialer(g.Addr().String()))
	near := call(t, p)
	far := g.next()
	must(t, n.Cut("f", both("n1", "n2")))
	hangs := call(t, p)
	until(t, "both are served", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.relays) == 2
	})
	must(t, p.Close())
	for _, c := range []net.Conn{near, far, hangs} {
		broken(t, c)
	}
	if c, err := net.Dial("tcp4", p.Addr()); err == nil {
		_ = c.Close()
		t.Error("a closed proxy accepts")
	}
	must(t, p.Close())
	if len(n.proxies) != 0 || len(n.conns) != 0 {
		t.Errorf("%d proxies and %d connections are left", len(n.proxies), len(n.conns))
	}
	check()
}

// TestProxyCloseBeforeAnswer closes a proxy while a cut keeps the target's answer from it.
func TestProxyCloseBeforeAnswer(t *testing.T) {
	n := network(t)
	inner, far := net.Pipe()
	dialed := make(chan struct{})
	p := proxy(t, n, func(context.Context) (net.Conn, error) {
		defer close(dialed)
		return inner, n.Cut("f", both("n1", "n2"))
	})
	near := call(t, p)
	<-dialed
	silence(t, near)
	must(t, p.Close())
	ends(t, far, io.EOF)
	broken(t, near)
}

// TestProxyOfPipes has a target without halves.
func TestProxyOfPipes(t *testing.T) {
	n := network(t)
	inner, far := net.Pipe()
	near := call(t, proxy(t, n, func(context.Context) (net.Conn, error) { return inner, nil }))
	say(t, near, "hello")
	hear(t, far, "hello")
	must(t, near.Close())
	ends(t, far, io.EOF)
}

func TestProxyDelays(t *testing.T) {
	n := network(t)
	near, far := proxied(t, n)
	must(t, n.Shape("f", both("n1", "n2"), delay(20*ms)))
	start := time.Now()
	say(t, near, "ask")
	hear(t, far, "ask")
	say(t, far, "answer")
	hear(t, near, "answer")
	if took := time.Since(start); took < 40*ms {
		t.Errorf("there and back took %v; want 40 ms at least", took)
	}
}
