package singleleader

import (
	"testing"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/sim"
)

// single is one node driven by hand, with a disk that is done at once.
type single struct {
	t  *testing.T
	n  *Node
	fx refimpl.Effects
}

func newSingle(t *testing.T, id refimpl.Addr, fresh bool, config map[string]any) *single {
	t.Helper()
	cfg, errs := refimpl.DecodeConfig(3, config)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	s := &single{t: t, n: New(cfg, id, &refimpl.Boot{Fresh: fresh, Incarnation: 1, Key: keyed.New(1)})}
	s.step(refimpl.Input{Kind: refimpl.InTimer})
	return s
}

// step takes one step, and those with which the disk answers; it returns all messages.
func (s *single) step(in refimpl.Input) (sends []refimpl.Send) {
	for done := []refimpl.Input{in}; len(done) > 0; done = done[1:] {
		s.fx.Reset()
		s.n.Step(&done[0], &s.fx)
		sends = append(sends, s.fx.Sends...)
		for _, w := range s.fx.Writes {
			if w.Sync {
				done = append(done, refimpl.Input{Kind: refimpl.InWriteDone, Token: w.Token, Mono: in.Mono})
			}
		}
	}
	return sends
}

func (s *single) receive(from refimpl.Addr, m refimpl.Message) []refimpl.Send {
	return s.step(refimpl.Input{Kind: refimpl.InMessage, From: from, Msg: &m})
}

// request sends the first attempt of a write and returns the answer, ErrTimeout for none.
func (s *single) request(epoch, seq uint64, token ...refimpl.Position) refimpl.ErrCode {
	sends := s.receive(5, refimpl.Message{Kind: refimpl.MsgRequest, Epoch: epoch, Seq: 1,
		Req: &refimpl.Request{Client: 1, Seq: seq, Op: refimpl.OpWrite, Key: "k", Token: token}})
	for _, m := range sends {
		if m.Msg.Kind == refimpl.MsgReply {
			return m.Msg.Reply.Err
		}
	}
	return refimpl.ErrTimeout
}

// TestAForgetfulNodeCannotRefuse: a node that may have forgotten that it led an epoch and took a request
// must not say that the request never takes effect.
func TestAForgetfulNodeCannotRefuse(t *testing.T) {
	for _, c := range []struct {
		name   string
		fresh  bool
		config map[string]any
		want   refimpl.ErrCode
	}{
		{"of a new cluster", true, nil, refimpl.ErrNotLeader},
		{"wiped", false, nil, refimpl.ErrDeposed},
		{"wiped, then a member again", false, map[string]any{"failover": "manual"}, refimpl.ErrDeposed},
	} {
		s := newSingle(t, 1, c.fresh, c.config)
		s.receive(0, refimpl.Message{Kind: msgAppend, Epoch: 4, Seq: 1})
		if got := s.request(2, 1); got != c.want {
			t.Errorf("a node %s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// TestARefusalThatMayNotLast: the leader has not applied what the session has seen, but will; a second
// copy of the request, arriving then, is taken.
func TestARefusalThatMayNotLast(t *testing.T) {
	s := newSingle(t, 0, true, nil)
	if got := s.request(1, 1, refimpl.Position{Epoch: 1, Index: 1}); got != refimpl.ErrDeposed {
		t.Errorf("the first copy: got %v", got)
	}
	s.receive(1, refimpl.Message{Kind: msgAppendReply, Epoch: 1, Index: 1, Flag: true, Seq: 1})
	if got := s.request(1, 1, refimpl.Position{Epoch: 1, Index: 1}); got != refimpl.ErrTimeout {
		t.Errorf("the second copy: got %v", got)
	}
	if got := s.request(1, 2, refimpl.Position{Epoch: 2, Index: 9}); got != refimpl.ErrNotLeader {
		t.Errorf("with a token of a later leader: got %v", got)
	}
}

// TestAWipedNodeIsNotPromoted: what it acknowledged is forgotten, so that it might win without having it.
func TestAWipedNodeIsNotPromoted(t *testing.T) {
	s := newSingle(t, 1, false, nil)
	for _, m := range s.step(refimpl.Input{Kind: refimpl.InPromote}) {
		t.Errorf("it sends a message of kind %d", m.Msg.Kind)
	}
}

// TestAnOrderDoesNotBreakALease: the follower has promised not to elect.
func TestAnOrderDoesNotBreakALease(t *testing.T) {
	s := newSingle(t, 1, true, map[string]any{"leader_reads": "lease"})
	s.receive(0, refimpl.Message{Kind: msgAppend, Epoch: 1, Seq: 1})
	asks := func(at int64) (asks int) {
		for _, m := range s.step(refimpl.Input{Kind: refimpl.InPromote, Mono: at}) {
			if m.Msg.Kind == msgVote {
				asks++
			}
		}
		return asks
	}
	if got := asks(second / 2); got != 0 {
		t.Errorf("it stands for election with a promise given: %d requests for votes", got)
	}
	if got := asks(second); got == 0 {
		t.Error("it does not stand for election though the promise is over")
	}
}

// TestAWipedNodeIsPromotedByOrder: the sign of life that makes a wiped node a member again does not end
// the comparison that the operator ordered.
func TestAWipedNodeIsPromotedByOrder(t *testing.T) {
	s := newSingle(t, 1, false, map[string]any{"failover": "manual"})
	s.step(refimpl.Input{Kind: refimpl.InPromote})
	s.receive(0, refimpl.Message{Kind: msgAppend, Epoch: 0, Seq: 1})
	s.step(refimpl.Input{Kind: refimpl.InTimer, Mono: second})
	if got := s.n.Status().Role; got != refimpl.Leader {
		t.Errorf("it is %v", got)
	}
}

// TestCommittedEntriesCut: with disks that forget, a quorum can replace what a follower has applied. The
// follower's state then is that of the log it has.
func TestCommittedEntriesCut(t *testing.T) {
	s := newSingle(t, 1, true, map[string]any{"fsync": "never"})
	entry := func(epoch, client uint64, v int64) refimpl.Entry {
		return refimpl.Entry{Epoch: epoch, Req: &refimpl.Request{Client: client, Seq: 1, Op: refimpl.OpAppend,
			Key: "k", Value: refimpl.Value{Kind: refimpl.Int, Num: v}}}
	}
	first, lost, instead := entry(1, 1, 1), entry(1, 2, 2), entry(2, 3, 3)
	s.receive(0, refimpl.Message{Kind: msgAppend, Epoch: 1, Entries: []refimpl.Entry{first, lost}, Commit: 2})
	s.receive(2, refimpl.Message{Kind: msgAppend, Epoch: 2, Index: 1, PrevEpoch: 1,
		Entries: []refimpl.Entry{instead}, Commit: 2})
	got := s.n.groups[0].state.read("k").value.List
	if len(got) != 2 || got[0].Num != 1 || got[1].Num != 3 {
		t.Errorf("got %v, want 1 and 3", got)
	}
}

// TestTornSetUp: a crash tore the records that make a node a member of its shards. It has told nobody
// anything, so it is no forgetful member of the shards whose records are lost.
func TestTornSetUp(t *testing.T) {
	cfg, _ := refimpl.DecodeConfig(3, map[string]any{"shards": 2})
	n := New(cfg, 1, &refimpl.Boot{Records: []refimpl.Record{{Kind: refimpl.RecMeta, Epoch: 1, Vote: 0}}})
	n.Step(&refimpl.Input{Kind: refimpl.InTimer}, &refimpl.Effects{})
	for _, g := range n.groups {
		if g.learner() {
			t.Errorf("it is a learner of shard %d", g.shard)
		}
	}
	wiped := []refimpl.Record{{Kind: refimpl.RecMeta, Vote: refimpl.Nobody, Flags: flagLearner | flagWiped}}
	n = New(cfg, 1, &refimpl.Boot{Records: wiped})
	n.Step(&refimpl.Input{Kind: refimpl.InTimer}, &refimpl.Effects{})
	if !n.groups[1].learner() {
		t.Error("a wiped node whose second start was torn votes in the second shard")
	}
}

// TestAWipedNodeStaysHarmless: one wiped node of five, promoted again and again, loses nothing.
func TestAWipedNodeStaysHarmless(t *testing.T) {
	a := newArena(t, 3, 5, nil)
	from := a.client()
	a.run(second)
	for i := range int64(10) {
		a.want("write", a.put(from, "k", i), refimpl.ErrNone)
		a.world.Kill(4, sim.WipeDisk)
		a.world.Start(4)
		a.world.Promote(4)
		a.run(a.world.Now() + second)
		got, err := a.get(from, "k", refimpl.Nobody)
		a.want("read", err, refimpl.ErrNone)
		a.want("value", got, i)
	}
}
