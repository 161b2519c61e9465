package singleleader

import "github.com/rashomon-harness/rashomon/refimpl"

// tail waits in the journal, which all shards share: it says that a shard's log is durable up to index,
// provided that its entry there still is of epoch.
type tail struct {
	shard int32
	index int64
	epoch uint64
}

// log gathers a record and returns the token of its batch.
func (n *Node) log(rec refimpl.Record) uint64 { return n.wal.Log(rec) }

// sendAfter sends m once the batch with that token is durable.
func (n *Node) sendAfter(token uint64, to refimpl.Addr, m refimpl.Message) {
	if n.wal.Durable(token) {
		n.send(to, m)
		return
	}
	n.wal.Send(token, refimpl.Send{To: to, Msg: m})
}

// flush hands gathered records to the disk.
func (n *Node) flush() {
	handed := len(n.fx.Writes)
	n.wal.Flush(n.fx, n.cfg.Fsync == refimpl.Always, n.durable)
	for n.cfg.Bugs.Has(refimpl.BugEarlyFsyncAck) && handed < len(n.fx.Writes) {
		n.durable(n.fx.Writes[handed].Token)
		handed = len(n.fx.Writes)
		n.wal.Flush(n.fx, n.cfg.Fsync == refimpl.Always, n.durable)
	}
}

// durable releases what waited for a batch.
func (n *Node) durable(token uint64) {
	n.wal.Release(token, func(s refimpl.Send) { n.fx.Sends = append(n.fx.Sends, s) },
		func(t tail) { n.groups[t.shard].durableTo(t) })
}
