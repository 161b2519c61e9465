package links

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/rashomon-harness/rashomon/targets"
)

// fault is an active fault of links, as it was asked for: wildcards also stand for sessions that appear
// while it lasts.
type fault struct {
	id    string
	links []targets.Link
	cut   bool // otherwise it is a shape
	shape targets.Shape
}

// Cut cuts links, each one way from its first end to its second. Nothing arrives over them any more, not even
// what is on its way, until every cut that holds them is undone. Cut returns when all links are cut. An end
// that is no node's name and no wildcard is the name of a session, whether or not it has connections yet.
// Links of an end with itself and of sessions with each other are left out.
func (n *Network) Cut(id string, links []targets.Link) error {
	return n.install(fault{id: id, links: slices.Clone(links), cut: true})
}

// Uncut undoes the cuts of that id. It is an error if there is none.
func (n *Network) Uncut(id string) error { return n.remove(id, true) }

// Shape shapes links, whose ends are as with Cut. What several shapes do adds up: delays and jitter are
// summed, the lowest bandwidth counts. A link's bandwidth is shared by its connections.
//
// The order of bytes is kept, whatever the jitter. Loss, duplication and reordering make no sense on a
// stream: they are refused with a *targets.Unsupported. In both cases, as with negative parts, nothing is
// changed.
func (n *Network) Shape(id string, links []targets.Link, shape targets.Shape) error {
	if err := checkShape(shape); err != nil {
		return fmt.Errorf("cannot shape links for %s: %w", id, err)
	}
	return n.install(fault{id: id, links: slices.Clone(links), shape: shape})
}

// Unshape undoes the shapes of that id. It is an error if there is none.
func (n *Network) Unshape(id string) error { return n.remove(id, false) }

// Base says what links are like without faults, whose shapes come on top. Of several calls that name a link
// the last one counts. Ends and errors are as with Shape.
func (n *Network) Base(links []targets.Link, shape targets.Shape) error {
	if err := checkShape(shape); err != nil {
		return fmt.Errorf("cannot set what links are like: %w", err)
	}
	return n.change(func() error {
		n.base = append(n.base, fault{links: slices.Clone(links), shape: shape})
		return nil
	})
}

// checkShape refuses what no stream can be made to do.
func checkShape(s targets.Shape) error {
	if min(s.DelayNanos, s.JitterNanos, s.LossPPM, s.DuplicatePPM, s.BytesPerSec, s.ReorderOutPPM) < 0 {
		return fmt.Errorf("%+v has a negative part; allowed: 0 and more", s)
	}
	var cannot []string
	for _, part := range []struct {
		name string
		ppm  int64
	}{{"loss", s.LossPPM}, {"duplication", s.DuplicatePPM}, {"reordering", s.ReorderOutPPM}} {
		if part.ppm > 0 {
			cannot = append(cannot, part.name)
		}
	}
	if cannot == nil {
		return nil
	}
	return &targets.Unsupported{Reason: strings.Join(cannot, " and ") + " of packets: these links carry " +
		"streams of bytes; they can be cut, delayed and given a bandwidth"}
}

func (n *Network) install(f fault) error {
	return n.change(func() error {
		n.faults = append(n.faults, f)
		return nil
	})
}

func (n *Network) remove(id string, cut bool) error {
	return n.change(func() error {
		rest := slices.DeleteFunc(slices.Clone(n.faults), func(f fault) bool {
			return f.id == id && f.cut == cut
		})
		if len(rest) == len(n.faults) {
			return fmt.Errorf("cannot undo %s: it is not active", id)
		}
		n.faults = rest
		return nil
	})
}

// change changes the faults, computes the state of all links anew, and tells the listeners of those that have
// another one now.
func (n *Network) change(edit func() error) error {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return errors.New("cannot change the links: the network is closed")
	}
	if err := edit(); err != nil {
		n.mu.Unlock()
		return err
	}
	tell := map[listener]struct{}{}
	for _, l := range n.links {
		if l.enter(n.state(l.ends)) {
			for listener := range l.listeners {
				tell[listener] = struct{}{}
			}
		}
	}
	n.mu.Unlock()
	for l := range tell {
		l.changed()
	}
	return nil
}

// link returns the link with these ends. The caller holds the lock.
func (n *Network) link(ends targets.Link) *link {
	l := n.links[ends]
	if l == nil {
		l = newLink(ends, n.state(ends))
		n.links[ends] = l
	}
	return l
}

// state computes what a link is like now. The caller holds the lock.
func (n *Network) state(ends targets.Link) state {
	var s state
	for i := len(n.base) - 1; i >= 0; i-- {
		if n.hits(&n.base[i], ends) {
			s.add(n.base[i].shape)
			break
		}
	}
	for i := range n.faults {
		f := &n.faults[i]
		switch {
		case !n.hits(f, ends):
		case f.cut:
			s.cut = true
		default:
			s.add(f.shape)
		}
	}
	return s
}

// hits reports whether a fault is one of the link with these ends.
func (n *Network) hits(f *fault, ends targets.Link) bool {
	if ends.From == ends.To || !n.nodes[ends.From] && !n.nodes[ends.To] {
		return false
	}
	return slices.ContainsFunc(f.links, func(l targets.Link) bool {
		return n.means(l.From, ends.From) && n.means(l.To, ends.To)
	})
}

// means reports whether the name of an end in a fault stands for the end.
func (n *Network) means(name, end string) bool {
	switch name {
	case targets.AllNodes:
		return n.nodes[end]
	case targets.AllClients:
		return !n.nodes[end]
	}
	return name == end
}

// add adds what a shape does.
func (s *state) add(shape targets.Shape) {
	s.delay = sum(s.delay, time.Duration(shape.DelayNanos))
	s.jitter = sum(s.jitter, time.Duration(shape.JitterNanos))
	if shape.BytesPerSec > 0 && (s.rate == 0 || shape.BytesPerSec < s.rate) {
		s.rate = shape.BytesPerSec
	}
}

// sum adds two times of waiting without overflow: 146 years are the most that either part of a wait comes to.
func sum(a, b time.Duration) time.Duration {
	const most = math.MaxInt64 / 2
	return min(a, most-min(b, most)) + min(b, most)
}
