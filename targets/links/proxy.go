package links

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Proxy stands between one end and another that it connects to. Processes that are told its address instead
// of the other end's talk over the links of the network.
//
// Its host accepts connections even while the link is cut; then nothing is forwarded, and the target sees
// nothing until both directions are open. How either side ends its stream is passed on to the other, over
// the link: half-closed, closed or reset. When the target refuses, the accepted connection is reset. A
// connection that its opener ends while a cut keeps it from reaching the target never does.
type Proxy struct {
	net      *Network
	from, to string
	dial     func(ctx context.Context) (net.Conn, error)
	listener net.Listener
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	tasks    sync.WaitGroup

	mu     sync.Mutex
	ended  bool
	relays map[*relay]struct{}
}

// Proxy makes a proxy, on a free port of 127.0.0.1, for connections from one end to another. For each
// connection dial is called once the link lets it; it decides where the target is now, and must heed the
// end of its context. The error is that of listening, or that the network is closed.
func (n *Network) Proxy(from, to string, dial func(ctx context.Context) (net.Conn, error)) (*Proxy, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("cannot proxy from %s to %s: %w", from, to, err)
	}
	p := &Proxy{net: n, from: from, to: to, dial: dial, listener: l, relays: map[*relay]struct{}{}}
	p.ctx, p.cancel = context.WithCancel(n.ctx)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		p.stop()
		return nil, fmt.Errorf("cannot proxy from %s to %s: the network is closed", from, to)
	}
	n.proxies[p] = struct{}{}
	p.tasks.Go(p.accept)
	n.tasks.Go(p.tasks.Wait)
	return p, nil
}

// Addr returns the address to connect to, host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Close stops listening, ends all connections at once, and returns when they have ended.
func (p *Proxy) Close() error {
	p.stop()
	p.tasks.Wait()
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	delete(p.net.proxies, p)
	return nil
}

// stop is Close without the waiting.
func (p *Proxy) stop() {
	p.mu.Lock()
	p.ended = true
	relays := keys(p.relays)
	p.mu.Unlock()
	p.cancel()
	_ = p.listener.Close() // of one that listens no more
	for _, r := range relays {
		_ = r.near.Close()
	}
}

// accept serves connections until the proxy is closed.
func (p *Proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err == nil {
			p.serve(near.(*net.TCPConn))
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		select { // no more descriptors, perhaps
		case <-p.ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// serve relays a connection in a goroutine of its own.
func (p *Proxy) serve(near *net.TCPConn) {
	r := &relay{proxy: p, near: near}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		_ = near.Close() // it had nothing yet
		return
	}
	p.relays[r] = struct{}{}
	p.tasks.Go(func() {
		r.run()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.relays, r)
	})
}
