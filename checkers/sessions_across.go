package checkers

import (
	"cmp"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// countingKey is a key whose version order is known, with what each session had read of it by when.
type countingKey struct {
	*counting
	list []access
	read map[string][]seenBy // by session, made when first needed
}

// seenBy says that by some time a session had read a version, the latest so far.
type seenBy struct {
	at int64 // when the read returned, nanoseconds
	sighting
}

// judgeAcross judges monotonic writes and writes-follow-reads across keys by the reads of several keys,
// which one node answered at once: a state that has a write has what its session wrote and read before it.
//
// It is enough to ask that of the write that made the version shown: what came before an earlier one of
// that session came before this one too.
func (f *sessionFindings) judgeAcross(h *history.History, keys map[string]*countingKey) {
	ops := h.Ops()
	for i := range ops {
		op := &ops[i]
		values, _ := op.Result.AsList()
		if op.F != history.FRead || op.Type != history.Ok || len(op.Keys) < 2 || len(values) != len(op.Keys) {
			continue
		}
		for later := range op.Keys {
			for earlier := range op.Keys {
				key := op.Keys[earlier]
				a, b := keys[key], keys[op.Keys[later]]
				if a != nil && b != nil && a != b {
					f.judgePair(op, key, a, a.version(&values[earlier]), b.write(b.version(&values[later])))
				}
			}
		}
	}
}

// judgePair judges an answer that shows version v of the key named and, of another key, the write w (nil
// for none that is known).
func (f *sessionFindings) judgePair(answer *history.Op, key string, k *countingKey, v int, w *history.Op) {
	if w == nil || v < 0 {
		return
	}
	if k.writer == w.Session {
		n := k.before(w)
		f.comparePair(mw, key, k.counting, sighting{n, k.write(n)}, v, w, answer)
	}
	f.comparePair(wfr, key, k.counting, k.seenBefore(w), v, w, answer)
}

// comparePair judges an answer by what w's session wrote or read before w.
func (f *sessionFindings) comparePair(
	g guarantee, key string, c *counting, past sighting, v int, w, answer *history.Op,
) {
	if past.version == 0 {
		return
	}
	t := f.tallies[g]
	t.chances(1)
	if v >= past.version {
		return
	}
	t.add(guaranteeKinds[g], key, func(wit *witness) string {
		return then(wit, past.op, w) + "; " + wit.did(answer) + ", which has the later without the earlier"
	}, past.op, w, answer, c.write(past.version), c.write(v))
}

// seenBefore returns the latest version that the session of op had read before it called op.
func (k *countingKey) seenBefore(op *history.Op) sighting {
	if k.read == nil {
		k.read = map[string][]seenBy{}
		for _, s := range bySession(k.list) {
			k.read[s.session] = k.frontier(s.list)
		}
	}
	all := k.read[op.Session]
	at, _ := slices.BinarySearchFunc(all, op.Call, func(s seenBy, call int64) int {
		return cmp.Compare(s.at, call)
	})
	if at == 0 {
		return sighting{}
	}
	return all[at-1].sighting
}

// frontier returns what a session had read by when, by rising time.
func (k *countingKey) frontier(list []access) []seenBy {
	var all []seenBy
	for i := range list {
		if a := &list[i]; a.kind == reads {
			all = append(all, seenBy{a.op.Return, sighting{k.version(a.value), a.op}})
		}
	}
	slices.SortStableFunc(all, func(a, b seenBy) int { return cmp.Compare(a.at, b.at) })
	var latest sighting
	for i := range all {
		latest = latest.later(all[i].version, all[i].op)
		all[i].sighting = latest
	}
	return all
}
