package links

import (
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"time"
)

// Write sends bytes to the far end. While they cannot be delivered it succeeds as long as the buffer has
// room, and then waits for room until the write deadline.
func (c *conn) Write(p []byte) (int, error) {
	c.out.turn.Lock()
	defer c.out.turn.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	for written := 0; ; {
		news, err := c.unwritable()
		if err != nil || written == len(p) {
			return written, err
		}
		if c.out.direct() && c.lost == nil {
			n, err := c.writeThrough(p[written:])
			if written += n; err != nil || written == len(p) {
				return written, err
			}
			continue
		}
		if written += c.enqueue(p[written:]); written == len(p) {
			return written, nil
		}
		c.wait(sooner(news, c.out.deadline))
	}
}

// unwritable returns why nothing can be written, or when to ask again at the latest, zero if only a change
// can make it so.
func (c *conn) unwritable() (next time.Time, err error) {
	switch {
	case c.closed:
		return next, c.failure("write", net.ErrClosed)
	case c.ending != open:
		return next, c.failure("write", os.NewSyscallError("write", syscall.EPIPE))
	case passed(c.out.deadline):
		return next, c.failure("write", os.ErrDeadlineExceeded)
	case c.lost != nil:
		s := c.in.link.state.Load()
		if s.cut {
			return next, nil
		}
		if next = s.due(&c.lost.packet); next.After(time.Now()) {
			return next, nil
		}
		return next, c.lost.err
	}
	return next, nil
}

// enqueue puts what there is room for on its way.
func (c *conn) enqueue(p []byte) int {
	p = p[:min(len(p), c.out.queue.room())]
	c.out.queue.push(p, time.Now(), rand.Float64())
	if len(p) > 0 && c.lost == nil {
		c.pump(&c.out, c.pumpOut)
	}
	return len(p)
}

// writeThrough writes to the inner connection without the lock, which the caller holds. An error is the
// caller's timeout; without one fewer bytes may be written, when the call was interrupted or there is a loss.
func (c *conn) writeThrough(p []byte) (int, error) {
	w := &c.out
	w.busy = true
	c.mu.Unlock()
	n, err := c.inner.Write(p)
	c.mu.Lock()
	w.busy = false
	interrupted := w.interrupted
	if interrupted {
		c.restore(w)
	}
	if w.pumping || interrupted {
		c.change.Broadcast()
	}
	switch {
	case err == nil || c.dead:
		return n, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		if interrupted || w.pumping {
			return n, nil
		}
		return n, err
	}
	c.lost = &loss{err, packet{sent: time.Now(), luck: rand.Float64()}}
	return n, nil
}

// pumpOut delivers what is on its way outwards, until nothing is.
func (c *conn) pumpOut() {
	w := &c.out
	c.mu.Lock()
	defer c.mu.Unlock()
	var scratch []byte
	for !c.dead && c.lost == nil && !w.queue.empty() {
		if w.busy {
			c.wait(time.Time{}) // for a Write that went through before the end
			continue
		}
		switch n, end, next := w.arrived(chunk); {
		case n > 0:
			if n > len(scratch) {
				scratch = make([]byte, n)
			}
			c.restore(w)
			done, _ := c.writeThrough(scratch[:w.queue.peek(scratch[:n])])
			w.take(done)
		case end:
			c.passEnd()
		default:
			c.wait(next)
		}
	}
	w.pumping = false
	if c.lost != nil && c.closed {
		_ = c.hangUp()
	}
	c.restore(w)
	c.change.Broadcast()
}

// passEnd delivers the end of the stream outwards.
func (c *conn) passEnd() {
	c.out.queue.dropEnd()
	if c.ending != half {
		_ = c.hangUp() // the caller has closed before, there is nobody to tell
		return
	}
	if inner, can := c.inner.(interface{ CloseWrite() error }); can {
		_ = inner.CloseWrite() // fails when the far end is gone, which reads and writes will tell
	}
}
