package singleleader

import (
	"math"
	"slices"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// waitingRead is a read that waits until the node has reached its token.
type waitingRead struct {
	from     refimpl.Addr
	req      *refimpl.Request
	deadline int64
}

// leaderRead is a read that waits until it is sure that the node still leads.
type leaderRead struct {
	need uint64 // the round that has to be answered; never before the epoch's first entry is committed
	from refimpl.Addr
	req  *refimpl.Request
	left *int // shards that are not yet sure; negative once it was refused
}

const noRoundYet = math.MaxUint64

// forShards calls do for the member of every shard that the request reads from.
func (n *Node) forShards(req *refimpl.Request, do func(*group)) {
	if len(req.Keys) == 0 {
		do(n.group(req.Key))
		return
	}
	seen := uint64(0)
	for _, k := range req.Keys {
		g := n.group(k)
		if seen&(1<<g.shard) == 0 {
			seen |= 1 << g.shard
			do(g)
		}
	}
}

// tokenState is where a replica stands to a token.
type tokenState uint8

const (
	tokenReached tokenState = iota
	tokenAhead              // the replica may still get there
	tokenLost               // it never will: its log has taken another branch
)

// reached compares the state with a token. The pair of epoch and index names an entry; epochs rise along
// a log, so that an entry of a later epoch at or before the token's index means that the token's was
// discarded.
func (g *group) reached(token []refimpl.Position) tokenState {
	for _, t := range token {
		if t.Shard != g.shard || t.Index == 0 {
			continue
		}
		at := min(t.Index, g.last())
		anyEpoch := g.has(refimpl.BugTokenIndexOnly)
		if g.epochAt(at) > t.Epoch && !anyEpoch {
			return tokenLost
		}
		if g.state.applied < t.Index || g.epochAt(t.Index) != t.Epoch && !anyEpoch {
			return tokenAhead
		}
	}
	return tokenReached
}

// serveLocal answers a read from this replica, as soon as it has reached the token.
func (n *Node) serveLocal(from refimpl.Addr, req *refimpl.Request) {
	if n.tryLocal(from, req) {
		return
	}
	n.mark(refimpl.MarkTokenWait)
	n.waits = append(n.waits, waitingRead{from, req, n.now + n.cfg.TokenWait})
}

// tryLocal answers a read unless it has to wait.
func (n *Node) tryLocal(from refimpl.Addr, req *refimpl.Request) (answered bool) {
	worst := n.standing(req, req.Token)
	if n.cfg.Bugs.Has(refimpl.BugTokenIgnored) {
		worst = tokenReached
	}
	causal := n.cfg.Reads == refimpl.ReadToken && n.cfg.Shards > 1
	if worst == tokenReached && causal && !n.cfg.Bugs.Has(refimpl.BugCausesIgnored) {
		worst = n.standing(nil, n.causes(req))
	}
	switch worst {
	case tokenAhead:
		return false
	case tokenLost:
		n.mark(refimpl.MarkTokenLost)
		n.groups[0].reply(from, refimpl.Reply{Seq: req.Seq, Err: refimpl.ErrTokenLost,
			Leader: refimpl.Nobody})
	default:
		n.answerRead(from, req)
	}
	return true
}

// standing compares this node with a token, in the shards of a request (nil: in all).
func (n *Node) standing(req *refimpl.Request, token []refimpl.Position) tokenState {
	worst := tokenReached
	look := func(g *group) {
		worst = max(worst, g.reached(token))
		if !g.ready {
			worst = max(worst, tokenAhead)
		}
	}
	if req != nil {
		n.forShards(req, look)
		return worst
	}
	for _, t := range token {
		look(n.groups[t.Shard])
	}
	return worst
}

// causes returns the tokens of the sessions that wrote what the request would read: what they had seen, in
// other shards, has to be visible before what they wrote is.
func (n *Node) causes(req *refimpl.Request) []refimpl.Position {
	var all []refimpl.Position
	add := func(key string) {
		if it := n.group(key).state.items[key]; it != nil {
			all = append(all, it.causes...)
		}
	}
	if len(req.Keys) == 0 {
		add(req.Key)
	}
	for _, k := range req.Keys {
		add(k)
	}
	return all
}

// settleReads answers waiting reads that can be answered now, and gives up those whose time is over.
func (n *Node) settleReads() {
	n.waits = slices.DeleteFunc(n.waits, func(w waitingRead) bool {
		if n.tryLocal(w.from, w.req) {
			return true
		}
		if n.now < w.deadline {
			return false
		}
		n.groups[0].reply(w.from, refimpl.Reply{Seq: w.req.Seq, Err: refimpl.ErrTokenTimeout,
			Leader: refimpl.Nobody})
		return true
	})
}

// answerRead answers from the state as it is.
func (n *Node) answerRead(to refimpl.Addr, req *refimpl.Request) {
	if len(req.Keys) == 0 {
		g := n.group(req.Key)
		it := g.state.read(req.Key)
		r := refimpl.Reply{Seq: req.Seq, Value: it.value, Epoch: it.epoch, Index: it.index, At: g.position(),
			Leader: g.leader, Causes: it.causes}
		g.reply(to, r)
		return
	}
	r := refimpl.Reply{Seq: req.Seq, Values: make([]refimpl.Value, len(req.Keys)), Leader: refimpl.Nobody}
	n.forShards(req, func(g *group) { r.Token = append(r.Token, g.position()) })
	for i, k := range req.Keys {
		it := n.group(k).state.read(k)
		r.Values[i] = it.value
		r.Causes = append(r.Causes, it.causes...)
	}
	n.groups[0].reply(to, r)
}

// serveAsLeader answers a read that only the leader may answer, in the way that leader_reads says.
func (n *Node) serveAsLeader(from refimpl.Addr, m *refimpl.Message) {
	req := m.Req
	led, shards := 0, 0
	var first *group
	n.forShards(req, func(g *group) {
		if first == nil {
			first = g
		}
		shards++
		if g.role == refimpl.Leader {
			led++
		}
	})
	switch {
	case led == 0:
		first.refuse(from, m, refimpl.ErrNotLeader)
	case led < shards:
		first.refuse(from, m, refimpl.ErrCrossShard)
	case n.cfg.LeaderReads == refimpl.Local:
		n.answerRead(from, req)
	default:
		left := &shards
		n.forShards(req, func(g *group) { g.makeSure(leaderRead{noRoundYet, from, req, left}) })
	}
}

// makeSure lets a read wait until the node knows that it leads the shard.
func (g *group) makeSure(r leaderRead) {
	l := &g.leading
	begun := g.shipping() || g.commit >= l.began || g.has(refimpl.BugReadBeforeOwnEntry)
	if begun && g.has(refimpl.BugReadIndexSkipped) {
		r.sure(g)
		return
	}
	if begun && g.n.cfg.LeaderReads == refimpl.Lease && g.leased() {
		g.n.mark(refimpl.MarkLeaseRead)
		r.sure(g)
		return
	}
	if begun {
		r.need = l.seq + 1
	}
	l.reads = append(l.reads, r)
	if begun && l.sure == l.seq {
		g.confirm()
	}
}

// beginReads lets the reads go on that came before the first entry of the epoch was committed: only now
// the leader knows all that was committed before it.
func (g *group) beginReads() {
	waiting := len(g.leading.reads) > 0
	for i := range g.leading.reads {
		g.leading.reads[i].need = min(g.leading.reads[i].need, g.leading.seq+1)
	}
	if waiting {
		g.confirm()
	}
}

// confirmed takes stock of the rounds that a majority has answered, and answers the reads that waited.
func (g *group) confirmed() {
	l := &g.leading
	seq := g.answeredByMajority()
	if seq <= l.sure {
		return
	}
	l.sure = seq
	for len(l.rounds) > 0 && l.rounds[0].seq <= seq {
		l.lease = l.rounds[0].at
		if g.has(refimpl.BugLeaseFromAnswer) {
			l.lease = g.leaseNow()
		}
		l.rounds = l.rounds[1:]
	}
	more := false
	l.reads = slices.DeleteFunc(l.reads, func(r leaderRead) bool {
		if r.need > seq {
			more = more || r.need != noRoundYet
			return false
		}
		g.n.mark(refimpl.MarkReadIndex)
		r.sure(g)
		return true
	})
	if more && l.sure == l.seq {
		g.confirm()
	}
}

// answeredByMajority returns the latest round that a majority, this node included, has answered.
func (g *group) answeredByMajority() uint64 {
	var buf [refimpl.MaxNodes]uint64
	acks := append(buf[:0], g.leading.seq)
	for i := range g.leading.peers {
		if p := &g.leading.peers[i]; refimpl.Addr(i) != g.n.id && !p.learner {
			acks = append(acks, p.ackSeq)
		}
	}
	need := g.n.cfg.Nodes/2 + 1
	if len(acks) < need {
		return 0
	}
	slices.Sort(acks)
	return acks[len(acks)-need]
}

// leased reports whether followers that a majority is made of still keep their promise not to elect.
func (g *group) leased() bool {
	length := g.n.cfg.FailoverTimeout * (100 - g.n.cfg.LeaseMargin) / 100
	if g.has(refimpl.BugLeaseWithoutMargin) {
		length = g.n.cfg.FailoverTimeout
	}
	return g.leaseNow() < g.leading.lease+length
}

func (g *group) leaseNow() int64 {
	if g.n.cfg.LeaseClock == refimpl.Wall {
		return g.n.wall
	}
	return g.n.now
}

// sure is told that the node leads one more of the shards that the read is from.
func (r *leaderRead) sure(g *group) {
	*r.left--
	if *r.left == 0 {
		g.n.answerRead(r.from, r.req)
	}
}

// refuse is told that the node does not lead one of the shards any more.
func (r *leaderRead) refuse(g *group) {
	if *r.left > 0 {
		*r.left = -1 << 30
		g.reply(r.from, refimpl.Reply{Seq: r.req.Seq, Err: refimpl.ErrNotLeader, Leader: refimpl.Nobody})
	}
}
