package agent

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
)

// pipes is a listener and dialer of connections that need no machine, so that they work in fake time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "pipe"} }

// dial returns the client's end of a connection that was accepted.
func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// client returns a client of who listens on the pipes.
func (p *pipes) client(t *testing.T, name string) *Client {
	t.Helper()
	c := NewClient("http://"+name, token)
	c.http.Transport.(*http.Transport).DialContext = p.dial
	t.Cleanup(c.Close)
	return c
}

// serveHTTP lets a handler serve on pipes until the test ends.
func serveHTTP(t *testing.T, h http.Handler) *pipes {
	t.Helper()
	p := newPipes()
	srv := &http.Server{Handler: h}
	go func() { _ = srv.Serve(p) }()
	t.Cleanup(func() { _ = srv.Close() })
	return p
}
