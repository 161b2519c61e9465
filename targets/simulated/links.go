package simulated

import (
	"slices"

	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/sim"
	"github.com/rashomon-harness/rashomon/targets"
)

// linkFault is an active fault of links as it was asked for, so that it can be extended to the links of
// clients that come into being while it lasts.
type linkFault struct {
	kind    string // "cut" or "shape"
	id      string
	links   []targets.Link
	install func(id string, links [][2]refimpl.Addr) error
}

// Cut cuts links. An end that is no node's name and no wildcard is the name of a session, whether or not
// it has clients yet.
func (c *cluster) Cut(id string, links []targets.Link) error {
	return c.install(linkFault{"cut", id, links, c.world.Cut})
}

// Uncut undoes a cut.
func (c *cluster) Uncut(id string) error { return c.remove("cut", id, c.world.Uncut) }

// Shape shapes links, whose ends are as with Cut.
func (c *cluster) Shape(id string, links []targets.Link, shape targets.Shape) error {
	s := sim.LinkShape{Delay: shape.DelayNanos, Jitter: shape.JitterNanos, LossPPM: shape.LossPPM,
		DuplicatePPM: shape.DuplicatePPM, BytesPerSec: shape.BytesPerSec, ReorderPPM: shape.ReorderOutPPM}
	return c.install(linkFault{"shape", id, links, func(id string, links [][2]refimpl.Addr) error {
		return c.world.Shape(id, links, s)
	}})
}

// Unshape undoes a shape.
func (c *cluster) Unshape(id string) error { return c.remove("shape", id, c.world.Unshape) }

// install makes a fault of links active, on all links that are there.
func (c *cluster) install(f linkFault) error {
	f.links = slices.Clone(f.links)
	if err := f.install(f.id, c.expand(f.links)); err != nil {
		return err
	}
	c.linkFaults = append(c.linkFaults, f)
	return nil
}

func (c *cluster) remove(kind, id string, undo func(id string) error) error {
	c.linkFaults = slices.DeleteFunc(c.linkFaults, func(f linkFault) bool {
		return f.kind == kind && f.id == id
	})
	return undo(id)
}

// extendFaults subjects a new client to the faults that are active on its links.
func (c *cluster) extendFaults(arm *clientArm) {
	for _, f := range c.linkFaults {
		links := slices.DeleteFunc(c.expand(f.links), func(l [2]refimpl.Addr) bool {
			return l[0] != arm.addr && l[1] != arm.addr
		})
		if len(links) > 0 {
			_ = f.install(f.id, links) // cannot fail: the shape was accepted before, the links are there
		}
	}
}

// expand returns every link that the given ones stand for, each once, leaving out those that do not
// exist: of an endpoint with itself, of clients with each other.
func (c *cluster) expand(links []targets.Link) [][2]refimpl.Addr {
	var out [][2]refimpl.Addr
	for _, l := range links {
		to := c.ends(l.To)
		for _, from := range c.ends(l.From) {
			for _, to := range to {
				isNode := int(from) < len(c.nodes) || int(to) < len(c.nodes)
				if pair := [2]refimpl.Addr{from, to}; isNode && from != to && !slices.Contains(out, pair) {
					out = append(out, pair)
				}
			}
		}
	}
	return out
}

// ends returns the addresses that the end of a link stands for.
func (c *cluster) ends(name string) []refimpl.Addr {
	var out []refimpl.Addr
	for i, node := range c.nodes {
		if name == node || name == targets.AllNodes {
			out = append(out, refimpl.Addr(i))
		}
	}
	for _, arm := range c.clients {
		if name == arm.session || name == targets.AllClients {
			out = append(out, arm.addr)
		}
	}
	return out
}
