package server

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/wire"
)

// Bounds of the streams between nodes.
const (
	frameMax      = 64 << 20               // bytes of a frame
	queueMax      = 4096                   // messages that wait for a stream; later ones are dropped
	shakeLimit    = 2 * time.Second        // for a handshake
	dialLimit     = time.Second            // for a connection
	pingEvery     = 250 * time.Millisecond // a stream is never silent for longer
	silenceLimit  = 3 * time.Second        // a stream that is, is broken
	pieceSize     = 64 << 10               // bytes that are written at a time
	backOffFirst  = 20 * time.Millisecond
	backOffMost   = 500 * time.Millisecond
	handshakeSize = 24
)

// network is the streams of a node to all others: one a pair, dialled by the node with the higher id, with a
// handshake, frames and pings. A message that finds no stream is lost, as packets are.
type network struct {
	id      int
	cluster uint64 // what nodes must have in common to talk
	log     *slog.Logger
	began   time.Time
	peers   []*peer // by id, nil for this node
	deliver func(from int, m refimpl.Message)
	ctx     context.Context
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// peer is another node.
type peer struct {
	id      int
	address string
	heard   atomic.Int64 // when it was heard last, on the network's clock; 0 for never
	reached atomic.Int64 // when it heard this node last, by its own word; 0 for never
	dropped atomic.Int64 // messages that found no stream, or no place in the queue

	mu     sync.Mutex
	stream net.Conn      // the one in use, nil for none
	out    chan<- []byte // what waits for it
}

// The kinds of frames.
const (
	framePing    = 0
	frameMessage = 1
)

func newNetwork(cfg *Config, cluster uint64, deliver func(from int, m refimpl.Message)) *network {
	n := &network{id: cfg.ID, cluster: cluster, log: cfg.Log, began: time.Now(), deliver: deliver}
	n.ctx, n.stop = context.WithCancel(context.Background())
	for id, address := range cfg.Peers {
		var p *peer
		if id != cfg.ID {
			p = &peer{id: id, address: address}
		}
		n.peers = append(n.peers, p)
	}
	return n
}

// start accepts streams at l and dials the nodes with lower ids.
func (n *network) start(l net.Listener) {
	n.done.Go(func() { n.accept(l) })
	for _, p := range n.peers[:n.id] {
		n.done.Go(func() { n.dial(p) })
	}
	context.AfterFunc(n.ctx, func() { _ = l.Close() })
}

// up returns for how long the network has been there, nanoseconds; wrong wall clocks do not matter.
func (n *network) up() int64 { return int64(time.Since(n.began)) }

func (n *network) close() {
	n.stop()
	n.done.Wait()
}

// send puts a message on its way to a node.
func (n *network) send(to int, m *refimpl.Message) {
	p := n.peers[to]
	b := append(make([]byte, 0, 5+m.Size()), 0, 0, 0, 0, frameMessage)
	b = wire.AppendMessage(b, m)
	binary.LittleEndian.PutUint32(b, uint32(len(b)-4))
	p.mu.Lock()
	out := p.out
	p.mu.Unlock()
	if len(b)-4 > frameMax {
		out = nil
	}
	select {
	case out <- b: // never without a stream
	default:
		p.dropped.Add(1)
	}
}

func (p *peer) connected() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stream != nil
}

// accept takes streams from nodes with higher ids.
func (n *network) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if n.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // of the moment: too many open files
			n.log.Error("a stream cannot be accepted", "error", err)
			n.rest(backOffFirst)
			continue
		}
		n.done.Go(func() {
			defer context.AfterFunc(n.ctx, func() { _ = c.Close() })()
			p, err := n.welcome(c)
			if err != nil {
				n.log.Warn("a stream was refused", "from", c.RemoteAddr().String(), "error", err)
				_ = c.Close()
				return
			}
			n.use(p, c)
		})
	}
}

// welcome does the accepting side of the handshake.
func (n *network) welcome(c net.Conn) (*peer, error) {
	_ = c.SetDeadline(time.Now().Add(shakeLimit))
	from, err := n.readShake(c)
	if err != nil {
		return nil, err
	}
	if from <= n.id || from >= len(n.peers) {
		return nil, fmt.Errorf("node %d does not dial this one", from+1)
	}
	_, err = c.Write(n.shake(from))
	return n.peers[from], err
}

// dial keeps a stream to a node with a lower id.
func (n *network) dial(p *peer) {
	wait := backOffFirst
	for n.ctx.Err() == nil {
		began := time.Now()
		err := n.dialOnce(p)
		if time.Since(began) > silenceLimit {
			wait = backOffFirst
		}
		n.log.Debug("no stream", "peer", p.id+1, "error", err)
		n.rest(wait)
		wait = min(2*wait, backOffMost)
	}
}

// rest lets time pass, unless the network ends.
func (n *network) rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-n.ctx.Done():
	case <-timer.C:
	}
}

func (n *network) dialOnce(p *peer) error {
	ctx, cancel := context.WithTimeout(n.ctx, dialLimit)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", p.address)
	if err != nil {
		return err
	}
	defer context.AfterFunc(n.ctx, func() { _ = c.Close() })()
	_ = c.SetDeadline(time.Now().Add(shakeLimit))
	if _, err := c.Write(n.shake(p.id)); err != nil {
		return errors.Join(err, c.Close())
	}
	from, err := n.readShake(c)
	if err == nil && from != p.id {
		err = fmt.Errorf("node %d answered", from+1)
	}
	if err != nil {
		return errors.Join(err, c.Close())
	}
	return n.use(p, c)
}

// shake returns the handshake with a peer: who speaks to whom, in which version, of which cluster.
func (n *network) shake(to int) []byte {
	b := append(make([]byte, 0, handshakeSize), "RSTM"...)
	b = binary.LittleEndian.AppendUint32(b, wire.Version)
	b = binary.LittleEndian.AppendUint64(b, n.cluster)
	b = binary.LittleEndian.AppendUint32(b, uint32(n.id))
	return binary.LittleEndian.AppendUint32(b, uint32(to))
}

// readShake reads the other side's handshake and returns who it is.
func (n *network) readShake(c net.Conn) (from int, err error) {
	b := make([]byte, handshakeSize)
	if _, err := io.ReadFull(c, b); err != nil {
		return 0, fmt.Errorf("no handshake: %w", err)
	}
	version := binary.LittleEndian.Uint32(b[4:])
	to := binary.LittleEndian.Uint32(b[20:])
	switch {
	case string(b[:4]) != "RSTM":
		return 0, errors.New("that is no node of this store")
	case version != wire.Version:
		return 0, fmt.Errorf("the node speaks version %d, this one version %d", version, wire.Version)
	case binary.LittleEndian.Uint64(b[8:]) != n.cluster:
		return 0, errors.New("the node belongs to a cluster of another configuration")
	case to != uint32(n.id):
		return 0, fmt.Errorf("the node looks for node %d, this is node %d", to+1, n.id+1)
	}
	return int(binary.LittleEndian.Uint32(b[16:])), nil
}

// use sends and receives on a stream until it breaks. A later stream of the same peer takes its place.
func (n *network) use(p *peer, c net.Conn) error {
	_ = c.SetDeadline(time.Time{})
	p.mu.Lock()
	if p.stream != nil {
		_ = p.stream.Close()
	}
	// what an earlier stream did not carry is as lost as what was under way
	out := make(chan []byte, queueMax)
	p.stream, p.out = c, out
	p.mu.Unlock()
	ctx, cancel := context.WithCancel(n.ctx)
	stopped := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stopped()
	n.log.Info("stream begins", "peer", p.id+1)
	n.done.Go(func() { n.write(ctx, p, out, c); cancel() })
	err := n.read(p, c)
	cancel()
	p.mu.Lock()
	if p.stream == c {
		p.stream, p.out = nil, nil
	}
	p.mu.Unlock()
	n.log.Info("stream ends", "peer", p.id+1, "error", err)
	return err
}

// write sends what is queued, and pings.
func (n *network) write(ctx context.Context, p *peer, out <-chan []byte, c net.Conn) {
	w := bufio.NewWriterSize(patient{c}, pieceSize)
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case b := <-out:
			_, err = w.Write(b)
		case <-ticker.C:
			_, err = w.Write(n.ping(p))
		}
		if err == nil {
			err = writeQueued(w, out)
		}
		if err == nil {
			err = w.Flush()
		}
		if err != nil {
			_ = c.Close()
			return
		}
	}
}

// writeQueued writes what waits at the moment.
func writeQueued(w io.Writer, out <-chan []byte) error {
	for {
		select {
		case b := <-out:
			if _, err := w.Write(b); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// patient is a connection on which nothing may stand still for longer than silenceLimit; large frames may
// take longer as a whole.
type patient struct{ net.Conn }

// Read implements net.Conn.
func (c patient) Read(b []byte) (int, error) {
	_ = c.SetReadDeadline(time.Now().Add(silenceLimit))
	return c.Conn.Read(b)
}

// Write implements net.Conn. It writes in pieces, each in time.
func (c patient) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		_ = c.SetWriteDeadline(time.Now().Add(silenceLimit))
		var m int
		m, err = c.Conn.Write(b[n:min(n+pieceSize, len(b))])
		n += m
	}
	return n, err
}

// ping returns a frame that says how long ago the peer was heard, milliseconds; -1 for never.
func (n *network) ping(p *peer) []byte {
	ago := int64(-1)
	if heard := p.heard.Load(); heard > 0 {
		ago = (n.up() - heard) / 1e6
	}
	b := binary.AppendVarint([]byte{0, 0, 0, 0, framePing}, ago)
	binary.LittleEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

// read receives until the stream breaks, or is silent for too long.
func (n *network) read(p *peer, c net.Conn) error {
	r := bufio.NewReaderSize(patient{c}, 64<<10)
	var head [4]byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return err
		}
		size := binary.LittleEndian.Uint32(head[:])
		if size == 0 || size > frameMax {
			return fmt.Errorf("a frame of %d bytes; allowed: 1 to %d", size, frameMax)
		}
		b := make([]byte, size)
		if _, err := io.ReadFull(r, b); err != nil {
			return err
		}
		p.heard.Store(n.up())
		if err := n.take(p, b); err != nil {
			return err
		}
	}
}

// take handles a frame.
func (n *network) take(p *peer, b []byte) error {
	switch b[0] {
	case framePing:
		if ago, size := binary.Varint(b[1:]); size > 0 && ago >= 0 {
			p.reached.Store(n.up() - ago*1e6)
		}
		return nil
	case frameMessage:
		m, err := wire.DecodeMessage(b[1:])
		if err != nil {
			return err
		}
		if !betweenNodes(&m) {
			return fmt.Errorf("message kind %d is not for nodes", m.Kind)
		}
		n.deliver(p.id, m)
		return nil
	}
	return fmt.Errorf("frame kind %d is unknown", b[0])
}

// betweenNodes reports whether a message is one that nodes send each other: of those of clients only what a
// coordinator asks replicas, and is answered.
func betweenNodes(m *refimpl.Message) bool {
	switch {
	case m.Kind == refimpl.MsgRequest && m.Req != nil:
		return m.Req.Op == refimpl.OpFetch || m.Req.Op == refimpl.OpStore || m.Req.Op == refimpl.OpUndo
	case m.Kind == refimpl.MsgReply:
		return true
	}
	return m.Kind >= refimpl.MsgMode
}
