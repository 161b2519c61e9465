package singleleader

import (
	"fmt"
	"testing"

	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
	"github.com/rashomon-harness/rashomon/refimpl/sim"
)

// put and get carry an operation out to its end.
func (a *arena) put(from refimpl.Addr, key string, v int64) refimpl.ErrCode {
	return a.do(from, client.Call{Op: refimpl.OpWrite, Key: key, Near: refimpl.Nobody,
		Value: refimpl.Value{Kind: refimpl.Int, Num: v}}).Err
}

func (a *arena) get(from refimpl.Addr, key string, near refimpl.Addr) (int64, refimpl.ErrCode) {
	r := a.do(from, client.Call{Op: refimpl.OpRead, Key: key, Near: near})
	if r.Reply == nil {
		return -1, r.Err
	}
	return r.Reply.Value.Num, r.Err
}

// peek returns what one replica holds.
func (a *arena) peek(from refimpl.Addr, key string, node refimpl.Addr) int64 {
	r := a.do(from, client.Call{Op: refimpl.OpPeek, Key: key, Near: node})
	if r.Reply == nil {
		return -1
	}
	return r.Reply.Value.Num
}

func (a *arena) want(what string, got, want any) {
	a.t.Helper()
	if got != want {
		a.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// pass lets time pass without checks.
func (a *arena) pass(d int64) {
	for end := a.world.Now() + d; a.world.Now() < end; {
		a.world.RunUntil(end)
	}
}

func TestReplicationWithSilentFollowers(t *testing.T) {
	for _, c := range []struct {
		replication string
		silent      int // followers that are paused, of four
		want        refimpl.ErrCode
	}{
		{"sync", 0, refimpl.ErrNone}, {"sync", 1, refimpl.ErrTimeout},
		{"semi-sync", 3, refimpl.ErrNone}, {"semi-sync", 4, refimpl.ErrTimeout},
		{"async", 4, refimpl.ErrNone},
		{"quorum", 2, refimpl.ErrNone}, {"quorum", 3, refimpl.ErrTimeout},
	} {
		t.Run(fmt.Sprintf("%s/%d", c.replication, c.silent), func(t *testing.T) {
			a := newArena(t, 1, 5, map[string]any{"replication": c.replication, "failover": "none"})
			from := a.client()
			a.want("before", a.put(from, "k", 1), refimpl.ErrNone)
			for i := range c.silent {
				a.world.Pause(refimpl.Addr(4 - i))
			}
			a.want("with silent followers", a.put(from, "k", 2), c.want)
		})
	}
}

func TestSemiSyncReplacesTheFirstFollower(t *testing.T) {
	a := newArena(t, 1, 3, map[string]any{"replication": "semi-sync", "failover": "none"})
	from := a.client()
	a.world.Pause(1)
	a.want("write", a.put(from, "k", 1), refimpl.ErrNone)
	a.want("replaced", a.world.Marks()[refimpl.MarkSyncReplaced], int64(1))
}

func TestFailoverByWhom(t *testing.T) {
	for _, c := range []struct {
		failover string
		promote  bool
		want     refimpl.ErrCode
	}{
		{"none", true, refimpl.ErrTimeout}, {"manual", false, refimpl.ErrTimeout},
		{"manual", true, refimpl.ErrNone}, {"timeout", false, refimpl.ErrNone}, {"quorum", false,
			refimpl.ErrNone},
	} {
		t.Run(fmt.Sprintf("%s/%t", c.failover, c.promote), func(t *testing.T) {
			a := newArena(t, 1, 3, map[string]any{"replication": "async", "failover": c.failover,
				"leader_reads": "local"})
			from := a.client()
			a.pass(second / 2)
			a.world.Kill(0, sim.LoseUnsynced)
			if c.promote {
				a.world.Promote(2)
			}
			a.pass(3 * second)
			a.want("write", a.put(from, "k", 1), c.want)
		})
	}
}

func TestOldLeaderReturns(t *testing.T) {
	for _, c := range []struct {
		fence, keep     bool
		leaders         int
		split           bool
		first           int64 // what k1 is at the end at the new leader
		wantAtOldLeader int64
	}{
		{fence: true, leaders: 1, first: 0, wantAtOldLeader: 0},
		{fence: true, keep: true, leaders: 1, first: 1, wantAtOldLeader: 1},
		{fence: false, leaders: 2, split: true, first: 0, wantAtOldLeader: 1},
	} {
		config := map[string]any{"replication": "async", "failover": "timeout", "fencing": c.fence,
			"leader_reads": "local"}
		if c.keep {
			config["old_leader"] = "keep"
		}
		a := newArena(t, 1, 3, config)
		from := a.client()
		a.pass(second / 2)
		a.world.Cut("f", a.around(0))
		a.want("write at the old leader", a.put(from, "k1", 1), refimpl.ErrNone)
		a.pass(3 * second)
		a.world.Uncut("f")
		a.pass(second)
		leaders, newLeader := 0, refimpl.Addr(1)
		for i := range a.nodes {
			if s, _ := a.world.Status(refimpl.Addr(i)); s.Role == refimpl.Leader {
				leaders++
				newLeader = max(newLeader, refimpl.Addr(i))
			}
		}
		a.want("leaders", leaders, c.leaders)
		a.want("split brain reported", a.world.Marks()[refimpl.MarkSplitBrain] > 0, c.split)
		a.want("acknowledged entry cut", a.world.Marks()[refimpl.MarkAckedCut] > 0, true)
		a.want("k1 at the new leader", a.peek(from, "k1", newLeader), c.first)
		a.want("k1 at the old leader", a.peek(from, "k1", 0), c.wantAtOldLeader)
	}
}

func TestCandidates(t *testing.T) {
	for _, c := range []struct {
		candidate string
		want      int64
	}{{"most-up-to-date", 1}, {"first", 0}} {
		a := newArena(t, 1, 3, map[string]any{"replication": "semi-sync", "failover": "timeout",
			"candidate": c.candidate, "election_jitter": 0, "leader_reads": "local"})
		from := a.client()
		a.pass(second / 2)
		// The third node lags, and its clock is ahead: its timeout runs out first.
		a.world.Cut("f", [][2]refimpl.Addr{{0, 2}})
		a.want("write", a.put(from, "k", 1), refimpl.ErrNone)
		a.world.Kill(0, sim.LoseUnsynced)
		a.pass(3 * second)
		v, _ := a.get(from, "k", refimpl.Nobody)
		a.want("k after failover, candidate "+c.candidate, v, c.want)
	}
}

// TestLeaderReadsOfADeposedLeader: the leader is cut off from the others, whose clocks run fast while its own
// runs slow, so that they have elected another before it steps down by itself.
func TestLeaderReadsOfADeposedLeader(t *testing.T) {
	step := func(w *sim.World) { w.StepClock("c", 0, -5*second) }
	for _, c := range []struct {
		config map[string]any
		skew   func(w *sim.World)
		stale  bool
	}{
		{map[string]any{"leader_reads": "local"}, nil, true},
		{map[string]any{"leader_reads": "read-index"}, nil, false},
		{map[string]any{"leader_reads": "lease"}, nil, false},
		{map[string]any{"leader_reads": "lease"}, step, false},
		{map[string]any{"leader_reads": "lease", "lease_margin": 0}, nil, true},
		{map[string]any{"leader_reads": "lease", "lease_clock": "wall"}, nil, false},
		{map[string]any{"leader_reads": "lease", "lease_clock": "wall"}, step, true},
	} {
		c.config["election_jitter"], c.config["retry_after"] = 5, "5ms"
		a := newArena(t, 3, 3, c.config)
		old, other := a.client(), a.client()
		a.put(old, "k", 1)
		for i := range 3 {
			ppm := int64(50_000)
			if i == 0 {
				ppm = -ppm
			}
			a.world.DriftClock("d", refimpl.Addr(i), ppm)
		}
		a.pass(second / 2)
		a.world.Cut("f", a.around(0))
		a.world.Cut("g", [][2]refimpl.Addr{{other, 0}})
		a.want("write at the new leader", a.put(other, "k", 2), refimpl.ErrNone)
		if c.skew != nil {
			c.skew(a.world)
		}
		res := a.call(old, client.Call{Op: refimpl.OpRead, Key: "k", Near: refimpl.Nobody})
		a.pass(4 * ms)
		stale := res.Err == refimpl.ErrNone && res.Reply.By == 0 && res.Reply.Value.Num == 1
		a.want(fmt.Sprint("stale read with ", c.config, " stepped ", c.skew != nil), stale, c.stale)
	}
}

func TestReadRouting(t *testing.T) {
	for _, c := range []struct {
		reads string
		own   int64 // what the writer reads of its key while the followers lag
	}{
		{"leader", 1}, {"own-writes-leader", 1}, {"recent-writes-leader", 1}, {"token", 1}, {"nearest", 0},
	} {
		a := newArena(t, 1, 3, map[string]any{"replication": "async", "failover": "none",
			"leader_reads": "local",
			"reads":        c.reads})
		from := a.client()
		a.world.Cut("f", a.around(0))
		a.put(from, "k", 1)
		for range 10 {
			v, err := a.get(from, "k", 2)
			a.want(c.reads, v, c.own)
			a.want(c.reads, err, refimpl.ErrNone)
		}
	}
}

func TestRecentWritesWindow(t *testing.T) {
	a := newArena(t, 1, 3, map[string]any{"replication": "async", "failover": "none", "leader_reads": "local",
		"reads": "recent-writes-leader", "recent_window": "500ms"})
	from := a.client()
	a.world.Cut("f", a.around(0))
	a.put(from, "k", 1)
	a.pass(second)
	stale := 0
	for range 20 {
		if v, _ := a.get(from, "k", refimpl.Nobody); v == 0 {
			stale++
		}
	}
	if stale == 0 {
		t.Error("the lag outlasts the window, yet no read was stale")
	}
}

func TestSessionScope(t *testing.T) {
	for _, c := range []struct {
		scope string
		stale bool
	}{{"device", true}, {"user", false}} {
		a := newArena(t, 1, 2, map[string]any{"replication": "async", "failover": "none", "reads": "token",
			"session_scope": c.scope})
		shared := client.NewSession()
		phone := a.world.AddClient(client.New(a.cfg, 101, shared, 7))
		laptop := a.world.AddClient(client.New(a.cfg, 102, shared, 7))
		a.world.Cut("f", a.around(0))
		a.put(phone, "k", 1)
		stale := false
		for range 10 {
			v, _ := a.get(laptop, "k", refimpl.Nobody)
			stale = stale || v == 0
		}
		a.want("another device reads before the write, scope "+c.scope, stale, c.stale)
	}
}

func TestTokenOfADiscardedBranch(t *testing.T) {
	a := newArena(t, 1, 3, map[string]any{"replication": "async", "failover": "timeout", "reads": "token"})
	from := a.client()
	a.pass(second / 2)
	a.world.Cut("f", a.around(0))
	a.put(from, "k", 1)
	a.pass(3 * second)
	a.world.Uncut("f")
	a.pass(second)
	_, err := a.get(from, "k", refimpl.Nobody)
	a.want("read", err, refimpl.ErrTokenLost)
	a.want("write", a.put(from, "k", 2), refimpl.ErrTokenLost)
}

func TestClientsLearnOfANewLeader(t *testing.T) {
	for _, c := range []struct {
		clients string
		want    refimpl.ErrCode
	}{{"static", refimpl.ErrNotLeader}, {"ask", refimpl.ErrNone}, {"redirect", refimpl.ErrNone}} {
		a := newArena(t, 1, 3, map[string]any{"clients": c.clients})
		from := a.client()
		a.pass(second / 2)
		a.world.Kill(0, sim.LoseUnsynced)
		a.pass(3 * second)
		a.world.Start(0)
		a.pass(second)
		a.put(from, "k", 1) // a static client cannot tell what became of its first attempt
		a.want("write with clients "+c.clients, a.put(from, "k", 2), c.want)
	}
}

func TestFsync(t *testing.T) {
	for _, c := range []struct {
		fsync string
		lost  bool
	}{{"always", false}, {"interval", true}, {"never", true}} {
		a := newArena(t, 1, 1, map[string]any{"fsync": c.fsync, "failover": "none", "fsync_interval": "1s"})
		from := a.client()
		a.pass(100 * ms)
		a.want("write", a.put(from, "k", 1), refimpl.ErrNone)
		a.world.Kill(0, sim.LoseUnsynced)
		a.world.Start(0)
		a.pass(second)
		a.want("lost with fsync "+c.fsync, a.peek(from, "k", 0) == 0, c.lost)
	}
}

func TestCatchUp(t *testing.T) {
	for _, wipe := range []sim.Unsynced{sim.KeepUnsynced, sim.LoseUnsynced, sim.WipeDisk} {
		a := newArena(t, 1, 3, nil)
		from := a.client()
		a.put(from, "k", 1)
		a.world.Kill(2, wipe)
		for v := range int64(50) {
			a.put(from, "k", v+2)
		}
		a.world.Start(2)
		a.pass(second)
		a.want(fmt.Sprint("k at the returned node, ", wipe), a.peek(from, "k", 2), int64(51))
	}
}

// TestWipedMemberDoesNotCount: of three nodes one lost its disk, so that it may have forgotten what it voted
// and acknowledged; with one more down there is no majority.
func TestWipedMemberDoesNotCount(t *testing.T) {
	a := newArena(t, 1, 3, nil)
	from := a.client()
	a.want("write", a.put(from, "k", 1), refimpl.ErrNone)
	a.world.Kill(2, sim.WipeDisk)
	a.world.Start(2)
	a.pass(second)
	a.want("with two that count", a.put(from, "k", 2), refimpl.ErrNone)
	a.world.Kill(1, sim.LoseUnsynced)
	a.want("with one that counts", a.put(from, "k", 3), refimpl.ErrTimeout)
	a.want("its copy", a.peek(from, "k", 2), int64(2))
}

func TestFailedDiskStopsTheNode(t *testing.T) {
	a := newArena(t, 1, 3, nil)
	from := a.client()
	a.put(from, "k", 1)
	a.world.FailDisk("f", 0, sim.FailEIO)
	a.want("write goes on elsewhere", a.put(from, "k", 2), refimpl.ErrNone)
	if a.world.Halted(0) == "" {
		t.Error("the node with the failed disk goes on")
	}
}

func TestShardsLagApart(t *testing.T) {
	a := newArena(t, 1, 3, map[string]any{"shards": 4})
	from := a.client()
	for i := range 20 {
		a.want("write", a.put(from, fmt.Sprint("k", i), int64(i)), refimpl.ErrNone)
	}
	used := 0
	for _, g := range a.nodes[0].groups {
		if g.last() > 1 {
			used++
		}
	}
	if used < 3 {
		t.Errorf("20 keys use %d of 4 shards", used)
	}
	r := a.do(from, client.Call{Op: refimpl.OpRead, Keys: []string{"k1", "k2", "k3", "k4"},
		Near: refimpl.Nobody})
	a.want("read of several shards", r.Err, refimpl.ErrNone)
	a.want("values", fmt.Sprint(r.Reply.Values[0].Num, r.Reply.Values[1].Num, r.Reply.Values[2].Num,
		r.Reply.Values[3].Num), "1 2 3 4")
	txn := []refimpl.Micro{{Op: refimpl.OpWrite, Key: "k1"}, {Op: refimpl.OpWrite, Key: "k2"},
		{Op: refimpl.OpWrite, Key: "k3"}, {Op: refimpl.OpWrite, Key: "k4"}}
	r = a.do(from, client.Call{Op: refimpl.OpTxn, Txn: txn, Near: refimpl.Nobody})
	a.want("transaction over several shards", r.Err, refimpl.ErrCrossShard)
}

// TestCausalTokens: the answer is in another shard than the question, whose followers lag; with tokens a
// replica shows the answer only when it has the question.
func TestCausalTokens(t *testing.T) {
	for _, c := range []struct {
		reads string
		early bool
	}{{"any", true}, {"token", false}} {
		a := newArena(t, 1, 3, map[string]any{"replication": "async", "failover": "none", "shards": 2,
			"reads": c.reads, "leader_reads": "local"})
		asker, answerer, reader := a.client(), a.client(), a.client()
		q, ans := "q0", "a0"
		for i := 0; refimpl.ShardOf(q, 2) == refimpl.ShardOf(ans, 2); i++ {
			ans = fmt.Sprint("a", i)
		}
		lag := refimpl.ShardOf(q, 2)
		a.world.OnPacket(func(from, to refimpl.Addr, m *refimpl.Message) sim.Verdict {
			if m.Kind == msgAppend && m.Shard == lag {
				return sim.Verdict{Action: sim.Drop}
			}
			return sim.Verdict{}
		})
		a.put(asker, q, 1)
		for v := int64(0); v == 0; v, _ = a.get(answerer, q, refimpl.Nobody) {
		}
		a.put(answerer, ans, 1)
		a.pass(second)
		early := false
		for range 20 {
			r := a.do(reader, client.Call{Op: refimpl.OpRead, Keys: []string{q, ans}, Near: refimpl.Nobody})
			early = early || r.Err == refimpl.ErrNone && r.Reply.Values[0].Num == 0 &&
				r.Reply.Values[1].Num == 1
		}
		a.want("answer before question with reads "+c.reads, early, c.early)
	}
}
