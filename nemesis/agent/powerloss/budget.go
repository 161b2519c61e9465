package powerloss

import "sync/atomic"

// budget is the memory that all files of a mount share for what is pending.
type budget struct {
	limit int64
	used  atomic.Int64
}

// take takes n bytes, and reports false when they are not there.
func (b *budget) take(n int64) bool {
	if b.used.Add(n) > b.limit {
		b.used.Add(-n)
		return false
	}
	return true
}

// give gives n bytes back; when n is negative it takes them, there or not.
func (b *budget) give(n int64) { b.used.Add(-n) }
