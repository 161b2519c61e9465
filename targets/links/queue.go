package links

import "time"

const (
	buffer     = 256 << 10 // bytes that a direction of a connection holds before writes block
	chunk      = 64 << 10  // bytes that are moved at a time
	maxPackets = 4096      // packets in a queue, before further bytes join the last one
)

// packet is a stretch of bytes that set out together; one without bytes is the end of the stream.
type packet struct {
	sent  time.Time
	luck  float64 // in [0, 1): the share of the link's jitter that it gets
	bytes int
}

// queue has the bytes of one direction that are on their way, in order. The zero queue is empty.
type queue struct {
	ring    []byte
	head    int // where in the ring the first byte is
	size    int
	packets []packet
	ended   bool // the last packet is the end
}

// empty reports whether nothing is on its way, not even the end.
func (q *queue) empty() bool { return len(q.packets) == 0 }

// room returns how many bytes may still come.
func (q *queue) room() int { return max(0, buffer-q.size) }

// push adds bytes. It takes them all, also beyond the room; none may follow the end.
func (q *queue) push(p []byte, sent time.Time, luck float64) {
	if len(p) == 0 {
		return
	}
	if q.size+len(p) > len(q.ring) {
		q.grow(q.size + len(p))
	}
	tail := (q.head + q.size) % len(q.ring)
	copy(q.ring, p[copy(q.ring[tail:], p):])
	q.size += len(p)
	last := len(q.packets) - 1
	if last >= 0 && (len(q.packets) >= maxPackets || q.packets[last].sent.Equal(sent)) {
		q.packets[last].sent = sent // the earlier bytes of the packet wait for the later ones
		q.packets[last].bytes += len(p)
		return
	}
	q.packets = append(q.packets, packet{sent: sent, luck: luck, bytes: len(p)})
}

// grow makes the ring hold at least this many bytes.
func (q *queue) grow(bytes int) {
	ring := make([]byte, max(bytes, min(2*len(q.ring), buffer), 4<<10))
	q.peek(ring)
	q.ring, q.head = ring, 0
}

// end adds the end of the stream, if it is not there.
func (q *queue) end(sent time.Time, luck float64) {
	if !q.ended {
		q.ended = true
		q.packets = append(q.packets, packet{sent: sent, luck: luck})
	}
}

// peek copies the first bytes to p, and returns how many there were for it.
func (q *queue) peek(p []byte) int {
	p = p[:min(len(p), q.size)]
	n := copy(p, q.ring[q.head:])
	copy(p[n:], q.ring)
	return len(p)
}

// drop removes the first bytes, of which there must be so many.
func (q *queue) drop(bytes int) {
	q.size -= bytes
	if q.size == 0 {
		q.head = 0
		if len(q.ring) > chunk {
			q.ring = nil
		}
	} else {
		q.head = (q.head + bytes) % len(q.ring)
	}
	for bytes > 0 {
		first := &q.packets[0]
		n := min(bytes, first.bytes)
		bytes -= n
		first.bytes -= n
		if first.bytes == 0 {
			q.packets = q.packets[1:]
		}
	}
	if len(q.packets) == 0 {
		q.packets = nil
	}
}

// dropEnd removes the end, which must be the only thing there.
func (q *queue) dropEnd() { q.packets, q.ended = nil, false }

// due returns how many bytes, at most limit, may arrive now over an open link as to its delay; when none may,
// whether the end does, and otherwise when the next packet may.
func (q *queue) due(s *state, now time.Time, limit int) (bytes int, end bool, next time.Time) {
	for i := range q.packets {
		p := &q.packets[i]
		if at := s.due(p); at.After(now) {
			if bytes == 0 {
				next = at
			}
			break
		}
		if p.bytes == 0 {
			end = bytes == 0
			break
		}
		if bytes += p.bytes; bytes >= limit {
			return limit, false, time.Time{}
		}
	}
	return bytes, end, next
}
