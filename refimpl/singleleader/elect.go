package singleleader

import (
	"math/bits"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// electing is what a candidate keeps. With failover: quorum it collects votes; with timeouts, or on an
// operator's order, it collects positions.
type electing struct {
	pre     bool   // it only asks whether it would be elected
	votes   uint64 // bit mask of who granted
	ordered bool   // it will lead, whoever is ahead: an operator says so
	// resuming marks a leader that has come back, and leads again unless somebody has been made leader
	// meanwhile (failover: manual).
	resuming bool

	best      refimpl.Addr // who has the longest log of those that answered
	bestEpoch uint64
	bestIndex int64
	highest   uint64 // the latest epoch anyone has heard of
}

// leaderSilent is what a follower does when its leader has been silent for too long.
func (g *group) leaderSilent() {
	g.attempts++
	g.leader = refimpl.Nobody
	switch {
	case g.n.cfg.Failover == refimpl.Quorum:
		g.askAround()
	case g.n.cfg.Candidate == refimpl.First:
		g.lead()
	default:
		g.comparePositions(false)
	}
}

// electionOver is what a candidate does when its time is up.
func (g *group) electionOver() {
	if g.n.cfg.Failover == refimpl.Quorum {
		g.attempts++
		g.askAround()
		return
	}
	g.decidePositions()
}

// askAround begins an election with the question whether it could be won, so that a node that was cut
// off does not disturb the others with a later epoch when it returns (pre-vote).
func (g *group) askAround() {
	g.role, g.electing = refimpl.Candidate, electing{pre: true, votes: 1 << g.n.id}
	m := g.voteRequest(g.epoch + 1)
	m.Flag = true
	g.toPeers(m, 0)
	g.countVotes()
}

// campaign stands for election in a new epoch.
func (g *group) campaign() {
	g.epoch, g.vote = g.epoch+1, g.n.id
	g.flags &^= flagLed
	g.persist()
	g.electing = electing{votes: 1 << g.n.id}
	g.toPeers(g.voteRequest(g.epoch), g.meta)
	g.countVotes()
}

func (g *group) voteRequest(epoch uint64) refimpl.Message {
	g.timerAt = g.n.now + g.n.cfg.FailoverTimeout/2 + g.jitter()
	m := g.message(msgVote)
	m.Epoch, m.Index, m.PrevEpoch = epoch, g.last(), g.epochAt(g.last())
	return m
}

// toPeers sends m to all other members once the batch with that token is durable.
func (g *group) toPeers(m refimpl.Message, token uint64) {
	for i := range g.n.cfg.Nodes {
		if refimpl.Addr(i) != g.n.id {
			g.n.sendAfter(token, refimpl.Addr(i), m)
		}
	}
}

func (g *group) countVotes() {
	if bits.OnesCount64(g.electing.votes) <= g.n.cfg.Nodes/2 {
		return
	}
	if g.electing.pre {
		g.campaign()
		return
	}
	g.becomeLeader()
}

// onVote answers a candidate.
func (g *group) onVote(from refimpl.Addr, m *refimpl.Message) {
	if g.learner() || g.n.cfg.Failover != refimpl.Quorum {
		return
	}
	reply := g.message(msgVoteReply)
	if m.Flag {
		reply.Commit = 1
	}
	reply.Flag = g.grants(from, m)
	reply.Epoch = g.epoch
	if reply.Flag {
		reply.Epoch = m.Epoch
	}
	g.n.sendAfter(g.meta, from, reply)
}

// grants decides about a vote. A follower that hears from a leader gives none, so that leases hold and a node
// that was cut off does not disturb the others.
func (g *group) grants(from refimpl.Addr, m *refimpl.Message) bool {
	if m.Epoch < g.epoch || m.Flag && m.Epoch == g.epoch {
		return false
	}
	if g.role == refimpl.Leader || g.n.now < g.loyalUntil {
		return false
	}
	if m.Epoch > g.epoch && !m.Flag {
		g.follow(m.Epoch, refimpl.Nobody)
	}
	if g.behind(m.PrevEpoch, m.Index) && !g.has(refimpl.BugElectionIgnoresLog) {
		g.n.mark(refimpl.MarkVoteRefusedLog)
		return false
	}
	if m.Flag {
		return true
	}
	if g.vote != refimpl.Nobody && g.vote != from {
		g.n.mark(refimpl.MarkVoteRefusedOnce)
		return false
	}
	g.vote, g.heardAt = from, g.n.now // time for the candidate to win
	g.persist()
	g.waitForLeader()
	return true
}

// onVoteReply counts a vote.
func (g *group) onVoteReply(from refimpl.Addr, m *refimpl.Message) {
	if !m.Flag && m.Epoch > g.epoch {
		g.follow(m.Epoch, refimpl.Nobody)
		return
	}
	asked := g.epoch
	if g.electing.pre {
		asked++
	}
	other := (m.Commit == 1) != g.electing.pre && !g.has(refimpl.BugPreVoteCounted)
	if g.role != refimpl.Candidate || !m.Flag || m.Epoch != asked || other {
		return
	}
	g.electing.votes |= 1 << from
	g.countVotes()
}
