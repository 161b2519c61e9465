package links

import (
	"bytes"
	"testing"
	"time"
)

// FuzzQueue holds a queue against a twin that keeps every byte with its time by itself.
func FuzzQueue(f *testing.F) {
	f.Add([]byte{0, 10, 1, 5, 2, 3, 0, 200, 3, 0})
	f.Add(bytes.Repeat([]byte{0, 25, 2, 7, 1, 100, 2, 255}, 20))
	f.Fuzz(func(t *testing.T, script []byte) {
		var q queue
		var sent []time.Time
		var text []byte
		now := time.Unix(1000, 0)
		s := state{delay: 10}
		count := byte(0)
		for len(script) >= 2 {
			op, arg := script[0]%4, int(script[1])
			script = script[2:]
			switch op {
			case 0: // bytes set out
				p := make([]byte, arg*arg)
				for i := range p {
					p[i] = count
					count++
					sent = append(sent, now)
				}
				q.push(p, now, 0)
				text = append(text, p...)
			case 1: // time passes
				now = now.Add(time.Duration(arg % 12))
			case 2, 3: // what is due arrives
				n, end, next := q.due(&s, now, arg+1)
				want := 0
				for want < min(len(sent), arg+1) && !sent[want].Add(10).After(now) {
					want++
				}
				if n != want || end {
					t.Fatalf("%d bytes are due, end %v; want %d", n, end, want)
				}
				if n == 0 && len(sent) > 0 && !next.Equal(sent[0].Add(10)) {
					t.Fatalf("next at %v; want %v", next, sent[0].Add(10))
				}
				p := make([]byte, n)
				if q.peek(p) != n || !bytes.Equal(p, text[:n]) {
					t.Fatalf("got %v; want %v", p, text[:n])
				}
				q.drop(n)
				text, sent = text[n:], sent[n:]
			}
			if q.size != len(text) || q.empty() != (len(text) == 0) || q.room() != max(0, buffer-len(text)) {
				t.Fatalf("size %d, room %d; want %d", q.size, q.room(), len(text))
			}
		}
		finish(t, &q, &s, now.Add(10), text)
	})
}

// finish fails unless the queue has just the text, and then its end.
func finish(t *testing.T, q *queue, s *state, now time.Time, text []byte) {
	t.Helper()
	q.end(now, 0)
	q.end(now, 0.5)
	p := make([]byte, len(text)+1)
	n, end, _ := q.due(s, now, len(p))
	if n != len(text) || end != (len(text) == 0 && s.delay == 0) {
		t.Fatalf("at the end %d bytes, %v; want %d", n, end, len(text))
	}
	if q.peek(p) != n || !bytes.Equal(p[:n], text) {
		t.Fatal("the last bytes differ")
	}
	q.drop(n)
	if n, end, next := q.due(s, now, 1); n != 0 || end || !next.Equal(now.Add(s.delay)) {
		t.Fatalf("too early: %d bytes, end %v, next %v", n, end, next)
	}
	if _, end, _ = q.due(s, now.Add(s.delay), 1); !end || q.empty() {
		t.Fatal("the end is missing")
	}
	if q.dropEnd(); !q.empty() {
		t.Fatal("the end stays")
	}
}

// TestQueueIsBounded has very many small writes: beyond a number of packets they join the last one, whose
// bytes arrive when the latest of them may.
func TestQueueIsBounded(t *testing.T) {
	var q queue
	start := time.Unix(1000, 0)
	for i := range 2 * maxPackets {
		q.push([]byte{byte(i)}, start.Add(time.Duration(i)), 0)
	}
	if len(q.packets) != maxPackets {
		t.Errorf("%d packets", len(q.packets))
	}
	last := start.Add(2*maxPackets - 1)
	if n, _, _ := q.due(&state{}, last.Add(-1), buffer); n != maxPackets-1 {
		t.Errorf("%d bytes are due", n)
	}
	if n, _, _ := q.due(&state{}, last, buffer); n != 2*maxPackets {
		t.Errorf("%d bytes are due in the end", n)
	}
}
