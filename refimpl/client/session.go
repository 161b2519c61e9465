package client

import (
	"slices"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// Session is what a user's session remembers, on one device or in one place for all of them.
type Session struct {
	tokens    []refimpl.Position // what a replica must have reached, one or more a shard
	wrote     map[string]bool    // keys written
	lastWrite int64              // when it last wrote, on the client's clock
	hasWrote  bool
	sticky    refimpl.Addr // the node it reads from, with reads: sticky
	// seen is, by key, what its next write supersedes: all that it was shown (leaderless).
	seen map[string]refimpl.Vector
}

// NewSession returns the memory of a session that has done nothing yet.
func NewSession() *Session {
	return &Session{wrote: map[string]bool{}, sticky: refimpl.Nobody, seen: map[string]refimpl.Vector{}}
}

// Seen returns the writes of a key that the session was shown.
func (s *Session) Seen(key string) refimpl.Vector { return s.seen[key] }

// See takes in that the session was shown these writes of a key.
func (s *Session) See(key string, v refimpl.Vector) { s.seen[key] = s.seen[key].Join(v) }

// takeIn takes in where the answer to a request with token sent came from.
func (s *Session) takeIn(r *refimpl.Reply, sent []refimpl.Position) {
	s.reach(r.At, sent)
	for _, p := range r.Token {
		s.reach(p, sent)
	}
	for _, p := range r.Causes {
		s.see(p)
	}
}

// reach takes in a position that was answered from: the node made sure that it includes all of the token sent
// in that shard, which it replaces. What another device of the session has seen since then stays.
func (s *Session) reach(p refimpl.Position, sent []refimpl.Position) {
	if p.Index == 0 {
		return
	}
	s.tokens = slices.DeleteFunc(s.tokens, func(t refimpl.Position) bool {
		return t.Shard == p.Shard && slices.ContainsFunc(sent, func(u refimpl.Position) bool {
			return u.Shard == t.Shard && u.Epoch == t.Epoch && u.Index >= t.Index
		})
	})
	s.see(p)
}

// see takes in a position that has to be visible from now on. A later one of an epoch
// includes an earlier one; one of another epoch may be of another branch of the log, so both are kept.
func (s *Session) see(p refimpl.Position) {
	for i := range s.tokens {
		if t := &s.tokens[i]; t.Shard == p.Shard && t.Epoch == p.Epoch {
			t.Index = max(t.Index, p.Index)
			return
		}
	}
	s.tokens = append(s.tokens, p)
}

// token returns the positions as a request carries them.
func (s *Session) token() []refimpl.Position { return slices.Clone(s.tokens) }

// noteWrite takes in that a write of key is on its way: from then on it may be the session's own.
func (s *Session) noteWrite(key string, now int64) {
	s.wrote[key], s.lastWrite, s.hasWrote = true, now, true
}
