package singleleader

import (
	"fmt"
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
	"github.com/rashomon-harness/rashomon/refimpl/sim"
)

const second = int64(1_000_000_000)

// arena is a simulated cluster whose nodes' insides the tests look at.
type arena struct {
	t       testing.TB
	cfg     *refimpl.Config
	world   *sim.World
	nodes   []*Node
	clients []refimpl.Addr
	leaders map[uint64]refimpl.Addr // by epoch, of shard 0
	heals   []heal
}

func newArena(t testing.TB, seed uint64, nodes int, config map[string]any) *arena {
	t.Helper()
	cfg, errs := refimpl.DecodeConfig(nodes, config)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	a := &arena{t: t, cfg: cfg, nodes: make([]*Node, nodes), leaders: map[uint64]refimpl.Addr{}}
	a.world = sim.New(sim.Config{Nodes: nodes, Seed: keyed.New(seed),
		NewNode: func(id refimpl.Addr, boot *refimpl.Boot) refimpl.Node {
			a.nodes[id] = New(cfg, id, boot)
			return a.nodes[id]
		}})
	return a
}

// client adds a client.
func (a *arena) client() refimpl.Addr {
	c := client.New(a.cfg, uint64(len(a.clients)+1), client.NewSession(), keyed.New(7))
	a.clients = append(a.clients, a.world.AddClient(c))
	return a.clients[len(a.clients)-1]
}

// call sends a call and returns a pointer to its result, which is filled in when it ends.
func (a *arena) call(from refimpl.Addr, c client.Call) *client.Result {
	res := &client.Result{Err: refimpl.NumErrCodes}
	a.world.Call(from, &c, func(r *client.Result) { *res = *r })
	return res
}

// do carries out a call to its end.
func (a *arena) do(from refimpl.Addr, c client.Call) client.Result {
	res := a.call(from, c)
	for end := a.world.Now() + 10*second; res.Err == refimpl.NumErrCodes && a.world.Now() < end; {
		a.world.RunUntil(end)
	}
	return *res
}

// run lets time pass, checking after every second that what must always hold does.
func (a *arena) run(until int64) {
	for a.world.Now() < until {
		a.world.RunUntil(min(until, a.world.Now()+second/10))
		a.check()
	}
}

// check verifies what elections and replication by majority guarantee at all times: one leader an epoch, and
// the same entries wherever an entry is committed.
func (a *arena) check() {
	a.t.Helper()
	for shard := range a.cfg.Shards {
		var longest *group
		for id, n := range a.nodes {
			if _, up := a.world.Status(refimpl.Addr(id)); !up {
				continue
			}
			g := n.groups[shard]
			if g.role == refimpl.Leader && shard == 0 {
				if other, ok := a.leaders[g.epoch]; ok && other != n.id {
					a.t.Fatalf("epoch %d is led by n%d and n%d", g.epoch, other+1, n.id+1)
				}
				a.leaders[g.epoch] = n.id
			}
			if longest == nil || g.commit > longest.commit {
				longest = g
			}
		}
		if longest == nil {
			continue
		}
		for id, n := range a.nodes {
			if _, up := a.world.Status(refimpl.Addr(id)); !up {
				continue
			}
			g := n.groups[shard]
			for i := range min(g.commit, g.last()) {
				if g.log[i] != longest.log[i] {
					a.t.Fatalf("at %d ms n%d and n%d committed different entries at %d: %+v, %+v",
						a.world.Now()/1e6, n.id+1, longest.n.id+1, i+1, g.log[i], longest.log[i])
				}
			}
		}
	}
}

// torture breaks everything for the given time, by keyed choice, one thing every 200 ms on average.
func (a *arena) torture(key keyed.Key, until int64) {
	nodes := len(a.nodes)
	for i := uint64(0); a.world.Now() < until; i++ {
		k := key.With(i)
		node := refimpl.Addr(k.Named("node").N(nodes))
		id := fmt.Sprint("f", i)
		lasts := k.Named("lasts").Between(second/20, 2*second)
		heal := a.breakOne(k, id, node)
		a.run(a.world.Now() + min(lasts, second/5))
		a.later(a.world.Now()+lasts, heal)
	}
	a.healUntil(1 << 62)
}

// heal is what has to be healed and when.
type heal struct {
	at int64
	do func()
}

// later has something healed at a time; it heals what is due.
func (a *arena) later(at int64, do func()) {
	a.heals = append(a.heals, heal{at, do})
	a.healUntil(a.world.Now())
}

// healUntil heals what is due at t.
func (a *arena) healUntil(t int64) {
	a.heals = slices.DeleteFunc(a.heals, func(h heal) bool {
		if h.at <= t {
			h.do()
		}
		return h.at <= t
	})
}

// breakOne installs one fault and returns what heals it.
func (a *arena) breakOne(k keyed.Key, id string, node refimpl.Addr) (heal func()) {
	w := a.world
	switch k.Named("kind").N(7) {
	case 0:
		w.Cut(id, a.around(node))
		return func() { w.Uncut(id) }
	case 1:
		half := a.around(node)[:len(a.nodes)-1] // one way
		w.Cut(id, half)
		return func() { w.Uncut(id) }
	case 2, 3:
		if _, up := w.Status(node); !up {
			return func() {}
		}
		w.Kill(node, sim.LoseUnsynced)
		return func() { w.Start(node) }
	case 4:
		w.Pause(node)
		return func() { w.Resume(node) }
	case 5:
		w.DriftClock(id, node, k.Named("drift").Between(-50_000, 50_000))
		return func() { w.Unskew(id, node) }
	}
	w.Shape(id, a.around(node), sim.LinkShape{LossPPM: 100_000, DuplicatePPM: 300_000, Jitter: second / 10,
		ReorderPPM: 300_000})
	return func() { w.Unshape(id) }
}

// around returns the links from a node to all others, and then those to it.
func (a *arena) around(node refimpl.Addr) [][2]refimpl.Addr {
	var out, in [][2]refimpl.Addr
	for i := range a.nodes {
		if other := refimpl.Addr(i); other != node {
			out = append(out, [2]refimpl.Addr{node, other})
			in = append(in, [2]refimpl.Addr{other, node})
		}
	}
	return append(out, in...)
}

// TestTortureQuorum breaks a quorum store in every way and looks inside all the time.
func TestTortureQuorum(t *testing.T) {
	for seed := range uint64(8) {
		shards := 1 + int(seed%2)
		a := newArena(t, seed, 5, map[string]any{"shards": shards})
		acked := 0
		for c := range 4 {
			from := a.client()
			n := int64(0)
			var next func(*client.Result)
			next = func(r *client.Result) {
				if r != nil && r.Err == refimpl.ErrNone {
					acked++
				}
				n++
				a.world.Call(from, &client.Call{Op: refimpl.OpAppend, Key: fmt.Sprint("k", c),
					Near:  refimpl.Nobody,
					Value: refimpl.Value{Kind: refimpl.Int, Num: n}}, next)
			}
			next(nil)
		}
		a.torture(keyed.New(seed).Named("torture"), 8*second)
		before := acked
		a.run(a.world.Now() + 5*second)
		if acked == before {
			t.Errorf("seed %d: nothing was acknowledged after healing (%d before)", seed, before)
		}
		if testing.Verbose() {
			t.Logf("seed %d: %d acknowledged, marks %v", seed, acked, a.world.Marks())
		}
	}
}
