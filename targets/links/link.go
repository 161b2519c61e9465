package links

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/rashomon-harness/rashomon/targets"
)

// state is what a link is like. The zero state is an open link without a shape.
type state struct {
	cut    bool
	delay  time.Duration // of every packet
	jitter time.Duration // a further delay, uniform up to this one
	rate   int64         // bytes a second; 0 for unlimited
}

// clear reports whether bytes pass at once.
func (s *state) clear() bool { return *s == state{} }

// shaped reports whether the link does something to bytes when it is open.
func (s *state) shaped() bool { return s.delay > 0 || s.jitter > 0 || s.rate > 0 }

// due returns when a packet arrives at the earliest.
func (s *state) due(p *packet) time.Time {
	return p.sent.Add(s.delay + time.Duration(p.luck*float64(s.jitter)))
}

// link is a directed connection between two ends.
type link struct {
	ends      targets.Link
	state     atomic.Pointer[state] // replaced as a whole, never changed
	listeners map[listener]struct{} // guarded by the network's lock

	mu   sync.Mutex
	free time.Time // when the last byte so far has passed, under a limited bandwidth
}

func newLink(ends targets.Link, s state) *link {
	l := &link{ends: ends, listeners: map[listener]struct{}{}}
	l.state.Store(&s)
	return l
}

// enter puts the link into a state, and reports whether it was in another one.
func (l *link) enter(s state) bool {
	old := l.state.Load()
	if *old == s {
		return false
	}
	if old.rate != s.rate {
		l.mu.Lock()
		l.free = time.Time{}
		l.mu.Unlock()
	}
	l.state.Store(&s)
	return true
}

// catchUp is how long a link under a limited bandwidth may have idled and still make up for it, because
// timers are late.
const catchUp = 5 * time.Millisecond

// reserve takes the link's bandwidth for some bytes, behind all that were reserved before, and returns when
// they have passed.
func (l *link) reserve(bytes int, rate int64, now time.Time) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.free) > catchUp {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(bytes) / float64(rate) * float64(time.Second)))
	return l.free
}

// quantum returns how many bytes take the bandwidth of a link at a time: those of 10 ms, so that connections
// share it and that large writes trickle.
func quantum(rate int64) int { return int(max(1, min(rate/100, chunk))) }
