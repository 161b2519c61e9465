package checkers

import (
	"cmp"
	"context"
	"fmt"

	"github.com/rashomon-harness/rashomon/history"
)

// The properties that Causal decides.
const (
	CausalConsistency = "causal-consistency"
	CausalConvergence = "causal-convergence"
)

// The kinds of anomalies of causal consistency and causal convergence: the bad patterns of Bouajjani et
// al. 2017, tables 2 and 3. The causal order is the smallest one in which an operation comes after those
// before it in its session and after the writes that it read from.
const (
	// KindThinAirRead is a read of a value that nobody wrote (ThinAirRead).
	KindThinAirRead = "thin-air-read"
	// KindAbortedRead is a read of a value whose only writes certainly failed.
	KindAbortedRead = "aborted-read"
	// KindCyclicCO is an operation that is causally before itself (CyclicCO).
	KindCyclicCO = "cyclic-co"
	// KindWriteCORead is a read of a value although another, written causally after it, is causally
	// before the read (WriteCORead).
	KindWriteCORead = "write-co-read"
	// KindWriteCOInitRead is a read of the initial value although a write is causally before the read
	// (WriteCOInitRead).
	KindWriteCOInitRead = "write-co-init-read"
	// KindCyclicCF is a set of writes that no one order of all writes allows: what is causally before what,
	// and what reads that knew both did not return, go around in a circle (CyclicCF). Reads of the kinds
	// above have no part in it. Under causal consistency all the reads are of one operation.
	KindCyclicCF = "cyclic-cf"
)

// Causal returns the checker of causal consistency and causal convergence of registers (Bouajjani, Enea,
// Guerraoui and Hamza 2017, "On verifying causal consistency", definitions CC and CCv in section 3, the bad
// patterns in section 5). There is an order of cause and effect in which
//
//   - causal consistency: each operation's answer is explained by some sequence of the operations that are
//     causally before it;
//   - causal convergence: all those sequences agree with one order of all operations.
//
// A transaction, a read of several keys and a compare-and-set are one operation each, that reads and writes
// at one point. A delete is a write of null; a successful compare-and-set reads the old value and writes the
// new one, one that was refused reads the value that it was told. The order of a session is by call and
// return: operations that overlap, of two devices, are unordered. Failed operations and peeks count for
// nothing.
//
// An ambiguous write whose value was read happened. It comes after what had returned in its session when it
// was called; nothing comes after it but who read it, for it may have taken effect at any time. Nobody was
// told what an ambiguous operation read, so that binds nobody. An ambiguous write whose value nobody read
// may never have happened, and nothing is lost by saying so.
//
// A value that several operations may have written tells its readers nothing; null is such a value where a
// key may have been deleted. Neither does a refused compare-and-set that was told nothing. A key that is not
// used as a register, or is written twice by one transaction, is left out. All these make the verdict
// Unknown where it would be Valid; everything else is decided exactly.
//
// Opportunities are the reads of operations that already had a write of their key causally before them, by
// their session. Counts are of reads; of groups of operations that are in circles with each other for
// cyclic-co and, under causal convergence, cyclic-cf; of operations for cyclic-cf under causal consistency.
//
// It takes time and memory O(n·s) for n operations and s chains of operations, one for each session whose
// operations do not overlap: about one byte for each write and chain. Beyond 1 GiB the verdict is Unknown.
func Causal() Checker { return causal{} }

type causal struct{}

// Properties implements Checker.
func (causal) Properties() []string { return []string{CausalConsistency, CausalConvergence} }

// Check implements Checker.
func (causal) Check(ctx context.Context, h *history.History) []Verdict {
	f := &causalFindings{cc: newTally(CausalConsistency), ccv: newTally(CausalConvergence)}
	deeds := readCausalDeeds(h, f)
	if deeds.broken == "" {
		c := newCausality(ctx, deeds)
		c.judge()
		c.judgeCycles()
		c.judgeConflicts()
		c.explain()
	}
	unknown := cmp.Or(f.stopped, deeds.undecided())
	return []Verdict{f.cc.verdict("clocks", cmp.Or(unknown, f.skipped)), f.ccv.verdict("clocks", unknown)}
}

// causalFindings gathers what is found about both properties.
type causalFindings struct {
	cc, ccv *tally
	stopped string // why not everything was judged
	skipped string // what was not judged by causal consistency
}

// count counts an anomaly of both properties.
func (f *causalFindings) count(kind string) {
	f.cc.count(kind, 1)
	f.ccv.count(kind, 1)
}

// chance counts an opportunity for both properties.
func (f *causalFindings) chance() {
	f.cc.chances(1)
	f.ccv.chances(1)
}

// stop notes why the judgement ended early; the first reason stays.
func (f *causalFindings) stop(format string, args ...any) {
	if f.stopped == "" {
		f.stopped = fmt.Sprintf(format, args...)
	}
}
