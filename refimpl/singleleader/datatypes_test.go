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

func num(n int64) refimpl.Value { return refimpl.Value{Kind: refimpl.Int, Num: n} }

func nums(n ...int64) refimpl.Value {
	v := refimpl.Value{Kind: refimpl.List}
	for _, one := range n {
		v.List = append(v.List, num(one))
	}
	return v
}

// change is an operation on a key that holds a set or a counter.
type change struct {
	op    refimpl.OpKind
	key   string
	value refimpl.Value
	want  refimpl.ErrCode
	after refimpl.Value
}

// changes are what sets and counters do, and refuse, one after the other.
func changes() []change {
	bad := refimpl.ErrBadRequest
	text := refimpl.Value{Kind: refimpl.Str, Text: "x"}
	return []change{
		{refimpl.OpAdd, "s", num(1), 0, nums(1)},
		{refimpl.OpAdd, "s", num(3), 0, nums(1, 3)},
		{refimpl.OpAdd, "s", num(2), 0, nums(1, 3, 2)},
		{refimpl.OpAdd, "s", num(3), 0, nums(1, 3, 2)},
		{refimpl.OpRemove, "s", num(3), 0, nums(1, 2)},
		{refimpl.OpRemove, "s", num(9), 0, nums(1, 2)},
		{refimpl.OpAdd, "s", num(3), 0, nums(1, 2, 3)},
		{refimpl.OpIncr, "s", num(3), bad, nums(1, 2, 3)},
		{refimpl.OpAppend, "s", num(4), 0, nums(1, 2, 3, 4)}, // a set is a list
		{refimpl.OpRemove, "t", num(1), 0, nums()},
		{refimpl.OpIncr, "c", num(4), 0, num(4)},
		{refimpl.OpIncr, "c", num(-5), 0, num(-1)},
		{refimpl.OpIncr, "c", text, bad, num(-1)},
		{refimpl.OpAdd, "c", num(1), bad, num(-1)},
		{refimpl.OpRemove, "c", num(1), bad, num(-1)},
		{refimpl.OpWrite, "c", text, 0, text},
		{refimpl.OpIncr, "c", num(1), bad, text},
		{refimpl.OpAdd, "c", num(1), bad, text},
		{refimpl.OpDelete, "c", refimpl.Value{}, 0, refimpl.Value{}},
		{refimpl.OpIncr, "c", num(7), 0, num(7)},
	}
}

// Sets and counters in a cluster: what they answer, and that every replica ends up with the same.
func TestSetsAndCounters(t *testing.T) {
	a := newArena(t, 1, 3, nil)
	from := a.client()
	read := func(key string) refimpl.Value {
		r := a.do(from, client.Call{Op: refimpl.OpRead, Key: key, Near: refimpl.Nobody})
		if r.Reply == nil {
			t.Fatalf("read of %s: %v", key, r.Err)
		}
		return r.Reply.Value
	}
	last := map[string]refimpl.Value{}
	for i, c := range changes() {
		r := a.do(from, client.Call{Op: c.op, Key: c.key, Value: c.value, Near: refimpl.Nobody})
		if got := read(c.key); r.Err != c.want || !got.Equal(c.after) {
			t.Errorf("change %d: %v, then %+v; want %v, then %+v", i+1, r.Err, got, c.want, c.after)
		}
		last[c.key] = c.after
	}
	for _, op := range []refimpl.OpKind{refimpl.OpAdd, refimpl.OpRemove, refimpl.OpIncr} {
		r := a.do(from, client.Call{Op: refimpl.OpTxn, Near: refimpl.Nobody, Txn: []refimpl.Micro{
			{Op: refimpl.OpWrite, Key: "s", Value: num(1)}, {Op: op, Key: "s", Value: num(1)}}})
		if r.Err != refimpl.ErrBadRequest {
			t.Errorf("operation %d in a transaction: %v", op, r.Err)
		}
	}
	a.pass(second)
	for key, want := range last {
		for node := range refimpl.Addr(3) {
			r := a.do(from, client.Call{Op: refimpl.OpPeek, Key: key, Near: node})
			if r.Reply == nil || !r.Reply.Value.Equal(want) {
				t.Errorf("n%d holds %+v of %s, want %+v", node+1, r.Reply, key, want)
			}
		}
	}
}

// A cut takes changes back one by one, and what was seen of the values before stays as it was.
func TestCutsOfSetsAndCounters(t *testing.T) {
	s := state{items: map[string]*item{}, clients: map[uint64]*clientRecord{}, undoing: true}
	type view struct{ set, counter refimpl.Value }
	look := func() view { return view{s.read("s").value, s.read("c").value} }
	all := changes()
	views := []view{look()}
	for i, c := range all {
		req := &refimpl.Request{Client: 1, Seq: uint64(i + 1), Op: c.op, Key: c.key, Value: c.value}
		e := refimpl.Entry{Epoch: 1, Req: req}
		if rec, again := s.apply(int64(i+1), &e); rec.err != c.want || again {
			t.Fatalf("change %d: %v, again: %v", i+1, rec.err, again)
		}
		views = append(views, look())
	}
	copies := fmt.Sprint(views)
	for i := len(all) - 1; i >= 0; i-- {
		s.cut(int64(i))
		got := look()
		if !got.set.Equal(views[i].set) || !got.counter.Equal(views[i].counter) {
			t.Errorf("after the cut to %d: %+v, want %+v", i, got, views[i])
		}
		c := all[i]
		req := &refimpl.Request{Client: 1, Seq: uint64(i + 1), Op: c.op, Key: c.key, Value: c.value}
		e := refimpl.Entry{Epoch: 2, Req: req}
		s.apply(int64(i+1), &e)
		if got = look(); !got.set.Equal(views[i+1].set) || !got.counter.Equal(views[i+1].counter) {
			t.Errorf("change %d applied anew: %+v, want %+v", i+1, got, views[i+1])
		}
		s.cut(int64(i))
	}
	if fmt.Sprint(views) != copies {
		t.Error("values that had been read have changed")
	}
}

// Whatever breaks, and however often a request reaches a leader, it counts once: a counter is not less than
// what was acknowledged nor more than what was asked for, a set has every acknowledged element once.
func TestTortureSetsAndCounters(t *testing.T) {
	for seed := range uint64(4) {
		a := newArena(t, seed, 5, nil)
		acked, asked := int64(0), int64(0)
		var elements []int64 // acknowledged ones
		for range 4 {
			from := a.client()
			var links [][2]refimpl.Addr
			for node := range refimpl.Addr(5) {
				links = append(links, [2]refimpl.Addr{from, node}, [2]refimpl.Addr{node, from})
			}
			a.world.Shape(fmt.Sprint("clients", from), links, sim.LinkShape{LossPPM: 30_000,
				DuplicatePPM: 500_000, Jitter: second / 10})
			var next func()
			next = func() {
				asked++
				n := asked
				a.world.Call(from, &client.Call{Op: refimpl.OpIncr, Key: "c", Value: num(1),
					Near: refimpl.Nobody}, func(r *client.Result) {
					if r.Err == refimpl.ErrNone {
						acked++
					}
					a.world.Call(from, &client.Call{Op: refimpl.OpAdd, Key: "s", Value: num(n),
						Near: refimpl.Nobody}, func(r *client.Result) {
						if r.Err == refimpl.ErrNone {
							elements = append(elements, n)
						}
						next()
					})
				})
			}
			next()
		}
		a.torture(keyed.New(seed).Named("torture"), 8*second)
		a.run(a.world.Now() + 5*second)

		reader := a.client()
		least := acked
		have := slices.Clone(elements)
		sum, err := a.get(reader, "c", refimpl.Nobody)
		if err != refimpl.ErrNone || sum < least || sum > asked || least < 50 {
			t.Errorf("seed %d: the counter is %d (%v), %d acknowledged, %d asked for", seed, sum, err, least,
				asked)
		}
		r := a.do(reader, client.Call{Op: refimpl.OpRead, Key: "s", Near: refimpl.Nobody})
		if r.Reply == nil {
			t.Fatalf("seed %d: read of the set: %v", seed, r.Err)
		}
		times := map[int64]int{}
		for _, v := range r.Reply.Value.List {
			times[v.Num]++
		}
		for _, n := range have {
			if times[n] != 1 {
				t.Errorf("seed %d: acknowledged element %d is there %d times", seed, n, times[n])
			}
		}
	}
}
