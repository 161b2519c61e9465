package links

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"time"
)

// Read receives bytes from the far end, or the end of its stream, once they have arrived.
func (c *conn) Read(p []byte) (int, error) {
	c.in.turn.Lock()
	defer c.in.turn.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, c.failure("read", net.ErrClosed)
		case passed(c.in.deadline):
			return 0, c.failure("read", os.ErrDeadlineExceeded)
		case c.ended:
			return 0, c.readBy
		case len(p) == 0:
			return 0, nil
		case c.in.direct():
			if n, err, held := c.readThrough(p); !held {
				return n, err
			}
			continue
		}
		n, end, next := c.in.arrived(len(p))
		if n > 0 {
			c.in.take(c.in.queue.peek(p[:n]))
			c.change.Broadcast()
			return n, nil
		}
		if end {
			c.ended = true
			continue
		}
		c.wait(sooner(next, c.in.deadline))
	}
}

// readThrough reads from the inner connection without the lock, which the caller holds. What came while the
// link was not clear any more is held: it goes to the queue.
func (c *conn) readThrough(p []byte) (n int, err error, held bool) {
	w := &c.in
	w.busy = true
	c.mu.Unlock()
	n, err = c.inner.Read(p)
	c.mu.Lock()
	w.busy = false
	defer c.fill()
	switch {
	case c.closed:
		return 0, nil, true
	case err == nil:
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, err, false
	}
	if w.link.state.Load().clear() {
		if err != nil {
			c.readBy, c.ended = c.readError(err), true
		}
		return n, c.readBy, false
	}
	c.arrive(p[:n], err)
	return 0, nil, true
}

// arrive puts what the far end has sent on its way inwards.
func (c *conn) arrive(p []byte, err error) {
	now, luck := time.Now(), rand.Float64()
	c.in.queue.push(p, now, luck)
	if err != nil {
		c.readBy = c.readError(err)
		c.in.queue.end(now, luck)
	}
	c.change.Broadcast()
}

// readError returns how the stream inwards ends: by the reset that a Write saw, if one did, because the
// system tells of a reset only once.
func (c *conn) readError(err error) error {
	if err == io.EOF && c.lost != nil && errors.Is(c.lost.err, syscall.ECONNRESET) {
		return c.failure("read", os.NewSyscallError("read", syscall.ECONNRESET))
	}
	return err
}

// fill starts the pump inwards if the link has a shape. A Read that goes through comes first.
func (c *conn) fill() {
	if c.filling() && !c.in.busy {
		c.pump(&c.in, c.pumpIn)
	}
}

// filling reports whether the pump inwards has to run.
func (c *conn) filling() bool {
	return !c.closed && c.readBy == nil && c.in.link.state.Load().shaped()
}

// pumpIn moves what the far end sends to the queue, as long as the link has a shape.
func (c *conn) pumpIn() {
	w := &c.in
	c.mu.Lock()
	defer c.mu.Unlock()
	c.restore(w)
	scratch := make([]byte, chunk)
	for c.filling() {
		p := scratch[:min(len(scratch), w.queue.room())]
		if len(p) == 0 {
			c.wait(time.Time{})
			continue
		}
		c.mu.Unlock()
		n, err := c.inner.Read(p)
		c.mu.Lock()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil // of a call before the pump, or because the caller has closed
		}
		c.arrive(p[:n], err)
	}
	w.pumping = false
	c.restore(w)
	c.change.Broadcast()
}
