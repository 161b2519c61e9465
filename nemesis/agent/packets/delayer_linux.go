//go:build linux

package packets

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Sizes of the delayer.
const (
	// Packets that wait at most, in the kernel and here together; later ones are lost.
	waitingMax = 1 << 16
	// Messages about packets that the kernel may keep for us until we read them.
	messagesMax = 16 << 20
	// Messages that are read, and verdicts that are sent, before looking at the time again.
	batchMax = 128
)

// delayer holds packets of the queue back that leave for peers. All of its state but the commands belongs to
// its one goroutine.
type delayer struct {
	log   *slog.Logger
	conn  *netlink.Conn
	raw   syscall.RawConn
	start time.Time

	lanes    map[netip.Addr]*lane
	hold     hold
	message  []byte          // what is read into
	verdicts []byte          // messages to be sent
	asked    uint32          // the sequence number of a request
	answered chan<- struct{} // closed when it is answered

	mu       sync.Mutex
	commands []func() error
	closing  bool
	done     chan struct{} // closed at the end of the goroutine
	failure  error         // what ended it, readable when done
}

// newDelayer binds the queue in the namespace and starts to serve it: everything passes at once.
func newDelayer(namespace *os.File, log *slog.Logger) (*delayer, error) {
	config := &netlink.Config{}
	if namespace != nil {
		config.NetNS = int(namespace.Fd())
	}
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, config)
	if err != nil {
		return nil, fmt.Errorf("nfqueue: %w", err)
	}
	d := &delayer{log: log, conn: conn, start: time.Now(), lanes: map[netip.Addr]*lane{},
		message: make([]byte, 1<<16), done: make(chan struct{})}
	if err := d.bind(); err != nil {
		return nil, errors.Join(fmt.Errorf("nfqueue: %w", err), conn.Close())
	}
	go d.run()
	return d, nil
}

func (d *delayer) bind() (err error) {
	if d.raw, err = d.conn.SyscallConn(); err != nil {
		return err
	}
	if err := d.conn.SetReadBuffer(messagesMax); err != nil {
		return fmt.Errorf("read buffer: %w", err)
	}
	// Packets whose message does not fit are lost; the kernel need not say so besides.
	if err := d.conn.SetOption(netlink.NoENOBUFS, true); err != nil {
		return fmt.Errorf("option: %w", err)
	}
	requests, err := configs(queueHeld, waitingMax)
	if err != nil {
		return err
	}
	for _, m := range requests {
		if _, err := d.conn.Execute(m); err != nil {
			return fmt.Errorf("queue %d: %w", queueHeld, err)
		}
	}
	return nil
}

// set replaces the paces. Packets of peers that have none any more pass before set returns, in the order of
// their arrival.
func (d *delayer) set(paces map[netip.Addr]pace) error {
	return d.do(func() error {
		for peer, l := range d.lanes {
			if _, stays := paces[peer]; !stays {
				delete(d.lanes, peer)
				l.pace = pace{}
				for _, id := range d.hold.release(func(x *lane) bool { return x == l }) {
					d.verdict(id, true)
				}
			}
		}
		for peer, p := range paces {
			if d.lanes[peer] == nil {
				d.lanes[peer] = &lane{}
			}
			d.lanes[peer].pace = p
		}
		return d.flush()
	})
}

// drain returns when all packets have been taken over that are in the kernel's queue now: those that nothing
// holds back have passed.
func (d *delayer) drain() error {
	answered := make(chan struct{})
	if err := d.do(func() error { return d.ask(answered) }); err != nil {
		return err
	}
	select {
	case <-answered:
		// The verdicts are sent in the step after the one that read the answer.
		return d.do(d.flush)
	case <-d.done:
		return fmt.Errorf("nfqueue: the queue was given up: %w", d.failure)
	}
}

// close lets everything pass that waits and gives the queue up. No rule may send packets to it any more.
func (d *delayer) close() error {
	// A packet that another processor was just about to queue may still come.
	const late = 2 * time.Millisecond
	<-time.After(late)
	err := d.set(nil)
	if err == nil {
		err = d.drain()
	}
	d.mu.Lock()
	d.closing = true
	wake := d.conn.SetReadDeadline(time.Unix(1, 0))
	d.mu.Unlock()
	<-d.done
	return errors.Join(err, wake, d.failure)
}

// ask sends a request whose answer comes when everything that is in the queue now has been read.
func (d *delayer) ask(answered chan<- struct{}) error {
	requests, err := configs(queueHeld, waitingMax)
	if err != nil {
		return err
	}
	sent, err := d.conn.Send(requests[len(requests)-1])
	if err != nil {
		return fmt.Errorf("request: %w", err)
	}
	d.asked, d.answered = sent.Header.Sequence, answered
	return nil
}

// do has a command carried out by the delayer's goroutine and waits for that. Its error ends the delayer.
func (d *delayer) do(command func() error) error {
	result := make(chan error, 1)
	d.mu.Lock()
	d.commands = append(d.commands, func() error {
		err := command()
		result <- err
		return err
	})
	err := d.conn.SetReadDeadline(time.Unix(1, 0)) // ends a wait
	d.mu.Unlock()
	if err != nil {
		return fmt.Errorf("nfqueue: %w", err)
	}
	select {
	case err = <-result:
	case <-d.done:
		err = errors.Join(errors.New("the queue was given up"), d.failure)
	}
	if err != nil {
		return fmt.Errorf("nfqueue: %w", err)
	}
	return nil
}

// run serves the queue until it is closed. When it fails, the queue is given up, and packets pass.
func (d *delayer) run() {
	defer close(d.done)
	for {
		closing, err := d.step()
		if err != nil {
			d.failure = err
			d.log.Error("nfqueue: packets are no longer held back", "error", err)
		}
		if err != nil || closing {
			d.failure = errors.Join(d.failure, d.conn.Close())
			return
		}
	}
}

// step carries out the commands, takes packets in, and lets those pass that are due.
func (d *delayer) step() (closing bool, err error) {
	commands, closing, err := d.prepare()
	if err != nil {
		return closing, err
	}
	for _, command := range commands {
		if err := command(); err != nil {
			return closing, err
		}
	}
	if !closing {
		if err := d.receive(len(commands) == 0); err != nil {
			return closing, err
		}
	}
	return closing, d.pass()
}

// failed reports whether the queue was given up.
func (d *delayer) failed() bool {
	select {
	case <-d.done:
		return true
	default:
		return false
	}
}

// prepare takes over the commands, and sets the time until which receive waits.
func (d *delayer) prepare() (commands []func() error, closing bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	commands, d.commands = d.commands, nil
	if len(commands) == 0 && !d.closing {
		var until time.Time
		if due, some := d.hold.next(); some {
			until = d.start.Add(time.Duration(due))
		}
		err = d.conn.SetReadDeadline(until)
	}
	return commands, d.closing, err
}

// receive takes a batch of messages, or waits for one to come if there is none.
func (d *delayer) receive(wait bool) error {
	took, failure := 0, error(nil)
	take := func(fd uintptr) bool {
		took, failure = d.take(int(fd))
		return took > 0 || failure != nil
	}
	// Without looking at the deadline first: it may have passed, and there may be messages all the same.
	if err := d.raw.Control(func(fd uintptr) { take(fd) }); err != nil {
		return err
	}
	if wait && took == 0 && failure == nil {
		if err := d.raw.Read(take); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
	return failure
}

// take reads what is there, a batch at most.
func (d *delayer) take(fd int) (took int, err error) {
	for took < batchMax {
		n, err := unix.Read(fd, d.message)
		switch {
		case err == unix.EAGAIN:
			return took, nil
		case err == unix.EINTR || err == unix.ENOBUFS:
			continue
		case err != nil:
			return took, fmt.Errorf("read: %w", err)
		}
		took++
		d.messages(d.message[:n])
	}
	return took, nil
}

// messages handles the messages of one read.
func (d *delayer) messages(b []byte) {
	for len(b) >= netlinkHeader {
		size := int(binary.NativeEndian.Uint32(b))
		if size < netlinkHeader || size > len(b) {
			return
		}
		switch kind := binary.NativeEndian.Uint16(b[4:]); {
		case kind == messagePacket && size >= queueHeader:
			if p, ok := parsePacket(b[queueHeader:size]); ok {
				d.packet(p)
			}
		case kind == unix.NLMSG_ERROR && d.answered != nil && binary.NativeEndian.Uint32(b[8:]) == d.asked:
			close(d.answered)
			d.answered = nil
		}
		b = b[min(aligned(size), len(b)):]
	}
}

// packet decides on a packet that came.
func (d *delayer) packet(p packet) {
	l := d.lanes[p.to]
	if l == nil {
		d.verdict(p.id, true)
		return
	}
	due, ok := l.enter(d.now(), p.size, rand.Int64N)
	if !ok {
		d.verdict(p.id, false)
		return
	}
	// Also what is due at once, for earlier ones may not have passed yet.
	d.hold.put(due, p.id, l)
}

// pass lets the packets pass that are due.
func (d *delayer) pass() error {
	now := d.now()
	for id, ok := d.hold.pop(now); ok; id, ok = d.hold.pop(now) {
		d.verdict(id, true)
	}
	return d.flush()
}

// verdict notes what is to be done with a packet.
func (d *delayer) verdict(id uint32, pass bool) {
	d.verdicts = appendVerdict(d.verdicts, queueHeld, id, pass)
}

// flush sends the verdicts in their order.
func (d *delayer) flush() error {
	const size = queueHeader + 4 + 8
	b := d.verdicts
	d.verdicts = d.verdicts[:0]
	for len(b) > 0 {
		part := b[:min(len(b), batchMax*size)]
		b = b[len(part):]
		var failure error
		err := d.raw.Write(func(fd uintptr) bool {
			_, failure = unix.Write(int(fd), part)
			return failure != unix.EAGAIN && failure != unix.EINTR
		})
		if err = errors.Join(err, failure); err != nil {
			return fmt.Errorf("verdict: %w", err)
		}
	}
	return nil
}

// now returns the time on the lanes' clock.
func (d *delayer) now() int64 { return int64(time.Since(d.start)) }
