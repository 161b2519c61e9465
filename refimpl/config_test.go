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
