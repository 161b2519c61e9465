package checkers

import (
	"slices"
	"sort"

	"github.com/rashomon-harness/rashomon/history"
)

// countingKey is a key whose version order is known, with what each session had read of it by when.
type countingKey struct {
	*counting
	*keyAccesses
	read  []seenBy           // by session, and by rising time; made when first needed
	spans map[int32][2]int32 // by session: where its part of read is
}

// seenBy says that by some time a session had read a version, the latest so far.
type seenBy struct {
	at int64 // when the read returned, nanoseconds
	sighting
}

// widest is to how many of the other keys of a read each of them is compared.
const widest = 32

// judgeAcross judges monotonic writes and writes-follow-reads across keys by the reads of several keys,
// which one node answered at once: a state that has a write has what its session wrote and read before it.
// Keys without a version order are nil.
//
// It is enough to ask that of the write that made the version shown: what came before an earlier one of
// that session came before this one too.
func (f *sessionFindings) judgeAcross(keys []*countingKey) {
	var shown []shownKey
	for i := range f.h.Len() {
		if f.h.Key(i) >= 0 || f.h.Type(i) != history.Ok || f.h.F(i) != history.FRead {
			continue
		}
		shown = shown[:0]
		f.each(i, func(key int32, a access) {
			if k := keys[f.place[key]]; k != nil {
				shown = append(shown, shownKey{k, k.version(&a)})
			}
		})
		for at, later := range shown {
			for n := range min(widest, len(shown)) {
				earlier := shown[(at+n)%len(shown)]
				if earlier.countingKey != later.countingKey {
					f.judgePair(int32(i), earlier, later.write(later.version))
				}
			}
		}
	}
}

// shownKey is a version of a key that an answer shows, -1 for one that is not known.
type shownKey struct {
	*countingKey
	version int32
}

// judgePair judges an answer that shows a version of a key and, of another key, the write w (none for none
// that is known).
func (f *sessionFindings) judgePair(answer int32, k shownKey, w int32) {
	if w == none || k.version < 0 {
		return
	}
	session := f.session(int(w))
	if k.writer == session {
		n := k.before(w)
		f.comparePair(mw, k, sighting{n, k.write(n)}, w, answer)
	}
	f.comparePair(wfr, k, f.seenBefore(k.countingKey, session, w), w, answer)
}

// comparePair judges an answer by what w's session wrote or read before w.
func (f *sessionFindings) comparePair(g guarantee, k shownKey, past sighting, w, answer int32) {
	if past.version == 0 {
		return
	}
	f.chance(g)
	if k.version >= past.version {
		return
	}
	f.violated(g, k.key, func(wit *witness) string {
		return then(wit, past.op, w) + "; " + wit.did(wit.at(answer)) +
			", which has the later without the earlier"
	}, past.op, w, answer, k.write(past.version), k.write(k.version))
}

// seenBefore returns the latest version of a key that a session had read before it called op.
func (f *sessionFindings) seenBefore(k *countingKey, session, op int32) sighting {
	if k.spans == nil {
		k.spans = map[int32][2]int32{}
		for _, run := range f.split.split(k.list) {
			from := int32(len(k.read))
			k.addFrontier(run)
			k.spans[run[0].session] = [2]int32{from, int32(len(k.read))}
		}
	}
	span, call := k.spans[session], f.h.Call(int(op))
	all := k.read[span[0]:span[1]]
	at := sort.Search(len(all), func(i int) bool { return all[i].at >= call })
	if at == 0 {
		return sighting{}
	}
	return all[at-1].sighting
}

// addFrontier adds what a session had read by when, by rising time.
func (k *countingKey) addFrontier(run []access) {
	from := len(k.read)
	for i := range run {
		if a := &run[i]; a.kind == reads {
			k.read = append(k.read, seenBy{k.h.Return(int(a.op)), sighting{k.counting.version(a), a.op}})
		}
	}
	all := k.read[from:]
	if byTime := func(a, b seenBy) int { return compareReturns(k.h, a.op, b.op) }; !slices.IsSortedFunc(
		all, byTime) {
		slices.SortStableFunc(all, byTime)
	}
	var latest sighting
	for i := range all {
		latest = latest.later(all[i].version, all[i].op)
		all[i].sighting = latest
	}
}
