package singleleader

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
	"github.com/rashomon-harness/rashomon/refimpl/sim"
)

var rewrite = flag.Bool("rewrite", false, "write the golden transcripts anew")

// scribe writes down what goes into a node and what comes out, leaving out signs of life.
type scribe struct {
	*Node
	out *strings.Builder
	now func() int64
}

func (s *scribe) Step(in *refimpl.Input, fx *refimpl.Effects) {
	before := s.roles()
	line := ""
	if in.Kind == refimpl.InMessage {
		line = describe(in.Msg)
	}
	if line != "" {
		s.say("%s ← %s  %s", name(s.id, s.cfg), name(in.From, s.cfg), line)
	}
	s.Node.Step(in, fx)
	for i := range fx.Writes {
		for _, r := range fx.Writes[i].Records {
			s.say("%s   disk: %s", name(s.id, s.cfg), describeRecord(&r))
		}
	}
	for i := range fx.Sends {
		if m := &fx.Sends[i].Msg; m.Kind == refimpl.MsgReply {
			s.say("%s → %s  %s", name(s.id, s.cfg), name(fx.Sends[i].To, s.cfg), describe(m))
		}
	}
	if after := s.roles(); after != before {
		s.say("%s   is now %s", name(s.id, s.cfg), after)
	}
}

func (s *scribe) roles() string {
	g := s.groups[0]
	return fmt.Sprintf("%v of epoch %d", g.role, g.epoch)
}

func (s *scribe) say(format string, args ...any) {
	fmt.Fprintf(s.out, "%8.2f ms  ", float64(s.now())/1e6)
	fmt.Fprintf(s.out, format+"\n", args...)
}

func name(a refimpl.Addr, cfg *refimpl.Config) string {
	if int(a) < cfg.Nodes {
		return fmt.Sprint("n", a+1)
	}
	return fmt.Sprint("c", int(a)-cfg.Nodes+1)
}

// describe puts a message in words, "" for signs of life and their answers.
func describe(m *refimpl.Message) string {
	switch m.Kind {
	case refimpl.MsgRequest:
		return fmt.Sprintf("request %d.%d: %s for epoch %d", m.Req.Client, m.Req.Seq, describeRequest(m.Req),
			m.Epoch)
	case refimpl.MsgReply:
		if m.Reply.Err != refimpl.ErrNone {
			return fmt.Sprintf("refused: %v, leader %d of epoch %d", m.Reply.Err, m.Reply.Leader+1,
				m.Reply.Epoch)
		}
		return fmt.Sprintf("ok %s at %v", describeValue(m.Reply.Value), m.Reply.At)
	case msgAppend:
		if len(m.Entries) == 0 {
			return ""
		}
		return fmt.Sprintf("append e%d after (e%d,%d): %s, commit %d", m.Epoch, m.PrevEpoch, m.Index,
			describeEntries(m.Entries), m.Commit)
	case msgAppendReply:
		if m.Flag {
			return ""
		}
		return fmt.Sprintf("no, e%d: go back to %d", m.Epoch, m.Index)
	case msgVote:
		return fmt.Sprintf("vote e%d (only asking: %t) for a log up to (e%d,%d)?", m.Epoch, m.Flag,
			m.PrevEpoch, m.Index)
	case msgVoteReply:
		return fmt.Sprintf("vote e%d: %t", m.Epoch, m.Flag)
	case msgPosition:
		return "how long is your log?"
	case msgPositionReply:
		return fmt.Sprintf("up to (e%d,%d)", m.PrevEpoch, m.Index)
	case msgTakeOver:
		return "take over"
	case msgKept:
		return "kept: " + describeRequest(m.Req)
	}
	return fmt.Sprint("message ", m.Kind)
}

func describeEntries(entries []refimpl.Entry) string {
	parts := make([]string, len(entries))
	for i, e := range entries {
		parts[i] = fmt.Sprintf("e%d %s", e.Epoch, describeRequest(e.Req))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func describeRequest(r *refimpl.Request) string {
	switch {
	case r == nil:
		return "no-op"
	case r.Op == refimpl.OpWrite:
		return fmt.Sprintf("%s=%s", r.Key, describeValue(r.Value))
	case r.Op == refimpl.OpRead && r.Local:
		return fmt.Sprintf("read %s, token %v", r.Key, r.Token)
	case r.Op == refimpl.OpRead:
		return fmt.Sprintf("read %s", r.Key)
	}
	return fmt.Sprintf("op %d on %s", r.Op, r.Key)
}

func describeValue(v refimpl.Value) string {
	if v.Kind == refimpl.Nil {
		return "∅"
	}
	return fmt.Sprint(v.Num)
}

func describeRecord(r *refimpl.Record) string {
	switch r.Kind {
	case refimpl.RecMeta:
		return fmt.Sprintf("epoch %d, vote n%d", r.Epoch, r.Vote+1)
	case refimpl.RecEntry:
		return fmt.Sprintf("entry %d: e%d %s", r.Index, r.Entry.Epoch, describeRequest(r.Entry.Req))
	case refimpl.RecTruncate:
		return fmt.Sprintf("cut from %d on", r.Index)
	}
	return "sync"
}

// scene is a scripted run whose transcript is compared with a golden file.
type scene struct {
	*arena
	out strings.Builder
}

func newScene(t *testing.T, nodes int, config map[string]any) *scene {
	s := &scene{arena: newArena(t, 1, nodes, config)}
	s.world = sim.New(sim.Config{Nodes: nodes, Seed: keyed.New(1),
		NewNode: func(id refimpl.Addr, boot *refimpl.Boot) refimpl.Node {
			s.nodes[id] = New(s.cfg, id, boot)
			return &scribe{s.nodes[id], &s.out, func() int64 { return s.world.Now() }}
		}})
	return s
}

// prose puts a line of explanation between the lines of the transcript.
func (s *scene) prose(text string) { fmt.Fprintf(&s.out, "\n# %s\n", text) }

func (s *scene) write(from refimpl.Addr, value int64) *client.Result {
	return s.call(from, client.Call{Op: refimpl.OpWrite, Key: "k", Near: refimpl.Nobody,
		Value: refimpl.Value{Kind: refimpl.Int, Num: value}})
}

func (s *scene) read(from, near refimpl.Addr) *client.Result {
	return s.call(from, client.Call{Op: refimpl.OpRead, Key: "k", Near: near})
}

func (s *scene) pass(d int64) {
	for end := s.world.Now() + d; s.world.Now() < end; {
		s.world.RunUntil(end)
	}
}

func (s *scene) golden(file string) {
	s.t.Helper()
	path := filepath.Join("testdata", file+".txt")
	if *rewrite {
		if err := os.WriteFile(path, []byte(s.out.String()), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if got := s.out.String(); got != string(want) {
		s.t.Errorf("%s differs; run the test with -rewrite and read the change. Got:\n%s", path, got)
	}
}

const ms = int64(1_000_000)

func TestTranscriptQuorumWriteAndRead(t *testing.T) {
	s := newScene(t, 3, nil)
	c := s.client()
	s.prose("The first node leads epoch 1 from the start; a write is ok when two of three have it on disk.")
	s.write(c, 7)
	s.pass(20 * ms)
	s.prose("A read waits until a majority has confirmed that the leader still leads.")
	s.read(c, refimpl.Nobody)
	s.pass(20 * ms)
	s.golden("quorum-write-and-read")
}

func TestTranscriptConflict(t *testing.T) {
	s := newScene(t, 3, nil)
	c, d := s.client(), s.client()
	s.write(c, 1)
	s.pass(150 * ms)
	s.prose("The leader is cut off with a client; what it takes is never committed.")
	s.world.Cut("f1", s.around(0))
	s.write(c, 2)
	s.pass(600 * ms)
	s.prose("The others elect a leader; the old one steps down, as it hears from no majority.")
	s.pass(1900 * ms)
	s.prose("A client of the old leader is told by the others where to go.")
	s.write(d, 3)
	s.pass(1000 * ms)
	s.prose("After healing the old leader's entry is cut and replaced.")
	s.world.Uncut("f1")
	s.pass(200 * ms)
	s.golden("conflict")
}

func TestTranscriptTokenWait(t *testing.T) {
	s := newScene(t, 2, map[string]any{"replication": "async", "failover": "none", "reads": "token",
		"retry_after": "1s"})
	c := s.client()
	s.prose("The follower is cut off; the leader acknowledges all the same.")
	s.world.Cut("f1", s.around(0))
	s.write(c, 5)
	s.pass(50 * ms)
	s.prose("A read at the follower waits for the session's token, until the follower has caught up.")
	for range 4 { // reads go anywhere: some go to the leader
		s.read(c, refimpl.Nobody)
		s.pass(10 * ms)
	}
	s.world.Uncut("f1")
	s.pass(120 * ms)
	s.golden("token-wait")
}

func TestTranscriptSplitBrain(t *testing.T) {
	s := newScene(t, 3, map[string]any{"replication": "async", "failover": "timeout", "fencing": false,
		"leader_reads": "local"})
	c, d := s.client(), s.client()
	s.write(c, 1)
	s.pass(150 * ms)
	s.prose("The leader is cut off from the others, not from its client: it goes on.")
	s.world.Cut("f1", s.around(0))
	s.write(c, 2)
	s.pass(1500 * ms)
	s.prose("The others have promoted one of them; another client is told, and writes there.")
	s.write(d, 3)
	s.pass(20 * ms)
	s.read(c, refimpl.Nobody)
	s.pass(20 * ms)
	s.prose("After healing nothing stops the old leader: both go on, and the follower takes from both.")
	s.world.Uncut("f1")
	s.pass(250 * ms)
	s.golden("split-brain")
}

func TestTranscriptFencedTakeOver(t *testing.T) {
	s := newScene(t, 3, map[string]any{"replication": "async", "failover": "timeout"})
	c := s.client()
	s.prose("One follower lags; the leader dies.")
	s.world.Cut("f1", [][2]refimpl.Addr{{0, 1}})
	s.write(c, 1)
	s.pass(20 * ms)
	s.world.Uncut("f1")
	s.world.Kill(0, sim.LoseUnsynced)
	s.prose("Whoever's timeout runs out first compares the logs, and leaves it to the one that is ahead.")
	s.pass(1800 * ms)
	s.prose("The old leader returns, and follows.")
	s.world.Start(0)
	s.pass(200 * ms)
	s.golden("fenced-take-over")
}
