package links

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// relay is a connection through a proxy.
type relay struct {
	proxy *Proxy
	near  *net.TCPConn // accepted from the one end
	far   *conn        // to the other, on the links
	said  []byte       // what the near end has said before the far one was reached
	over  error        // how its stream ended then, nil if it did not
}

// run lives as long as the connection does.
func (r *relay) run() {
	if !r.reach() {
		return
	}
	defer context.AfterFunc(r.proxy.ctx, r.far.kill)()
	var both sync.WaitGroup
	both.Go(r.forward)
	both.Go(r.answer)
	both.Wait()
	_ = r.near.Close() // everything is said
	_ = r.far.Close()
	<-r.far.gone // what was said may still be on its way
}

// reach connects to the far end. It fails when the far end refuses, when the near end gives up, or when the
// proxy is closed; the connection of the near end is closed then.
func (r *relay) reach() bool {
	h := newHandshake(r.proxy.net, r.proxy.from, r.proxy.to)
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		if r.listen(); r.over != nil {
			close(h.given)
		}
	}()
	far, err := r.proxy.net.dial(r.proxy.ctx, h, r.proxy.dial)
	_ = r.near.SetReadDeadline(past) // fails when it is closed, and then nothing is read
	<-heard
	_ = r.near.SetReadDeadline(time.Time{})
	if err != nil {
		if far != nil {
			far.kill() // only the end of the proxy can come in between
		}
		r.reset()
		return false
	}
	r.far = far
	return true
}

// listen takes in what the near end says, up to a bound, until it is interrupted by a deadline.
func (r *relay) listen() {
	p := make([]byte, chunk)
	for len(r.said) < buffer && r.over == nil {
		n, err := r.near.Read(p)
		r.said = append(r.said, p[:n]...)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		r.over = err
	}
}

// forward passes on what the near end says.
func (r *relay) forward() {
	said, err := r.said, r.over
	r.said = nil
	p := make([]byte, chunk)
	for {
		if _, lost := r.far.Write(said); lost != nil {
			return // the answer ends in the same way
		}
		if err != nil {
			break
		}
		var n int
		n, err = r.near.Read(p)
		said = p[:n]
	}
	if err != io.EOF {
		r.far.abort()
	} else if r.far.CloseWrite() != nil {
		_ = r.far.Close() // it has no halves
	}
}

// answer passes on what the far end says.
func (r *relay) answer() {
	p := make([]byte, chunk)
	for {
		n, err := r.far.Read(p)
		if n > 0 {
			if _, lost := r.near.Write(p[:n]); lost != nil {
				r.far.abort()
				return
			}
		}
		switch {
		case err == io.EOF:
			_ = r.near.CloseWrite() // fails when the near end is gone, which reading tells
			return
		case err != nil:
			r.reset()
			return
		}
	}
}

// reset resets the connection of the near end.
func (r *relay) reset() {
	_ = r.near.SetLinger(0) // fails when it is closed
	_ = r.near.Close()
}
