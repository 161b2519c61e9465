// Package leaderless is the reference store without leaders, after Dynamo (DeCandia et al. 2007, "Dynamo:
// Amazon's Highly Available Key-value Store"): a coordinator, which is the client or a node, sends every
// request to all replicas of the key, and is content with the answers of some. What replicas miss comes to
// them by read repair, by hints and by anti-entropy.
package leaderless

import (
	"slices"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/journal"
)

// Node is one node of the store.
type Node struct {
	cfg   *refimpl.Config
	id    refimpl.Addr
	key   keyed.Key
	ring  *ring
	life  uint64 // from 1: which of the node's lives this is
	items map[string]*item
	names []string // of items, sorted
	hints []hint   // by home node and key
	wal   journal.Journal[struct{}]
	co    coordinator
	calls map[uint64]*call // by client: what the node coordinates, or has, for it
	inbox []refimpl.Message

	graves                             []grave // tombstones, by the time at which they may go
	rounds                             uint64  // of anti-entropy
	pingAt, syncAt, exchangeAt, handAt int64
	halted, started                    bool

	now, wall int64
	fx        *refimpl.Effects
}

// New returns a node that starts from what its disk holds. It wants an InTimer at once.
func New(cfg *refimpl.Config, id refimpl.Addr, boot *refimpl.Boot) *Node {
	n := &Node{cfg: cfg, id: id, key: boot.Key.With2(uint64(id), uint64(boot.Incarnation)),
		ring: newRing(cfg),
		life: uint64(boot.Incarnation) + 1, items: map[string]*item{}, calls: map[uint64]*call{},
		wal: journal.New[struct{}](), now: boot.Mono}
	writer := uint64(id) | uint64(boot.Incarnation)<<16
	if cfg.Bugs.Has(refimpl.BugVersionReused) {
		writer = uint64(id)
	}
	n.co = newCoordinator(cfg, n.ring, id, writer, writer, n)
	n.co.seq = n.life << 32 // answers to what an earlier life asked are none to this one
	if len(boot.Records) > 0 {
		n.recovered(boot.Records)
	}
	return n
}

// Step implements refimpl.Node.
func (n *Node) Step(in *refimpl.Input, fx *refimpl.Effects) {
	if n.halted {
		return
	}
	n.fx, n.now, n.wall = fx, in.Mono, in.Wall
	n.co.now, n.co.wall = in.Mono, in.Wall
	if !n.started {
		n.start()
	}
	switch in.Kind {
	case refimpl.InMessage:
		n.receive(in.From, in.Msg)
	case refimpl.InWriteDone:
		n.durable(in.Token)
	case refimpl.InWriteFailed:
		// What the disk holds now is unknown; to go on would be to acknowledge what may be lost.
		n.halted, fx.Halt = true, "the disk refused a write"
		return
	}
	n.timers()
	n.settle()
	fx.Wake = n.deadline()
}

// settle hands what was gathered to the disk and takes in what the node has to say to itself.
func (n *Node) settle() {
	for {
		n.wal.Flush(n.fx, n.cfg.Fsync == refimpl.Always, n.durable)
		if len(n.inbox) == 0 {
			return
		}
		inbox := n.inbox
		n.inbox = nil
		for i := range inbox {
			n.receive(n.id, &inbox[i])
		}
	}
}

// durable releases what waited for a batch.
func (n *Node) durable(token uint64) {
	n.wal.Release(token, func(s refimpl.Send) { n.send(s.To, s.Msg) }, func(struct{}) {})
}

// start sets the timers of a node's first step.
func (n *Node) start() {
	n.started = true
	n.pingAt = n.now + n.key.Named("ping").Between(0, pingEvery)
	n.syncAt = n.now + n.cfg.FsyncInterval
	n.handAt = n.now + n.handEvery()
	if n.cfg.AntiEntropy > 0 {
		n.exchangeAt = n.now + n.key.Named("exchange").Between(0, n.cfg.AntiEntropy)
	}
	if len(n.names) > 0 {
		n.mark(refimpl.MarkRecovered)
	}
}

// Status implements refimpl.Node.
func (n *Node) Status() refimpl.Status {
	return refimpl.Status{Role: refimpl.Replica, Epoch: n.life, Position: int64(len(n.names)),
		Commit: int64(len(n.names)), Leader: refimpl.Nobody}
}

// The messages between nodes.
const (
	// msgPing says that the sender is there.
	msgPing = refimpl.MsgMode + iota
	// msgHandOff: Items are for the receiver, the sender took them in its place.
	msgHandOff
	// msgHandedOff: the receiver of msgHandOff has them; Items have the hashes of what was sent.
	msgHandedOff
	// msgTree: Hashes of a level of the sender's Merkle tree over the keys that both hold: Index -1 for the
	// first level, otherwise the number of the branch whose leaves are told.
	msgTree
	// msgKeys: Items are all keys of leaf Index that both hold, with hashes.
	msgKeys
	// msgObjects: Items are to be merged; those without an object are asked for, unless Flag.
	msgObjects
)

// receive hands a message to whom it concerns.
func (n *Node) receive(from refimpl.Addr, m *refimpl.Message) {
	switch m.Kind {
	case refimpl.MsgRequest:
		if m.Req != nil {
			n.serve(from, m)
		}
	case refimpl.MsgReply:
		if m.Reply != nil {
			n.co.receive(from, m)
		}
	case refimpl.MsgAsk:
		n.send(from, refimpl.Message{Kind: refimpl.MsgTell, Shard: m.Shard, Leader: refimpl.Nobody,
			Epoch: n.life})
	case msgHandOff:
		n.onHandOff(from, m)
	case msgHandedOff:
		n.onHandedOff(from, m)
	case msgTree:
		n.onTree(from, m)
	case msgKeys:
		n.onKeys(from, m)
	case msgObjects:
		n.onObjects(from, m)
	}
}

// serve takes in a request of a client or of a coordinator.
func (n *Node) serve(from refimpl.Addr, m *refimpl.Message) {
	req := m.Req
	switch {
	case req.Op == refimpl.OpFetch:
		n.onFetch(from, m)
	case req.Op == refimpl.OpStore:
		n.onStore(from, m)
	case req.Op == refimpl.OpUndo:
		n.onUndo(from, m)
	case !offered(req.Op) || len(req.Keys) > 0:
		n.refuse(from, m, refimpl.ErrUnsupported)
	case req.Op == refimpl.OpPeek:
		n.onPeek(from, m)
	default:
		n.coordinate(from, m)
	}
}

// offered reports whether the store without leaders has an operation for clients.
func offered(op refimpl.OpKind) bool {
	switch op {
	case refimpl.OpRead, refimpl.OpWrite, refimpl.OpDelete, refimpl.OpAdd, refimpl.OpRemove, refimpl.OpIncr,
		refimpl.OpPeek:
		return true
	}
	return false
}

// refuse answers one attempt of a request with an error.
func (n *Node) refuse(to refimpl.Addr, m *refimpl.Message, err refimpl.ErrCode) {
	n.send(to, refimpl.Message{Kind: refimpl.MsgReply, Seq: m.Seq,
		Reply: &refimpl.Reply{Seq: m.Req.Seq, Err: err, Leader: refimpl.Nobody, By: n.id, Epoch: n.life}})
}

// send puts a message on its way.
func (n *Node) send(to refimpl.Addr, m refimpl.Message) {
	if to == n.id {
		n.inbox = append(n.inbox, m)
		return
	}
	n.fx.Sends = append(n.fx.Sends, refimpl.Send{To: to, Msg: m})
}

// sendAfter sends m once the batch with that token is durable.
func (n *Node) sendAfter(token uint64, to refimpl.Addr, m refimpl.Message) {
	if n.wal.Durable(token) {
		n.send(to, m)
		return
	}
	n.wal.Send(token, refimpl.Send{To: to, Msg: m})
}

// mark reports a rare situation.
func (n *Node) mark(m refimpl.Mark) { n.fx.Marks = append(n.fx.Marks, m) }

// pingEvery is how often a node tells the next one that it is there: who waits until a cluster is whole again
// sees by that who reaches whom.
const pingEvery = 500 * 1_000_000

// timers runs what is due.
func (n *Node) timers() {
	n.co.timer()
	if n.now >= n.pingAt && n.cfg.Nodes > 1 {
		n.pingAt = n.now + pingEvery
		n.send((n.id+1)%refimpl.Addr(n.cfg.Nodes), refimpl.Message{Kind: msgPing})
	}
	if n.cfg.Fsync == refimpl.Interval && n.now >= n.syncAt {
		n.syncAt = n.now + n.cfg.FsyncInterval
		n.fx.Writes = append(n.fx.Writes, refimpl.Write{Sync: true,
			Records: []refimpl.Record{{Kind: refimpl.RecSync}}})
	}
	if n.exchangeAt > 0 && n.now >= n.exchangeAt {
		n.exchangeAt = n.now + n.cfg.AntiEntropy
		n.exchange()
	}
	if len(n.hints) > 0 && n.now >= n.handAt {
		n.handAt = n.now + n.handEvery()
		n.handOff()
	}
	n.collect()
}

// deadline returns when the next timer is due.
func (n *Node) deadline() int64 {
	at := n.co.wakeAt
	earlier := func(t int64, wanted bool) {
		if wanted && (at == 0 || t < at) {
			at = t
		}
	}
	earlier(n.pingAt, n.cfg.Nodes > 1)
	earlier(n.syncAt, n.cfg.Fsync == refimpl.Interval)
	earlier(n.exchangeAt, n.exchangeAt > 0)
	earlier(n.handAt, len(n.hints) > 0)
	if len(n.graves) > 0 {
		earlier(n.graves[0].at, true)
	}
	return at
}

// index returns where a key is, or would be, in the names.
func (n *Node) index(key string) (at int, found bool) { return slices.BinarySearch(n.names, key) }
