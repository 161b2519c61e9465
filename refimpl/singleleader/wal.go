package singleleader

import "github.com/rashomon-harness/rashomon/refimpl"

// wal is the node's write-ahead log as seen from inside: records are gathered into batches, one batch is
// on its way to the disk at a time, and what depends on a batch waits for it. All shards share it.
type wal struct {
	gathering batch
	flying    batch
	busy      bool   // flying is on its way
	done      uint64 // token of the last durable batch
}

// batch is what is written together, and what waits for it.
type batch struct {
	token   uint64
	records []refimpl.Record
	sends   []refimpl.Send
	tails   []tail
	setup   bool // holds the records that make the node a member: synced whatever the policy
}

// tail says that a shard's log is durable up to index, provided that its entry there still is of epoch.
type tail struct {
	shard int32
	index int64
	epoch uint64
}

// log gathers a record and returns the token of its batch.
func (n *Node) log(rec refimpl.Record) uint64 {
	n.wal.gathering.records = append(n.wal.gathering.records, rec)
	return n.wal.gathering.token
}

// sendAfter sends m once the batch with that token is durable.
func (n *Node) sendAfter(token uint64, to refimpl.Addr, m refimpl.Message) {
	switch {
	case token <= n.wal.done:
		n.send(to, m)
	case n.wal.busy && token == n.wal.flying.token:
		n.wal.flying.sends = append(n.wal.flying.sends, refimpl.Send{To: to, Msg: m})
	default:
		n.wal.gathering.sends = append(n.wal.gathering.sends, refimpl.Send{To: to, Msg: m})
	}
}

// flush hands gathered records to the disk unless a batch is on its way. Without fsync: always a batch
// counts as durable at once: that is what the policy costs.
func (n *Node) flush() {
	for !n.wal.busy && len(n.wal.gathering.records) > 0 {
		b := &n.wal.gathering
		wait := n.cfg.Fsync == refimpl.Always || b.setup
		n.fx.Writes = append(n.fx.Writes, refimpl.Write{Records: b.records, Sync: wait, Token: b.token})
		n.wal.flying, n.wal.gathering = *b, batch{
			token: b.token + 1, sends: n.wal.flying.sends[:0], tails: n.wal.flying.tails[:0],
		}
		n.wal.busy = true
		if !wait {
			n.durable(n.wal.flying.token)
		}
	}
}

// durable releases what waited for the flying batch.
func (n *Node) durable(token uint64) {
	if !n.wal.busy || token != n.wal.flying.token {
		return // the periodic sync, or an answer to an earlier incarnation
	}
	b := &n.wal.flying
	n.wal.busy, n.wal.done = false, token
	n.fx.Sends = append(n.fx.Sends, b.sends...)
	for _, t := range b.tails {
		n.groups[t.shard].durableTo(t)
	}
	clear(b.sends)
	b.records, b.sends, b.tails = nil, b.sends[:0], b.tails[:0]
}
