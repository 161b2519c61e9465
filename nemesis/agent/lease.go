package agent

import (
	"sync"
	"time"
)

// lease is the harness's word that it is still there. It has a lock of its own: renewals never wait for a
// fault that takes its time.
type lease struct {
	mu       sync.Mutex
	deadline time.Time // zero without a lease
	missed   bool      // a lease ran out, and nobody has healed for it yet
	lapses   int64
	closed   bool // no lease is granted any more
}

// renew gives a lease of that length from now on and returns the lapses so far. A renewal that comes too late
// does not make the lapse undone, even if nobody has noticed it yet. It returns false after end.
func (l *lease) renew(now time.Time, ttl time.Duration) (lapses int64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return l.lapses, false
	}
	l.notice(now)
	l.deadline = now.Add(ttl)
	return l.lapses, true
}

// notice takes down that the lease has run out. The lock is held.
func (l *lease) notice(now time.Time) {
	if !l.deadline.IsZero() && !now.Before(l.deadline) {
		l.deadline, l.missed = time.Time{}, true
		l.lapses++
	}
}

// lapsed reports, once a lapse, that a lease has run out: everything must be healed.
func (l *lease) lapsed(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notice(now)
	missed := l.missed
	l.missed = false
	return missed
}

// left returns how long the lease lasts, 0 when there is none, and the lapses so far.
func (l *lease) left(now time.Time) (left time.Duration, lapses int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notice(now)
	if l.deadline.IsZero() {
		return 0, l.lapses
	}
	return l.deadline.Sub(now), l.lapses
}

// end takes the lease away for good. That is no lapse.
func (l *lease) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deadline, l.closed = time.Time{}, true
}

// ended reports whether the lease was taken away for good.
func (l *lease) ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}
