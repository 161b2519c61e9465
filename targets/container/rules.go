package container

import (
	"fmt"

	"github.com/rashomon-harness/rashomon/nemesis/agent/packets"
	"github.com/rashomon-harness/rashomon/targets"
)

// rules is what the network of one pod does to packets.
type rules = packets.Rules

// million is the whole in parts in a million.
const million = 1_000_000

// linkFault is an active fault of links.
type linkFault struct {
	id    string
	pairs [][2]string    // from node to node
	shape *targets.Shape // nil for a cut
}

// expand returns the pairs of nodes that links stand for, each once. Ends that are no nodes are left out.
func expand(nodes []string, links []targets.Link) [][2]string {
	var out [][2]string
	seen := map[[2]string]bool{}
	for _, l := range links {
		for _, from := range nodes {
			for _, to := range nodes {
				pair := [2]string{from, to}
				if from != to && matches(l.From, from) && matches(l.To, to) && !seen[pair] {
					seen[pair] = true
					out = append(out, pair)
				}
			}
		}
	}
	return out
}

func matches(end, node string) bool { return end == node || end == targets.AllNodes }

// link is what all faults together do to one directed link.
type link struct {
	cut   bool
	shape targets.Shape
}

// add adds a shape: times add up, chances combine as of independent events, the narrowest bandwidth counts.
func (l *link) add(s *targets.Shape) {
	l.shape.DelayNanos += s.DelayNanos
	l.shape.JitterNanos += s.JitterNanos
	l.shape.LossPPM = either(l.shape.LossPPM, s.LossPPM)
	l.shape.DuplicatePPM = either(l.shape.DuplicatePPM, s.DuplicatePPM)
	if s.BytesPerSec > 0 && (l.shape.BytesPerSec == 0 || s.BytesPerSec < l.shape.BytesPerSec) {
		l.shape.BytesPerSec = s.BytesPerSec
	}
}

// either returns the chance, in ppm, that at least one of two independent things happens.
func either(a, b int64) int64 { return a + b - a*b/million }

// compute returns the complete rules of every node. A link is cut, and loses packets, where it ends; it is
// delayed where it begins.
func (d *Deployment) compute() map[string]rules {
	state := map[[2]string]*link{}
	for _, faults := range [][]linkFault{d.base, d.faults} {
		for _, f := range faults {
			for _, pair := range f.pairs {
				l := state[pair]
				if l == nil {
					l = &link{}
					state[pair] = l
				}
				if f.shape == nil {
					l.cut = true
				} else {
					l.add(f.shape)
				}
			}
		}
	}
	out := map[string]rules{}
	for _, from := range d.order {
		for _, to := range d.order {
			if l := state[[2]string{from, to}]; l != nil {
				out[to] = withCut(out[to], d.nodes[from], l)
				out[from] = withShape(out[from], d.nodes[to], l)
			}
		}
	}
	return out
}

// withCut adds what the far end of a link does to packets from there.
func withCut(r rules, from *node, l *link) rules {
	switch {
	case l.cut || l.shape.LossPPM == million:
		r.Cuts = append(r.Cuts, packets.Cut{Peer: from.addr})
	case l.shape.LossPPM > 0:
		r.Cuts = append(r.Cuts, packets.Cut{Peer: from.addr, LossPPM: l.shape.LossPPM})
	}
	return r
}

// withShape adds what the near end of a link does to packets for there.
func withShape(r rules, to *node, l *link) rules {
	s := packets.Shape{
		Peer: to.addr, DelayNanos: l.shape.DelayNanos, JitterNanos: l.shape.JitterNanos,
		DuplicatePPM: l.shape.DuplicatePPM, BytesPerSec: l.shape.BytesPerSec,
	}
	if s != (packets.Shape{Peer: to.addr}) {
		r.Shapes = append(r.Shapes, s)
	}
	return r
}

// checkShape says what no link of a pod can be given.
func checkShape(s *targets.Shape) error {
	switch {
	case min(s.DelayNanos, s.JitterNanos, s.LossPPM, s.DuplicatePPM, s.BytesPerSec, s.ReorderOutPPM) < 0:
		return fmt.Errorf("shape %+v has a negative part", *s)
	case max(s.LossPPM, s.DuplicatePPM) > million:
		return fmt.Errorf("shape %+v; allowed: loss and duplicates of up to %d parts in a million", *s,
			million)
	case s.ReorderOutPPM > 0:
		return &targets.Unsupported{
			Reason: "a pod cannot hold back a chosen share of packets; jitter reorders them too",
		}
	}
	return nil
}
