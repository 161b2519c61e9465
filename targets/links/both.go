package links

import (
	"errors"
	"slices"
	"sync"

	"github.com/rashomon-harness/rashomon/targets"
)

// Elsewhere is where the links between nodes are broken, when it is not here.
type Elsewhere interface {
	targets.Partitioner
	targets.Shaper
}

// Both divides faults of links: those between nodes happen elsewhere, those of clients, who all live in this
// process, in a userspace network.
type Both struct {
	nodes     []string
	clients   *Network
	elsewhere Elsewhere

	mu    sync.Mutex
	there map[part]bool // the parts of faults that are installed in the userspace network
}

// part names the part of a fault that concerns clients.
type part struct {
	id  string
	cut bool // otherwise it is a shape
}

// NewBoth returns the network of a cluster with those nodes.
func NewBoth(nodes []string, clients *Network, elsewhere Elsewhere) *Both {
	return &Both{nodes: slices.Clone(nodes), clients: clients, elsewhere: elsewhere, there: map[part]bool{}}
}

// Cut cuts links.
func (b *Both) Cut(id string, cut []targets.Link) error {
	nodes, clients := b.split(cut)
	return b.install(part{id, true}, func() error { return b.clients.Cut(id, clients) },
		func() error { return b.elsewhere.Cut(id, nodes) })
}

// Uncut undoes the cuts of that id. What was undone before is not tried again.
func (b *Both) Uncut(id string) error {
	return errors.Join(b.undo(part{id, true}), b.elsewhere.Uncut(id))
}

// Shape shapes links. Those of clients carry streams: what makes no sense there, as loss, is a
// *targets.Unsupported, and then nothing is shaped.
func (b *Both) Shape(id string, shaped []targets.Link, s targets.Shape) error {
	nodes, clients := b.split(shaped)
	ofClients := s
	if len(clients) == 0 {
		ofClients = targets.Shape{} // the shape may be one that no stream can have
	}
	here := func() error {
		err := b.clients.Shape(id, clients, ofClients)
		if beyond, ok := errors.AsType[*targets.Unsupported](err); ok {
			return &targets.Unsupported{Reason: beyond.Reason +
				"; with clients: none only nodes' links are hit"}
		}
		return err
	}
	return b.install(part{id, false}, here, func() error { return b.elsewhere.Shape(id, nodes, s) })
}

// Unshape undoes the shapes of that id.
func (b *Both) Unshape(id string) error {
	return errors.Join(b.undo(part{id, false}), b.elsewhere.Unshape(id))
}

// install installs the two parts of a fault, or neither as far as it can be told.
func (b *Both) install(p part, here, elsewhere func() error) error {
	if err := here(); err != nil {
		return err
	}
	b.mu.Lock()
	b.there[p] = true
	b.mu.Unlock()
	err := elsewhere()
	if err == nil {
		return nil
	}
	if left := b.undo(p); left != nil {
		return errors.Join(err, left)
	}
	return err
}

// undo undoes the part of a fault that concerns clients, if it is there.
func (b *Both) undo(p part) error {
	b.mu.Lock()
	there := b.there[p]
	delete(b.there, p)
	b.mu.Unlock()
	switch {
	case !there:
		return nil
	case p.cut:
		return b.clients.Uncut(p.id)
	}
	return b.clients.Unshape(p.id)
}

// split divides links into those between nodes and those of clients.
func (b *Both) split(all []targets.Link) (nodes, clients []targets.Link) {
	isNodes := func(end string) bool { return end == targets.AllNodes || slices.Contains(b.nodes, end) }
	for _, l := range all {
		if isNodes(l.From) && isNodes(l.To) {
			nodes = append(nodes, l)
		} else {
			clients = append(clients, l)
		}
	}
	return nodes, clients
}
