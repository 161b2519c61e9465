package sim

import "github.com/rashomon-harness/rashomon/refimpl"

// eventKind is the kind of an event of the world.
type eventKind uint8

const (
	evMessage     eventKind = iota // a packet arrives: from, to, msg; arg is its luck
	evTimer                        // an endpoint's timer: to, gen
	evStart                        // a node has just started: to, gen
	evPromote                      // an operator's order arrives: to, gen
	evSync                         // a disk finishes the oldest of its syncs: to, gen
	evWriteDone                    // queued input: the write with token arg is durable
	evWriteFailed                  // queued input: the write with token arg failed
	evDrain                        // a node goes on to the next input of its queue: to
	evUnclog                       // a clog may have ended
)

// event is one thing that will happen. Events live in a slab and are recycled; what they point to is
// immutable, so a stale slot keeps garbage alive for a while, but never changes anything.
type event struct {
	kind     eventKind
	from, to int32
	gen      uint32 // must equal the endpoint's generation, or the event is stale
	next     int32  // the next event in a node's queue, or the next free slot
	arg      uint64
	msg      refimpl.Message
}

// item is a heap entry. key holds the event's sequence number above its slot, so that events of the same
// time happen in the order in which they were scheduled, and four children share a cache line.
type item struct {
	at  int64
	key uint64
}

// slotBits bounds the number of pending events (16 million) and of all events (10^12).
const slotBits = 24

// none ends a list of slots.
const none int32 = -1

// queue is the event queue: a 4-ary heap of small keys over a slab of events.
type queue struct {
	heap []item
	slab []event
	free int32
	seq  uint64
}

// alloc returns a free slot. Pointers into the slab are valid until the next alloc.
func (q *queue) alloc() int32 {
	if s := q.free; s != none {
		q.free = q.slab[s].next
		return s
	}
	q.slab = append(q.slab, event{})
	return int32(len(q.slab) - 1)
}

// release makes slot s free.
func (q *queue) release(s int32) {
	q.slab[s].next = q.free
	q.free = s
}

// push schedules the event in slot s.
func (q *queue) push(at int64, s int32) {
	q.seq++
	it := item{at, q.seq<<slotBits | uint64(s)}
	q.heap = append(q.heap, it)
	h, i := q.heap, len(q.heap)-1
	for i > 0 {
		p := (i - 1) >> 2
		if !it.before(h[p]) {
			break
		}
		h[i] = h[p]
		i = p
	}
	h[i] = it
}

// before orders items by time, then by the order of scheduling.
func (it item) before(o item) bool { return it.at < o.at || it.at == o.at && it.key < o.key }

// slot returns the slot of the item's event.
func (it item) slot() int32 { return int32(it.key & (1<<slotBits - 1)) }

// pop removes and returns the earliest item. The heap must not be empty.
func (q *queue) pop() item {
	h := q.heap
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	q.heap = h
	if len(h) > 0 {
		siftDown(h, last)
	}
	return top
}

// siftDown puts it into the hole at the root of h.
func siftDown(h []item, it item) {
	i := 0
	for {
		c := i<<2 + 1
		if c >= len(h) {
			break
		}
		best := c
		for j := c + 1; j < min(c+4, len(h)); j++ {
			if h[j].before(h[best]) {
				best = j
			}
		}
		if !h[best].before(it) {
			break
		}
		h[i] = h[best]
		i = best
	}
	h[i] = it
}

// digest returns a number that tells the event from others.
func (e *event) digest() uint64 {
	d := uint64(e.kind)<<56 ^ uint64(e.from)<<48 ^ uint64(e.to)<<40 ^ e.arg
	if e.kind == evMessage {
		m := &e.msg
		d ^= (m.Seq<<32 ^ uint64(m.Index)<<16 ^ m.Epoch<<8 ^ uint64(m.Commit)<<40) * 0x9e3779b97f4a7c15
	}
	return d
}
