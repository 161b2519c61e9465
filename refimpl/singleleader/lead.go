package singleleader

import (
	"slices"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// leading is what a leader keeps.
type leading struct {
	peers   []peer
	began   int64    // index of the no-op with which its epoch began
	seq     uint64   // the latest round of leadership confirmation
	sure    uint64   // the latest round that a majority answered
	rounds  []round  // those not yet answered by a majority
	waiters []waiter // clients that wait for an entry to be committed, by rising index
	reads   []leaderRead
	lease   int64 // when the latest round that a majority answered began, on lease_clock
}

// peer is what a leader knows of another member.
type peer struct {
	match    int64  // its log agrees with the leader's up to here, durably
	next     int64  // the next entry to send
	flying   bool   // entries were sent and not yet answered
	sentAt   int64  // when
	ackSeq   uint64 // the latest round it answered
	ackAt    int64  // when it last answered
	learner  bool   // it does not count
	replaced bool   // semi-sync: it was silent, another stands in
}

// round is when a round of leadership confirmation began, on lease_clock.
type round struct {
	seq uint64
	at  int64
}

// waiter is a client that waits for the entry at index.
type waiter struct {
	index int64
	to    refimpl.Addr
	seq   uint64
}

// lead makes the node leader in an epoch of its own choosing: without elections, every node has its own
// share of the epochs, so that no two leaders ever have the same.
func (g *group) lead() {
	nodes := uint64(g.n.cfg.Nodes)
	epoch := g.epoch + 1
	for epoch%nodes != uint64(g.n.id+1)%nodes {
		epoch++
	}
	g.epoch, g.vote = epoch, g.n.id
	g.becomeLeader()
}

// becomeLeader takes up leadership in the current epoch. Nothing is said before that epoch is durable.
func (g *group) becomeLeader() {
	g.n.mark(refimpl.MarkElected)
	if g.leader != g.n.id && g.epoch > 1 {
		g.n.mark(refimpl.MarkFailover)
	}
	g.role, g.leader, g.leaderEpoch, g.ready = refimpl.Leader, g.n.id, g.epoch, true
	g.flags, g.led, g.taken = g.flags|flagLed, g.epoch, map[uint64]uint64{}
	g.persist()
	g.leading = leading{peers: make([]peer, g.n.cfg.Nodes), lease: -1 << 62}
	for i := range g.leading.peers {
		g.leading.peers[i] = peer{next: g.last() + 1, ackAt: g.n.now}
	}
	if g.shipping() || g.has(refimpl.BugLogTakenAsCommitted) {
		g.commit = g.last()
		g.applyTo(g.commit)
	}
	g.leading.began = g.append(refimpl.Entry{Epoch: g.epoch})
	g.noteTail()
	g.timerAt = g.n.now + g.n.cfg.Heartbeat
	g.confirm()
}

// stepDown gives leadership up: what clients wait for may or may not happen.
func (g *group) stepDown() {
	g.n.mark(refimpl.MarkSteppedDown)
	for _, w := range g.leading.waiters {
		g.reply(w.to, refimpl.Reply{Seq: w.seq, Err: refimpl.ErrDeposed, Leader: refimpl.Nobody})
	}
	for i := range g.leading.reads {
		g.leading.reads[i].refuse(g)
	}
	g.leading = leading{}
	g.heardAt = g.n.now
}

// beat is the leader's periodic duty: a sign of life, entries sent again where no answer came, and the
// question whether a majority still is there.
func (g *group) beat() {
	cfg := g.n.cfg
	if cfg.Failover == refimpl.Quorum && !g.inTouch() {
		g.follow(g.epoch, refimpl.Nobody)
		return
	}
	g.timerAt = g.n.now + cfg.Heartbeat
	for i := range g.leading.peers {
		p := &g.leading.peers[i]
		if p.flying && g.n.now-p.sentAt >= cfg.Heartbeat {
			p.flying = false
		}
	}
	g.confirm()
	if cfg.Replication == refimpl.SemiSync {
		g.advance() // a silent follower may have to be replaced
	}
}

// inTouch reports whether a majority answered within twice failover_timeout: by then the others, if they are
// alive, have elected another, and clients had better look there.
func (g *group) inTouch() bool {
	count := 1
	for i := range g.leading.peers {
		p := &g.leading.peers[i]
		if refimpl.Addr(i) != g.n.id && !p.learner && g.n.now-p.ackAt < 2*g.n.cfg.FailoverTimeout {
			count++
		}
	}
	return count > g.n.cfg.Nodes/2
}

// confirm begins a round of leadership confirmation; entries that a follower lacks go with it.
func (g *group) confirm() {
	l := &g.leading
	l.seq++
	l.rounds = append(l.rounds, round{l.seq, g.leaseNow()})
	for i := range l.peers {
		if refimpl.Addr(i) != g.n.id {
			g.sendAppend(refimpl.Addr(i), true)
		}
	}
	g.confirmed() // alone, it is a majority by itself
}

// sendAppend sends a follower the entries it lacks, one message at a time; with always an empty message
// when there is nothing to send or entries are under way.
func (g *group) sendAppend(to refimpl.Addr, always bool) {
	p := &g.leading.peers[to]
	fresh := !p.flying && p.next <= g.last()
	if !fresh && !always {
		return
	}
	m := g.message(msgAppend)
	m.Index, m.PrevEpoch = p.next-1, g.epochAt(p.next-1)
	m.Commit, m.Seq = g.commit, g.leading.seq
	if fresh {
		end := min(g.last(), p.next-1+maxBatch)
		m.Entries = g.log[p.next-1 : end : end]
		p.flying, p.sentAt = true, g.n.now
	}
	g.n.sendAfter(g.meta, to, m)
}

// maxBatch is the most entries in one message.
const maxBatch = 1024

// onAppendReply takes in a follower's answer.
func (g *group) onAppendReply(from refimpl.Addr, m *refimpl.Message) {
	if m.Epoch > g.epoch && g.n.cfg.Fencing {
		g.follow(m.Epoch, refimpl.Nobody)
		return
	}
	if g.role != refimpl.Leader || m.Epoch != g.epoch {
		return
	}
	p := &g.leading.peers[from]
	p.ackAt, p.learner = g.n.now, m.PrevEpoch == 1
	p.ackSeq = max(p.ackSeq, m.Seq)
	if m.Flag {
		if m.Index > p.match {
			p.match = m.Index
		}
		if m.Index >= p.next {
			p.next, p.flying = m.Index+1, false
		}
		g.advance()
	} else {
		// A follower can have less than it acknowledged once: its disk may have lied or lost.
		p.next, p.flying = m.Index+1, false
		p.match = min(p.match, m.Index)
	}
	g.confirmed()
	g.sendAppend(from, false)
}

// advance moves the commit index as far as the replication policy allows, applies and answers.
func (g *group) advance() {
	index := g.replicated()
	if !g.shipping() && g.epochAt(index) != g.epoch {
		return // only entries of its own epoch are committed by counting (Raft, section 5.4.2)
	}
	if index <= g.commit {
		return
	}
	before := g.commit
	g.commit = index
	for g.state.applied < g.commit {
		rec, again := g.applyNext()
		g.answer(g.state.applied, rec, again)
	}
	if g.has(refimpl.BugUncommittedShown) {
		g.answerApplied()
	}
	if before < g.leading.began && g.commit >= g.leading.began {
		g.beginReads()
	}
}

// replicated returns the index up to which enough members have the log.
func (g *group) replicated() int64 {
	switch g.n.cfg.Replication {
	case refimpl.Async:
		return g.durable
	case refimpl.Sync:
		return g.onAll()
	case refimpl.SemiSync:
		return g.onSyncFollowers()
	}
	return g.onMajority()
}

func (g *group) onMajority() int64 {
	var buf [refimpl.MaxNodes]int64
	matches := buf[:0]
	if !g.learner() {
		matches = append(matches, g.durable)
	}
	for i := range g.leading.peers {
		if p := &g.leading.peers[i]; refimpl.Addr(i) != g.n.id && !p.learner {
			matches = append(matches, p.match)
		}
	}
	need := g.n.cfg.Nodes/2 + 1
	if need > 1 && g.has(refimpl.BugShortMajority) {
		need--
	}
	if len(matches) < need {
		return 0
	}
	slices.Sort(matches)
	return matches[len(matches)-need]
}

func (g *group) onAll() int64 {
	index := g.durable
	for i := range g.leading.peers {
		if refimpl.Addr(i) != g.n.id {
			index = min(index, g.leading.peers[i].match)
		}
	}
	return index
}

// onSyncFollowers returns the index that the synchronous followers have: the first sync_followers, in
// node order, of those that answered within sync_timeout.
func (g *group) onSyncFollowers() int64 {
	index, need := g.durable, g.n.cfg.SyncFollowers
	for i := range g.leading.peers {
		p := &g.leading.peers[i]
		if refimpl.Addr(i) == g.n.id || need == 0 {
			continue
		}
		silent := g.n.now-p.ackAt >= g.n.cfg.SyncTimeout
		if silent && !p.replaced {
			g.n.mark(refimpl.MarkSyncReplaced)
		}
		p.replaced = silent
		if !silent {
			index = min(index, p.match)
			need--
		}
	}
	if need > 0 {
		return 0
	}
	return index
}

// acks returns the bit mask of the members that have the entry at index.
func (g *group) acks(index int64) uint64 {
	mask := uint64(0)
	for i := range g.leading.peers {
		has := g.leading.peers[i].match >= index
		if refimpl.Addr(i) == g.n.id {
			has = g.durable >= index
		}
		if has {
			mask |= 1 << i
		}
	}
	return mask
}
