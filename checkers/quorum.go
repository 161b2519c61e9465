package checkers

import (
	"context"
	"fmt"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// PropertyQuorum is the property that Quorum gives a verdict about.
const PropertyQuorum = "quorum"

// The kinds of anomalies of quorums: what the store says it does not do, and stale reads by their cause.
const (
	KindWriteTooSmall    = "write-quorum-too-small" // fewer replicas than w acknowledged an ok write
	KindReadTooSmall     = "read-quorum-too-small"  // an ok read is made of fewer answers than r
	KindStranger         = "ack-from-stranger"      // neither a home node of the key nor one that stands in
	KindStaleNoOverlap   = "stale-no-overlap"       // no replica is in both quorums, and r + w <= n
	KindStaleSloppy      = "stale-sloppy"           // .. and another node stood in for one
	KindStaleLocalQuorum = "stale-local-quorum"     // .. and quorums are those of one datacenter
	KindStaleClock       = "stale-clock"            // the newer write has the smaller timestamp
	KindStaleLostState   = "stale-lost-state"       // a replica in both forgot the write, and had crashed
	KindStaleDefect      = "stale-defect"           // none of these
	KindStaleUnexplained = "stale-unexplained"      // the history has no evidence of quorums
	KindReadInversion    = "read-inversion"         // a read saw a write under way, a later read did not
)

// QuorumSettings is what the store claims of its quorums. A zero field is not known, and not judged.
type QuorumSettings struct {
	N, R, W int  // replicas of a key, answers that a read and a write wait for
	LWW     bool // of two versions the one with the greater number stays, whoever knew whom
	Sloppy  bool // other nodes stand in for replicas; sizes are kept
	Local   bool // quorums are those of a datacenter; sizes are not judged
}

// Quorum returns the checker of quorums: of their sizes, of stale reads and why they were stale (Gifford
// 1979, "Weighted Voting for Replicated Data"; DeCandia et al. 2007, "Dynamo").
//
// A read is stale iff a write w of its key was acknowledged before it was called, and each value that it
// returned was written by an acknowledged write that returned before w was called, or was there in the
// beginning. A read that returns several versions returned each of them. That is sound for every store that
// promises fresh reads: somebody knew before that w had replaced all of it. A read of a value whose write
// is not acknowledged, or that nobody wrote, is not decided; neither is null on a key that is deleted.
//
// The cause of a stale read is told by evidence: by the nodes that acknowledged w and those whose answers
// the read is made of. If none is in both, it is the size of the quorums, that others stood in for
// replicas, or that quorums are local. Otherwise, a replica in both held w or a later write and the
// coordinator preferred another version, or it did not hold it any more: by numbers under last-write-wins
// (KindStaleClock), because it had crashed meanwhile (KindStaleLostState), or by a defect.
//
// A read inversion is a read that returned a value, and a later read, called after it returned, that
// returned only what had been replaced, as above, before the value's write was called, while that write had
// not been acknowledged. It is legal for a regular register (Lamport 1986, "On interprocess
// communication"), not for an atomic one.
//
// Keys that are used otherwise than by read, write and delete, or on which a value was written twice, are
// left out of what is told by values. Opportunities are the decided reads called after an acknowledged
// write of their key had returned. Measures:
//
//	reads_decided, reads_undecided
//	                        how many, of those called after an acknowledged write had returned
//	stale_share             share of the decided that are stale (0 to 1)
//	inversion_share         .. that are inversions
//	no_overlap_share        share of reads with evidence that ask no replica of some earlier
//	                        acknowledged write of their key: the risk, whatever came of it
//	predicted_stale_share   what stale_share should be by the run's own latencies (see predict),
//	                        where the evidence has them, and r, w, n are known
func Quorum(settings QuorumSettings) Checker { return quorum{settings} }

type quorum struct{ settings QuorumSettings }

// Properties implements Checker.
func (quorum) Properties() []string { return []string{PropertyQuorum} }

// Check implements Checker.
func (q quorum) Check(ctx context.Context, h *history.History) []Verdict {
	f := &quorumFindings{tally: newTally(PropertyQuorum), QuorumSettings: q.settings, h: h}
	stopped := ""
	keys := quorumKeys(h)
	for i := range keys {
		if ctx.Err() != nil {
			stopped = fmt.Sprintf("stopped after %d of %d keys: %v", i, len(keys), ctx.Err())
			break
		}
		f.judge(&keys[i])
	}
	v := f.verdict("", stopped)
	v.Measures = f.measures()
	return []Verdict{v}
}

// quorumFindings is the work of the checker.
type quorumFindings struct {
	*tally
	QuorumSettings
	h *history.History

	decided, undecided, stale, inverted int64
	asked, apart                        int64      // reads with evidence; .. that miss an earlier write
	gaps                                []readGap  // of the decided reads
	legs                                quorumLegs // of all operations
}

func (f *quorumFindings) measures() map[string]float64 {
	share := func(part, of int64) float64 { return float64(part) / float64(max(of, 1)) }
	m := map[string]float64{"reads_decided": float64(f.decided), "reads_undecided": float64(f.undecided),
		"stale_share": share(f.stale, f.decided), "inversion_share": share(f.inverted, f.decided)}
	if f.asked > 0 {
		m["no_overlap_share"] = share(f.apart, f.asked)
	}
	if p, ok := predict(f.QuorumSettings, &f.legs, f.gaps); ok {
		m["predicted_stale_share"] = p
	}
	return m
}

// quorumKey is the operations of a key, by call.
type quorumKey struct {
	name string
	ops  []int32
}

// quorumKeys returns the operations on single keys, by key.
func quorumKeys(h *history.History) []quorumKey {
	keys := make([]quorumKey, h.KeyCount())
	for i := range h.Len() {
		if key := h.Key(i); key >= 0 {
			keys[key].name = h.KeyName(key)
			keys[key].ops = append(keys[key].ops, int32(i))
		}
	}
	return slices.DeleteFunc(keys, func(k quorumKey) bool { return len(k.ops) == 0 })
}

// judge judges the operations of a key.
func (f *quorumFindings) judge(k *quorumKey) {
	ops := make([]history.Op, 0, len(k.ops))
	for _, i := range k.ops {
		if f.h.F(int(i)) == history.FPeek {
			continue // answered by one node, without any quorum
		}
		ops = append(ops, f.h.Op(int(i)))
	}
	for i := range ops {
		f.legs.add(&ops[i])
		f.judgeSize(&ops[i])
	}
	f.judgeOverlap(ops)
	values, ok := valuesOf(ops)
	if !ok {
		return
	}
	f.judgeReads(k.name, ops, values)
}

// judgeSize compares the nodes that an acknowledged operation names with what the store claims.
func (f *quorumFindings) judgeSize(op *history.Op) {
	if op.Type != history.Ok || op.Ev == nil || op.Ev.Quorum == nil || f.Local || len(op.Ev.Acks) == 0 {
		return
	}
	need, kind, what := f.W, KindWriteTooSmall, "w"
	if op.F == history.FRead {
		need, kind, what = f.R, KindReadTooSmall, "r"
	}
	acks := slices.Clone(op.Ev.Acks)
	slices.Sort(acks)
	if distinct := len(slices.Compact(slices.Clone(acks))); distinct < need {
		f.count(kind, 1)
		f.explain(kind, op.Key, func(w *witness) string {
			return fmt.Sprintf("%s was answered by %s: %d, and %s is %d", w.whose(op), nodes(acks), distinct,
				what, need)
		}, op)
	}
	for _, node := range acks {
		if len(op.Ev.Home) > 0 && !slices.Contains(op.Ev.Home, node) &&
			!slices.Contains(op.Ev.Quorum.Hints, node) {
			f.count(KindStranger, 1)
			f.explain(KindStranger, op.Key, func(w *witness) string {
				return fmt.Sprintf("%s was answered by %s, which is none of the key's replicas %s and "+
					"stands in for none",
					w.whose(op), node, nodes(op.Ev.Home))
			}, op)
		}
	}
}

// judgeOverlap counts the reads that asked no replica of an earlier acknowledged write. Of the writes only
// the sets of nodes count, with the earliest return of each.
func (f *quorumFindings) judgeOverlap(ops []history.Op) {
	type ackSet struct {
		nodes []string
		since int64
	}
	var sets []ackSet
	for i := range ops {
		op := &ops[i]
		if op.F == history.FRead || !hasAcks(op) {
			continue
		}
		at := slices.IndexFunc(sets, func(s ackSet) bool { return sameNodes(s.nodes, op.Ev.Acks) })
		if at < 0 {
			sets = append(sets, ackSet{op.Ev.Acks, op.Return})
		} else {
			sets[at].since = min(sets[at].since, op.Return)
		}
	}
	for i := range ops {
		op := &ops[i]
		if op.F != history.FRead || !hasAcks(op) {
			continue
		}
		f.asked++
		if slices.ContainsFunc(sets, func(s ackSet) bool {
			return s.since < op.Call && len(common(s.nodes, op.Ev.Acks)) == 0
		}) {
			f.apart++
		}
	}
}

// hasAcks reports whether an acknowledged operation says which nodes its quorum was.
func hasAcks(op *history.Op) bool {
	return op.Type == history.Ok && op.Ev != nil && len(op.Ev.Acks) > 0
}

// common returns the nodes that are in both lists.
func common(a, b []string) []string {
	var both []string
	for _, node := range a {
		if slices.Contains(b, node) {
			both = append(both, node)
		}
	}
	return both
}

func sameNodes(a, b []string) bool {
	return len(a) == len(b) && len(common(a, b)) == len(a)
}
