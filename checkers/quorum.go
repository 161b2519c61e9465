package checkers

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// PropertyQuorum is the property that Quorum gives a verdict about.
const PropertyQuorum = "quorum"

// The kinds of anomalies of quorums: what the store says it does not do, and stale reads by their cause.
const (
	KindWriteTooSmall     = "write-quorum-too-small" // fewer replicas than w acknowledged an ok write
	KindReadTooSmall      = "read-quorum-too-small"  // an ok read is made of fewer answers than r
	KindCountedTwice      = "replica-counted-twice"  // a node is twice in one quorum
	KindStranger          = "ack-from-stranger"      // neither a home node of the key nor one that stands in
	KindEvidenceDisagrees = "evidence-disagrees"     // a read names a write of another value than it returned
	KindStaleNoOverlap    = "stale-no-overlap"       // no replica is in both quorums
	KindStaleSloppy       = "stale-sloppy"           // .. and another node is in one of them
	KindStaleLocalQuorum  = "stale-local-quorum"     // .. and quorums are those of one datacenter
	KindStaleClock        = "stale-clock"            // the newer write has the smaller timestamp
	KindStaleLostState    = "stale-lost-state"       // a replica in both forgot the write, and had crashed
	KindStaleDefect       = "stale-defect"           // none of these
	KindStaleUnexplained  = "stale-unexplained"      // the history does not tell
	KindReadInversion     = "read-inversion"         // a read saw a write under way, a later read did not
)

// QuorumSettings is what the store claims of its quorums. A zero field is not known, and not judged.
type QuorumSettings struct {
	N, R, W int  // replicas of a key, answers that a read and a write wait for
	LWW     bool // of two versions the one with the greater number stays, whoever knew whom
	Sloppy  bool // other nodes stand in for replicas; sizes are kept
	Local   bool // quorums are those of a datacenter; sizes are not judged
}

// Quorum returns the checker of quorums: of their sizes and members, of stale reads and why they were stale
// (Gifford 1979, "Weighted Voting for Replicated Data"; DeCandia et al. 2007, "Dynamo").
//
// A read is stale iff a write w of its key was acknowledged before it was called, and each value that it
// returned was written by an acknowledged write that returned before w was called, or was there in the
// beginning. A read that returns several versions returned each of them. That is sound for every store that
// promises fresh reads: somebody knew before that w had replaced all of it. A read of a value whose write
// is not acknowledged, or that nobody wrote, is not decided; neither is null on a key that is deleted.
//
// The cause of a stale read is told by evidence; w is the last one called of the writes that it missed. If
// no node is both among those that acknowledged w and those whose answers the read is made of, it is the
// first of these that is the case: the replicas of the key were others meanwhile (KindStaleUnexplained), a
// node that is no replica is in a quorum (KindStaleSloppy), quorums are local (KindStaleLocalQuorum),
// r + w > n is claimed (KindStaleDefect), none of them (KindStaleNoOverlap). Otherwise, of the nodes in both:
//
//   - KindStaleClock: the store keeps the version with the greater number, and that of the version returned
//     is greater than w's; or that of a version that one of them had, whose acknowledged write returned
//     before w was called, and nobody knows the number of the version returned.
//   - KindStaleDefect: one of them answered with w, or with what is newer (by number, or called after w had
//     returned), and the coordinator returned something older; or one answered without w, with nothing that
//     could have replaced it, and had not crashed; or w and another write have one name.
//   - KindStaleLostState: one answered like that, and had crashed since, and could lose what it had by that.
//   - KindStaleUnexplained: what they answered, the name of w, or the order of what they answered and w is
//     not known; or the read names w among what it returned, as a store does that makes one value of several.
//
// A read inversion is a read that returned a value, and a later read, called after it returned, that
// returned only what had been replaced, as above, before the value's write was called, while that write had
// not been acknowledged. It is legal for a regular register (Lamport 1986, "On interprocess
// communication"), not for an atomic one.
//
// KindEvidenceDisagrees is a read that names one write as what it returned, and returned another value than
// that wrote; or names several writes, returned a list, and the value of one of them is not in it. Names
// that several writes have, and lists on keys on which lists were written, are not judged.
//
// Keys that are used otherwise than by read, write and delete, or on which a value was written twice, are
// left out of what is told by values; if they are read, the verdict is Unknown where it would be Valid.
// Opportunities are the decided reads called after an acknowledged write of their key had returned, or after
// a read that saw a write. Measures:
//
//	reads_decided, reads_undecided
//	                        how many, of those called after an acknowledged write had returned
//	stale_share             share of reads_decided that are stale (0 to 1)
//	inversion_share         share of the decided reads called after a read that saw a write had returned
//	                        that are inversions
//	no_overlap_share        share of reads with evidence that ask no replica of some earlier acknowledged
//	                        write of their key, while its replicas were the same: the risk, whatever came
//	                        of it
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
	v := f.verdict("", cmp.Or(stopped, f.because()))
	v.Measures = f.measures()
	return []Verdict{v}
}

// quorumFindings is the work of the checker.
type quorumFindings struct {
	*tally
	QuorumSettings
	h *history.History

	decided, undecided, stale int64      // of the reads after an acknowledged write
	followed, inverted        int64      // decided reads after one that saw a write; .. inversions
	asked, apart              int64      // reads with evidence; .. that miss an earlier write
	gaps                      []readGap  // of the decided reads
	legs                      quorumLegs // of all operations

	left int    // keys that are read and left out of what is told by values
	why  string // of the first of them
}

// because says why not all keys were judged, "" when all were.
func (f *quorumFindings) because() string {
	why := f.why
	if f.left > 1 {
		why = fmt.Sprintf("%s (keys that are left out: %d)", f.why, f.left)
	}
	if why != "" && f.opportunities == 0 {
		return NotExercised + ": " + why
	}
	return why
}

func (f *quorumFindings) measures() map[string]float64 {
	share := func(part, of int64) float64 { return float64(part) / float64(max(of, 1)) }
	m := map[string]float64{"reads_decided": float64(f.decided), "reads_undecided": float64(f.undecided),
		"stale_share": share(f.stale, f.decided), "inversion_share": share(f.inverted, f.followed)}
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
	name   string
	places []int32

	ops   []history.Op            // without peeks, which one node answers without any quorum
	named map[history.Version]int // by name: the write's place in ops, sharedName for several
}

// sharedName is the place of a name that several writes have.
const sharedName = -1

// quorumKeys returns the operations on single keys, by key.
func quorumKeys(h *history.History) []quorumKey {
	keys := make([]quorumKey, h.KeyCount())
	for i := range h.Len() {
		if key := h.Key(i); key >= 0 {
			keys[key].name = h.KeyName(key)
			keys[key].places = append(keys[key].places, int32(i))
		}
	}
	return slices.DeleteFunc(keys, func(k quorumKey) bool { return len(k.places) == 0 })
}

// read takes in the operations and the names of the writes.
func (k *quorumKey) read(h *history.History) {
	k.ops, k.named = make([]history.Op, 0, len(k.places)), map[history.Version]int{}
	for _, i := range k.places {
		if h.F(int(i)) != history.FPeek {
			k.ops = append(k.ops, h.Op(int(i)))
		}
	}
	for i := range k.ops {
		name := nameOf(&k.ops[i])
		if name == nil {
			continue
		}
		if _, known := k.named[*name]; known {
			k.named[*name] = sharedName
		} else {
			k.named[*name] = i
		}
	}
}

// write returns the write with a name, nil when none or several have it.
func (k *quorumKey) write(name history.Version) *history.Op {
	if at, known := k.named[name]; known && at != sharedName {
		return &k.ops[at]
	}
	return nil
}

// judge judges the operations of a key, and forgets them.
func (f *quorumFindings) judge(k *quorumKey) {
	k.read(f.h)
	for i := range k.ops {
		f.legs.add(&k.ops[i])
		f.judgeMembers(&k.ops[i])
		f.judgeSize(&k.ops[i])
	}
	f.judgeOverlap(k.ops)
	f.judgeNames(k)
	values, why := valuesOf(k.ops)
	if why == "" {
		f.judgeReads(k, values)
	} else if slices.ContainsFunc(k.ops, isOkRead) {
		if f.left++; f.left == 1 {
			f.why = k.name + ": " + why
		}
	}
	k.ops, k.named = nil, nil
}

func isOkRead(op history.Op) bool { return op.F == history.FRead && op.Type == history.Ok }

// nameOf returns the name that the store gave to a write that may have happened, nil when it has none.
func nameOf(op *history.Op) *history.Version {
	if op.F == history.FRead || op.Type == history.Fail || op.Ev == nil || op.Ev.Quorum == nil ||
		len(op.Ev.Quorum.Dots) != 1 {
		return nil
	}
	return &op.Ev.Quorum.Dots[0]
}
