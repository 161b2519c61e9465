package singleleader

import "github.com/rashomon-harness/rashomon/refimpl"

// promoteByOperator is the operator's command. With failover: none there is no such command. With elections
// by majority an order does not free a node from what the others build on: a learner has no vote, not even
// for itself, and a promise that a lease was made from is kept.
func (g *group) promoteByOperator() {
	switch {
	case g.role == refimpl.Leader || g.n.cfg.Failover == refimpl.None:
	case g.n.cfg.Failover != refimpl.Quorum:
		g.comparePositions(true)
	case g.learner() || g.n.cfg.LeaderReads == refimpl.Lease && g.n.now < g.loyalUntil:
	default:
		g.askAround()
	}
}

// comparePositions asks the others how long their logs are, for the time of one heartbeat.
func (g *group) comparePositions(ordered bool) {
	last := g.last()
	g.role = refimpl.Candidate
	g.electing = electing{ordered: ordered, best: g.n.id, bestEpoch: g.epochAt(last), bestIndex: last,
		highest: g.epoch}
	g.timerAt = g.n.now + g.n.cfg.Heartbeat
	g.toPeers(g.message(msgPosition), 0)
}

// decidePositions ends the comparison: the node leads, or tells a better one to.
func (g *group) decidePositions() {
	e := &g.electing
	if e.resuming && e.highest > g.epoch {
		g.role, g.timerAt = refimpl.Follower, 0
		return
	}
	if e.best == g.n.id || e.ordered {
		g.epoch = max(g.epoch, e.highest)
		g.lead()
		return
	}
	m := g.message(msgTakeOver)
	m.Epoch = e.highest
	g.n.send(e.best, m)
	g.role, g.heardAt = refimpl.Follower, g.n.now
	g.waitForLeader()
}

func (g *group) onPosition(from refimpl.Addr, _ *refimpl.Message) {
	reply := g.message(msgPositionReply)
	reply.Index, reply.PrevEpoch = g.last(), g.epochAt(g.last())
	g.n.sendAfter(g.meta, from, reply)
}

func (g *group) onPositionReply(from refimpl.Addr, m *refimpl.Message) {
	if g.role != refimpl.Candidate || g.n.cfg.Failover == refimpl.Quorum {
		return
	}
	e := &g.electing
	e.highest = max(e.highest, m.Epoch)
	if m.PrevEpoch > e.bestEpoch || m.PrevEpoch == e.bestEpoch && m.Index > e.bestIndex {
		e.best, e.bestEpoch, e.bestIndex = from, m.PrevEpoch, m.Index
	}
}

func (g *group) onTakeOver(m *refimpl.Message) {
	if g.n.cfg.Failover != refimpl.Timeout || g.role == refimpl.Leader || g.learner() {
		return
	}
	g.epoch = max(g.epoch, m.Epoch)
	g.lead()
}

// handOver sends the writes after index that this node took as leader to the leader it follows now, as
// new requests: they come last, over whatever was written since.
func (g *group) handOver(index int64) {
	for _, e := range g.log[index:] {
		if e.Req == nil || e.Epoch != g.led || g.leader == refimpl.Nobody {
			continue
		}
		m := g.message(msgKept)
		m.Req = e.Req
		g.n.send(g.leader, m)
	}
}

// onKept takes in a write that an old leader kept, unless the client has sent it again in the meantime. Where
// the client has gone on to other requests, the write gets a name of its own.
func (g *group) onKept(m *refimpl.Message) {
	if g.role != refimpl.Leader || m.Req == nil {
		return
	}
	last := uint64(0)
	for i := range g.log {
		r := g.log[i].Req
		if r == nil || r.Client != m.Req.Client {
			continue
		}
		if r.Seq == m.Req.Seq {
			return
		}
		last = max(last, r.Seq)
	}
	if last < m.Req.Seq {
		g.take(m.Req)
		return
	}
	kept := *m.Req
	kept.Client, kept.Seq = m.Req.Client^(m.Req.Seq+1)*0x9e3779b97f4a7c15, 1
	if g.state.clients[kept.Client] == nil {
		g.take(&kept)
	}
}
