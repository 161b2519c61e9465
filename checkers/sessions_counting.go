package checkers

import (
	"context"
	"slices"
	"sort"

	"github.com/rashomon-harness/rashomon/history"
)

// counting is the version order of a key whose acknowledged writes came one after the other and counted
// up. The initial value is version 0, the i-th acknowledged write makes version i.
type counting struct {
	h      *history.History
	writes []int32 // each returned before the next was called
	values []int64 // what they wrote, rising
	writer int32   // the session of all of them, severalWriters when they are of several
}

// The writers of a key that not exactly one session wrote.
const (
	noWriter       int32 = -1
	severalWriters int32 = -2
)

// newCounting returns the version order of a key, nil when it was not written that way. An ambiguous
// write has no place in it; its value must not be that of another write.
func newCounting(h *history.History, list []access) *counting {
	c := &counting{h: h, writer: noWriter}
	var unsure []int64
	for i := range list {
		a := &list[i]
		if a.kind == reads || a.outcome == history.Fail {
			continue
		}
		v, isInt := a.integer()
		switch {
		case a.kind != writes || !isInt:
			return nil
		case !a.certain():
			unsure = append(unsure, v)
		case !c.push(a, v):
			return nil
		}
	}
	for _, v := range unsure {
		if c.find(v) >= 0 {
			return nil
		}
	}
	return c
}

// push adds an acknowledged write, or reports that it does not follow the ones before it.
func (c *counting) push(a *access, v int64) bool {
	last := len(c.writes) - 1
	if last >= 0 && (!precedes(c.h, c.writes[last], a.op) || c.values[last] >= v) {
		return false
	}
	if last < 0 {
		c.writer = a.session
	} else if c.writer != a.session {
		c.writer = severalWriters
	}
	c.writes, c.values = append(c.writes, a.op), append(c.values, v)
	return true
}

// find returns the place of a value, -1 for none. Values mostly count up by one.
func (c *counting) find(v int64) int {
	n := len(c.values)
	if n == 0 || v < c.values[0] {
		return -1
	}
	if at := uint64(v) - uint64(c.values[0]); at < uint64(n) && c.values[at] == v {
		return int(at)
	}
	if at, found := slices.BinarySearch(c.values, v); found {
		return at
	}
	return -1
}

// version returns the version that an access reads or writes, or -1 when that is not known: an ambiguous
// write made it, or none did.
func (c *counting) version(a *access) int32 {
	if a.form == formNull {
		return 0
	}
	if v, ok := a.integer(); ok {
		if at := c.find(v); at >= 0 {
			return int32(at + 1)
		}
	}
	return -1
}

// write returns the acknowledged write that made a version, none for version 0.
func (c *counting) write(version int32) int32 {
	if version <= 0 {
		return none
	}
	return c.writes[version-1]
}

// before returns how many versions were acknowledged before op was called.
func (c *counting) before(op int32) int32 {
	call := c.h.Call(int(op))
	return int32(sort.Search(len(c.writes), func(i int) bool { return c.h.Return(int(c.writes[i])) >= call }))
}

// sighting is a version and the operation that wrote or read it.
type sighting struct{ version, op int32 }

// later returns the later of s and the version that op stands for.
func (s sighting) later(version, op int32) sighting {
	if version > s.version {
		return sighting{version, op}
	}
	return s
}

// judgeCounting judges the keys by their writers' order, then, if asked, what reads of several keys show,
// and what the reads of several keys by one session.
func (f *sessionFindings) judgeCounting(ctx context.Context, asked *sessions) {
	known := make([]*countingKey, len(f.keys))
	f.eachKey(ctx, func(at int, k *keyAccesses) {
		c := newCounting(f.h, k.list)
		if c == nil || c.writer == severalWriters {
			f.judgeOrders(k)
		} else {
			f.judgeVersions(k, c)
			known[at] = &countingKey{counting: c, keyAccesses: k}
		}
	})
	if f.stopped == "" && asked.wants(MonotonicWrites, WritesFollowReads, SessionCausality) {
		f.judgeAcross(known)
	}
	if f.stopped == "" && asked.wants(SessionCausality) {
		f.judgeChained(known)
	}
}

// judgeVersions judges a key whose version order is known: what a session reads is no older than what it
// wrote and read before.
func (f *sessionFindings) judgeVersions(k *keyAccesses, c *counting) {
	for _, run := range f.split.split(k.list) {
		var own, seen sighting
		f.split.inSessionOrder(f.h, run, func(a *access) {
			switch a.kind {
			case writes:
				own = own.later(c.version(a), a.op)
			case reads:
				seen = seen.later(c.version(a), a.op)
			}
		}, func(a *access) {
			if a.kind != reads {
				return
			}
			if v := c.version(a); v >= 0 {
				f.compare(ryw, k.key, c, own, sighting{v, a.op})
				f.compare(mr, k.key, c, seen, sighting{v, a.op})
			}
		})
	}
}

// compare judges a read by the latest version that its session wrote or read before.
func (f *sessionFindings) compare(g guarantee, key string, c *counting, past, now sighting) {
	if past.version == 0 {
		return
	}
	f.chance(g)
	if now.version >= past.version {
		return
	}
	f.violated(g, key, func(w *witness) string { return then(w, past.op, now.op) },
		past.op, now.op, c.write(past.version), c.write(now.version))
}
