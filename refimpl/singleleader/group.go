package singleleader

import "github.com/rashomon-harness/rashomon/refimpl"

// group is a node's membership in the replication of one shard.
type group struct {
	n     *Node
	shard int32

	// On disk.
	epoch uint64          // the latest epoch heard of
	vote  refimpl.Addr    // whom it voted for in epoch
	flags uint32          // flagLearner, flagLed, flagWiped
	log   []refimpl.Entry // entry i is log[i-1]; entries are never overwritten in place
	meta  uint64          // token of the batch that has the latest epoch, vote and flags
	led   uint64          // the latest epoch in which it led itself
	empty bool            // nothing was found on disk

	// In memory.
	state       state
	durable     int64 // the log is durable up to here
	commit      int64 // and known to be committed up to here
	ready       bool  // it has heard what is committed since it started: it may answer reads
	role        refimpl.Role
	leader      refimpl.Addr // whom it follows, Nobody when unknown
	leaderEpoch uint64       // the epoch in which leader leads
	heardAt     int64        // when it last had a reason to wait for a leader
	loyalUntil  int64        // until then it votes for nobody else
	timerAt     int64        // when timer has something to do next
	// taken has the last request of every client that it took as leader of epoch led; nil when it has
	// forgotten, having started anew since.
	taken map[uint64]uint64
	// forgetful: it has started from a disk that may have lost which epochs it led.
	forgetful bool
	attempts  uint64 // elections tried since it last heard from a leader

	electing electing // while role is Candidate
	leading  leading  // while role is Leader
}

// The flags of a member on disk.
const (
	// flagLearner marks a member whose disk came back empty. What it voted and acknowledged before
	// is forgotten, so it must not vote, nor count towards a majority: it follows, as a new member.
	flagLearner = 1 << iota
	// flagLed marks a member that led in its latest epoch.
	flagLed
	// flagWiped marks a member whose disk came back empty at some time, learner or not: what it may
	// have led and taken before is forgotten for good.
	flagWiped
)

func newGroup(n *Node, shard int32) *group {
	undoing := n.cfg.Replication != refimpl.Quorum
	return &group{n: n, shard: shard, vote: refimpl.Nobody, leader: refimpl.Nobody, empty: true,
		state: newState(undoing, n.cfg.Bugs)}
}

// has reports whether the store has that bug.
func (g *group) has(bug refimpl.Bug) bool { return g.n.cfg.Bugs.Has(bug) }

// recover takes in one record from the disk.
func (g *group) recover(rec *refimpl.Record) {
	if rec.Index > g.last()+1 && g.has(refimpl.BugFsyncFailureIgnored) {
		return // what came before it was never written
	}
	switch rec.Kind {
	case refimpl.RecMeta:
		g.epoch, g.vote, g.flags, g.led, g.empty = rec.Epoch, rec.Vote, rec.Flags, rec.Led, false
	case refimpl.RecEntry:
		g.log = append(g.log[:rec.Index-1], rec.Entry)
	case refimpl.RecTruncate:
		g.log = g.log[:rec.Index-1]
	}
}

// start takes up a role after the node has started.
func (g *group) start(fresh bool) {
	g.durable, g.heardAt = g.last(), g.n.now
	if g.n.cfg.LeaderReads == refimpl.Lease && !g.has(refimpl.BugPromiseForgotten) {
		g.promise() // that it may have given before it stopped
	}
	switch {
	case fresh:
		g.setUp()
		return
	case g.empty:
		g.n.mark(refimpl.MarkRejoinedEmpty)
		if !g.has(refimpl.BugWipedVotes) {
			g.flags = flagLearner | flagWiped
		}
		g.persist()
	default:
		g.n.mark(refimpl.MarkRecovered)
		if g.has(refimpl.BugVoteForgotten) {
			g.vote = refimpl.Nobody
		}
	}
	g.forgetful = g.flags&flagWiped != 0 || g.n.cfg.Fsync != refimpl.Always
	if g.shipping() {
		g.applyTo(g.last())
		g.ready = true
	}
	switch {
	case !g.resumes():
		g.waitForLeader()
	case g.n.cfg.Failover == refimpl.Manual && g.n.cfg.Fencing:
		g.comparePositions(true)
		g.electing.resuming = true
	default:
		g.lead()
	}
}

// setUp makes the first node the leader of epoch 1, as if elected by all.
func (g *group) setUp() {
	g.epoch, g.vote, g.ready = 1, 0, true
	g.n.wal.Force() // what makes the node a member is synced whatever the policy
	if g.n.id == 0 {
		g.becomeLeader()
		return
	}
	g.persist()
	g.leader, g.leaderEpoch = 0, 1
	g.waitForLeader()
}

// resumes reports whether a node that led before it stopped goes on leading: nobody else will, or
// nobody stops it.
func (g *group) resumes() bool {
	fixed := g.n.cfg.Failover == refimpl.None || g.n.cfg.Failover == refimpl.Manual
	return g.flags&flagLed != 0 && (fixed || !g.n.cfg.Fencing)
}

// shipping reports whether followers show what they receive at once, as in log shipping, and do not wait
// to hear that it is committed.
func (g *group) shipping() bool { return g.n.cfg.Replication != refimpl.Quorum }

func (g *group) learner() bool { return g.flags&flagLearner != 0 }

// last returns the index of the last entry of the log.
func (g *group) last() int64 { return int64(len(g.log)) }

// epochAt returns the epoch of the entry at index, 0 before the first.
func (g *group) epochAt(index int64) uint64 {
	if index < 1 || index > g.last() {
		return 0
	}
	return g.log[index-1].Epoch
}

// behind reports whether a log that ends with an entry of epoch at index lacks something that g's has.
func (g *group) behind(epoch uint64, index int64) bool {
	own := g.epochAt(g.last())
	return epoch < own || epoch == own && index < g.last()
}

// message returns a message of the group's.
func (g *group) message(kind refimpl.MsgKind) refimpl.Message {
	return refimpl.Message{Kind: kind, Shard: g.shard, Epoch: g.epoch}
}

// persist puts epoch, vote and flags on their way to the disk.
func (g *group) persist() {
	g.meta = g.n.log(refimpl.Record{Kind: refimpl.RecMeta, Shard: g.shard, Epoch: g.epoch, Vote: g.vote,
		Flags: g.flags, Led: g.led})
}

// append adds an entry to the log and returns its index. The caller adds a tail to the batch.
func (g *group) append(e refimpl.Entry) int64 {
	g.log = append(g.log, e)
	g.n.log(refimpl.Record{Kind: refimpl.RecEntry, Shard: g.shard, Index: g.last(), Epoch: e.Epoch, Entry: e})
	return g.last()
}

// noteTail makes the gathering batch report when the log as it is now is durable.
func (g *group) noteTail() {
	waits := g.n.wal.Waits()
	t := tail{g.shard, g.last(), g.epochAt(g.last())}
	if k := len(*waits); k > 0 && (*waits)[k-1].shard == g.shard {
		(*waits)[k-1] = t
		return
	}
	*waits = append(*waits, t)
}

// cut removes the entries after index, from the log and from the state.
func (g *group) cut(index int64) {
	g.n.mark(refimpl.MarkConflictCut)
	if index < g.commit {
		g.n.mark(refimpl.MarkAckedCut)
	}
	if g.n.cfg.OldLeader == refimpl.Keep {
		g.handOver(index)
	}
	// Capping the slice makes the next append copy: messages under way share the old memory.
	g.log = g.log[:index:index]
	g.n.log(refimpl.Record{Kind: refimpl.RecTruncate, Shard: g.shard, Index: index + 1})
	g.durable, g.commit = min(g.durable, index), min(g.commit, index)
	if g.shipping() || g.state.applied <= index {
		g.state.cut(index)
		return
	}
	if g.has(refimpl.BugCommitUnbounded) {
		return // what is applied stays
	}
	// What a majority had is replaced: disks forgot. Nothing was kept to undo that with.
	g.state = newState(false, g.n.cfg.Bugs)
	g.applyTo(index)
}

// durableTo is told that the log is durable up to t, unless it was cut in the meantime.
func (g *group) durableTo(t tail) {
	if g.epochAt(t.index) == t.epoch {
		g.durable = max(g.durable, t.index)
	}
	if g.role == refimpl.Leader {
		g.advance()
	}
}

// applyTo applies entries up to index, as far as the log goes.
func (g *group) applyTo(index int64) {
	for g.state.applied < min(index, g.last()) {
		g.applyNext()
	}
}

func (g *group) applyNext() (*clientRecord, bool) {
	return g.state.apply(g.state.applied+1, &g.log[g.state.applied])
}

// applyAgain applies the last entry that was applied once more, as BugAppliedAgain has it.
func (g *group) applyAgain() {
	if g.state.applied > 0 && g.state.applied <= g.last() {
		g.state.repeat(&g.log[g.state.applied-1])
	}
}

// position is where the state stands: the session token of what is read from it now.
func (g *group) position() refimpl.Position {
	return refimpl.Position{Shard: g.shard, Epoch: g.epochAt(g.state.applied), Index: g.state.applied}
}

// follow makes the node a follower in epoch; leader may be Nobody.
func (g *group) follow(epoch uint64, leader refimpl.Addr) {
	if g.role == refimpl.Leader {
		g.stepDown()
	}
	if epoch != g.epoch {
		g.epoch, g.vote = epoch, refimpl.Nobody
		g.flags &^= flagLed
		g.persist()
	}
	g.role = refimpl.Follower
	if leader != refimpl.Nobody {
		g.leaderEpoch = epoch
	}
	g.leader = leader
	g.waitForLeader()
}

// timer does what is due.
func (g *group) timer() {
	if g.timerAt == 0 || g.n.now < g.timerAt {
		return
	}
	switch g.role {
	case refimpl.Leader:
		g.beat()
	case refimpl.Candidate:
		g.electionOver()
	default:
		g.leaderSilent()
	}
}

// promise makes the node keep out of elections for failover_timeout: leases build on that.
func (g *group) promise() { g.loyalUntil = g.n.now + g.n.cfg.FailoverTimeout }

// waitForLeader sets the timer to the time at which silence means that there is no leader.
func (g *group) waitForLeader() {
	cfg := g.n.cfg
	if g.learner() || cfg.Failover == refimpl.None || cfg.Failover == refimpl.Manual {
		g.timerAt = 0
		return
	}
	g.timerAt = g.heardAt + cfg.FailoverTimeout + g.jitter()
}

// jitter is the random part of a timeout: the same until an epoch or an attempt later.
func (g *group) jitter() int64 {
	most := g.n.cfg.FailoverTimeout * g.n.cfg.ElectionJitter / 100
	key := g.n.key.With(uint64(g.shard)).With2(g.epoch, g.attempts)
	return key.Between(0, most)
}
