package singleleader

import "github.com/rashomon-harness/rashomon/refimpl"

// serve takes in a client's request.
func (n *Node) serve(from refimpl.Addr, m *refimpl.Message) {
	req := m.Req
	if req == nil {
		return
	}
	switch {
	case req.Op == refimpl.OpPeek:
		n.answerRead(from, req)
	case req.Op == refimpl.OpRead && req.Local:
		n.serveLocal(from, req)
	case req.Op == refimpl.OpRead:
		n.serveAsLeader(from, m)
	default:
		n.serveWrite(from, m)
	}
}

// group returns the member of a key's shard.
func (n *Node) group(key string) *group { return n.groups[refimpl.ShardOf(key, n.cfg.Shards)] }

// writeGroup returns the member of the shard of all keys that a request changes, nil when there are several.
func (n *Node) writeGroup(req *refimpl.Request) *group {
	if req.Op != refimpl.OpTxn {
		return n.group(req.Key)
	}
	if len(req.Txn) == 0 {
		return nil
	}
	g := n.group(req.Txn[0].Key)
	for i := range req.Txn {
		if n.group(req.Txn[i].Key) != g {
			return nil
		}
	}
	return g
}

// serveWrite takes a request into the log. A request names the epoch of the leader that it is meant for, and
// a node never leads an epoch that it is asked for before it leads it: what is refused as not-leader stays
// refused, however late another copy of it arrives. A node that has led that epoch, and may have taken an
// earlier copy, answers deposed.
func (n *Node) serveWrite(from refimpl.Addr, m *refimpl.Message) {
	g := n.writeGroup(m.Req)
	if g == nil {
		n.groups[0].refuse(from, m, refimpl.ErrCrossShard)
		return
	}
	if g.role != refimpl.Leader || m.Epoch != g.epoch {
		g.refuseWrite(from, m)
		return
	}
	switch g.reached(m.Req.Token) {
	case tokenLost:
		n.mark(refimpl.MarkTokenLost)
		g.refuse(from, m, refimpl.ErrTokenLost)
		return
	case tokenAhead:
		g.refuse(from, m, g.notThere(m.Req.Token))
		return
	}
	dedups := !g.has(refimpl.BugNoDeduplication)
	if rec := g.state.clients[m.Req.Client]; rec != nil && m.Req.Seq <= rec.seq && dedups {
		n.mark(refimpl.MarkDeduplicated)
		if m.Req.Seq == rec.seq {
			g.replyDone(from, rec)
		}
		return
	}
	g.leading.waiters = append(g.leading.waiters, waiter{g.last() + 1, from, m.Req.Seq})
	g.take(m.Req)
}

// notThere returns why a leader that has not reached a token does not take a write. A token of a later epoch
// it never reaches as leader of this one; but what it only has to apply yet it may have reached when another
// copy of the request arrives.
func (g *group) notThere(token []refimpl.Position) refimpl.ErrCode {
	for _, t := range token {
		if t.Shard == g.shard && t.Epoch > g.epoch {
			return refimpl.ErrNotLeader
		}
	}
	return refimpl.ErrDeposed
}

// take puts a request into the log and on its way to the followers.
func (g *group) take(req *refimpl.Request) {
	g.taken[req.Client] = max(g.taken[req.Client], req.Seq)
	g.append(refimpl.Entry{Epoch: g.epoch, Req: req})
	g.noteTail()
	if g.has(refimpl.BugUncommittedShown) {
		g.applyTo(g.last())
	}
	for i := range g.leading.peers {
		if refimpl.Addr(i) != g.n.id {
			g.sendAppend(refimpl.Addr(i), false)
		}
	}
}

// answer tells the client that waits for the entry at index, which has just been applied.
func (g *group) answer(index int64, rec *clientRecord, again bool) {
	if again {
		g.n.mark(refimpl.MarkDeduplicated)
	}
	w := g.leading.waiters
	for len(w) > 0 && w[0].index <= index {
		if w[0].index == index && rec != nil && rec.seq == w[0].seq {
			g.replyDone(w[0].to, rec)
		}
		w = w[1:]
	}
	g.leading.waiters = w
}

// answerApplied tells the clients that wait for entries that were applied before they were committed.
func (g *group) answerApplied() {
	for len(g.leading.waiters) > 0 && g.leading.waiters[0].index <= g.commit {
		index := g.leading.waiters[0].index
		g.answer(index, g.state.clients[g.log[index-1].Req.Client], false)
	}
}

// replyDone answers a request that is committed.
func (g *group) replyDone(to refimpl.Addr, rec *clientRecord) {
	g.reply(to, refimpl.Reply{
		Seq: rec.seq, Err: rec.err, Value: rec.value, Values: rec.values, Leader: g.leader,
		At:    refimpl.Position{Shard: g.shard, Epoch: rec.epoch, Index: rec.index},
		Epoch: rec.epoch, Index: rec.index, Acks: g.acks(rec.index),
	})
}

// refuseWrite answers a write that is meant for the leader of another epoch.
func (g *group) refuseWrite(to refimpl.Addr, m *refimpl.Message) {
	if g.mayHaveTaken(m.Req, m.Epoch) {
		g.refuse(to, m, refimpl.ErrDeposed)
		return
	}
	g.refuse(to, m, refimpl.ErrNotLeader)
}

// mayHaveTaken reports whether the node cannot rule out that it took req as leader of epoch.
func (g *group) mayHaveTaken(req *refimpl.Request, epoch uint64) bool {
	switch {
	case g.forgetful:
		return true
	case epoch > g.led:
		return false
	case epoch < g.led || g.taken == nil:
		return true
	}
	return g.taken[req.Client] >= req.Seq
}

// refuse answers one attempt of a request, whose number is echoed, with an error and with who leads.
func (g *group) refuse(to refimpl.Addr, m *refimpl.Message, err refimpl.ErrCode) {
	r := refimpl.Reply{Seq: m.Req.Seq, Err: err, Leader: g.leader, Epoch: g.leaderEpoch, By: g.n.id,
		Shard: g.shard}
	g.n.send(to, refimpl.Message{Kind: refimpl.MsgReply, Shard: g.shard, Seq: m.Seq, Reply: &r})
}

// reply sends an answer to a client.
func (g *group) reply(to refimpl.Addr, r refimpl.Reply) {
	r.By, r.Shard = g.n.id, g.shard
	g.n.send(to, refimpl.Message{Kind: refimpl.MsgReply, Shard: g.shard, Reply: &r})
}
