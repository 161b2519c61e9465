package leaderless

import (
	"testing"

	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
	"github.com/rashomon-harness/rashomon/refimpl/sim"
)

// TestEveryWay writes, reads and deletes with every kind of versions and either coordinator.
func TestEveryWay(t *testing.T) {
	for _, versioning := range []string{"lww", "version-vector", "dotted"} {
		for _, coordinator := range []string{"client", "node"} {
			for _, first := range []bool{false, true} {
				r := newRig(t, 3, map[string]any{"versioning": versioning, "coordinator": coordinator,
					"write_reads_first": first})
				what := versioning + " by " + coordinator
				r.want(what, r.read(0), "nothing")
				r.write(0, 1)
				r.want(what, r.read(1), "1")
				r.write(1, 2)
				r.want(what, r.read(0), "2")
				r.do(0, refimpl.OpDelete, 0)
				r.want(what, r.read(1), "nothing")
				r.write(1, 3)
				r.pass(100 * ms)
				r.want(what, r.held(), "3 3 3 ")
			}
		}
	}
}

// TestConcurrentWrites: two clients who know nothing of each other write through one node.
func TestConcurrentWrites(t *testing.T) {
	for _, c := range []struct{ versioning, coordinator, want, then string }{
		{"lww", "client", "2", "3"},
		{"version-vector", "client", "[1 2 ]", "3"},
		{"version-vector", "node", "2", "3"}, // a vector of nodes takes them for ordered
		{"dotted", "client", "[1 2 ]", "3"},
		{"dotted", "node", "[1 2 ]", "3"},
	} {
		r := newRig(t, 3, map[string]any{"versioning": c.versioning, "coordinator": c.coordinator, "w": 3})
		for i := range 2 {
			res := r.begin(i, client.Call{Op: refimpl.OpWrite, Key: "k", Near: 1,
				Value: refimpl.Value{Kind: refimpl.Int, Num: int64(i + 1)}})
			r.pass(100 * ms)
			if res.Err != refimpl.ErrNone {
				t.Fatalf("%v: %v", c, res.Err)
			}
		}
		r.want(c.versioning+" by "+c.coordinator, r.read(2), c.want)
		r.write(2, 3)
		r.want("over it", r.read(3), c.then)
	}
}

// TestOwnWritesSupersede: a client that coordinates knows what it wrote itself; through a node, what it has
// not read stays beside.
func TestOwnWritesSupersede(t *testing.T) {
	for coordinator, want := range map[string]string{"client": "2", "node": "[2 1 ]"} {
		r := newRig(t, 3, map[string]any{"versioning": "dotted", "coordinator": coordinator})
		r.write(0, 1)
		r.write(0, 2)
		r.want(coordinator, r.read(1), want)
	}
}

// TestCatchingUp: a replica that was down for a write comes to have it in one way only.
func TestCatchingUp(t *testing.T) {
	for _, c := range []struct {
		what   string
		config map[string]any
		before string // after its return
		read   string // after a read by everybody
	}{
		{"nothing", map[string]any{"read_repair": "off"}, "1 1 nothing ", "1 1 nothing "},
		{"async repair", map[string]any{"read_repair": "async"}, "1 1 nothing ", "1 1 1 "},
		{"blocking repair", map[string]any{"read_repair": "blocking", "r": 3, "w": 2}, "1 1 nothing ",
			"1 1 1 "},
		{"anti-entropy", map[string]any{"read_repair": "off", "anti_entropy": "100ms"}, "1 1 1 ", "1 1 1 "},
	} {
		r := newRig(t, 3, c.config)
		r.down(2, sim.KeepUnsynced)
		r.write(0, 1)
		r.up(2)
		r.pass(3 * second)
		r.want(c.what, r.held(), c.before)
		r.read(1)
		r.pass(second)
		r.want(c.what+", read", r.held(), c.read)
	}
}

// TestHints: others take what replicas miss, and hand it over when they are back, from their disks too.
func TestHints(t *testing.T) {
	r := newRig(t, 5, map[string]any{"sloppy": true, "hinted_handoff": true, "read_repair": "off"})
	home := r.nodes[0].ring.of("k").home
	r.down(home[0], sim.KeepUnsynced)
	r.down(home[1], sim.KeepUnsynced)
	r.write(0, 1)
	r.want("read from who stands in", r.read(1), "1")
	holders := 0
	for id, n := range r.nodes {
		if len(n.hints) > 0 {
			holders++
			r.down(refimpl.Addr(id), sim.LoseUnsynced)
			r.up(refimpl.Addr(id))
		}
	}
	if holders != 2 {
		t.Errorf("%d nodes keep hints, want 2", holders)
	}
	r.up(home[0])
	r.up(home[1])
	r.pass(5 * second)
	for _, id := range home {
		o := r.nodes[id].held("k")
		r.want("at home", text(valueOf(r.cfg, &o)), "1")
	}
	for _, n := range r.nodes {
		if len(n.hints) > 0 {
			t.Errorf("n%d still keeps %d hints", n.id+1, len(n.hints))
		}
	}
	strict := newRig(t, 5, nil)
	strict.down(home[0], sim.KeepUnsynced)
	strict.down(home[1], sim.KeepUnsynced)
	strict.want("without", strict.do(0, refimpl.OpWrite, 1).Err.String(), "quorum-not-reached")
}

// TestDeletes: what a replica missed comes back when the trace of the delete is gone.
func TestDeletes(t *testing.T) {
	for _, c := range []struct {
		what   string
		config map[string]any
		away   int64
		want   string
	}{
		{"tombstone", map[string]any{"gc_grace": "10s"}, second, "nothing"},
		{"away for longer", map[string]any{"gc_grace": "1s"}, 3 * second, "1"},
		{"drop", map[string]any{"deletes": "drop"}, second, "1"},
	} {
		for _, versioning := range []string{"lww", "dotted"} {
			c.config["versioning"] = versioning
			c.config["anti_entropy"] = "100ms"
			r := newRig(t, 3, c.config)
			r.write(0, 1)
			r.pass(second)
			r.read(0)
			r.down(2, sim.KeepUnsynced)
			r.do(0, refimpl.OpDelete, 0)
			r.pass(c.away)
			r.up(2)
			r.pass(3 * second)
			r.want(c.what+", "+versioning, r.read(1), c.want)
			r.write(1, 5) // names go on, though replicas have forgotten
			r.pass(second)
			r.want(c.what+", "+versioning+", afterwards", r.read(0), "5")
		}
	}
}

// TestFailedWrites: a write that one replica of three took stays, or is taken back.
func TestFailedWrites(t *testing.T) {
	for policy, want := range map[string]string{"keep": "2 1 1 ", "rollback": "1 1 1 "} {
		for _, versioning := range []string{"lww", "dotted", "version-vector"} {
			r := newRig(t, 3, map[string]any{"failed_write": policy, "versioning": versioning,
				"read_repair": "off"})
			r.write(0, 1)
			r.pass(second)
			client := r.clients[0]
			heal := r.cut([2]refimpl.Addr{client, 1}, [2]refimpl.Addr{client, 2})
			r.want(policy, r.do(0, refimpl.OpWrite, 2).Err.String(), "quorum-not-reached")
			heal()
			r.pass(3 * second)
			r.want(policy+", "+versioning, r.held(), want)
		}
	}
}

// TestDatacenters: a datacenter that is cut off stops only who asks it.
func TestDatacenters(t *testing.T) {
	dcs := map[string]any{"east": []any{"n1", "n2"}, "west": []any{"n3", "n4"}}
	for _, c := range []struct {
		what   string
		config map[string]any
		write  string
		read   string // in the other datacenter, while it is cut off
	}{
		{"global", map[string]any{"quorum": "global"}, "quorum-not-reached", "quorum-not-reached"},
		{"local", map[string]any{"quorum": "local"}, "none", "nothing"},
		{"each", map[string]any{"quorum": "each"}, "quorum-not-reached", "nothing"},
		{"async", map[string]any{"quorum": "local", "cross_dc": "async"}, "none", "nothing"},
	} {
		c.config["datacenters"], c.config["n_per_datacenter"] = dcs, 2
		c.config["read_repair"] = "off"
		r := newRig(t, 4, c.config)
		east, west := r.clients[0], r.clients[1]
		heal := r.cut([2]refimpl.Addr{east, 2}, [2]refimpl.Addr{east, 3}, [2]refimpl.Addr{west, 0},
			[2]refimpl.Addr{west, 1})
		write := r.begin(0, client.Call{Op: refimpl.OpWrite, Key: "k", Near: refimpl.Nobody,
			Value: refimpl.Value{Kind: refimpl.Int, Num: 1}})
		read := r.begin(1, client.Call{Op: refimpl.OpRead, Key: "k", Near: 2})
		r.pass(3 * second)
		r.want(c.what+": write", write.Err.String(), c.write)
		r.want(c.what+": read", r.shown(read), c.read)
		heal()
		r.write(2, 7)
		r.pass(second)
		r.want(c.what+": everywhere", r.held(), "7 7 7 7 ")
	}
}

// TestSets: a list that is merged, and the observed-remove set.
func TestSets(t *testing.T) {
	for siblings, want := range map[string]string{"return": "[[1 2 ] [1 3 ] ]", "merge": "[1 2 3 ]",
		"crdt": "[1 2 3 ]"} {
		r := newRig(t, 3, map[string]any{"versioning": "dotted", "siblings": siblings, "r": 1, "w": 1,
			"read_repair": "off"})
		r.do(0, refimpl.OpAdd, 1)
		r.pass(second)
		// Two that do not reach the other's replicas.
		heal := r.cut([2]refimpl.Addr{r.clients[0], 1}, [2]refimpl.Addr{r.clients[0], 2},
			[2]refimpl.Addr{r.clients[1], 0})
		r.do(0, refimpl.OpAdd, 2)
		r.do(1, refimpl.OpAdd, 3)
		heal()
		r.pass(3 * second)
		r.want(siblings, together(r), want)
	}
}

// together returns what all replicas hold together.
func together(r *rig) string {
	var o refimpl.Object
	for _, n := range r.nodes {
		o = refimpl.Merge(o, n.held("k"))
	}
	return text(valueOf(r.cfg, &o))
}

// TestRemoves: a remove takes away what it has seen, and what was added beside it stays. Merging lists by
// union brings a removed element back.
func TestRemoves(t *testing.T) {
	for siblings, want := range map[string]string{"merge": "[1 2 ]", "crdt": "[2 ]"} {
		r := newRig(t, 3, map[string]any{"versioning": "dotted", "siblings": siblings, "r": 1, "w": 1,
			"read_repair": "off"})
		r.do(0, refimpl.OpAdd, 1)
		r.pass(second)
		r.cut([2]refimpl.Addr{r.clients[0], 1}, [2]refimpl.Addr{r.clients[0], 2},
			[2]refimpl.Addr{r.clients[1], 0})
		r.do(0, refimpl.OpRemove, 1)
		r.do(1, refimpl.OpAdd, 2)
		r.want(siblings, together(r), want)
	}
}

// TestWhatIsNotOffered: definitely refused, and nothing is left behind.
func TestWhatIsNotOffered(t *testing.T) {
	for _, coordinator := range []string{"client", "node"} {
		r := newRig(t, 3, map[string]any{"coordinator": coordinator})
		r.want("cas", r.do(0, refimpl.OpCAS, 1).Err.String(), "unsupported")
		r.want("append", r.do(0, refimpl.OpAppend, 1).Err.String(), "unsupported")
		r.write(0, 1)
		r.want("add to a number", r.do(0, refimpl.OpAdd, 1).Err.String(), "bad-request")
		r.want("still there", r.read(1), "1")
	}
	r := newRig(t, 3, map[string]any{"versioning": "dotted", "siblings": "crdt"})
	r.want("write of a set", r.do(0, refimpl.OpWrite, 1).Err.String(), "unsupported")
}
