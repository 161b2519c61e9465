package leaderless

import (
	"fmt"
	"testing"

	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
	"github.com/rashomon-harness/rashomon/refimpl/sim"
)

// near has a client carry out a write through a node.
func (r *rig) near(c int, node refimpl.Addr, n int64) string {
	r.t.Helper()
	res := r.begin(c, client.Call{Op: refimpl.OpWrite, Key: "k", Near: node,
		Value: refimpl.Value{Kind: refimpl.Int, Num: n}})
	for end := r.world.Now() + 5*second; res.Err == refimpl.NumErrCodes && r.world.Now() < end; {
		r.world.RunUntil(end)
	}
	return res.Err.String()
}

// TestLivesOfACoordinator: a write is for one life of its coordinator. Who does not know that it has
// restarted does not learn what became of the write.
func TestLivesOfACoordinator(t *testing.T) {
	r := newRig(t, 3, map[string]any{"coordinator": "node", "versioning": "dotted"})
	r.want("at first", r.near(0, 1, 1), "none")
	r.down(1, sim.LoseUnsynced)
	r.up(1)
	r.want("after a restart", r.near(0, 1, 2), "restarted")
	r.want("now it is known", r.near(0, 1, 3), "none")
	r.want("nothing was taken for the life before", r.read(1), "[1 3 ]")
	r.down(1, sim.KeepUnsynced)
	r.want("nobody answers", r.near(0, 1, 4), "timeout")
	r.want("another one is asked next", r.near(0, 1, 5), "none")
}

// TestWritesAreTakenOnce: copies of a request, and attempts of it, are one write.
func TestWritesAreTakenOnce(t *testing.T) {
	r := newRig(t, 3, map[string]any{"coordinator": "node", "versioning": "dotted", "retry_after": "1ms"})
	all := [][2]refimpl.Addr{}
	for i := range refimpl.Addr(3) {
		all = append(all, [2]refimpl.Addr{r.clients[0], i}, [2]refimpl.Addr{i, r.clients[0]})
	}
	if err := r.world.Shape("twice", all, sim.LinkShape{DuplicatePPM: 1_000_000}); err != nil {
		t.Fatal(err)
	}
	r.want("write", r.near(0, 0, 1), "none")
	for _, n := range r.nodes {
		if o := n.held("k"); len(o.Siblings) != 1 {
			t.Errorf("n%d has %d versions", n.id+1, len(o.Siblings))
		}
	}
}

// TestEvidence: who took part, what they held, and how long it took.
func TestEvidence(t *testing.T) {
	r := newRig(t, 5, map[string]any{"read_repair": "off"})
	write := r.do(0, refimpl.OpWrite, 1).Reply
	home := r.nodes[0].ring.of("k").mask
	if write.Home != home || write.Acks&^home != 0 || write.Hints != 0 || len(write.Dots) != 1 {
		t.Errorf("a write: %+v, home %b", write, home)
	}
	r.pass(second)
	read := r.do(0, refimpl.OpRead, 0).Reply
	if len(read.Answers) != 2 || fmt.Sprint(read.Dots) != fmt.Sprint(write.Dots) ||
		fmt.Sprint(read.Answers[0].Dots) != fmt.Sprint(write.Dots) {
		t.Errorf("a read: %+v", read)
	}
	stores, fetches := 0, 0
	for _, l := range append(write.Legs, read.Legs...) {
		if l.Out <= 0 || l.Back <= 0 || l.Out > 100*ms {
			t.Errorf("a leg of %d and %d ns", l.Out, l.Back)
		}
		if l.Store {
			stores++
		} else {
			fetches++
		}
	}
	if stores != 3 || fetches != 2 {
		t.Errorf("%d legs of stores, %d of fetches; want all 3 of the write, that of the late answer "+
			"included, and 2",
			stores, fetches)
	}
}

// TestRing: every place has n different home nodes, and everybody else stands in.
func TestRing(t *testing.T) {
	for _, config := range []map[string]any{nil, {"n": 1}, {"n": 5},
		{"n_per_datacenter": 1, "datacenters": map[string]any{"a": []any{"n1", "n2", "n3"},
			"b": []any{"n4", "n5"}}}} {
		r := newRig(t, 5, config)
		held := map[refimpl.Addr]int{}
		for _, p := range r.nodes[0].ring.prefs {
			seen := map[refimpl.Addr]bool{}
			for _, id := range append(append([]refimpl.Addr{}, p.home...), p.others...) {
				seen[id] = true
			}
			if len(p.home) != r.cfg.N || len(seen) != 5 {
				t.Errorf("%v: home %v, others %v", config, p.home, p.others)
			}
			for _, id := range p.home {
				held[id]++
			}
		}
		if len(held) != 5 {
			t.Errorf("%v: %d of 5 nodes hold something", config, len(held))
		}
	}
}

// TestFsyncInterval: without a sync before the acknowledgement a crash of all forgets.
func TestFsyncInterval(t *testing.T) {
	for fsync, want := range map[string]string{"always": "1", "interval": "nothing", "never": "nothing"} {
		r := newRig(t, 3, map[string]any{"fsync": fsync, "fsync_interval": "10s"})
		r.write(0, 1)
		for id := range refimpl.Addr(3) {
			r.down(id, sim.LoseUnsynced)
		}
		for id := range refimpl.Addr(3) {
			r.up(id)
		}
		r.want(fsync, r.read(1), want)
	}
}

// TestAnswersToAnEarlierLife: what a replica answers to a life that has ended is no answer to the next one.
func TestAnswersToAnEarlierLife(t *testing.T) {
	r := newRig(t, 3, map[string]any{"coordinator": "node", "r": 3, "read_repair": "off"})
	r.want("write", r.near(1, 1, 1), "none")
	r.pass(second)
	other := "other"
	for r.nodes[0].ring.of(other) != r.nodes[0].ring.of("k") {
		other += "."
	}
	if err := r.world.Shape("late", [][2]refimpl.Addr{{1, 0}, {2, 0}},
		sim.LinkShape{Delay: 300 * ms}); err != nil {
		t.Fatal(err)
	}
	r.begin(0, client.Call{Op: refimpl.OpRead, Key: "k", Near: 0})
	r.pass(100 * ms)
	r.down(0, sim.KeepUnsynced)
	r.up(0)
	res := r.begin(2, client.Call{Op: refimpl.OpRead, Key: other, Near: 0})
	r.pass(2 * second)
	r.want("another key", r.shown(res), "nothing")
}
