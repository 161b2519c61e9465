package server

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/refimpl"
)

func object(writer uint64, n, value int64) *refimpl.Object {
	o := refimpl.Register(refimpl.Dot{Writer: writer, N: n}, refimpl.Value{Kind: refimpl.Int, Num: value},
		false)
	return &o
}

// TestCompactObjects: what a replica holds of a key, and for whom, is one record; what was forgotten is none.
func TestCompactObjects(t *testing.T) {
	hold := func(key string, o *refimpl.Object) refimpl.Record {
		return refimpl.Record{Kind: refimpl.RecObject, Key: key, Object: o}
	}
	hint := func(home refimpl.Addr, key string, o *refimpl.Object) refimpl.Record {
		return refimpl.Record{Kind: refimpl.RecHint, Vote: home, Key: key, Object: o}
	}
	forget := func(home refimpl.Addr, key string) refimpl.Record {
		return refimpl.Record{Kind: refimpl.RecForget, Vote: home, Key: key}
	}
	records := []refimpl.Record{
		hold("b", object(1, 5, 50)), hold("a", object(1, 1, 10)), hold("b", object(1, 4, 40)),
		hold("c", object(1, 1, 1)), hint(0, "a", object(2, 2, 20)), hint(2, "a", object(2, 2, 20)),
		hint(0, "a", object(2, 3, 30)), forget(refimpl.Nobody, "c"), forget(2, "a"), {Kind: refimpl.RecSync},
	}
	want := []refimpl.Record{hold("a", object(1, 1, 10)), hold("b", object(1, 5, 50)), hint(0, "a",
		object(2, 3, 30))}
	if got := compact(records); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := checkRecords(records, replicas); err != nil {
		t.Error(err)
	}
}

var (
	replicas = &refimpl.Config{Mode: refimpl.Leaderless, Nodes: 3, Shards: 1}
	follower = &refimpl.Config{Mode: refimpl.SingleLeader, Nodes: 3, Shards: 2}
)

// TestRecordsThatDoNotFit: what would mislead a node, or end it, is refused with what is wrong.
func TestRecordsThatDoNotFit(t *testing.T) {
	o := object(1, 1, 1)
	const mode = "record 0 is of another mode than the configuration's, "
	kept := func(vote refimpl.Addr) string {
		return fmt.Sprintf(`record 0 is about what is kept of key "a" for node %d; the configuration has `+
			`3 nodes`, vote+1)
	}
	for _, tc := range []struct {
		cfg  *refimpl.Config
		r    refimpl.Record
		want string
	}{
		{replicas, refimpl.Record{Kind: refimpl.RecObject, Key: "a"}, `nothing to hold of key "a"`},
		{replicas, refimpl.Record{Kind: refimpl.RecHint, Key: "a"}, `nothing to hold of key "a"`},
		{replicas, refimpl.Record{Kind: refimpl.RecObject, Object: o}, "record 0 names no key"},
		{replicas, refimpl.Record{Kind: refimpl.RecHint, Object: o}, "record 0 names no key"},
		{replicas, refimpl.Record{Kind: refimpl.RecForget, Vote: -1}, "record 0 names no key"},
		{replicas, refimpl.Record{Kind: refimpl.RecHint, Key: "a", Object: o, Vote: -1}, kept(-1)},
		{replicas, refimpl.Record{Kind: refimpl.RecHint, Key: "a", Object: o, Vote: -9}, kept(-9)},
		{replicas, refimpl.Record{Kind: refimpl.RecHint, Key: "a", Object: o, Vote: 3}, kept(3)},
		{replicas, refimpl.Record{Kind: refimpl.RecHint, Key: "a", Object: o, Vote: 999}, kept(999)},
		{replicas, refimpl.Record{Kind: refimpl.RecForget, Key: "a", Vote: -9}, kept(-9)},
		{replicas, refimpl.Record{Kind: refimpl.RecForget, Key: "a", Vote: 999}, kept(999)},
		{replicas, refimpl.Record{Kind: refimpl.RecEntry, Index: 1}, mode + "leaderless"},
		{replicas, refimpl.Record{Kind: refimpl.RecMeta, Epoch: 1}, mode + "leaderless"},
		{replicas, refimpl.Record{Kind: refimpl.RecTruncate, Index: 1}, mode + "leaderless"},
		{follower, refimpl.Record{Kind: refimpl.RecObject, Key: "a", Object: o}, mode + "single-leader"},
		{follower, refimpl.Record{Kind: refimpl.RecHint, Key: "a", Object: o}, mode + "single-leader"},
		{follower, refimpl.Record{Kind: refimpl.RecForget, Key: "a"}, mode + "single-leader"},
		{follower, refimpl.Record{Kind: refimpl.RecEntry, Index: 2}, "record 0 puts entry 2 after entry 0"},
		{follower, refimpl.Record{Kind: refimpl.RecTruncate, Index: 2}, "cuts at entry 2 a log of 0 entries"},
		{follower, refimpl.Record{Shard: 2}, "record 0 is of shard 2; the configuration has 2 shards"},
		{follower, refimpl.Record{Shard: -1}, "record 0 is of shard -1; the configuration has 2 shards"},
	} {
		err := checkRecords([]refimpl.Record{tc.r}, tc.cfg)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s, %+v: got %v, want %s", tc.cfg.Mode, tc.r, err, tc.want)
		}
	}
}
