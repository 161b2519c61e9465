package leaderless

import (
	"slices"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// item is what a node holds of a key.
type item struct {
	object refimpl.Object
	hash   uint64
	token  uint64 // of the batch that made it what it is
	// before is what it was before the write with the dot last, which can be undone (failed_write: rollback).
	before refimpl.Object
	last   refimpl.Dot
}

// grave is a tombstone that may go at a time, unless the key has been written since.
type grave struct {
	at   int64
	key  string
	hash uint64
}

// held returns what the node holds of a key.
func (n *Node) held(key string) refimpl.Object {
	if it := n.items[key]; it != nil {
		return it.object
	}
	return refimpl.Object{}
}

// own implements outer.
func (n *Node) own(key string) refimpl.Object { return n.held(key) }

// keep implements outer.
func (n *Node) keep(key string, o refimpl.Object) { n.store(key, o) }

// done implements outer.
func (n *Node) done(j *job, r *refimpl.Reply) { n.finish(j, r) }

// store merges an object into what the node holds of a key, and returns the token of the batch that must be
// durable before the node may say that it has it.
func (n *Node) store(key string, o refimpl.Object) uint64 {
	before := n.held(key)
	merged := merge(n.cfg, before, o)
	if it := n.items[key]; it != nil && merged.Same(before) {
		return it.token
	}
	return n.put(key, merged, refimpl.Record{Kind: refimpl.RecObject, Key: key, Object: &o})
}

// put has the node hold an object of a key from now on; rec says so in the log.
func (n *Node) put(key string, o refimpl.Object, rec refimpl.Record) uint64 {
	if o.Empty() {
		return 0
	}
	it := n.items[key]
	if it == nil {
		it = &item{}
		n.items[key] = it
		at, _ := n.index(key)
		n.names = slices.Insert(n.names, at, key)
	}
	if n.cfg.FailedWrite == refimpl.Rollback {
		it.before, it.last = it.object, newest(&it.object, &o)
	}
	if len(o.Siblings) > 1 && len(it.object.Siblings) <= 1 && n.cfg.Siblings != refimpl.CRDT {
		n.mark(refimpl.MarkSiblings)
	}
	it.object, it.hash, it.token = o, digest(&o), n.wal.Log(rec)
	token := it.token
	if len(o.Siblings) > 0 && len(live(&o)) == 0 {
		n.bury(key, it.hash)
	}
	return token
}

// newest returns a dot that is in b and not in a.
func newest(a, b *refimpl.Object) refimpl.Dot {
	for _, s := range b.Siblings {
		if !slices.ContainsFunc(a.Siblings, func(t refimpl.Sibling) bool { return t.Dot == s.Dot }) {
			return s.Dot
		}
	}
	return refimpl.Dot{}
}

// bury takes in that a key is deleted: all that is left of it goes, at once or later.
func (n *Node) bury(key string, hash uint64) {
	if n.cfg.Deletes == refimpl.Drop {
		n.forget(key)
		return
	}
	grace := n.cfg.GCGrace
	if n.cfg.Bugs.Has(refimpl.BugTombstoneEarly) {
		grace /= 100
	}
	n.graves = append(n.graves, grave{n.now + grace, key, hash})
}

// collect removes tombstones whose time has come.
func (n *Node) collect() {
	for len(n.graves) > 0 && n.now >= n.graves[0].at {
		g := n.graves[0]
		n.graves = n.graves[1:]
		if it := n.items[g.key]; it != nil && it.hash == g.hash {
			n.mark(refimpl.MarkCollected)
			n.forget(g.key)
		}
	}
}

// forget removes a key without a trace.
func (n *Node) forget(key string) uint64 {
	delete(n.items, key)
	if at, found := n.index(key); found {
		n.names = slices.Delete(n.names, at, at+1)
	}
	return n.wal.Log(refimpl.Record{Kind: refimpl.RecForget, Key: key, Vote: refimpl.Nobody})
}

// onFetch tells a coordinator what the node holds, once that is durable: what was read must not go away.
func (n *Node) onFetch(from refimpl.Addr, m *refimpl.Message) {
	o, token := n.held(m.Req.Key), uint64(0)
	if it := n.items[m.Req.Key]; it != nil {
		token = it.token
	}
	if m.Req.Hint > 0 {
		for i := range n.hints {
			if h := &n.hints[i]; h.key == m.Req.Key {
				o, token = merge(n.cfg, o, h.object), max(token, h.token)
			}
		}
	}
	r := n.answer(m)
	r.Object = &o
	n.sendAfter(token, from, refimpl.Message{Kind: refimpl.MsgReply, Seq: m.Seq, Reply: r})
}

// onStore takes in what a coordinator has written.
func (n *Node) onStore(from refimpl.Addr, m *refimpl.Message) {
	req := m.Req
	if req.Object == nil {
		return
	}
	var token uint64
	switch home := req.Hint - 1; {
	case req.Hint > 0 && n.cfg.HintedHandoff && home != n.id:
		n.mark(refimpl.MarkStoodIn)
		token = n.keepHint(home, req.Key, *req.Object)
	case req.Local && n.cfg.Bugs.Has(refimpl.BugRepairOlder):
		token = n.replace(req.Key, *req.Object)
	default:
		if req.Hint > 0 {
			n.mark(refimpl.MarkStoodIn)
		}
		token = n.store(req.Key, *req.Object)
	}
	n.sendAfter(token, from, refimpl.Message{Kind: refimpl.MsgReply, Seq: m.Seq, Reply: n.answer(m)})
}

// replace has the node hold o, whatever it held: a defect.
func (n *Node) replace(key string, o refimpl.Object) uint64 {
	n.forget(key)
	return n.put(key, o, refimpl.Record{Kind: refimpl.RecObject, Key: key, Object: &o})
}

// answer begins the answer to a coordinator.
func (n *Node) answer(m *refimpl.Message) *refimpl.Reply {
	return &refimpl.Reply{Seq: m.Req.Seq, Leader: refimpl.Nobody, By: n.id, Wall: n.wall, Epoch: n.life}
}

// onUndo takes back a write that was not acknowledged, if it is still there.
func (n *Node) onUndo(from refimpl.Addr, m *refimpl.Message) {
	if o := m.Req.Object; o != nil && len(o.Siblings) == 1 {
		n.undo(m.Req.Key, o.Siblings[0].Dot)
	}
	n.send(from, refimpl.Message{Kind: refimpl.MsgReply, Seq: m.Seq, Reply: n.answer(m)})
}

// undo takes the write with that name back.
func (n *Node) undo(key string, dot refimpl.Dot) {
	it := n.items[key]
	if it == nil || !slices.Contains(it.object.Dots(), dot) {
		return
	}
	n.mark(refimpl.MarkUndone)
	o := it.before
	if it.last != dot { // something else has come since
		o = it.object
		o.Siblings = slices.DeleteFunc(slices.Clone(o.Siblings),
			func(s refimpl.Sibling) bool { return s.Dot == dot })
	}
	n.replace(key, o)
}

// onPeek answers what this node holds, whatever others hold.
func (n *Node) onPeek(from refimpl.Addr, m *refimpl.Message) {
	o := n.held(m.Req.Key)
	n.send(from, refimpl.Message{Kind: refimpl.MsgReply, Seq: m.Seq, Reply: &refimpl.Reply{Seq: m.Req.Seq,
		Leader: refimpl.Nobody, By: n.id, Epoch: n.life, Value: valueOf(n.cfg, &o), Dots: o.Dots(),
		Home: n.ring.of(m.Req.Key).mask}})
}

// recovered takes in what the disk holds.
func (n *Node) recovered(records []refimpl.Record) {
	for i := range records {
		r := &records[i]
		switch {
		case r.Kind == refimpl.RecObject && r.Object != nil:
			it := n.items[r.Key]
			if it == nil {
				it = &item{}
				n.items[r.Key] = it
			}
			it.object = merge(n.cfg, it.object, *r.Object)
		case r.Kind == refimpl.RecHint && r.Object != nil:
			n.addHint(r.Vote, r.Key, *r.Object)
		case r.Kind == refimpl.RecForget && r.Vote == refimpl.Nobody:
			delete(n.items, r.Key)
		case r.Kind == refimpl.RecForget:
			n.dropHint(r.Vote, r.Key)
		}
	}
	if n.cfg.Bugs.Has(refimpl.BugHintsForgotten) {
		n.hints = nil
	}
	for key := range n.items {
		n.names = append(n.names, key)
	}
	slices.Sort(n.names)
	for _, key := range n.names {
		it := n.items[key]
		it.hash = digest(&it.object)
		if len(live(&it.object)) == 0 && len(it.object.Siblings) > 0 {
			n.graves = append(n.graves, grave{n.now + n.cfg.GCGrace, key, it.hash})
		}
	}
}
