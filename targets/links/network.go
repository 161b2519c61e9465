// Package links is a network in userspace: directed links between named ends, which can be cut and shaped
// while connections run over them. It needs no privileges. Connections come under it in two ways: Conn and
// Dial put a client's connection on the links between the client and a node; a Proxy stands between two
// processes that know nothing of it.
//
// A link carries the bytes of streams, and never loses or reorders them. A cut holds back what would be
// delivered, as retransmission would: bytes, and also the end of a connection, arrive when the cut is over.
// The state of a link counts at the moment of delivery. The sender's side is that of a kernel: writes
// succeed into a buffer of 256 KiB, and block only when it is full.
//
// One thing is unlike packets: the answers that TCP needs (acknowledgements, window updates) are no part of
// the stream. Bytes of an established connection pass a link whose way back is cut without limit; packets
// would stop after the first window.
package links

import (
	"context"
	"net"
	"sync"

	"github.com/rashomon-harness/rashomon/targets"
)

// Network has the links between nodes and sessions. Its methods may be called from any goroutine.
type Network struct {
	nodes  map[string]bool
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	tasks  sync.WaitGroup // the goroutines that the network has started

	mu      sync.Mutex // held after that of a connection, if both are
	closed  bool
	links   map[targets.Link]*link // those that something listens to
	faults  []fault
	base    []fault // what links are like without faults, in order of the calls
	conns   map[*conn]struct{}
	proxies map[*Proxy]struct{}
}

// New returns a network whose links are open and have no shape. Nodes has the names of the nodes; an end
// with any other name is a session.
func New(nodes []string) *Network {
	n := &Network{
		nodes:   map[string]bool{},
		links:   map[targets.Link]*link{},
		conns:   map[*conn]struct{}{},
		proxies: map[*Proxy]struct{}{},
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	for _, name := range nodes {
		n.nodes[name] = true
	}
	return n
}

// Close ends everything that runs over the network at once: proxies, connections with what they still
// held, waiting dials. It returns when all of it has ended. A network that is closed already stays so.
func (n *Network) Close() error {
	n.mu.Lock()
	n.closed = true
	conns, proxies := keys(n.conns), keys(n.proxies)
	n.mu.Unlock()
	n.cancel()
	for _, p := range proxies {
		p.stop()
	}
	for _, c := range conns {
		c.kill()
	}
	n.tasks.Wait()
	return nil
}

// spawn runs f in a goroutine that Close waits for. It reports false, and does nothing, once the network is
// closed.
func (n *Network) spawn(f func()) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	n.tasks.Go(f)
	return true
}

// listener is something that must know when the state of a link has changed.
type listener interface{ changed() }

// listen returns the links between two ends, there and back, and has l hear of their changes until unlisten.
func (n *Network) listen(l listener, near, far string) (there, back *link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	there, back = n.link(targets.Link{From: near, To: far}), n.link(targets.Link{From: far, To: near})
	there.listeners[l] = struct{}{}
	back.listeners[l] = struct{}{}
	return there, back
}

// unlisten undoes listen. A link that nothing listens to is forgotten, so that sessions may come and go.
func (n *Network) unlisten(l listener, there, back *link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, lk := range []*link{there, back} {
		delete(lk.listeners, l)
		if len(lk.listeners) == 0 {
			delete(n.links, lk.ends)
		}
	}
}

// enter puts a connection under the network's care. It reports false once the network is closed.
func (n *Network) enter(c *conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	n.conns[c] = struct{}{}
	return true
}

// leave undoes enter.
func (n *Network) leave(c *conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.conns, c)
}

// Conn puts a connection on the links between two ends: writes travel from near to far, reads from far to
// near. While the links are open and have no shape, it hands through to c. It also has
// CloseWrite() error, which travels like data and fails if c has none.
//
// Close is immediate for the caller, while what was written before, and the end itself, still travel. Of c
// the caller may only use what has not to do with its stream. On a closed network the result is closed.
func (n *Network) Conn(c net.Conn, near, far string) net.Conn { return n.conn(c, near, far) }

func keys[K comparable](set map[K]struct{}) []K {
	out := make([]K, 0, len(set))
	for k := range set {
		out = append(out, k)
	}
	return out
}
