package refimpl

import (
	"strings"
	"testing"
)

func TestDefaultsAreSafe(t *testing.T) {
	c, errs := DecodeConfig(5, nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	got := []any{c.Mode, c.Replication, c.Failover, c.Fencing, c.Reads, c.LeaderReads, c.Fsync,
		c.FailoverTimeout}
	want := []any{SingleLeader, Quorum, Quorum, true, ReadLeader, ReadIndex, Always, int64(1_000_000_000)}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("default %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func TestEveryFieldIsDocumentedAndDecoded(t *testing.T) {
	for _, f := range ConfigFields() {
		if f.Meaning == "" {
			t.Errorf("%s has no meaning", f.Name)
		}
		for _, v := range f.Values {
			if v.Meaning == "" {
				t.Errorf("%s: %s has no meaning", f.Name, v.Word)
			}
			// Contradictions with other fields are allowed here; that the word itself is refused is not.
			_, errs := DecodeConfig(5, map[string]any{f.Name: v.Word})
			for _, err := range errs {
				if err.Field == f.Name && strings.HasPrefix(err.Allowed, f.Values[0].Word+",") {
					t.Errorf("%s: %s is refused: %v", f.Name, v.Word, err)
				}
			}
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, c := range []struct {
		nodes  int
		values map[string]any
		want   string
	}{
		{3, map[string]any{"replication": "eventual"},
			"replication: eventual is not allowed; allowed: sync, semi-sync, async, quorum"},
		{3, map[string]any{"replication": 3}, "replication: 3 is not allowed; allowed: sync, semi-sync, " +
			"async, quorum"},
		{3, map[string]any{"fencing": "maybe"}, "fencing: maybe is not allowed; allowed: on, off"},
		{3, map[string]any{"shards": 0}, "shards: 0 is not allowed; allowed: a whole number from 1 to 64"},
		{3, map[string]any{"shards": "many"}, "shards: many is not allowed; allowed: a whole number from " +
			"1 to 64"},
		{3, map[string]any{"heartbeat": "soon"},
			"heartbeat: soon is not allowed; allowed: a duration from 1ms to 1m0s, such as 500ms or 2s"},
		{3, map[string]any{"replication": "semi-sync", "sync_followers": 3},
			"sync_followers: 3 is not allowed; allowed: fewer than the 3 nodes"},
		{3, map[string]any{"fencing": "off"},
			"fencing: off is not allowed; allowed: on, with failover: quorum, whose elections are by epoch"},
		{3, map[string]any{"failover_timeout": "100ms"},
			"heartbeat: 100ms is not allowed; allowed: at most half of failover_timeout, which is 100ms"},
		{3, map[string]any{"leader_reads": "lease", "failover": "timeout"},
			"leader_reads: lease is not allowed; allowed: local or read-index, with failover: timeout; " +
				"leases need followers that promise not to elect: failover: quorum"},
		{3, map[string]any{"n": 2}, "n: is a field of mode: leaderless; the mode is single-leader"},
		{3, map[string]any{"bugs": "early-ack"}, "bugs: early-ack is not allowed; allowed: bugs of mode: " +
			"single-leader; this one is of leaderless"},
		{65, nil, "nodes: 65 is not allowed; allowed: 1 to 64 nodes"},
	} {
		_, errs := DecodeConfig(c.nodes, c.values)
		if len(errs) != 1 || errs[0].Error() != c.want {
			t.Errorf("%v: got %v, want %q", c.values, errs, c.want)
		}
	}
}

func TestAllErrorsAreReportedByName(t *testing.T) {
	_, errs := DecodeConfig(3, map[string]any{"shards": -1, "colour": "red", "replication": "x"})
	var names []string
	for _, err := range errs {
		names = append(names, err.Field)
	}
	if got := strings.Join(names, " "); got != "colour replication shards" {
		t.Errorf("got errors for %s", got)
	}
}

func TestShardOf(t *testing.T) {
	if ShardOf("q7/a", 8) != ShardOf("q7/q", 8) || ShardOf("q7/a", 8) != ShardOf("q7", 8) {
		t.Error("what stands before the first slash does not decide the shard alone")
	}
	seen := map[int32]int{}
	for i := range 1000 {
		seen[ShardOf(strings.Repeat("k", i%7)+string(rune('a'+i%26))+string(rune('a'+i/26%26)), 8)]++
	}
	for shard := range int32(8) {
		if seen[shard] < 40 {
			t.Errorf("shard %d has %d of 1000 keys", shard, seen[shard])
		}
	}
}

func TestNamesAreComplete(t *testing.T) {
	for m := range NumMarks {
		if m.String() == "?" || m.String() == "" {
			t.Errorf("mark %d has no name", m)
		}
	}
	for e := range NumErrCodes {
		if e.String() == "?" {
			t.Errorf("error %d has no name", e)
		}
	}
}

func TestLeaderlessErrors(t *testing.T) {
	dcs := map[string]any{"east": []any{"n1", "n2"}, "west": []any{"n3"}}
	for _, c := range []struct {
		values map[string]any
		want   string
	}{
		{map[string]any{"n": 4}, "n: 4 is not allowed; allowed: at most the 3 nodes"},
		{map[string]any{"w": 3, "n": 2}, "w: 3 is not allowed; allowed: at most n, which is 2"},
		{map[string]any{"r": 3, "n": 2}, "r: 3 is not allowed; allowed: at most n, which is 2"},
		{map[string]any{"r": 0}, "r: 0 is not allowed; allowed: a whole number from 1 to 64"},
		{map[string]any{"hinted_handoff": true},
			"hinted_handoff: on is not allowed; allowed: off, without sloppy: nobody stands in for others"},
		{map[string]any{"quorum": "local"}, "quorum: local is not allowed; allowed: global, without " +
			"datacenters"},
		{map[string]any{"n_per_datacenter": 1},
			"n_per_datacenter: 1 is not allowed; allowed: 0, without datacenters"},
		{map[string]any{"cross_dc": "async"},
			"cross_dc: async is not allowed; allowed: inline, without datacenters"},
		{map[string]any{"datacenters": map[string]any{"east": []any{"n1", "n9"}}},
			"datacenters: map[east:[n1 n9]] is not allowed; allowed: nodes n1 to n3; n9 in east is none"},
		{map[string]any{"datacenters": map[string]any{"east": []any{"n1", "n2"}}},
			"datacenters: map[east:[n1 n2]] is not allowed; allowed: every node in one datacenter; n3 " +
				"is in 0"},
		{map[string]any{"datacenters": "east"}, "datacenters: east is not allowed; allowed: a mapping from " +
			"names to lists of nodes, such as {east: [n1, n2], west: [n3]}"},
		{map[string]any{"datacenters": dcs, "n_per_datacenter": 2},
			"n_per_datacenter: 2 is not allowed; allowed: at most the 1 nodes in west"},
		{map[string]any{"datacenters": dcs, "n_per_datacenter": 1, "n": 3},
			"n: 3 is not allowed; allowed: not given, with n_per_datacenter, or 2"},
		{map[string]any{"datacenters": dcs, "cross_dc": "async"},
			"cross_dc: async is not allowed; allowed: inline, with quorum: global, which waits for " +
				"other datacenters"},
		{map[string]any{"siblings": "merge"},
			"siblings: merge is not allowed; allowed: return, with versioning: lww, which leaves one " +
				"version"},
		{map[string]any{"siblings": "crdt", "versioning": "version-vector"}, "siblings: crdt is not " +
			"allowed; " +
			"allowed: return or merge, with versioning: version-vector; the set needs dotted"},
		{map[string]any{"siblings": "crdt", "versioning": "dotted", "write_reads_first": true},
			"write_reads_first: on is not allowed; allowed: off, with siblings: crdt, whose adds and " +
				"removes " +
				"always read first"},
		{map[string]any{"replication": "sync"},
			"replication: is a field of mode: single-leader; the mode is leaderless"},
		{map[string]any{"anti_entropy": "soon"},
			"anti_entropy: soon is not allowed; allowed: a duration from 0s to 1h0m0s, such as 500ms or 2s"},
	} {
		c.values["mode"] = "leaderless"
		_, errs := DecodeConfig(3, c.values)
		if len(errs) != 1 || errs[0].Error() != c.want {
			t.Errorf("%v: got %v, want %q", c.values, errs, c.want)
		}
	}
	c, errs := DecodeConfig(5, map[string]any{"mode": "leaderless", "bugs": []any{"early-ack",
		"entry-dropped"}})
	if len(errs) > 0 || c.N != 3 || c.R != 2 || c.W != 2 || !c.Bugs.Has(BugEarlyAck) ||
		c.Bugs.Has(BugRepairOlder) {
		t.Errorf("got %+v %v", c, errs)
	}
	if c, _ = DecodeConfig(2, map[string]any{"mode": "leaderless"}); c.N != 2 || c.R != 2 || c.W != 2 {
		t.Errorf("of two nodes: %+v", c)
	}
}
