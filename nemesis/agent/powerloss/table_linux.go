//go:build linux

package powerloss

import (
	"sync"

	"golang.org/x/sys/unix"
)

// key is what an inode of the backing is known by while a descriptor keeps it alive.
type key struct{ dev, ino uint64 }

// rootID is the kernel's name for the root.
const rootID = 1

// table has the nodes that somebody holds: the kernel, or what is pending in them. Where both locks are
// taken, table.mu comes before node.mu.
type table struct {
	mu   sync.Mutex
	ids  map[uint64]*node
	keys map[key]*node
	last uint64 // the id given last
}

// newTable returns a table with the root alone, which path is open on.
func newTable(path int) (*table, error) {
	t := &table{ids: map[uint64]*node{}, keys: map[key]*node{}}
	_, err := t.hold(path)
	return t, err
}

// get returns a node that the kernel speaks of, nil when there is none.
func (t *table) get(id uint64) *node {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ids[id]
}

// hold returns the node of the inode that path, an O_PATH descriptor, is open on, with one more reference by
// the kernel. The descriptor belongs to the table then.
func (t *table) hold(path int) (*node, error) {
	var st unix.Stat_t
	if err := unix.Fstat(path, &st); err != nil {
		_ = unix.Close(path)
		return nil, err
	}
	k := key{st.Dev, st.Ino}
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.keys[k]
	if n == nil {
		t.last++
		n = &node{id: t.last, key: k, path: path}
		t.ids[n.id], t.keys[k] = n, n
	} else {
		_ = unix.Close(path)
	}
	n.lookups++
	return n, nil
}

// again adds a reference by the kernel to a node that it has.
func (t *table) again(n *node) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n.lookups++
}

// release takes back references by the kernel, and lets go of the node when nothing holds it any more. With
// 0 it only does the latter.
func (t *table) release(n *node, lookups uint64, b *budget) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n.lookups -= min(lookups, n.lookups)
	if n.lookups > 0 || n.id == rootID || t.ids[n.id] != n {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.opens > 0 || n.diff.active && !n.nameless() {
		return
	}
	b.give(n.diff.cost())
	n.diff = pending{}
	t.remove(n)
}

// remove takes the node out of the table. Both locks are held.
func (t *table) remove(n *node) {
	delete(t.ids, n.id)
	delete(t.keys, n.key)
	_ = unix.Close(n.path)
}

// each calls visit with all nodes, in no order, while no node can come or go.
func (t *table) each(visit func(*node)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range t.ids {
		visit(n)
	}
}

// clear closes everything, with no request under way and none to come.
func (t *table) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range t.ids {
		n.mu.Lock()
		if n.opens > 0 {
			_ = unix.Close(int(n.file))
			n.opens = 0
		}
		n.diff = pending{}
		t.remove(n)
		n.mu.Unlock()
	}
}
