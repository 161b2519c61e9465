package simulated

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/sim"
	"github.com/rashomon-harness/rashomon/targets"
)

func TestValidate(t *testing.T) {
	for _, tc := range []struct {
		spec targets.Spec
		want string
	}{
		{targets.Spec{Nodes: []string{"n1"}}, ""},
		{targets.Spec{Nodes: []string{"n1", "clients", "n1"}},
			`nodes: "clients" is not allowed; allowed: names that differ, other than clients and nodes; ` +
				`nodes: "n1" is not allowed; allowed: names that differ, other than clients and nodes`},
		{targets.Spec{Nodes: []string{"n1"}, Config: map[string]any{"replication": "magic"}},
			`config.replication: magic is not allowed; allowed: sync, semi-sync, async, quorum`},
		{targets.Spec{Nodes: []string{"n1"}, World: map[string]any{"latency": "fast", "weather": "fine"}},
			`world.latency: fast is not allowed; allowed: lan, wan, spiky, a duration such as 5ms, ` +
				`or a range such as 1ms..5ms; ` +
				`world.weather: fine is not allowed; allowed: one of the settings latency, ` +
				`loss, unordered, lag, disk, ` +
				`service, service_peer, queue, clock_offset, clock_drift`},
	} {
		var got []string
		for _, e := range New().Validate(&tc.spec) {
			got = append(got, e.Error())
		}
		if strings.Join(got, "; ") != tc.want {
			t.Errorf("%+v:\n got %s\nwant %s", tc.spec, strings.Join(got, "; "), tc.want)
		}
		c, err := New().Deploy(t.Context(), &tc.spec)
		if (err == nil) != (tc.want == "") || (c != nil) != (err == nil) {
			t.Errorf("%+v: deploying gave %v, %v", tc.spec, c, err)
		}
	}
}

func TestWorldSettings(t *testing.T) {
	nodes := []string{"n1", "n2", "n3"}
	for name, values := range map[string]struct{ good, bad []any }{
		"latency": {[]any{"lan", "wan", "5ms", "1ms..5ms"},
			[]any{"ssd", "5", 5, "5ms..1ms", "-1ms", "11m", nil}},
		"loss": {[]any{"0%", "0.5%", 10, int64(10)},
			[]any{"101%", "-1%", "x%", -1, 1_000_001, "5", "NaN%"}},
		"unordered": {[]any{true, false, "on", "off"}, []any{"yes", 1}},
		"lag": {[]any{map[string]any{}, map[string]any{"n3": "1ms", "n1>n2": "2ms", "s1": "3ms"}},
			nil},
		"disk":         {[]any{"ssd", "hdd", "0s", "1ms..2ms"}, []any{"lan", "", 3.5}},
		"service":      {[]any{"20us", "1us..2us"}, []any{"lan", "fast"}},
		"service_peer": {[]any{"20us"}, []any{7}},
		"queue":        {[]any{0, 1000}, []any{-1, "many", 2_000_000}},
		"clock_offset": {[]any{"0s", "10s"}, []any{"-1s", 5}},
		"clock_drift":  {[]any{0, 50_000}, []any{50_001, "1%"}},
	} {
		for _, v := range values.good {
			if _, errs := decodeWorld(map[string]any{name: v}, nodes, 2); len(errs) > 0 {
				t.Errorf("%s: %v: %v", name, v, errs)
			}
		}
		for _, v := range values.bad {
			if _, errs := decodeWorld(map[string]any{name: v}, nodes, 2); len(errs) != 1 {
				t.Errorf("%s: %v is accepted", name, v)
			}
		}
	}
	for _, bad := range []any{"1ms", map[string]any{"n9": "1ms"}, map[string]any{"s2": "1ms"},
		map[string]any{"n1": 5}, map[string]any{"n1>n1": "1ms"}, map[string]any{"n1>n9": "1ms"}} {
		if _, errs := decodeWorld(map[string]any{"lag": bad}, nodes, 2); len(errs) != 1 {
			t.Errorf("lag: %v is accepted", bad)
		}
	}
}

// The documentation is true: each setting's default is allowed, and gives what no setting gives.
func TestDefaultsAreTheDefaults(t *testing.T) {
	nodes := []string{"n1", "n2"}
	draw := func(q *sim.Quantiles, def *sim.Quantiles) string {
		if q == nil {
			q = def
		}
		return fmt.Sprint(*q)
	}
	show := func(w *world) string {
		proc := sim.DefaultProc()
		return fmt.Sprint(w.loss, w.linkLag, w.shardLag, w.Net.Unordered, w.Proc.Queue, w.Clock,
			draw(w.Net.Latency, sim.DefaultNet().Latency), draw(w.Disk.Sync, sim.DefaultDisk().Sync),
			draw(w.Proc.Request, proc.Request), draw(w.Proc.Message, proc.Message))
	}
	plain, _ := decodeWorld(nil, nodes, 1)
	for _, s := range Settings() {
		var v any = s.Default
		switch s.Name {
		case "lag":
			v = map[string]any{}
		case "queue":
			v = 0
		case "clock_drift":
			v = 20
		}
		w, errs := decodeWorld(map[string]any{s.Name: v}, nodes, 1)
		if len(errs) > 0 || show(w) != show(plain) {
			t.Errorf("%s: its default %v gives %s, %v", s.Name, v, show(w), errs)
		}
	}
}

// A lagging follower, and a lagging shard, show an old value for about that long.
func TestLag(t *testing.T) {
	for _, tc := range []struct {
		lag    map[string]any
		shards int
		key    string
		lags   bool
	}{
		{map[string]any{"n3": "400ms"}, 1, "k", true},
		{map[string]any{"n1>n3": "400ms"}, 1, "k", true},
		{map[string]any{"n2": "400ms"}, 1, "k", false},
		{map[string]any{fmt.Sprint("s", refimpl.ShardOf("k", 2)): "400ms"}, 2, "k", true},
		{map[string]any{fmt.Sprint("s", 1-refimpl.ShardOf("k", 2)): "400ms"}, 2, "k", false},
	} {
		r := deploy(t, 3, map[string]any{"replication": "async", "failover": "none", "shards": tc.shards},
			map[string]any{"lag": tc.lag})
		r.want("r1", write(tc.key, 1), num(1))
		peek := history.Event{F: history.FPeek, Key: tc.key, Node: "n3"}
		r.pass(300 * ms)
		if seen := r.do("r1", peek).Value; seen.IsNull() != tc.lags {
			t.Errorf("%v: 300 ms after the write n3 has %v", tc.lag, seen)
		}
		r.pass(300 * ms)
		r.want("r1", peek, num(1))
	}
}

func TestLoss(t *testing.T) {
	r := deploy(t, 3, nil, map[string]any{"loss": "10%"})
	stats := r.world.Stats()
	if share := stats.Lost * 1000 / stats.Sent; share < 60 || share > 140 {
		t.Errorf("lost %d of %d packets, want a tenth", stats.Lost, stats.Sent)
	}
}

func BenchmarkWrites(b *testing.B) {
	r := deploy(b, 5, nil, nil)
	c := r.Client("r1", "")
	ev := write("k", 1)
	b.ReportAllocs()
	left := b.N
	var next func(targets.Completion)
	next = func(targets.Completion) {
		if left--; left > 0 {
			c.Submit(&ev, next)
		}
	}
	c.Submit(&ev, next)
	for left > 0 {
		r.RunUntil(r.Now() + sec)
	}
}
