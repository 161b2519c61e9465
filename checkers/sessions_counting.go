package checkers

import (
	"context"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// counting is the version order of a key whose acknowledged writes came one after the other and counted
// up. The initial value is version 0, the i-th acknowledged write makes version i.
type counting struct {
	writes []*history.Op // each returned before the next was called
	values []int64       // what they wrote, rising
	writer string        // the session of all of them, "" when there are several
}

// newCounting returns the version order of a key, nil when it was not written that way. An ambiguous
// write has no place in it; its value must not be that of another write.
func newCounting(list []access) *counting {
	c := &counting{}
	var unsure []int64
	for i := range list {
		a := &list[i]
		if a.kind == reads || a.op.Type == history.Fail {
			continue
		}
		if a.kind != writes {
			return nil
		}
		v, isInt := a.value.AsInt()
		switch {
		case !isInt:
			return nil
		case a.op.Type != history.Ok:
			unsure = append(unsure, v)
		case !c.push(a.op, v):
			return nil
		}
	}
	for _, v := range unsure {
		if _, twice := slices.BinarySearch(c.values, v); twice {
			return nil
		}
	}
	return c
}

// push adds an acknowledged write, or reports that it does not follow the ones before it.
func (c *counting) push(op *history.Op, v int64) bool {
	last := len(c.writes) - 1
	if last >= 0 && (!c.writes[last].Precedes(op) || c.values[last] >= v) {
		return false
	}
	if last < 0 {
		c.writer = op.Session
	} else if c.writer != op.Session {
		c.writer = ""
	}
	c.writes, c.values = append(c.writes, op), append(c.values, v)
	return true
}

// single reports whether no two sessions wrote the key.
func (c *counting) single() bool { return len(c.writes) == 0 || c.writer != "" }

// version returns the version that v is, or -1 when that is not known: an ambiguous write made it, or
// none did.
func (c *counting) version(v *history.Value) int {
	if v.IsNull() {
		return 0
	}
	if n, ok := v.AsInt(); ok {
		if at, found := slices.BinarySearch(c.values, n); found {
			return at + 1
		}
	}
	return -1
}

// write returns the acknowledged write that made a version, nil for version 0.
func (c *counting) write(version int) *history.Op {
	if version <= 0 {
		return nil
	}
	return c.writes[version-1]
}

// before returns how many versions were acknowledged before op was called.
func (c *counting) before(op *history.Op) int {
	at, _ := slices.BinarySearchFunc(c.writes, op.Call, func(w *history.Op, call int64) int {
		if w.Return < call {
			return -1
		}
		return 1
	})
	return at
}

// sighting is a version and the operation that wrote or read it.
type sighting struct {
	version int
	op      *history.Op
}

// later returns the later of s and the version that op stands for.
func (s sighting) later(version int, op *history.Op) sighting {
	if version > s.version {
		return sighting{version, op}
	}
	return s
}

// judgeCounting judges the keys by their writers' order, then, if asked, what reads of several keys show.
func (f *sessionFindings) judgeCounting(
	ctx context.Context, h *history.History, keys []keyAccesses, across bool,
) {
	known := map[string]*countingKey{}
	f.eachKey(ctx, keys, func(k *keyAccesses) {
		c := newCounting(k.list)
		if c == nil || !c.single() {
			f.judgeOrders(k)
			return
		}
		f.judgeVersions(k, c)
		if across {
			known[k.key] = &countingKey{counting: c, list: k.list}
		}
	})
	if across && f.stopped == "" {
		f.judgeAcross(h, known)
	}
}

// judgeVersions judges a key whose version order is known: what a session reads is no older than what it
// wrote and read before.
func (f *sessionFindings) judgeVersions(k *keyAccesses, c *counting) {
	for _, s := range bySession(k.list) {
		var own, seen sighting
		inSessionOrder(s.list, func(a *access) {
			switch a.kind {
			case writes:
				own = own.later(c.version(a.value), a.op)
			case reads:
				seen = seen.later(c.version(a.value), a.op)
			}
		}, func(a *access) {
			v := c.version(a.value)
			if a.kind != reads || v < 0 {
				return
			}
			f.compare(ryw, k.key, c, own, sighting{v, a.op})
			f.compare(mr, k.key, c, seen, sighting{v, a.op})
		})
	}
}

// compare judges a read by the latest version that its session wrote or read before.
func (f *sessionFindings) compare(g guarantee, key string, c *counting, past, now sighting) {
	if past.version == 0 {
		return
	}
	t := f.tallies[g]
	t.chances(1)
	if now.version >= past.version {
		return
	}
	t.add(guaranteeKinds[g], key, func(w *witness) string { return then(w, past.op, now.op) },
		past.op, now.op, c.write(past.version), c.write(now.version))
}
