package links

import (
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// conn is a connection on two links. While a direction's link is clear and nothing is on its way there,
// calls go through to the inner connection. Otherwise bytes wait in the direction's queue: outwards a
// goroutine, the pump, moves them on; inwards Read takes them from there, and the pump fills the queue
// while the link has a shape, so that it is known when bytes set out.
type conn struct {
	net   *Network
	inner net.Conn
	gone  chan struct{} // closed when the inner connection is

	mu     sync.Mutex // never held during a call that moves bytes
	change *sync.Cond // anything below, or the state of a link, has changed
	out    way        // from near to far
	in     way        // from far to near
	closed bool       // by the caller, who gets no more; bytes may still be on their way out
	dead   bool       // the inner connection is closed
	ending ending     // what the end in the queue outwards, or one that passed, is
	readBy error      // how the stream inwards ends; it is behind what the queue has
	ended  bool       // the reader has seen it
	lost   *loss      // the inner connection failed to write
}

// way is one direction of a connection.
type way struct {
	turn  sync.Mutex // the callers of Read or Write, one after the other; held before the connection's lock
	link  *link
	queue queue
	grant grant

	busy        bool // a call to the inner connection is moving bytes
	pumping     bool
	interrupted bool      // the call is being made to return, by a deadline in the past
	deadline    time.Time // of the caller
	applied     time.Time // the deadline of the inner connection
}

// grant is a reservation of a link's bandwidth.
type grant struct {
	state *state // under which it was made
	bytes int
	at    time.Time
}

// ending is a way in which a stream ends.
type ending uint8

const (
	open    ending = iota
	half           // no more bytes outwards
	full           // closed
	aborted        // reset
)

// loss is the failure of the inner connection to write. It is news from the far end, that has to travel.
type loss struct {
	err error
	packet
}

// past is a deadline that has passed.
var past = time.Unix(1, 0)

func (n *Network) conn(inner net.Conn, near, far string) *conn {
	c := &conn{net: n, inner: inner, gone: make(chan struct{})}
	c.change = sync.NewCond(&c.mu)
	c.mu.Lock() // changes may be told as soon as it listens
	defer c.mu.Unlock()
	c.out.link, c.in.link = n.listen(c, near, far)
	if n.enter(c) {
		c.fill()
	} else {
		c.closed = true
		_ = c.hangUp()
	}
	return c
}

// direct reports whether calls may go through to the inner connection.
func (w *way) direct() bool { return w.queue.empty() && !w.pumping && w.link.state.Load().clear() }

// arrived returns how many bytes of the queue, at most limit, may be delivered now; when none may, whether
// the end may, and otherwise when something may at the earliest, zero if only a change can bring it.
func (w *way) arrived(limit int) (bytes int, end bool, next time.Time) {
	s := w.link.state.Load()
	if s.cut || w.queue.empty() {
		return 0, false, time.Time{}
	}
	now := time.Now()
	bytes, end, next = w.queue.due(s, now, limit)
	if bytes == 0 || s.rate == 0 {
		return bytes, end, next
	}
	if w.grant.bytes == 0 || w.grant.state != s {
		some := min(bytes, quantum(s.rate))
		w.grant = grant{state: s, bytes: some, at: w.link.reserve(some, s.rate, now)}
	}
	if w.grant.at.After(now) {
		return 0, false, w.grant.at
	}
	return min(bytes, w.grant.bytes), false, time.Time{}
}

// take removes bytes that were delivered.
func (w *way) take(bytes int) {
	w.queue.drop(bytes)
	w.grant.bytes = max(0, w.grant.bytes-bytes)
}

// changed makes the connection heed the state of its links.
func (c *conn) changed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out.busy && !c.out.link.state.Load().clear() {
		c.interrupt(&c.out)
	}
	c.fill()
	c.change.Broadcast()
}

// interrupt makes a call that moves bytes return, if there is one.
func (c *conn) interrupt(w *way) {
	if w.busy {
		w.interrupted = true
		c.apply(w, past)
	}
}

// apply sets a deadline of the inner connection.
func (c *conn) apply(w *way, t time.Time) {
	if w.applied == t {
		return
	}
	w.applied = t
	if w == &c.out {
		_ = c.inner.SetWriteDeadline(t) // fails when it is closed, and then nothing waits for it
	} else {
		_ = c.inner.SetReadDeadline(t)
	}
}

// restore gives the inner connection the deadline it has between calls: the caller's, or none under a pump.
func (c *conn) restore(w *way) {
	w.interrupted = false
	if w.pumping {
		c.apply(w, time.Time{})
	} else {
		c.apply(w, w.deadline)
	}
}

// wait waits for a change, or until a time if it is not zero. The caller holds the lock.
func (c *conn) wait(until time.Time) {
	if !until.IsZero() {
		timer := time.AfterFunc(time.Until(until), func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.change.Broadcast()
		})
		defer timer.Stop()
	}
	c.change.Wait()
}

// sooner returns the earlier of two times, of which zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// passed reports whether a deadline has passed.
func passed(deadline time.Time) bool { return !deadline.IsZero() && !time.Now().Before(deadline) }

// Close ends the connection for the caller at once.
func (c *conn) Close() error { return c.shut(full) }

// abort ends the connection with a reset, which travels behind what was written.
func (c *conn) abort() { _ = c.shut(aborted) }

func (c *conn) shut(how ending) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.failure("close", net.ErrClosed)
	}
	c.closed = true
	c.ending = max(c.ending, how)
	c.change.Broadcast()
	if c.out.direct() || c.lost != nil {
		return c.hangUp()
	}
	c.interrupt(&c.in)
	c.interrupt(&c.out)
	if c.in.pumping {
		c.apply(&c.in, past)
	}
	c.sendEnd()
	return nil
}

// CloseWrite ends the stream outwards, behind what was written.
func (c *conn) CloseWrite() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	inner, can := c.inner.(interface{ CloseWrite() error })
	switch {
	case c.closed:
		return c.failure("close", net.ErrClosed)
	case !can:
		return c.failure("close", errors.New("one direction alone cannot be closed"))
	case c.ending != open:
		return nil
	}
	c.ending = half
	if c.out.direct() && !c.out.busy {
		return inner.CloseWrite()
	}
	c.sendEnd()
	return nil
}

// sendEnd puts the end of the stream outwards on its way.
func (c *conn) sendEnd() {
	c.out.queue.end(time.Now(), rand.Float64())
	c.pump(&c.out, c.pumpOut)
}

// hangUp closes the inner connection, with a reset if that is how it ends.
func (c *conn) hangUp() error {
	if c.dead {
		return nil
	}
	c.dead = true
	if inner, can := c.inner.(interface{ SetLinger(int) error }); can && c.ending == aborted {
		_ = inner.SetLinger(0) // it is closed in any case
	}
	err := c.inner.Close()
	c.net.unlisten(c, c.out.link, c.in.link)
	c.net.leave(c)
	close(c.gone)
	c.change.Broadcast()
	return err
}

// kill ends the connection at once, with everything that is on its way.
func (c *conn) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	_ = c.hangUp()
}

// pump starts the pump of a direction, if it does not run.
func (c *conn) pump(w *way, run func()) {
	if !w.pumping && !c.dead {
		w.pumping = c.net.spawn(run)
	}
}

// SetDeadline sets the deadlines of Read and of Write.
func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline sets the deadline of Read, which passes whatever the links do.
func (c *conn) SetReadDeadline(t time.Time) error { return c.setDeadline(&c.in, t) }

// SetWriteDeadline sets the deadline of Write, which passes whatever the links do.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(&c.out, t) }

func (c *conn) setDeadline(w *way, t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.failure("set", net.ErrClosed)
	}
	w.deadline = t
	if !w.interrupted {
		c.restore(w)
	}
	c.change.Broadcast()
	return nil
}

// LocalAddr returns the near address of the inner connection.
func (c *conn) LocalAddr() net.Addr { return c.inner.LocalAddr() }

// RemoteAddr returns the far address of the inner connection.
func (c *conn) RemoteAddr() net.Addr { return c.inner.RemoteAddr() }

// failure makes an error of this layer look like those of the inner connection.
func (c *conn) failure(op string, err error) error {
	e := &net.OpError{Op: op, Net: "links", Source: c.inner.LocalAddr(), Addr: c.inner.RemoteAddr(), Err: err}
	if e.Source != nil {
		e.Net = e.Source.Network()
	}
	return e
}
