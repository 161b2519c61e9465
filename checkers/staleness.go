package checkers

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rashomon-harness/rashomon/history"
)

// PropertyStaleness is the property that Staleness gives a verdict about.
const PropertyStaleness = "staleness"

// KindTooStale is a read that is staler than the options allow.
const KindTooStale = "too-stale"

// StalenessOptions bounds how stale a read may be. A zero field is no bound.
type StalenessOptions struct {
	MaxVersions int64         // the most newer versions that may be there (k-staleness)
	MaxTime     time.Duration // the longest that a newer version may have been there (t-staleness)
}

// Staleness returns the checker of how stale reads are. For a read, the newer writes are the acknowledged
// ones whose version follows the one it returned.
//
//	k-staleness  how many newer writes had returned before it was called
//	t-staleness  the time from the earliest return among the newer writes to its call; 0 if none had
//	             returned. A read is stale iff this is not 0
//
// (Aiyer et al. 2005, "On the Availability of Non-strict Quorum Systems"; Golab et al. 2011, "Analyzing
// Consistency Properties for Fun and Profit".) Without bounds it judges nothing: it is Valid where there was
// something to measure. With bounds a read that certainly exceeds one is an anomaly.
//
// Which writes are newer, is told by values. Of a list, those whose elements the read lacks. Of a register,
// those called after the value that was read certainly was there: after its write, or a read of it, had
// returned; where it was written several times, after all of its writes that the read can have seen. If
// each acknowledged write of a key was called after the one before had returned, as those of a single
// writer are, this is exact for every read of an acknowledged value; elsewhere it is a lower bound. There
// the versions in the evidence are used to measure (never to judge), for keys where all are of one source
// and agree with what was read and with real time.
//
// Left out are peeks, reads of values that nobody had tried to write, and keys that are both list and
// register, or lists of elements that are no integers or were appended twice. If bounds are given, such
// keys make the verdict Unknown, unless others violate them. Opportunities are the measured reads called
// after an acknowledged write of their key had returned. Measures:
//
//	reads_measured          how many
//	exact_share             share of them whose staleness is known; of the others it is a lower bound
//	stale_share             share of them that are stale (0 to 1)
//	k_max, k_p50, k_p99     k-staleness: the greatest, the median, the 99th percentile
//	t_max_ns, t_p50_ns, t_p99_ns
//	                        t-staleness
//	stale_share_faults, k_max_faults, .., t_max_faults_ns, ..
//	                        of the reads called while a fault was in effect
//	stale_share_calm, k_max_calm, .., t_max_calm_ns, ..
//	                        of the others
//	fresh_share_0ms, fresh_share_1ms, fresh_share_10ms, fresh_share_100ms, fresh_share_1s
//	                        share of fresh reads among those called so long, or up to ten times so long (the
//	                        first: less than 1 ms; the last: any longer), after the latest return of a
//	                        write: t-visibility (Bailis et al. 2012, "Probabilistically Bounded Staleness
//	                        for Practical Partial Quorums"), each with _low and _high, the ends of its 95%
//	                        interval (Wilson 1927)
func Staleness(options StalenessOptions) Checker { return staleness{options} }

type staleness struct{ options StalenessOptions }

// Properties implements Checker.
func (staleness) Properties() []string { return []string{PropertyStaleness} }

// Check implements Checker.
func (s staleness) Check(ctx context.Context, h *history.History) []Verdict {
	f, unknown := s.find(ctx, h)
	v := f.verdict("", unknown)
	v.Measures = f.figures.measures()
	return []Verdict{v}
}

// find measures the reads of all keys, and returns why not all are measured.
func (s staleness) find(ctx context.Context, h *history.History) (f *staleFindings, unknown string) {
	f = &staleFindings{tally: newTally(PropertyStaleness), accesses: accessesByKey(h), options: s.options}
	f.faults = faultTimes(h)
	for i := range f.keys {
		if ctx.Err() != nil {
			return f, fmt.Sprintf("stopped after %d of %d keys: %v", i, len(f.keys), ctx.Err())
		}
		f.judge(&f.keys[i])
	}
	if f.left > 0 && s.options != (StalenessOptions{}) {
		unknown = fmt.Sprintf("%s (keys that cannot be judged: %d)", f.because, f.left)
	}
	return f, unknown
}

// staleFindings is the work of the checker. Its memory is used again for each key.
type staleFindings struct {
	*tally
	*accesses
	options StalenessOptions
	faults  []interval // when some fault was in effect
	left    int        // keys that were left out
	because string     // of the first of them

	figures staleFigures

	values   staleValues
	versions staleVersions
	list     staleList
	writes   rankedWrites
	reads    []staleRead
}

// leave notes that a key is left out.
func (f *staleFindings) leave(key, why string) {
	if f.left++; f.left == 1 {
		f.because = key + " " + why
	}
}

// judge measures the reads of one key.
func (f *staleFindings) judge(k *keyAccesses) {
	lists, registers := false, false
	for i := range k.list {
		if a := &k.list[i]; a.outcome != history.Fail {
			lists = lists || a.kind == appends
			registers = registers || a.kind == writes || a.kind == deletes
		}
	}
	switch {
	case k.odd != "":
		f.leave(k.key, k.odd)
	case lists && registers:
		f.leave(k.key, "is both written and appended to")
	case lists:
		f.judgeList(k)
	default:
		f.judgeRegister(k)
	}
}

// judgeRegister measures the reads of a key that is written and deleted.
func (f *staleFindings) judgeRegister(k *keyAccesses) {
	v := &f.values
	v.enter(f.accesses, k)
	v.rank()
	f.reads = v.appendReads(slices.Grow(f.reads[:0], len(k.list)))
	f.writes.order(f.h, v.ranked)
	if f.options != (StalenessOptions{}) {
		f.writes.sweep(f.h, f.reads, func(r *staleRead, s staleBy) { f.hold(k.key, r, s, false) })
	}
	if v.exact < len(f.reads) && f.versions.enter(v, f.reads) {
		f.versions.use(f.h, &f.writes, f.reads)
	}
	f.writes.sweep(f.h, f.reads, f.measure)
}

// measure takes the staleness of a read into the measures.
func (f *staleFindings) measure(r *staleRead, s staleBy) {
	if s.returned > 0 {
		f.chances(1)
		f.figures.meetFresh(f.h.Call(int(r.op))-s.lastReturn, s.k == 0)
	}
	f.figures.meet(during(f.faults, f.h.Call(int(r.op))), r.exact, s)
}
