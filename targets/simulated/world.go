package simulated

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/sim"
	"github.com/rashomon-harness/rashomon/targets"
)

// Setting documents one setting of the simulated world.
type Setting struct {
	Name    string
	Default string
	Meaning string
	Allowed string

	set func(d *decoder, v any) bool // false when v is not allowed
}

// Settings documents the settings of the simulated world, in the order of reading.
func Settings() []Setting { return slices.Clone(settings) }

const someTime = "a duration such as 5ms, or a range such as 1ms..5ms"

var settings = []Setting{
	{"latency", "lan", "how long a packet takes from one endpoint to another: lan has a median of 0.4 " +
		"ms and " +
		"a tail up to 12 ms, wan a median of 40 ms and a tail up to 400 ms, with spiky seven of ten " +
		"take 1 to 3 " +
		"ms and two of ten 20 to 200 ms; a duration holds for every packet, a range is uniform",
		"lan, wan, spiky, " + someTime,
		func(d *decoder, v any) bool { return d.quantiles(v, &d.world.Net.Latency, latencies) }},
	{"loss", "0%", "how many of all packets are lost", "a percentage such as 0.5%, or parts per million",
		func(d *decoder, v any) bool { return d.rate(v, &d.world.loss) }},
	{"unordered", "off", "packets of one link may overtake each other, as datagrams do", "on, off",
		func(d *decoder, v any) bool { return d.flag(v, &d.world.Net.Unordered) }},
	{"lag", "{}", "what packets between nodes take longer: {n3: 200ms} those to n3, {n1>n3: 200ms} those " +
		"from " +
		"n1 to n3, {s1: 200ms} those about shard 1 (they take just that, whatever shapes their link, but " +
		"no cut)",
		"a mapping from n3, n1>n3 or s1 to a duration of at most 10m", (*decoder).lags},
	{"disk", "ssd", "how long a disk takes to sync: ssd 0.5 to 10 ms, hdd 4 to 50 ms", "ssd, hdd, " +
		someTime,
		func(d *decoder, v any) bool { return d.quantiles(v, &d.world.Disk.Sync, disks) }},
	{"service", "20us..50us", "how long a node is busy with a client's message; others wait meanwhile",
		someTime,
		func(d *decoder, v any) bool { return d.quantiles(v, &d.world.Proc.Request, nil) }},
	{"service_peer", "5us..15us", "how long a node is busy with another node's message", someTime,
		func(d *decoder, v any) bool { return d.quantiles(v, &d.world.Proc.Message, nil) }},
	{"queue", "0", "how many messages can wait at a node; it drops the others; 0 for no bound",
		"0 to 1000000",
		func(d *decoder, v any) bool {
			n, ok := whole(v, 1_000_000)
			d.world.Proc.Queue = int(n)
			return ok
		}},
	{"clock_offset", "2ms", "each wall clock is off by a drawn time within plus or minus this",
		"a duration of at most 10m",
		func(d *decoder, v any) bool { return duration(v, &d.world.Clock.OffsetNanos) }},
	{"clock_drift", "20", "each clock runs fast or slow by a drawn rate within plus or minus this, ppm",
		"0 to 50000", func(d *decoder, v any) (ok bool) {
			d.world.Clock.DriftPPM, ok = whole(v, 50_000)
			return ok
		}},
}

// The named distributions. Those of the world's own defaults are not here but nil.
var (
	latencies = map[string][]sim.Quantile{"lan": nil, "wan": {{PPM: 0, Nanos: 30e6}, {PPM: 500_000,
		Nanos: 40e6},
		{PPM: 900_000, Nanos: 55e6}, {PPM: 990_000, Nanos: 90e6}, {PPM: 1_000_000, Nanos: 400e6}},
		"spiky": {{PPM: 0, Nanos: 1e6}, {PPM: 700_000, Nanos: 3e6}, {PPM: 800_000, Nanos: 20e6},
			{PPM: 1_000_000, Nanos: 200e6}}}
	disks = map[string][]sim.Quantile{"ssd": nil, "hdd": {{PPM: 0, Nanos: 4e6}, {PPM: 500_000, Nanos: 8e6},
		{PPM: 990_000, Nanos: 16e6}, {PPM: 1_000_000, Nanos: 50e6}}}
)

// longest is the longest time that a setting may ask for.
const longest = 10 * time.Minute

// world is what a world is made of, decoded.
type world struct {
	sim.Config
	loss     int64 // ppm
	linkLag  map[[2]refimpl.Addr]int64
	shardLag map[int32]int64
}

type decoder struct {
	world  *world
	nodes  []string
	shards int
}

// decodeWorld returns the world of the given settings, or everything that is wrong with them.
func decodeWorld(values map[string]any, nodes []string, shards int) (*world, []targets.FieldError) {
	d := &decoder{nodes: nodes, shards: shards, world: &world{
		Config:  sim.Config{Nodes: len(nodes), Clock: sim.DefaultClock()},
		linkLag: map[[2]refimpl.Addr]int64{}, shardLag: map[int32]int64{},
	}}
	var errs []targets.FieldError
	var known []string
	for _, s := range settings {
		known = append(known, s.Name)
		if v, given := values[s.Name]; given && !s.set(d, v) {
			errs = append(errs, targets.FieldError{Path: "world." + s.Name, Value: fmt.Sprint(v),
				Allowed: s.Allowed})
		}
	}
	for name, v := range values {
		if !slices.Contains(known, name) {
			errs = append(errs, targets.FieldError{Path: "world." + name, Value: fmt.Sprint(v),
				Allowed: "one of the settings " + strings.Join(known, ", ")})
		}
	}
	slices.SortFunc(errs, func(a, b targets.FieldError) int { return cmp.Compare(a.Path, b.Path) })
	if lag := d.world.linkLag; len(lag) > 0 {
		d.world.Net.Delay = func(from, to refimpl.Addr) int64 { return lag[[2]refimpl.Addr{from, to}] }
	}
	return d.world, errs
}

// quantiles reads a distribution: a name, a duration or a range of durations.
func (d *decoder) quantiles(v any, out **sim.Quantiles, named map[string][]sim.Quantile) bool {
	text, _ := v.(string)
	points, isName := named[text]
	if isName && points == nil {
		return true
	}
	if !isName {
		first, last, isRange := strings.Cut(text, "..")
		if !isRange {
			last = first
		}
		var lo, hi int64
		if !duration(strings.TrimSpace(first), &lo) || !duration(strings.TrimSpace(last), &hi) {
			return false
		}
		points = []sim.Quantile{{PPM: 0, Nanos: lo}, {PPM: 1_000_000, Nanos: hi}}
	}
	q, err := sim.NewQuantiles(points...)
	*out = q
	return err == nil
}

// duration reads a time from 0 to longest.
func duration(v any, out *int64) bool {
	text, _ := v.(string)
	t, err := time.ParseDuration(text)
	*out = int64(t)
	return err == nil && t >= 0 && t <= longest
}

// whole reads a whole number from 0 to most.
func whole(v any, most int64) (int64, bool) {
	switch n := v.(type) {
	case int:
		return int64(n), n >= 0 && int64(n) <= most
	case int64:
		return n, n >= 0 && n <= most
	}
	return 0, false
}

func (d *decoder) flag(v any, out *bool) bool {
	*out = v == true || v == "on"
	return *out || v == false || v == "off"
}

// rate reads parts per million, or a percentage.
func (d *decoder) rate(v any, out *int64) (ok bool) {
	text, isText := v.(string)
	if !isText {
		*out, ok = whole(v, 1_000_000)
		return ok
	}
	percent, isPercent := strings.CutSuffix(text, "%")
	x, err := strconv.ParseFloat(percent, 64)
	if !isPercent || err != nil || !(x >= 0 && x <= 100) {
		return false
	}
	*out = int64(x*10_000 + 0.5)
	return true
}

// lags reads the mapping of what takes longer.
func (d *decoder) lags(v any) bool {
	entries, ok := v.(map[string]any)
	for where, v := range entries {
		var nanos int64
		if !duration(v, &nanos) || !d.lag(where, nanos) {
			return false
		}
	}
	return ok
}

// lag delays what where stands for: "n3", "n1>n3" or "s1".
func (d *decoder) lag(where string, nanos int64) bool {
	if n, err := strconv.Atoi(strings.TrimPrefix(where, "s")); err == nil && strings.HasPrefix(where, "s") {
		d.world.shardLag[int32(n)] = nanos
		return n >= 0 && n < d.shards
	}
	from, to, isLink := strings.Cut(where, ">")
	if !isLink {
		from, to = "", where
	}
	found := false
	for i, x := range d.nodes {
		for j, y := range d.nodes {
			if i != j && y == to && (x == from || !isLink) {
				d.world.linkLag[[2]refimpl.Addr{refimpl.Addr(i), refimpl.Addr(j)}] += nanos
				found = true
			}
		}
	}
	return found
}

// rule returns what decides about packets beside the network itself, nil when nothing does. Its luck is
// that of the n-th packet of a link.
func (w *world) rule(seed keyed.Key) func(from, to refimpl.Addr, msg *refimpl.Message) sim.Verdict {
	if w.loss == 0 && len(w.shardLag) == 0 {
		return nil
	}
	sent := map[[2]refimpl.Addr]uint64{}
	return func(from, to refimpl.Addr, msg *refimpl.Message) sim.Verdict {
		link := [2]refimpl.Addr{from, to}
		luck := seed.Named("rule").With2(uint64(from), uint64(to)).With(sent[link])
		sent[link]++
		if luck.Named("loss").PPM(w.loss) {
			return sim.Verdict{Action: sim.Drop}
		}
		between := int(from) < w.Nodes && int(to) < w.Nodes
		if lag := w.shardLag[msg.Shard]; lag > 0 && between {
			return sim.Verdict{Action: sim.Deliver, Delay: lag + w.linkLag[link]}
		}
		return sim.Verdict{}
	}
}
