package checkers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rashomon-harness/rashomon/history"
)

// Model is the sequential behaviour that a history is held against, a key at a time.
type Model uint8

// The models. In all of them null is the value of a key that was never written.
//
//   - Register: read, write, delete (a write of null).
//   - CASRegister: Register with compare-and-set and its three answers.
//   - AppendList: append and read; a read returns the whole list, null or [] when it is empty.
//
// Transactions whose micro-operations are of the model and use a key once are taken apart by key.
const (
	Register Model = iota
	CASRegister
	AppendList
)

// LinOptions bounds the search of the general engine. A zero field means the default.
type LinOptions struct {
	OpsPerKey int           // the most operations of one key that are searched; 20,000 by default
	Memory    int64         // the most bytes that the search on one key may remember; 512 MiB by default
	Deadline  time.Duration // the longest that one Check may search, wall time; 10 s by default
}

// The kinds of anomalies that Linearizable reports.
const (
	// PhantomRead is a read of a value that nobody wrote.
	PhantomRead = "phantom-read"
	// FailedWriteRead is a read of a value whose only write certainly failed.
	FailedWriteRead = "failed-write-read"
	// FutureRead is a read that returned before the write of its value began.
	FutureRead = "future-read"
	// StaleRead is a read (or an answered cas) that found a value although the write of a newer one had
	// returned before it was called.
	StaleRead = "stale-read"
	// NewOldInversion is a read that found a value although a newer one had been read before it was called.
	NewOldInversion = "new-old-inversion"
	// ReadsDisagree is a pair of concurrently written values, each of which is newer than the other by what
	// was read.
	ReadsDisagree = "reads-disagree"
	// DoubleCAS is a second successful cas from a value that was there only once.
	DoubleCAS = "double-cas"
	// WrongRefusal is a cas that was refused because the value was the one it expected.
	WrongRefusal = "wrong-refusal"
	// LostAppend is an acknowledged append that no read returned, not even those called after it returned.
	LostAppend = "lost-append"
	// DuplicateAppend is a read of a list with an element more often than it was appended.
	DuplicateAppend = "duplicate-append"
	// DivergingReads is a read of a list that is no prefix of the longest list read.
	DivergingReads = "diverging-reads"
	// ReorderedAppend is an append that comes before one in the list that had returned before it began.
	ReorderedAppend = "reordered-append"
	// NotLinearizable is any other history of a key that no order of its operations explains.
	NotLinearizable = "not-linearizable"
)

// Linearizable returns the checker of linearizability (Herlihy and Wing 1990): there is an order of the
// operations, each taking effect at one moment between its call and its return, that the model explains.
// Closed intervals: operations that share a moment are concurrent. Ambiguous operations may take effect
// at any time after their call, or never; failed ones and peeks count for nothing.
//
// It is decided key by key; the engine is chosen by what a key's history is, and the verdict names those
// that were used:
//
//   - zones: registers whose written values are unique. Exact, O(n log n).
//   - zones+porcupine: the same with compare-and-set. Zones give the small witnesses, porcupine decides.
//   - sweep: lists whose elements are unique. Exact, linear in the size of the reads.
//   - porcupine: values that were written twice, deletes. Searched within the bounds of the options;
//     beyond them the verdict is Unknown.
//
// An opportunity is an answer (a read, or a cas that was not ambiguous) called after an acknowledged
// write of its key had returned: it could have been stale. Counts are of reads for what single reads show, of
// appends for lost and reordered ones, of values for ReadsDisagree, of keys for NotLinearizable.
func Linearizable(model Model, options LinOptions) Checker {
	if options.OpsPerKey <= 0 {
		options.OpsPerKey = 20_000
	}
	if options.Memory <= 0 {
		options.Memory = 512 << 20
	}
	if options.Deadline <= 0 {
		options.Deadline = 10 * time.Second
	}
	return &linearizable{model: model, options: options}
}

type linearizable struct {
	model   Model
	options LinOptions
}

// Properties implements Checker.
func (l *linearizable) Properties() []string { return []string{Linearizability} }

// engine decides about one key, adds what it finds to the tally, and returns its name. It returns why it
// could not decide, or "".
type engine func(k *keyHistory, t *tally, s *search) (name, unknown string)

// engineFor chooses the engine of a model; it looks further at the key's values itself.
func (l *linearizable) engineFor() engine {
	if l.model == AppendList {
		return decideList
	}
	return decideRegister
}

// Check implements Checker.
func (l *linearizable) Check(ctx context.Context, h *history.History) []Verdict {
	t := newTally(Linearizability)
	s := newSearch(ctx, l.options)
	decide := l.engineFor()
	var used, unknown []string
	for _, k := range splitByKey(h, l.model) {
		t.chances(k.opportunities())
		why := k.odd
		if why == "" {
			var name string
			if name, why = decide(k, t, s); !slices.Contains(used, name) {
				used = append(used, name)
			}
		}
		if why != "" {
			unknown = append(unknown, "key "+k.key+": "+why)
		}
	}
	slices.Sort(used)
	return []Verdict{t.verdict(strings.Join(used, ", "), summary(unknown))}
}

// summary returns the first reason and how many more there are.
func summary(reasons []string) string {
	switch len(reasons) {
	case 0:
		return ""
	case 1:
		return reasons[0]
	}
	return fmt.Sprintf("%s; and %d more keys", reasons[0], len(reasons)-1)
}

// opportunities counts the answers that were called after an acknowledged change had returned.
func (k *keyHistory) opportunities() int64 {
	changed := history.Never
	for i := range k.deeds {
		if d := &k.deeds[i]; d.sure && d.produces() {
			changed = min(changed, d.ret)
		}
	}
	n := int64(0)
	for i := range k.deeds {
		if d := &k.deeds[i]; d.sure && d.kind != writeDeed && d.call > changed {
			n++
		}
	}
	return n
}
