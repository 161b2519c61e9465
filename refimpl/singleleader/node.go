// Package singleleader is the reference store with one leader a shard: synchronous, semi-synchronous,
// asynchronous and quorum replication of a log, failover by nobody, an operator, timeouts or elections,
// and every way of reading that real systems offer. The safe choices together (replication: quorum,
// failover: quorum, leader_reads: read-index, fsync: always) follow Raft (Ongaro and Ousterhout, "In
// Search of an Understandable Consensus Algorithm", 2014; read-index, leases and pre-vote after Ongaro's
// dissertation, sections 6.4 and 9.6).
package singleleader

import (
	"slices"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/journal"
)

// Node is one node of the store: a group member for every shard, and one write-ahead log for them all.
type Node struct {
	cfg     *refimpl.Config
	id      refimpl.Addr
	key     keyed.Key
	groups  []*group
	wal     journal.Journal[tail]
	waits   []waitingRead // reads that wait for a token, by arrival
	syncAt  int64         // fsync: interval: when the next sync is due
	halted  bool
	fresh   bool // the cluster is being set up
	started bool

	now  int64 // Input.Mono of this step
	wall int64 // Input.Wall of this step
	fx   *refimpl.Effects
}

// New returns a node that starts from what its disk holds. It wants an InTimer at once.
func New(cfg *refimpl.Config, id refimpl.Addr, boot *refimpl.Boot) *Node {
	n := &Node{cfg: cfg, id: id, key: boot.Key.With2(uint64(id), uint64(boot.Incarnation)), fresh: boot.Fresh,
		wal: journal.New[tail]()}
	for shard := range cfg.Shards {
		n.groups = append(n.groups, newGroup(n, int32(shard)))
	}
	records := boot.Records
	last := len(records) - 1
	if cfg.Bugs.Has(refimpl.BugLastEntryLost) && last >= 0 && records[last].Kind == refimpl.RecEntry {
		records = records[:last]
	}
	for i := range records {
		n.groups[records[i].Shard].recover(&records[i])
	}
	return n
}

// Step implements refimpl.Node.
func (n *Node) Step(in *refimpl.Input, fx *refimpl.Effects) {
	if n.halted {
		return
	}
	n.fx, n.now, n.wall = fx, in.Mono, in.Wall
	if !n.started {
		n.start()
	}
	switch in.Kind {
	case refimpl.InMessage:
		n.receive(in.From, in.Msg)
	case refimpl.InWriteDone:
		n.durable(in.Token)
	case refimpl.InWriteFailed:
		if n.cfg.Bugs.Has(refimpl.BugFsyncFailureIgnored) {
			n.durable(in.Token)
			break
		}
		// What the disk holds now is unknown; to go on would be to acknowledge what may be lost.
		n.halted, fx.Halt = true, "the disk refused a write"
		return
	case refimpl.InPromote:
		for _, g := range n.groups {
			g.promoteByOperator()
		}
	}
	n.timers()
	n.flush()
	n.settleReads()
	fx.Wake = n.deadline()
}

// start takes up the role that the recovered log gives the node, in its first step.
func (n *Node) start() {
	n.started = true
	n.syncAt = n.now + n.cfg.FsyncInterval
	torn := slices.ContainsFunc(n.groups, func(g *group) bool { return !g.empty && g.flags&flagWiped == 0 })
	for _, g := range n.groups {
		// The records that make the node a member of all shards are one batch. Where a crash tore it,
		// the node has told nobody anything.
		g.start(n.fresh || g.empty && torn)
	}
}

// Status implements refimpl.Node.
func (n *Node) Status() refimpl.Status {
	g := n.groups[0]
	return refimpl.Status{Role: g.role, Epoch: g.epoch, Position: g.last(), Commit: g.commit,
		Leader: g.leader}
}

// receive hands a message to whom it concerns. Messages with a shard that does not exist are dropped.
func (n *Node) receive(from refimpl.Addr, m *refimpl.Message) {
	if m.Kind == refimpl.MsgRequest {
		n.serve(from, m)
		return
	}
	if m.Shard < 0 || int(m.Shard) >= len(n.groups) {
		return
	}
	g := n.groups[m.Shard]
	switch m.Kind {
	case refimpl.MsgAsk:
		n.send(from, refimpl.Message{Kind: refimpl.MsgTell, Shard: m.Shard, Leader: g.leader,
			Epoch: g.leaderEpoch})
	case msgAppend:
		g.onAppend(from, m)
	case msgAppendReply:
		g.onAppendReply(from, m)
	case msgVote:
		g.onVote(from, m)
	case msgVoteReply:
		g.onVoteReply(from, m)
	case msgPosition:
		g.onPosition(from, m)
	case msgPositionReply:
		g.onPositionReply(from, m)
	case msgTakeOver:
		g.onTakeOver(m)
	case msgKept:
		g.onKept(m)
	}
}

// The messages between nodes.
const (
	// msgAppend, from a leader: Entries follow the entry at Index, which is of PrevEpoch; Commit; Seq
	// is the round of leadership confirmation.
	msgAppend = refimpl.MsgMode + iota
	// msgAppendReply: Flag: the logs agree up to Index, durably; otherwise the leader should go back
	// to Index. Seq is echoed. PrevEpoch 1 marks a member that does not count (see group.learner).
	msgAppendReply
	// msgVote asks for a vote (Flag: only whether one would be given) in Epoch for a log that ends
	// at Index with PrevEpoch.
	msgVote
	// msgVoteReply: Flag: granted. Commit 1 echoes that it was a pre-vote.
	msgVoteReply
	// msgPosition asks how long the log is (failover: timeout, candidate: most-up-to-date).
	msgPosition
	// msgPositionReply: the log ends at Index with PrevEpoch.
	msgPositionReply
	// msgTakeOver tells the follower with the longest log to become leader.
	msgTakeOver
	// msgKept hands the new leader a write that was cut from an old leader's log (old_leader: keep).
	msgKept
)

// send puts a message on its way.
func (n *Node) send(to refimpl.Addr, m refimpl.Message) {
	n.fx.Sends = append(n.fx.Sends, refimpl.Send{To: to, Msg: m})
}

// mark reports a rare situation.
func (n *Node) mark(m refimpl.Mark) { n.fx.Marks = append(n.fx.Marks, m) }

// timers runs what is due.
func (n *Node) timers() {
	for _, g := range n.groups {
		g.timer()
	}
	if n.cfg.Fsync == refimpl.Interval && n.now >= n.syncAt {
		n.syncAt = n.now + n.cfg.FsyncInterval
		n.fx.Writes = append(n.fx.Writes, refimpl.Write{Sync: true,
			Records: []refimpl.Record{{Kind: refimpl.RecSync}}})
	}
}

// deadline returns when the next timer is due.
func (n *Node) deadline() int64 {
	at := int64(0)
	earlier := func(t int64) {
		if t > 0 && (at == 0 || t < at) {
			at = t
		}
	}
	for _, g := range n.groups {
		earlier(g.timerAt)
	}
	if n.cfg.Fsync == refimpl.Interval {
		earlier(n.syncAt)
	}
	for i := range n.waits {
		earlier(n.waits[i].deadline)
	}
	return at
}
