package singleleader

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
	"github.com/rashomon-harness/rashomon/refimpl/sim"
)

// ownBugs returns the names of this mode's bugs.
func ownBugs() (names []string) {
	for _, b := range refimpl.BugTable() {
		if b.Mode == refimpl.SingleLeader {
			names = append(names, b.Name)
		}
	}
	return names
}

// TestBugsAreExamined: each bug has a row of its own in the experiment that must find it, and in the
// chapter.
func TestBugsAreExamined(t *testing.T) {
	for _, path := range []string{"../../ci/bugs/single-leader.yaml", "../../docs/16-bugs.md"} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := string(data)
		for _, name := range ownBugs() {
			row := "| `" + name + "` |"
			if strings.HasSuffix(path, ".yaml") {
				row = "  - name: " + name + "\n"
				_, rest, _ := strings.Cut(text, row)
				variant, _, _ := strings.Cut(rest, "  - name: ")
				on := strings.Contains(variant, "bugs: ["+name+"]")
				if !on || !strings.Contains(variant, "must-violate") {
					t.Errorf("%s: %s is not switched on where it must be found", path, name)
				}
			}
			if strings.Count(text, row) != 1 {
				t.Errorf("%s: there is no row for %s, or more than one", path, name)
			}
		}
	}
}

// TestBuggyNodesGoOn: what a bug makes of the data is the checkers' to find; no bug, nor all at once, stops
// a node in its tracks.
func TestBuggyNodesGoOn(t *testing.T) {
	configs := []map[string]any{
		{"reads": "token", "shards": 2},
		{"leader_reads": "lease"},
		{"replication": "async", "failover": "timeout", "leader_reads": "local", "old_leader": "keep"},
	}
	goOn := func(config map[string]any, bugs []any) {
		config["bugs"] = bugs
		a := newArena(t, 1, 5, config)
		acked := a.keepAppending(2)
		a.shake(keyed.New(3), 8)
		if *acked == 0 {
			t.Errorf("%v: nothing was acknowledged", bugs)
		}
	}
	var all []any
	for i, name := range ownBugs() {
		all = append(all, name)
		goOn(configs[i%len(configs)], []any{name})
	}
	for _, config := range configs {
		goOn(config, all)
	}
}

// TestAGapAfterAFailedWrite: a node that ignores failed writes finds a log with a hole, and takes what is
// before the hole.
func TestAGapAfterAFailedWrite(t *testing.T) {
	cfg, errs := refimpl.DecodeConfig(3, map[string]any{"bugs": []any{"fsync-failure-ignored"}})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	entry := refimpl.Entry{Epoch: 1}
	n := New(cfg, 1, &refimpl.Boot{Records: []refimpl.Record{{Kind: refimpl.RecMeta, Epoch: 1},
		{Kind: refimpl.RecEntry, Index: 1, Entry: entry}, {Kind: refimpl.RecEntry, Index: 9, Entry: entry},
		{Kind: refimpl.RecTruncate, Index: 7}}})
	if got := n.groups[0].last(); got != 1 {
		t.Errorf("it has %d entries", got)
	}
}

// keepAppending has that many clients append and read for ever; it returns how many appends were
// acknowledged.
func (a *arena) keepAppending(clients int) *int {
	acked := new(int)
	for c := range clients {
		from := a.client()
		n := int64(0)
		var next func(*client.Result)
		next = func(r *client.Result) {
			if r != nil && r.Err == refimpl.ErrNone {
				*acked++
			}
			n++
			call := client.Call{Op: refimpl.OpAppend, Key: fmt.Sprint("k", c%2), Near: refimpl.Nobody,
				Value: refimpl.Value{Kind: refimpl.Int, Num: n}}
			if n%3 == 0 {
				call.Op = refimpl.OpRead
			}
			a.world.Call(from, &call, next)
		}
		next(nil)
	}
	return acked
}

// shake breaks that many things, one after the other, without looking inside.
func (a *arena) shake(key keyed.Key, times int) {
	for i := range uint64(times) {
		k := key.With(i)
		node := refimpl.Addr(k.Named("node").N(len(a.nodes)))
		heal := a.breakOne(k, fmt.Sprint("f", i), node)
		a.pass(second / 2)
		heal()
		if how := k.Named("disk").N(4); how < 2 {
			failure := []sim.DiskFailure{sim.FailEIO, sim.FailFull}[how]
			a.breakDisk(node, failure, k.Named("wipe").N(2) == 0)
		}
		a.pass(second / 4)
	}
}

// breakDisk has a node's disk fail for a while, and the node start from what is left of it.
func (a *arena) breakDisk(node refimpl.Addr, how sim.DiskFailure, wipe bool) {
	a.world.FailDisk("disk", node, how)
	a.pass(second / 10)
	a.world.HealDisk("disk", node)
	if _, up := a.world.Status(node); up {
		becomes := sim.TearUnsynced
		if wipe {
			becomes = sim.WipeDisk
		}
		a.world.Kill(node, becomes)
	}
	a.world.Start(node)
}
