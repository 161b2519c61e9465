package checkers

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// judgeChained judges monotonic writes and writes-follow-reads across keys by reads that came one after the
// other. A session that has read a write w depends, by monotonic reads, on w; by monotonic writes on what
// w's session had written before w; by writes follow reads on what that had read. A later read of it that
// lacks that violates none of the guarantees for certain, for another replica may have answered, but two
// of them together.
//
// The dependencies of a session's writes only grow. So a reader goes through what another session did at
// most once, and keeps the latest version that it depends on, a key.
func (f *sessionFindings) judgeChained(keys []*countingKey) {
	c := &chained{sessionFindings: f, keys: keys}
	c.did = f.bySession(keys)
	c.order()
	c.needs, c.why, c.knows = make([]int32, len(keys)), make([]reason, len(keys)), make([]int32, len(keys))
	c.taken = make([]int, len(c.did))
	for reader := range int32(len(c.did)) {
		if c.read(reader); c.chains < 0 {
			f.chainsLeft = "too many sessions read each other's keys"
			return
		}
	}
}

// deedOn is a version that an operation wrote or read for certain, 0 for the initial one.
type deedOn struct {
	returned    int64 // nanoseconds
	op, version int32
	key         int32 // place of the key
	wrote       bool
}

// reason is why a reader depends on a version: a deed of the session that made the version that was read.
type reason struct{ session, deed, read, write int32 }

// chained is the work of judgeChained. What is about a reader is empty between two readers.
type chained struct {
	*sessionFindings
	keys   []*countingKey
	called [][]deedOn // by session; by call
	did    [][]deedOn // the same, by return
	needs  []int32    // by key: the latest version that the reader depends on
	why    []reason
	knows  []int32 // by key: the latest version that the reader wrote or read itself
	taken  []int   // by session: how much of did is in needs
	met    []int32 // keys with needs or knows, some several times
	others []int32 // sessions with taken
}

// bySession returns what each session did to keys with a version order, by call.
func (f *sessionFindings) bySession(keys []*countingKey) [][]deedOn {
	did := make([][]deedOn, f.count)
	for i := range f.h.Len() {
		if f.h.Type(i) != history.Ok {
			continue
		}
		f.each(i, func(key int32, a access) {
			k := keys[f.place[key]]
			if k == nil {
				return
			}
			if v := k.version(&a); v >= 0 {
				did[a.session] = append(did[a.session], deedOn{f.h.Return(i), a.op, v, f.place[key],
					a.kind == writes})
			}
		})
	}
	return did
}

// order makes of what each session did by call an order by return, too. Mostly that is the same.
func (c *chained) order() {
	c.called = slices.Clone(c.did)
	byReturn := func(x, y deedOn) int { return cmp.Compare(x.returned, y.returned) }
	for session, list := range c.did {
		if !slices.IsSortedFunc(list, byReturn) {
			c.did[session] = slices.Clone(list)
			slices.SortStableFunc(c.did[session], byReturn)
		}
	}
}

// read judges the reads of a session. A read depends on the reads that returned before it was called.
func (c *chained) read(reader int32) {
	past := c.did[reader]
	for i := range c.called[reader] {
		d := &c.called[reader][i]
		for call := c.h.Call(int(d.op)); len(past) > 0 && past[0].returned < call; {
			c.learn(reader, &past[0])
			past = past[1:]
		}
		if !d.wrote {
			c.judge(d)
		}
	}
	for _, key := range c.met {
		c.needs[key], c.knows[key] = 0, 0
	}
	for _, session := range c.others {
		c.taken[session] = 0
	}
	c.met, c.others = c.met[:0], c.others[:0]
}

// learn makes a deed of the reader part of its past.
func (c *chained) learn(reader int32, d *deedOn) {
	c.met = append(c.met, d.key)
	c.knows[d.key] = max(c.knows[d.key], d.version)
	k := c.keys[d.key]
	writer := k.writer
	if d.wrote || d.version == 0 || writer == reader {
		return
	}
	w := k.write(d.version)
	from, all, call := c.taken[writer], c.did[writer], c.h.Call(int(w))
	at := from
	for ; at < len(all) && all[at].returned < call; at++ {
		if e := &all[at]; e.version > c.needs[e.key] {
			c.met = append(c.met, e.key)
			c.needs[e.key], c.why[e.key] = e.version, reason{writer, int32(at), d.op, w}
		}
	}
	if from == 0 {
		c.others = append(c.others, writer)
	}
	c.taken[writer] = at
	c.chains -= at - from
}

// judge judges a read of the reader, unless it violates a guarantee by itself.
func (c *chained) judge(d *deedOn) {
	need := c.needs[d.key]
	if need == 0 {
		return
	}
	t := c.tallies[guarantees]
	t.chances(1)
	if d.version >= need || d.version < c.knows[d.key] {
		return
	}
	why := c.why[d.key]
	past := &c.did[why.session][why.deed]
	set := uint8(1<<mr | 1<<wfr)
	if past.wrote {
		set = 1<<mr | 1<<mw
	}
	k, op, first := c.keys[d.key], d.op, past.op
	t.addAt(c.h, combination(set), k.key, func(w *witness) string {
		return fmt.Sprintf("%s; %s, which has the later without the earlier",
			then(w, first, why.write), then(w, why.read, op))
	}, first, why.write, why.read, op, k.write(need), k.write(d.version))
}
