package links

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"
)

// Dial makes a connection from near to far, as Conn has it, whose making takes part in what the links do.
// A handshake needs both ways: dial is called only once both links are open, so that far sees nothing of an
// attempt that a cut holds up, and what it returns arrives when the link back lets it. A failure that a cut
// keeps from arriving is tried again afterwards, as a lost packet is. Delay counts once in each direction.
//
// Dial fails when ctx ends, with an error that wraps its cause, when the network is closed, with one that
// wraps net.ErrClosed, and as dial fails, which must heed the end of its context.
func (n *Network) Dial(ctx context.Context, near, far string,
	dial func(ctx context.Context) (net.Conn, error)) (net.Conn, error) {
	c, err := n.dial(ctx, newHandshake(n, near, far), dial)
	if err == nil {
		return c, nil
	}
	if c != nil {
		_ = c.Close() // which travels, too
	}
	return nil, err
}

// dial may return a connection with the error: when far has answered, but the answer has not arrived.
func (n *Network) dial(ctx context.Context, h *handshake,
	dial func(ctx context.Context) (net.Conn, error)) (*conn, error) {
	defer h.end()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(n.ctx, func() { cancel(net.ErrClosed) })()
	for {
		if err := h.reach(ctx); err != nil {
			return nil, h.fail(err)
		}
		inner, err := dial(ctx)
		if err != nil && ctx.Err() == nil && h.back.state.Load().cut {
			continue
		}
		lost := h.answer(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, h.fail(context.Cause(ctx))
		case err != nil:
			return nil, err
		case lost != nil:
			err = h.fail(lost)
		}
		return n.conn(inner, h.there.ends.From, h.there.ends.To), err
	}
}

// handshake is the making of a connection.
type handshake struct {
	net         *Network
	there, back *link
	wake        chan struct{} // has something when the links may have changed
	given       chan struct{} // closed when the caller gives up, which it can while a cut holds it up
}

func newHandshake(n *Network, near, far string) *handshake {
	h := &handshake{net: n, wake: make(chan struct{}, 1), given: make(chan struct{})}
	h.there, h.back = n.listen(h, near, far)
	return h
}

func (h *handshake) end() { h.net.unlisten(h, h.there, h.back) }

func (h *handshake) changed() {
	select {
	case h.wake <- struct{}{}:
	default: // it will look in any case
	}
}

// errGivenUp says that the caller gave up while the first packet could not leave.
var errGivenUp = errors.New("given up")

// reach waits until the far end can be asked.
func (h *handshake) reach(ctx context.Context) error {
	return h.travel(ctx, h.there, h.given, func() bool {
		return h.there.state.Load().cut || h.back.state.Load().cut
	})
}

// answer waits until the far end's answer, which is on its way now, has arrived.
func (h *handshake) answer(ctx context.Context) error {
	return h.travel(ctx, h.back, nil, func() bool { return h.back.state.Load().cut })
}

// travel waits until a packet that sets out now has passed a link.
func (h *handshake) travel(ctx context.Context, l *link, given chan struct{}, cut func() bool) error {
	p := packet{sent: time.Now(), luck: rand.Float64()}
	for {
		var due <-chan time.Time
		var up chan struct{}
		if cut() {
			up = given
		} else {
			wait := time.Until(l.state.Load().due(&p))
			if wait <= 0 {
				return nil
			}
			due = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-up:
			return errGivenUp
		case <-h.wake:
		case <-due:
		}
	}
}

func (h *handshake) fail(err error) error {
	return fmt.Errorf("cannot connect from %s to %s: no answer: %w", h.there.ends.From, h.there.ends.To, err)
}
