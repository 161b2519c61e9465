package checkers

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// SessionCausality is the property that one order of each key's versions satisfies all four session
// guarantees at once (Brzezinski et al. 2004: together they are causal consistency). Registers that many
// sessions write show monotonic writes and writes-follow-reads only in such a combination. A cycle through
// several sessions can take more than six operations to show.
const SessionCausality = "session-causality"

// VersionOrder says how the operations of a workload tell in which order a key's versions follow each
// other.
type VersionOrder uint8

const (
	// AnyOrder: they do not. Every written value is an integer written once in its key. A guarantee is
	// violated iff no total order of the key's values, the initial one first, satisfies it.
	AnyOrder VersionOrder = iota
	// WriterOrder: each key is written by one session, one write after the other, counting up; that is
	// the order. A write whose outcome is unknown may land at any time, so reads of its value decide
	// nothing. A key that is written otherwise is judged as in AnyOrder.
	WriterOrder
	// ListOrder: values are lists that grow by appended integers, each unique in its key. A version is
	// the set of the elements in the list and their order.
	ListOrder
)

// The kinds of anomalies of the session guarantees. That several guarantees contradict each other, each of
// which could hold by itself, is named by all of them: "read-your-writes + monotonic-writes".
const (
	KindOwnWriteMissing = "own-write-missing"    // read-your-writes
	KindReadWentBack    = "read-went-back"       // monotonic-reads
	KindWritesReordered = "own-writes-reordered" // monotonic-writes
	KindWriteOvertook   = "write-overtook-read"  // writes-follow-reads
)

// guarantee is a session guarantee as an index and, shifted, as a bit.
type guarantee uint8

const (
	ryw guarantee = iota
	mr
	mw
	wfr
	guarantees // their number; the index of the combination in sessionFindings
)

var (
	guaranteeNames = [...]string{
		ReadYourWrites, MonotonicReads, MonotonicWrites, WritesFollowReads, SessionCausality,
	}
	guaranteeKinds = [...]string{
		KindOwnWriteMissing, KindReadWentBack, KindWritesReordered, KindWriteOvertook,
	}
)

// Sessions returns the checker of the session guarantees (Terry et al. 1994, "Session Guarantees for
// Weakly Consistent Replicated Data"): read your writes, monotonic reads, monotonic writes, writes follow
// reads. It gives verdicts about the properties named, or about those that the order by itself decides:
//
//   - AnyOrder: read-your-writes, monotonic-reads and session-causality. Where each answer tells the
//     version that it wrote or read, monotonic-writes and writes-follow-reads too, when asked;
//   - WriterOrder: read-your-writes and monotonic-reads. With reads of several keys, answered by one
//     node at once, it also decides monotonic-writes and writes-follow-reads across keys, when asked; and
//     session-causality, what reads of several keys one after the other show: monotonic-reads together with
//     monotonic-writes or writes-follow-reads;
//   - ListOrder: all four.
//
// The order of a session is by call and return: operations that overlap, on two devices, are unordered.
// Only acknowledged writes bind; failed reads and peeks say nothing. That a session reads somebody else's
// value after its own write is no anomaly: the value may be newer.
func Sessions(order VersionOrder, properties ...string) Checker {
	if len(properties) == 0 {
		properties = [...][]string{
			AnyOrder:    {ReadYourWrites, MonotonicReads, SessionCausality},
			WriterOrder: {ReadYourWrites, MonotonicReads},
			ListOrder:   {ReadYourWrites, MonotonicReads, MonotonicWrites, WritesFollowReads},
		}[min(order, ListOrder)]
	}
	return &sessions{order: order, properties: properties}
}

type sessions struct {
	order      VersionOrder
	properties []string
}

// Properties implements Checker.
func (s *sessions) Properties() []string { return slices.Clone(s.properties) }

// Check implements Checker.
func (s *sessions) Check(ctx context.Context, h *history.History) []Verdict {
	f := newSessionFindings(accessesByKey(h))
	engine := "orders"
	switch s.order {
	case WriterOrder:
		engine = "versions"
		f.judgeCounting(ctx, s)
	case ListOrder:
		engine = "lists"
		f.eachKey(ctx, func(_ int, k *keyAccesses) { f.judgeLists(k) })
	default:
		f.eachKey(ctx, func(_ int, k *keyAccesses) { f.judgeOrders(k) })
	}
	if f.evidence {
		engine += "+evidence"
	}
	return f.verdicts(engine, s.properties)
}

// wants reports whether one of the properties is asked for.
func (s *sessions) wants(properties ...string) bool {
	return slices.ContainsFunc(properties, func(p string) bool { return slices.Contains(s.properties, p) })
}

// sessionFindings gathers what is found about each guarantee and, last, about all of them together.
type sessionFindings struct {
	*accesses
	split     *sessionSplit
	tallies   [guarantees + 1]*tally
	undecided int    // keys that do not fit the version order
	because   string // of the first of them
	stopped   string // why not all keys were judged
	effort    int    // steps left for finding short witnesses in graphs
	graph     orderGraph
	evidence  bool // some key was judged by the versions that answers tell
	chains    int  // steps left for what reads of a session depend on, see judgeChained
	// chainsLeft is why not all reads were judged by what other reads of their sessions depend on.
	chainsLeft string
}

func newSessionFindings(all *accesses) *sessionFindings {
	f := &sessionFindings{accesses: all, split: newSessionSplit(all.count), effort: 4_000_000,
		chains: 1<<20 + 128*all.h.Len()}
	for g := range f.tallies {
		f.tallies[g] = newTally(guaranteeNames[g])
	}
	return f
}

// eachKey judges every key, until ctx ends.
func (f *sessionFindings) eachKey(ctx context.Context, judge func(at int, k *keyAccesses)) {
	for i := range f.keys {
		if ctx.Err() != nil {
			f.stopped = fmt.Sprintf("stopped after %d of %d keys: %v", i, len(f.keys), ctx.Err())
			return
		}
		switch k := &f.keys[i]; {
		case k.odd == "":
			judge(i, k)
		case len(k.list) > 0:
			f.leave(k.key, k.odd)
		}
	}
}

// chance adds an opportunity to see a guarantee violated.
func (f *sessionFindings) chance(g guarantee) {
	f.tallies[g].chances(1)
	f.tallies[guarantees].chances(1)
}

// violated counts a violation of one guarantee, which is one of all of them together, too.
func (f *sessionFindings) violated(g guarantee, key string, say func(w *witness) string, places ...int32) {
	f.tallies[g].addAt(f.h, guaranteeKinds[g], key, say, places...)
	f.tallies[guarantees].addAt(f.h, guaranteeKinds[g], key, say, places...)
}

// leave notes that a key is outside what the version order assumes.
func (f *sessionFindings) leave(key, why string) {
	if f.undecided++; f.undecided == 1 {
		f.because = key + " " + why
	}
}

// verdicts returns the verdicts about the properties named.
func (f *sessionFindings) verdicts(engine string, properties []string) []Verdict {
	left := f.because
	if f.undecided > 1 {
		left += fmt.Sprintf(", and %d more keys like it", f.undecided-1)
	}
	unknown := cmp.Or(f.stopped, left)
	var verdicts []Verdict
	for _, p := range properties {
		if at := slices.Index(guaranteeNames[:], p); at >= 0 {
			why := unknown
			if p == SessionCausality {
				why = cmp.Or(why, f.chainsLeft)
			}
			verdicts = append(verdicts, f.tallies[at].verdict(engine, why))
		} else {
			verdicts = append(verdicts, Verdict{Property: p, Reason: "not a session guarantee"})
		}
	}
	return verdicts
}

// then tells of two operations of one session: "s1 wrote k=1 (op 1) and then read k=∅ at n2 (op 2)".
func then(w *witness, first, second int32) string {
	a, b := w.at(first), w.at(second)
	return fmt.Sprintf("%s and then %s%s (op %d)", w.did(a), deed(b, b.Key), place(b), w.number(b))
}
