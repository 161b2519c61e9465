package checkers

import (
	"cmp"
	"context"
	"fmt"

	"github.com/rashomon-harness/rashomon/history"
)

// PropertyConflicts is the property that Conflicts gives a verdict about.
const PropertyConflicts = "conflicts"

// The kinds of anomalies of conflicts. Besides, there are KindLostWrite, KindLostElement and KindResurrected.
const (
	// KindSilentlyOverwritten is an acknowledged write that is gone although nobody who wrote later knew
	// it: another one that stayed was called before it returned, and none that stayed after that.
	KindSilentlyOverwritten = "silently-overwritten"
	// KindOverwrittenByOlder is the same, but whatever stayed was acknowledged before the write was called:
	// not even concurrent. It is what clocks do that differ.
	KindOverwrittenByOlder = "overwritten-by-older"
	// KindFalseConflict is a read of two versions of which one's author knew the other.
	KindFalseConflict = "false-conflict"
	// KindSiblingExplosion is a read of more versions than allowed.
	KindSiblingExplosion = "sibling-explosion"
)

// ConflictSettings says how a store treats concurrent writes.
type ConflictSettings struct {
	// KeepsSiblings: a write supersedes what its author knew, and nothing else; what is left is returned to
	// the reader, all of it. It is not so in a store that merges versions before it answers, or whose
	// writes supersede what their authors were not shown (by reading first, for them).
	KeepsSiblings bool
	// OwnWritesKnown: a session's own acknowledged writes count as known to its later ones, without having
	// been read. A node that writes for its clients does not know which of its writes are theirs.
	OwnWritesKnown bool
	// ObservedRemove: a remove takes an element from a set only as far as its author was shown it.
	ObservedRemove bool
	// MaxSiblings is the most versions that a read may return, 0 for no bound.
	MaxSiblings int
}

// Conflicts returns the checker of what becomes of concurrent writes, of registers and of sets whose
// elements are added and removed. A read of a register returns one value or the list of all siblings
// (DeCandia et al. 2007, "Dynamo"). Each value is written once.
//
// A write y knows another, x, of its key iff its author was shown x's value by an acknowledged read that had
// returned before y was called; or made x itself, acknowledged before y was called, if OwnWritesKnown; or
// if y knows a write that knows x. Neither real time nor what nodes had seen counts (Preguiça et al. 2012,
// "Brief Announcement: Efficient Causality Tracking in Distributed Storage Systems with Dotted Version
// Vectors"). An author is a session on one device.
//
// Where a write has to be missed for an anomaly, the doubt is in favour of the store: x is superseded iff
// some write or delete y that did not fail (or whose value was read) may have known it, that is, iff y's
// session, on any device, was shown x before y ended, or called x itself before that, acknowledged or not.
// The final state of a key is that of Durable. The anomalies, with their counts:
//
//	silently-overwritten   registers, unless KeepsSiblings, by write: acknowledged before the final reads,
//	                       not superseded, in no final answer. Of the writes whose values are in final
//	                       answers (for null: the deletes, any of them) none was called after the lost one
//	                       returned, and some one may have been under way with it. Legal for registers,
//	                       data loss to their users.
//	overwritten-by-older   the same, but all of them had returned before the lost write was called
//	lost-write             the same, but no write or delete explains the answers; if KeepsSiblings, all of
//	                       these, whatever the answers: concurrent writes have to stay. The evidence then
//	                       tells which dot gave way to which: concurrent was taken for ordered.
//	false-conflict         if KeepsSiblings, by pair: a read returned x and y, and y knows x
//	sibling-explosion      by read: it returned more than MaxSiblings
//	resurrected            by value: x is in an ordinary final read (if there is none, in all peeks), or in
//	                       a read called after another returned without it; all called after an
//	                       acknowledged delete of x had returned. Before that was called, x was there:
//	                       acknowledged or read by somebody; if KeepsSiblings (of sets: ObservedRemove)
//	                       shown to the author of the delete, or its own if OwnWritesKnown. Elements that
//	                       were added again are left out.
//	lost-element           by element of sets: its add was acknowledged before the final reads, it is in no
//	                       final answer, and all removes of it failed
//
// A lost write that returned before one that stayed was called, but was not read in between, is no anomaly:
// it was overwritten blindly, as happens to registers. It is counted as "overwritten_unseen".
//
// A key that is used in other ways, to which a list was written or a value twice is left out, and with it
// the verdict, if nothing is wrong, Unknown; so is one with a final value that nobody wrote unless
// KeepsSiblings, and one with no final read that was answered.
//
// Opportunities are the acknowledged writes that were not superseded, where the key has another write that
// did not fail; elements that could be lost; reads of several versions, if KeepsSiblings; values deleted as
// above with a read called after that; with MaxSiblings, reads. Measures:
//
//	conflicts_read      how many reads returned several versions
//	siblings_max        the most versions that a read returned
//	siblings_mean       how many versions a read returned that returned any
//	lost_share          share of silently-overwritten, overwritten-by-older and lost-write among the
//	                    acknowledged writes whose key has a known final state
//	overwritten_unseen  how many writes were overwritten blindly
func Conflicts(settings ConflictSettings) Checker { return conflicts{settings} }

type conflicts struct{ settings ConflictSettings }

// Properties implements Checker.
func (conflicts) Properties() []string { return []string{PropertyConflicts} }

// Check implements Checker.
func (c conflicts) Check(ctx context.Context, h *history.History) []Verdict {
	return []Verdict{newConflictFindings(h, c.settings).check(ctx)}
}

func newConflictFindings(h *history.History, settings ConflictSettings) *conflictFindings {
	f := &conflictFindings{tally: newTally(PropertyConflicts), ConflictSettings: settings,
		effort: mostConflictSteps}
	f.h, f.all = h, newAccesses(h)
	f.authors = authorNumbers(f.all)
	return f
}

// check judges all keys.
func (f *conflictFindings) check(ctx context.Context) Verdict {
	keys, broken := conflictKeys(f.all)
	states := (&durability{accesses: f.all}).finalStates()
	for i := range keys {
		if ctx.Err() != nil {
			f.stopped = fmt.Sprintf("stopped after %d of %d keys: %v", i, len(keys), ctx.Err())
			break
		}
		f.judge(&keys[i], states[keys[i].key])
	}
	why := f.because()
	if f.h.FinalFrom() == history.Never {
		why = "there are no final reads"
	}
	v := f.verdict("", cmp.Or(broken, f.stopped, why))
	v.Measures = f.measures()
	return v
}

// mostConflictSteps bounds the search of who knows whom.
const mostConflictSteps = 200_000_000

// conflictFindings is the work of the checker. The memory of a key is used again for the next.
type conflictFindings struct {
	*tally
	ConflictSettings
	authors []int32 // by actor: the number of its session on its device
	effort  int     // steps left in the search of who knows whom
	stopped string  // why not everything was judged
	left    int     // keys that were left out
	why     string  // of the first of them

	reads, siblings, conflicts, most int64 // of reads that returned any version
	acknowledged, lost, unseen       int64 // writes

	conflictValues
	knowledge
}

// because says why keys were left out, "" when none was.
func (f *conflictFindings) because() string {
	if f.left > 1 {
		return fmt.Sprintf("%s (keys that cannot be judged: %d)", f.why, f.left)
	}
	return f.why
}

// leave notes that a key is left out.
func (f *conflictFindings) leave(key, why string) {
	if f.left++; f.left == 1 {
		f.why = key + " " + why
	}
}

func (f *conflictFindings) measures() map[string]float64 {
	share := func(part, of int64) float64 { return float64(part) / float64(max(of, 1)) }
	return map[string]float64{"conflicts_read": float64(f.conflicts), "siblings_max": float64(f.most),
		"siblings_mean": share(f.siblings, f.reads), "lost_share": share(f.lost, f.acknowledged),
		"overwritten_unseen": float64(f.unseen)}
}

// judge judges one key.
func (f *conflictFindings) judge(k *conflictKey, s *finalState) {
	odd := k.odd
	if odd == "" {
		odd = f.enter(k)
	}
	if odd != "" {
		f.leave(k.key, odd)
		return
	}
	f.enterFinal(s)
	if k.set {
		f.judgeElements(k)
	} else {
		f.supersede()
		f.judgeSiblings(k)
		f.judgeLost(k)
	}
	f.judgeDeleted(k)
}

// judgeSiblings judges the reads of a register by the versions that each returned.
func (f *conflictFindings) judgeSiblings(k *conflictKey) {
	if f.KeepsSiblings {
		f.enterContexts()
	}
	for i := range f.list {
		if f.list[i].kind != reads {
			continue
		}
		n := int64(len(f.shown(i)))
		f.reads += min(n, 1)
		f.siblings, f.most = f.siblings+n, max(f.most, n)
		if n > 1 {
			f.conflicts++
		}
		if n > 1 && f.KeepsSiblings {
			f.chances(1)
			f.judgeConflict(k, i)
		}
		if f.MaxSiblings > 0 {
			f.chances(1)
			f.judgeNumber(k, i)
		}
	}
}

// judgeNumber counts a read of too many versions.
func (f *conflictFindings) judgeNumber(k *conflictKey, i int) {
	shown := f.shown(i)
	if len(shown) <= f.MaxSiblings {
		return
	}
	op, written := f.list[i].op, k.anyChange
	f.addAt(f.h, KindSiblingExplosion, k.key, func(w *witness) string {
		return fmt.Sprintf("%s: %d versions, where %d are allowed", w.told(op), len(shown), f.MaxSiblings)
	}, op, written)
}
