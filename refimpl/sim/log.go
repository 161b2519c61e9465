package sim

import "github.com/rashomon-harness/rashomon/refimpl"

// chunk is the number of records in a piece of a recordLog.
const chunk = 512

// recordLog is a list of records that grows in pieces, so that a long log is never copied to grow.
type recordLog struct {
	chunks [][]refimpl.Record
	len    int
}

// append adds a record at the end.
func (l *recordLog) append(r *refimpl.Record) {
	if l.len == len(l.chunks)*chunk {
		l.chunks = append(l.chunks, make([]refimpl.Record, chunk))
	}
	l.chunks[l.len/chunk][l.len%chunk] = *r
	l.len++
}

// truncate keeps the first n records, n <= l.len, and lets go of the others.
func (l *recordLog) truncate(n int) {
	whole := (n + chunk - 1) / chunk
	clear(l.chunks[whole:])
	l.chunks, l.len = l.chunks[:whole], n
	if n%chunk > 0 {
		clear(l.chunks[whole-1][n%chunk:])
	}
}

// all returns a copy of all records, nil when there is none.
func (l *recordLog) all() []refimpl.Record {
	if l.len == 0 {
		return nil
	}
	out := make([]refimpl.Record, 0, l.len)
	for i := range l.chunks {
		out = append(out, l.chunks[i][:min(chunk, l.len-i*chunk)]...)
	}
	return out
}
