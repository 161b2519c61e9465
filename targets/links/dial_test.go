package links

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rashomon-harness/rashomon/targets"
)

// dialer returns a function that connects to an address.
func dialer(addr string) func(ctx context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp4", addr)
	}
}

// doors counts the dials of a test in virtual time, and decides how they end.
type doors struct {
	dials  int
	took   time.Duration
	refuse error
}

func (d *doors) dial(ctx context.Context) (net.Conn, error) {
	d.dials++
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(d.took):
	}
	if d.refuse != nil {
		return nil, d.refuse
	}
	near, _ := net.Pipe()
	return near, nil
}

// dialCase is a way in which a dial from s to n1 goes.
type dialCase struct {
	name   string
	faults func(n *Network)
	doors  doors
	give   time.Duration // when the dialer gives up
	takes  time.Duration
	dials  int
	err    error
}

func TestDial(t *testing.T) {
	refused := errors.New("refused")
	for _, tc := range []dialCase{
		{"open", func(n *Network) {}, doors{}, time.Minute, 0, 1, nil},
		{"refused", func(n *Network) {}, doors{refuse: refused}, time.Minute, 0, 1, refused},
		{"delayed", func(n *Network) {
			_ = n.Shape("f", one("s", "n1"), delay(20*ms))
			_ = n.Shape("g", one("n1", "s"), delay(30*ms))
		}, doors{took: ms}, time.Minute, 51 * ms, 1, nil},
		{"refused from afar", func(n *Network) {
			_ = n.Shape("f", both("s", "n1"), delay(20*ms))
		}, doors{refuse: refused}, time.Minute, 40 * ms, 1, refused},
		{"given up at the cut", func(n *Network) {
			_ = n.Cut("f", one("s", "n1"))
		}, doors{}, time.Second, time.Second, 0, context.DeadlineExceeded},
		{"no way back", func(n *Network) {
			_ = n.Cut("f", one("n1", "s"))
		}, doors{}, time.Second, time.Second, 0, context.DeadlineExceeded},
		{"after the cut", func(n *Network) {
			_ = n.Cut("f", both(targets.AllClients, "n1"))
			time.AfterFunc(3*time.Second, func() { _ = n.Uncut("f") })
		}, doors{}, time.Minute, 3 * time.Second, 1, nil},
		{"answer held by a cut", func(n *Network) {
			time.AfterFunc(time.Second, func() { _ = n.Cut("f", one("n1", "s")) })
			time.AfterFunc(5*time.Second, func() { _ = n.Uncut("f") })
		}, doors{took: 2 * time.Second}, time.Minute, 5 * time.Second, 1, nil},
		{"answer held for too long", func(n *Network) {
			time.AfterFunc(time.Second, func() { _ = n.Cut("f", one("n1", "s")) })
		}, doors{took: 2 * time.Second}, time.Minute, time.Minute, 1, context.DeadlineExceeded},
		{"refusal lost by a cut", func(n *Network) {
			time.AfterFunc(time.Second, func() { _ = n.Cut("f", one("n1", "s")) })
			time.AfterFunc(5*time.Second, func() { _ = n.Uncut("f") })
		}, doors{took: 2 * time.Second, refuse: refused}, time.Minute, 7 * time.Second, 2, refused},
		{"slow target", func(n *Network) {}, doors{took: time.Hour}, time.Second, time.Second, 1,
			context.DeadlineExceeded},
		{"network closed", func(n *Network) {
			_ = n.Cut("f", one("s", "n1"))
			time.AfterFunc(time.Second, func() { _ = n.Close() })
		}, doors{}, time.Minute, time.Second, 0, net.ErrClosed},
		{"network closed while dialing", func(n *Network) {
			time.AfterFunc(time.Second, func() { _ = n.Close() })
		}, doors{took: time.Hour}, 2 * time.Hour, time.Second, 1, net.ErrClosed},
	} {
		t.Run(tc.name, func(t *testing.T) { synctest.Test(t, tc.run) })
	}
}

func (tc *dialCase) run(t *testing.T) {
	n := New([]string{"n1"})
	defer n.Close()
	tc.faults(n)
	ctx, cancel := context.WithTimeout(t.Context(), tc.give)
	defer cancel()
	start := time.Now()
	c, err := n.Dial(ctx, "s", "n1", tc.doors.dial)
	if took := time.Since(start); took != tc.takes {
		t.Errorf("took %v; want %v", took, tc.takes)
	}
	if !errors.Is(err, tc.err) || (c == nil) != (err != nil) || tc.doors.dials != tc.dials {
		t.Errorf("got %v, %v after %d dials; want %v after %d", c, err, tc.doors.dials, tc.err, tc.dials)
	}
	if c != nil {
		must(t, c.Close())
		<-c.(*conn).gone // the end may be delayed
	}
	if len(n.links) != 0 {
		t.Errorf("%d links are left", len(n.links))
	}
}

// TestDialOfNothing has the error of the system pass.
func TestDialOfNothing(t *testing.T) {
	n := network(t)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	_, err = n.Dial(t.Context(), "s", "n1", dialer(l.Addr().String()))
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v", err)
	}
}

// TestDialAbandoned has a dialer give up while a cut keeps the answer from it: far sees the end after the
// cut.
func TestDialAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New([]string{"n1"})
		defer n.Close()
		inner, far := net.Pipe()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := n.Dial(ctx, "s", "n1", func(context.Context) (net.Conn, error) {
			return inner, n.Cut("f", both("s", "n1"))
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		silence(t, far)
		must(t, n.Uncut("f"))
		ends(t, far, io.EOF)
	})
}
