package packets

import (
	"encoding/json"
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

var (
	four = netip.MustParseAddr("10.0.0.1")
	six  = netip.MustParseAddr("fd82::1")
)

func TestValidate(t *testing.T) {
	many := make([]Cut, MaxRules+1)
	for i := range many {
		many[i].Peer = four
	}
	for _, tc := range []struct {
		name  string
		rules Rules
		want  string // the error's text, "" for none
	}{
		{"nothing", Rules{}, ""},
		{"everything at its most", Rules{
			Cuts: []Cut{{Peer: four, LossPPM: 1_000_000, Reject: true}, {Peer: four}},
			Shapes: []Shape{{Peer: four, DelayNanos: int64(MaxDelay), JitterNanos: int64(MaxDelay),
				DuplicatePPM: 1_000_000, BytesPerSec: MaxBytesPerSec},
				{Peer: six, BytesPerSec: MinBytesPerSec}},
		}, ""},
		{"no peer", Rules{Cuts: []Cut{{}}},
			"cuts[0].peer: invalid IP is not allowed; " +
				"allowed: the IPv4 or IPv6 address of one machine, without zone"},
		{"any peer", Rules{Shapes: []Shape{{Peer: netip.IPv6Unspecified()}}},
			"shapes[0].peer: :: is not allowed; " +
				"allowed: the IPv4 or IPv6 address of one machine, without zone"},
		{"zone", Rules{Cuts: []Cut{{Peer: four}, {Peer: netip.MustParseAddr("fe80::1%eth0")}}},
			"cuts[1].peer: fe80::1%eth0 is not allowed; " +
				"allowed: the IPv4 or IPv6 address of one machine, without zone"},
		{"loss", Rules{Cuts: []Cut{{Peer: four, LossPPM: 1_000_001}}},
			"cuts[0].loss_ppm: 1000001 is not allowed; allowed: 0 to 1000000"},
		{"delay", Rules{Shapes: []Shape{{Peer: four, DelayNanos: -1}}},
			"shapes[0].delay_ns: -1 is not allowed; allowed: 0 to 60000000000"},
		{"jitter", Rules{Shapes: []Shape{{Peer: four, JitterNanos: int64(time.Hour)}}},
			"shapes[0].jitter_ns: 3600000000000 is not allowed; allowed: 0 to 60000000000"},
		{"duplicates", Rules{Shapes: []Shape{{Peer: four, DuplicatePPM: -5}}},
			"shapes[0].duplicate_ppm: -5 is not allowed; allowed: 0 to 1000000"},
		{"bandwidth", Rules{Shapes: []Shape{{Peer: four, BytesPerSec: 999}}},
			"shapes[0].bytes_per_sec: 999 is not allowed; allowed: 1000 to 4000000000, or 0 for no limit"},
		{"two shapes of a peer", Rules{Shapes: []Shape{{Peer: four}, {Peer: six},
			{Peer: netip.MustParseAddr("::ffff:10.0.0.1")}}},
			"shapes[2].peer: ::ffff:10.0.0.1 has a shape already, shapes[0]; allowed: one for each peer"},
		{"too many", Rules{Cuts: many}, "cuts: 1001 of them; allowed: up to 1000"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ""
			if err := tc.rules.Validate(); err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestRulesAsJSON(t *testing.T) {
	rules := Rules{
		Cuts: []Cut{{Peer: four}, {Peer: six, LossPPM: 2, Reject: true}},
		Shapes: []Shape{{Peer: four, DelayNanos: 1, JitterNanos: 2, DuplicatePPM: 3,
			BytesPerSec: 4000}},
	}
	const want = `{"cuts":[{"peer":"10.0.0.1"},{"peer":"fd82::1","loss_ppm":2,"reject":true}],` +
		`"shapes":[{"peer":"10.0.0.1","delay_ns":1,"jitter_ns":2,"duplicate_ppm":3,"bytes_per_sec":4000}]}`
	text, err := json.Marshal(rules)
	if err != nil || string(text) != want {
		t.Fatalf("got  %s, %v\nwant %s", text, err, want)
	}
	var back Rules
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, rules) {
		t.Errorf("read back: %+v, %v", back, err)
	}
}

func TestUnsupportedIsFound(t *testing.T) {
	var u *Unsupported
	err := errors.Join(&Unsupported{Reason: "no netem"}, errors.New("more"))
	if !errors.As(err, &u) || u.Error() != "no netem" {
		t.Errorf("found %v in %v", u, err)
	}
}
