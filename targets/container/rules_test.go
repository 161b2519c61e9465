package container

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/rashomon-harness/rashomon/nemesis/agent/packets"
	"github.com/rashomon-harness/rashomon/targets"
)

// paper returns a deployment of nodes that are not there.
func paper(names ...string) *Deployment {
	d := &Deployment{order: names, nodes: map[string]*node{}}
	at := netip.MustParseAddr("10.1.1.1")
	for _, name := range names {
		at = at.Next()
		d.nodes[name] = &node{name: name, addr: at}
	}
	return d
}

func TestExpand(t *testing.T) {
	nodes := []string{"n1", "n2", "n3"}
	for _, tc := range []struct {
		links []targets.Link
		want  [][2]string
	}{
		{[]targets.Link{{From: "n1", To: "n2"}, {From: "n1", To: "n2"}}, [][2]string{{"n1", "n2"}}},
		{[]targets.Link{{From: targets.AllNodes, To: "n2"}}, [][2]string{{"n1", "n2"}, {"n3", "n2"}}},
		{[]targets.Link{{From: "n1", To: "n1"}}, nil},
		{[]targets.Link{{From: "s1", To: "n2"}, {From: "n2", To: targets.AllClients}}, nil},
		{[]targets.Link{{From: targets.AllNodes, To: targets.AllNodes}}, [][2]string{
			{"n1", "n2"}, {"n1", "n3"}, {"n2", "n1"}, {"n2", "n3"}, {"n3", "n1"}, {"n3", "n2"},
		}},
	} {
		if got := expand(nodes, tc.links); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%v: got %v, want %v", tc.links, got, tc.want)
		}
	}
}

func TestCompute(t *testing.T) {
	d := paper("n1", "n2", "n3")
	n1, n2, n3 := d.IP("n1"), d.IP("n2"), d.IP("n3")
	d.base = []linkFault{{id: "base", pairs: [][2]string{{"n1", "n2"}}, shape: &targets.Shape{DelayNanos: 5}}}
	d.faults = []linkFault{
		{id: "a", pairs: [][2]string{{"n1", "n2"}, {"n3", "n2"}}},
		{id: "b", pairs: [][2]string{{"n1", "n2"}}},
		{id: "c", pairs: [][2]string{{"n1", "n2"}, {"n1", "n3"}}, shape: &targets.Shape{
			DelayNanos: 10, JitterNanos: 3, LossPPM: million / 2, DuplicatePPM: 7, BytesPerSec: 900,
		}},
		{id: "d", pairs: [][2]string{{"n1", "n3"}}, shape: &targets.Shape{
			DelayNanos: 20, LossPPM: million / 2, BytesPerSec: 800,
		}},
		{id: "e", pairs: [][2]string{{"n2", "n1"}}, shape: &targets.Shape{LossPPM: million}},
	}
	want := map[string]rules{
		"n1": {
			Cuts: []packets.Cut{{Peer: n2}}, // a loss of all is a cut
			Shapes: []packets.Shape{
				{Peer: n2, DelayNanos: 15, JitterNanos: 3, DuplicatePPM: 7, BytesPerSec: 900},
				{Peer: n3, DelayNanos: 30, JitterNanos: 3, DuplicatePPM: 7, BytesPerSec: 800},
			},
		},
		"n2": {Cuts: []packets.Cut{{Peer: n1}, {Peer: n3}}},
		"n3": {Cuts: []packets.Cut{{Peer: n1, LossPPM: 3 * million / 4}}},
	}
	got := d.compute()
	for _, name := range d.order {
		if !reflect.DeepEqual(got[name], want[name]) {
			t.Errorf("%s: got %+v, want %+v", name, got[name], want[name])
		}
	}
}

// Faults before Launch need no agent, and are undone without one.
func TestFaultsBeforeLaunch(t *testing.T) {
	d := paper("n1", "n2")
	d.life = t.Context()
	must(t, d.Cut("a", []targets.Link{{From: "n1", To: "n2"}}))
	all := []targets.Link{{From: targets.AllNodes, To: targets.AllNodes}}
	must(t, d.Base(all, targets.Shape{DelayNanos: 1}))
	if got := d.compute()["n2"]; len(got.Cuts) != 1 || len(got.Shapes) != 1 {
		t.Errorf("got %+v", got)
	}
	must(t, d.Uncut("a"))
	must(t, d.Unshape("base")) // a base is no fault
	if got := d.compute()["n2"]; len(got.Cuts) != 0 || len(got.Shapes) != 1 {
		t.Errorf("got %+v", got)
	}
}
