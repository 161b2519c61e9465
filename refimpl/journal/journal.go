// Package journal is a node's write-ahead log as seen from inside: records are gathered into batches, one
// batch is on its way to the disk at a time, and what depends on a batch waits for it.
package journal

import "github.com/rashomon-harness/rashomon/refimpl"

// Journal gathers the records of one node. What waits for a batch are messages, and things of type T that
// mean something to the node. The zero Journal is not valid, see New.
type Journal[T any] struct {
	gathering batch[T]
	flying    batch[T]
	busy      bool   // flying is on its way
	done      uint64 // token of the last durable batch
}

// batch is what is written together, and what waits for it.
type batch[T any] struct {
	token   uint64
	records []refimpl.Record
	sends   []refimpl.Send
	waits   []T
	force   bool
}

// New returns an empty journal. Tokens count from 1, so that token 0 is durable.
func New[T any]() Journal[T] { return Journal[T]{gathering: batch[T]{token: 1}} }

// Log gathers a record and returns the token of its batch.
func (j *Journal[T]) Log(rec refimpl.Record) uint64 {
	j.gathering.records = append(j.gathering.records, rec)
	return j.gathering.token
}

// Token returns the token of the batch that is gathered.
func (j *Journal[T]) Token() uint64 { return j.gathering.token }

// Durable reports whether the batch with that token is.
func (j *Journal[T]) Durable(token uint64) bool { return token <= j.done }

// Force has the batch that is gathered synced whatever the policy.
func (j *Journal[T]) Force() { j.gathering.force = true }

// Send has s sent once the batch with that token, which is not durable, is.
func (j *Journal[T]) Send(token uint64, s refimpl.Send) {
	b := &j.gathering
	if j.busy && token == j.flying.token {
		b = &j.flying
	}
	b.sends = append(b.sends, s)
}

// Waits returns what waits for the batch that is gathered, for the caller to add to.
func (j *Journal[T]) Waits() *[]T { return &j.gathering.waits }

// Flush hands gathered records to the disk unless a batch is on its way. durable is called with the token of
// a batch that is not synced, and counts as durable at once: that is what the policy costs.
func (j *Journal[T]) Flush(fx *refimpl.Effects, sync bool, durable func(token uint64)) {
	for !j.busy && len(j.gathering.records) > 0 {
		b := &j.gathering
		wait := sync || b.force
		fx.Writes = append(fx.Writes, refimpl.Write{Records: b.records, Sync: wait, Token: b.token})
		j.flying, j.gathering = *b, batch[T]{
			token: b.token + 1, sends: j.flying.sends[:0], waits: j.flying.waits[:0],
		}
		j.busy = true
		if !wait {
			durable(j.flying.token)
		}
	}
}

// Release is told that the batch with that token is durable, and has what waited for it done. Of another
// token it is the periodic sync, or an answer to an earlier incarnation.
func (j *Journal[T]) Release(token uint64, send func(refimpl.Send), do func(T)) {
	if !j.busy || token != j.flying.token {
		return
	}
	b := &j.flying
	j.busy, j.done = false, token
	for _, s := range b.sends {
		send(s)
	}
	for _, w := range b.waits {
		do(w)
	}
	clear(b.sends)
	b.records, b.sends, b.waits = nil, b.sends[:0], b.waits[:0]
}
