package leaderless

import (
	"slices"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
)

// Anti-entropy compares what two nodes hold of the keys that both are replicas of, by a Merkle tree (Merkle
// 1987; DeCandia et al. 2007, section 4.7) over the hashes of keys, with fanout branches of fanout leaves
// each.
const fanout = 16

// leafOf returns the leaf of a key.
func leafOf(key string) int { return keyed.New(1).Named(key).N(fanout * fanout) }

// exchange begins a comparison with another node.
func (n *Node) exchange() {
	if n.cfg.Nodes == 1 {
		return
	}
	n.rounds++
	peer := refimpl.Addr(n.key.Named("peer").With(n.rounds).N(n.cfg.Nodes - 1))
	if peer >= n.id {
		peer++
	}
	n.send(peer, refimpl.Message{Kind: msgTree, Index: -1, Hashes: n.tree(peer, -1)})
}

// shared calls f with every key that peer and this node are replicas of, in order: with those that this node
// holds.
func (n *Node) shared(peer refimpl.Addr, f func(key string, it *item)) {
	for _, key := range n.names {
		if mask := n.ring.of(key).mask; mask>>peer&1 != 0 && mask>>n.id&1 != 0 {
			f(key, n.items[key])
		}
	}
}

// tree returns the hashes of the branches, or of the leaves of one branch.
func (n *Node) tree(peer refimpl.Addr, branch int64) []uint64 {
	hashes := make([]uint64, fanout)
	n.shared(peer, func(key string, it *item) {
		leaf := leafOf(key)
		at := leaf / fanout
		if branch >= 0 {
			if int64(at) != branch {
				return
			}
			at = leaf % fanout
		}
		hashes[at] = uint64(keyed.New(hashes[at]).With(it.hash))
	})
	return hashes
}

// onTree compares a level of the tree, and goes down where it differs.
func (n *Node) onTree(from refimpl.Addr, m *refimpl.Message) {
	if len(m.Hashes) != fanout || m.Index < -1 || m.Index >= fanout || !n.isPeer(from) {
		return
	}
	for i, own := range n.tree(from, m.Index) {
		switch {
		case own == m.Hashes[i], m.Index < 0 && i < fanout/4 && n.cfg.Bugs.Has(refimpl.BugRangeSkipped):
		case m.Index < 0:
			n.send(from, refimpl.Message{Kind: msgTree, Index: int64(i), Hashes: n.tree(from, int64(i))})
		default:
			n.sendKeys(from, m.Index*fanout+int64(i))
		}
	}
}

// isPeer reports whether an address is that of another node.
func (n *Node) isPeer(a refimpl.Addr) bool { return a >= 0 && int(a) < n.cfg.Nodes && a != n.id }

// sendKeys tells the keys of a leaf.
func (n *Node) sendKeys(to refimpl.Addr, leaf int64) {
	m := refimpl.Message{Kind: msgKeys, Index: leaf}
	n.shared(to, func(key string, it *item) {
		if int64(leafOf(key)) == leaf {
			m.Items = append(m.Items, refimpl.Item{Key: key, Hash: it.hash})
		}
	})
	n.send(to, m)
}

// onKeys sends what it holds otherwise than the other node, and asks for what it lacks.
func (n *Node) onKeys(from refimpl.Addr, m *refimpl.Message) {
	if !n.isPeer(from) {
		return
	}
	var differ []refimpl.Item
	theirs := func(key string) int {
		return slices.IndexFunc(m.Items, func(it refimpl.Item) bool { return it.Key == key })
	}
	n.shared(from, func(key string, it *item) {
		if int64(leafOf(key)) != m.Index {
			return
		}
		if at := theirs(key); at < 0 || m.Items[at].Hash != it.hash {
			o := it.object
			differ = append(differ, refimpl.Item{Key: key, Object: &o})
		}
	})
	for _, it := range m.Items {
		if n.items[it.Key] == nil {
			differ = append(differ, refimpl.Item{Key: it.Key})
		}
	}
	n.sendObjects(from, differ, false)
}

// sendObjects sends objects, some at a time.
func (n *Node) sendObjects(to refimpl.Addr, items []refimpl.Item, last bool) {
	for part := range slices.Chunk(items, batchMax) {
		n.send(to, refimpl.Message{Kind: msgObjects, Flag: last, Items: slices.Clone(part)})
	}
}

// onObjects merges what another node holds, and answers what it lacks.
func (n *Node) onObjects(from refimpl.Addr, m *refimpl.Message) {
	if !n.isPeer(from) {
		return
	}
	var back []refimpl.Item
	for i := range m.Items {
		it := &m.Items[i]
		if it.Object != nil {
			before := n.held(it.Key)
			n.store(it.Key, *it.Object)
			if after := n.held(it.Key); !after.Same(before) {
				n.mark(refimpl.MarkExchanged)
			}
		}
		if o := n.held(it.Key); !o.Empty() && (it.Object == nil || !o.Same(*it.Object)) {
			back = append(back, refimpl.Item{Key: it.Key, Object: &o})
		}
	}
	if !m.Flag {
		n.sendObjects(from, back, true)
	}
}
