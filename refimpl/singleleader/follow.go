package singleleader

import "github.com/rashomon-harness/rashomon/refimpl"

// onAppend takes in entries, or a sign of life, from a leader.
func (g *group) onAppend(from refimpl.Addr, m *refimpl.Message) {
	if !g.accepts(from, m) {
		return
	}
	g.heardAt, g.attempts = g.n.now, 0
	g.promise()
	if g.role == refimpl.Follower {
		g.waitForLeader()
	}
	reply := g.message(msgAppendReply)
	reply.Epoch, reply.Seq = m.Epoch, m.Seq
	if g.learner() {
		reply.PrevEpoch = 1
	}
	differs := g.epochAt(m.Index) != m.PrevEpoch && !g.has(refimpl.BugPreviousUnchecked)
	if differs || m.Index > g.last() {
		reply.Index = g.goBackTo(m)
		g.n.sendAfter(g.meta, from, reply)
		return
	}
	token := g.meta
	if g.store(m) {
		token = g.n.wal.Token()
	}
	matched := m.Index + int64(len(m.Entries))
	agreed := matched
	if g.has(refimpl.BugCommitUnbounded) {
		agreed = g.last()
	}
	g.learnCommit(min(m.Commit, agreed))
	// The acknowledgement claims what is durable once the batch with token is; without new entries
	// that is what is durable already.
	reply.Flag, reply.Index = true, matched
	if token == g.meta {
		reply.Index = min(matched, g.durable)
	}
	g.n.sendAfter(token, from, reply)
}

// accepts reports whether the sender may lead this node, and makes the node follow it.
func (g *group) accepts(from refimpl.Addr, m *refimpl.Message) bool {
	if g.n.cfg.Fencing && m.Epoch < g.epoch && !g.has(refimpl.BugEpochUnchecked) {
		g.n.mark(refimpl.MarkStaleEpoch)
		reply := g.message(msgAppendReply)
		reply.Seq = 0 // confirms nothing
		g.n.sendAfter(g.meta, from, reply)
		return false
	}
	if g.role == refimpl.Leader {
		if !g.n.cfg.Fencing {
			g.n.mark(refimpl.MarkSplitBrain)
			return false
		}
		if m.Epoch == g.epoch {
			return false // an echo of its own: epochs have one leader
		}
	}
	// What an operator has ordered goes on, though the old leader is alive.
	ordered := g.role == refimpl.Candidate && g.electing.ordered
	if m.Epoch > g.epoch || g.role != refimpl.Follower && !ordered {
		g.follow(max(m.Epoch, g.epoch), from)
	}
	if g.leader != from && g.has(refimpl.BugAppliedAgain) {
		g.applyAgain()
	}
	g.leader, g.leaderEpoch = from, m.Epoch
	return true
}

// goBackTo returns the index after which the leader should try next: before the whole epoch in which the
// logs differ, or the end of a log that is too short.
func (g *group) goBackTo(m *refimpl.Message) int64 {
	if m.Index > g.last() {
		return g.last()
	}
	index := m.Index
	for epoch := g.epochAt(index); index > 0 && g.epochAt(index) == epoch; {
		index--
	}
	return index
}

// store adds the entries that the log does not have, cutting what conflicts; it reports whether the log
// changed.
func (g *group) store(m *refimpl.Message) bool {
	changed := false
	for i := range m.Entries {
		index := m.Index + int64(i) + 1
		if index <= g.last() {
			if g.epochAt(index) == m.Entries[i].Epoch || g.has(refimpl.BugConflictKept) {
				continue
			}
			g.cut(index - 1)
		}
		g.append(m.Entries[i])
		changed = true
	}
	if changed {
		g.noteTail()
	}
	if g.shipping() || g.has(refimpl.BugUncommittedShown) {
		g.applyTo(g.last())
	}
	return changed
}

// learnCommit is told by the leader that entries up to index are committed.
func (g *group) learnCommit(index int64) {
	g.commit = max(g.commit, index)
	g.ready = true
	if !g.shipping() {
		g.applyTo(g.commit)
	}
	if g.learner() && g.n.cfg.Failover != refimpl.Quorum {
		// Without elections by majority there is no vote that it could have forgotten.
		g.flags &^= flagLearner
		g.persist()
		if g.role == refimpl.Follower { // otherwise an operator has ordered it to lead
			g.waitForLeader()
		}
	}
}
