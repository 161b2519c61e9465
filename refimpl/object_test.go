package refimpl

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestVectors checks what is in vectors that were put together.
func TestVectors(t *testing.T) {
	var none Vector
	a := none.With(Dot{2, 3}).With(Dot{1, 1})
	b := none.With(Dot{1, 4})
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"sorted by node", a, Vector{{1, 1}, {2, 3}}},
		{"none of a node", a.Of(3), int64(0)},
		{"the last", a.Has(Dot{2, 3}), true},
		{"one beyond", a.Has(Dot{2, 4}), false},
		{"of a node that is not there", a.Has(Dot{0, 1}), false},
		{"fewer are in it already", a.With(Dot{2, 2}), a},
		{"no writes", none.With(Dot{1, 0}), none},
		{"joined", a.Join(b), Vector{{1, 4}, {2, 3}}},
		{"the other way round", b.Join(a), Vector{{1, 4}, {2, 3}}},
		{"a has not been changed", a, Vector{{1, 1}, {2, 3}}},
		{"concurrent", a.Covers(b) || b.Covers(a), false},
		{"joined covers both", a.Join(b).Covers(a) && a.Join(b).Covers(b), true},
		{"everything covers nothing", none.Covers(none) && a.Covers(none) && !none.Covers(a), true},
	} {
		if fmt.Sprint(c.got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v", c.what, c.got, c.want)
		}
	}
}

// twin is what a replica knows, or a client has read, by definition: writes, each with the writes that it
// supersedes, directly or not.
type twin map[int64]map[int64]bool

// survivors returns the writes that no other known one supersedes.
func (w twin) survivors() []int64 {
	var list []int64
	for e := range w {
		superseded := false
		for _, past := range w {
			superseded = superseded || past[e]
		}
		if !superseded {
			list = append(list, e)
		}
	}
	slices.Sort(list)
	return list
}

// TestAgainstHappensBefore compares random runs of clients and replicas with the definition: clients read a
// replica, write through any with what they read last as context, and replicas send each other what they
// know, in any order, old states and the same state twice too.
func TestAgainstHappensBefore(t *testing.T) {
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 5))
		const nodes, clients = 3, 3
		var objects [nodes]Object
		var known [nodes]twin
		var contexts [clients]Vector
		var read [clients]twin
		var sent []Object // states that are under way
		var sentTwins []twin
		for i := range known {
			known[i] = twin{}
		}
		for event := int64(1); event <= 25; event++ {
			n, c := rng.IntN(nodes), rng.IntN(clients)
			switch rng.IntN(4) {
			case 0:
				contexts[c], read[c] = objects[n].Seen, maps.Clone(known[n])
			case 1:
				objects[n], _ = objects[n].Write(uint64(n), contexts[c], Value{Kind: Int,
					Num: event}, false)
				// Its context supersedes all that was read, and of that the node knows now too.
				past := map[int64]bool{}
				for e := range read[c] {
					past[e] = true
				}
				known[n] = maps.Clone(known[n])
				maps.Copy(known[n], read[c])
				known[n][event] = past
			case 2:
				sent, sentTwins = append(sent, objects[n]), append(sentTwins, maps.Clone(known[n]))
			case 3:
				if len(sent) > 0 {
					at := rng.IntN(len(sent))
					objects[n] = Merge(objects[n], sent[at])
					maps.Copy(known[n], sentTwins[at])
				}
			}
			got := []int64(nil)
			for _, s := range objects[n].Siblings {
				got = append(got, s.Value.Num)
			}
			slices.Sort(got)
			if want := known[n].survivors(); !slices.Equal(got, want) {
				t.Fatalf("seed %d, event %d: node %d has %v, want %v", seed, event, n, got, want)
			}
		}
		for _, a := range objects {
			for _, b := range objects {
				if x, y := Merge(a, b), Merge(b, a); fmt.Sprint(x) != fmt.Sprint(y) ||
					fmt.Sprint(Merge(x, a)) != fmt.Sprint(x) {
					t.Fatalf("seed %d: merging %v and %v depends on the order", seed, a, b)
				}
			}
		}
	}
}

// TestWriteBesideAndOver draws the three cases that version vectors of nodes alone confuse.
func TestWriteBesideAndOver(t *testing.T) {
	value := func(n int64) Value { return Value{Kind: Int, Num: n} }
	blind, first := Object{}.Write(1, nil, value(1), false)
	blind, second := blind.Write(1, nil, value(2), false)
	if len(blind.Siblings) != 2 || first == second {
		t.Errorf("two writes that know nothing, through one node: %v", blind)
	}
	over, _ := blind.Write(1, blind.Seen, value(3), false)
	if len(over.Siblings) != 1 || over.Siblings[0].Value.Num != 3 {
		t.Errorf("a write that knows both: %v", over)
	}
	if back := Merge(over, blind); len(back.Siblings) != 1 {
		t.Errorf("what was superseded came back: %v", back)
	}
	gone, _ := over.Write(2, over.Seen, Value{}, true)
	if back := Merge(over, gone); len(back.Siblings) != 1 || !back.Siblings[0].Deleted {
		t.Errorf("a delete that knew it: %v", back)
	}
}
