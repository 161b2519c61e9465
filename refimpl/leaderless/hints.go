package leaderless

import (
	"cmp"
	"slices"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// hint is what a node keeps of a key for the replica that was not there.
type hint struct {
	home   refimpl.Addr
	key    string
	object refimpl.Object
	token  uint64
}

// findHint returns where a hint is, or would be.
func (n *Node) findHint(home refimpl.Addr, key string) (at int, found bool) {
	return slices.BinarySearchFunc(n.hints, hint{home: home, key: key}, func(a, b hint) int {
		return cmp.Or(cmp.Compare(a.home, b.home), cmp.Compare(a.key, b.key))
	})
}

// addHint merges an object into the hint of a key.
func (n *Node) addHint(home refimpl.Addr, key string, o refimpl.Object) *hint {
	at, found := n.findHint(home, key)
	if !found {
		n.hints = slices.Insert(n.hints, at, hint{home: home, key: key})
	}
	h := &n.hints[at]
	h.object = merge(n.cfg, h.object, o)
	return h
}

// dropHint removes a hint.
func (n *Node) dropHint(home refimpl.Addr, key string) {
	if at, found := n.findHint(home, key); found {
		n.hints = slices.Delete(n.hints, at, at+1)
	}
}

// keepHint takes in what is meant for another node, and returns the token of the batch that it waits for.
func (n *Node) keepHint(home refimpl.Addr, key string, o refimpl.Object) uint64 {
	if at, found := n.findHint(home, key); found && merge(n.cfg, n.hints[at].object,
		o).Same(n.hints[at].object) {
		return n.hints[at].token
	}
	if len(n.hints) == 0 {
		n.handAt = n.now + n.handEvery()
	}
	h := n.addHint(home, key, o)
	h.token = n.wal.Log(refimpl.Record{Kind: refimpl.RecHint, Vote: home, Key: key, Object: &o})
	return h.token
}

// handEvery is how often a node tries to hand its hints over.
func (n *Node) handEvery() int64 { return 4 * n.cfg.HintAfter }

// batchMax is how many keys one message between nodes carries at most.
const batchMax = 64

// handOff sends hints to the replicas they are for, some at a time.
func (n *Node) handOff() {
	for i := 0; i < len(n.hints); {
		home := n.hints[i].home
		m := refimpl.Message{Kind: msgHandOff}
		for ; i < len(n.hints) && n.hints[i].home == home; i++ {
			if len(m.Items) < batchMax {
				o := n.hints[i].object
				m.Items = append(m.Items, refimpl.Item{Key: n.hints[i].key, Hash: digest(&o), Object: &o})
			}
		}
		n.send(home, m)
	}
}

// onHandOff takes in what another node kept for this one.
func (n *Node) onHandOff(from refimpl.Addr, m *refimpl.Message) {
	token := uint64(0)
	back := refimpl.Message{Kind: msgHandedOff}
	for i := range m.Items {
		it := &m.Items[i]
		if it.Object == nil {
			continue
		}
		if n.cfg.Bugs.Has(refimpl.BugHintOverwrites) {
			token = max(token, n.replace(it.Key, *it.Object))
		} else {
			token = max(token, n.store(it.Key, *it.Object))
		}
		back.Items = append(back.Items, refimpl.Item{Key: it.Key, Hash: it.Hash})
	}
	n.sendAfter(token, from, back)
}

// onHandedOff removes the hints that have come home, unless they are more by now.
func (n *Node) onHandedOff(from refimpl.Addr, m *refimpl.Message) {
	for i := range m.Items {
		at, found := n.findHint(from, m.Items[i].Key)
		if !found || digest(&n.hints[at].object) != m.Items[i].Hash {
			continue
		}
		n.mark(refimpl.MarkHandedOff)
		n.hints = slices.Delete(n.hints, at, at+1)
		n.wal.Log(refimpl.Record{Kind: refimpl.RecForget, Vote: from, Key: m.Items[i].Key})
	}
}
