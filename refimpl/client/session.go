package client

import "github.com/rashomon-harness/rashomon/refimpl"

// Session is what a user's session remembers, on one device or in one place for all of them.
type Session struct {
	tokens    []refimpl.Position // by shard: the latest position seen
	wrote     map[string]bool    // keys written
	lastWrite int64              // when it last wrote, on the client's clock
	hasWrote  bool
	sticky    refimpl.Addr // the node it reads from, with reads: sticky
}

// NewSession returns the memory of a session that has done nothing yet.
func NewSession() *Session { return &Session{wrote: map[string]bool{}, sticky: refimpl.Nobody} }

// see takes in a position: of its shard, the later one is kept.
func (s *Session) see(p refimpl.Position, shards int) {
	if p.Index == 0 {
		return
	}
	if s.tokens == nil {
		s.tokens = make([]refimpl.Position, shards)
	}
	t := &s.tokens[p.Shard]
	if p.Epoch > t.Epoch || p.Epoch == t.Epoch && p.Index > t.Index {
		*t = p
	}
}

// token returns the positions seen, as a request carries them.
func (s *Session) token() []refimpl.Position {
	var token []refimpl.Position
	for _, t := range s.tokens {
		if t.Index > 0 {
			token = append(token, t)
		}
	}
	return token
}

// noteWrite takes in that a write of key is on its way: from then on it may be the session's own.
func (s *Session) noteWrite(key string, now int64) {
	s.wrote[key], s.lastWrite, s.hasWrote = true, now, true
}
