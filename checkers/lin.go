package checkers

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
//   - Set: add, remove, contains and read; a read returns all elements, in any order.
//
// Transactions whose micro-operations are of the model and use a key once are taken apart by key.
const (
	Register Model = iota
	CASRegister
	AppendList
	Set
)

// Engine says what decides linearizability.
type Engine string

// The engines.
const (
	// EngineAuto decides each key by the algorithm that fits its history, and searches where none does.
	EngineAuto Engine = "auto"
	// EngineFast never searches: what would need it is Unknown.
	EngineFast Engine = "fast"
	// EnginePorcupine always searches.
	EnginePorcupine Engine = "porcupine"
)

// ParseEngine returns the engine of that name; "" is EngineAuto.
func ParseEngine(name string) (Engine, error) {
	switch e := Engine(name); e {
	case "":
		return EngineAuto, nil
	case EngineAuto, EngineFast, EnginePorcupine:
		return e, nil
	}
	return "", fmt.Errorf("engine %q; allowed: %s, %s, %s", name, EngineAuto, EngineFast, EnginePorcupine)
}

// LinOptions says how linearizability is decided. A zero field means the default.
type LinOptions struct {
	Limits        // of the search; Deadline is for all keys of one Check together
	Engine Engine // EngineAuto by default
	Runner Runner // of the search; InProcess by default
}

// OrDefault returns o with the defaults in place of what is not there.
func (o LinOptions) OrDefault() LinOptions {
	o.Limits, o.Engine = o.Limits.OrDefault(), cmp.Or(o.Engine, EngineAuto)
	if o.Runner == nil {
		o.Runner = InProcess{}
	}
	return o
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
	// WrongRefusal is a cas that was refused although the value was the one it expected.
	WrongRefusal = "wrong-refusal"
	// CircularCAS is a circle of cas, each of which found what another one set.
	CircularCAS = "circular-cas"
	// ChainsDisagree is a pair of values, each with what only cas made of it, that each come before the
	// other.
	ChainsDisagree = "chains-disagree"
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
// It is decided key by key, several at a time; the engine is chosen by what a key's history is, and the
// verdict names those that were used:
//
//   - zones: registers whose written values are unique. Exact, O(n log n).
//   - chains: the same with compare-and-set. Exact, O(n log n), unless a cas was refused without telling
//     what it found: if that leaves it open, chains+porcupine searches.
//   - sweep: lists whose elements are unique, sets that are only added to. Exact, linear in the size of
//     the reads.
//   - porcupine: values that were written twice, deletes. Searched by the runner within the limits; beyond
//     them the verdict is Unknown.
//
// An opportunity is an answer (a read, or a cas that was not ambiguous) called after an acknowledged
// write of its key had returned: it could have been stale. Counts are of reads for what single reads show, of
// appends for lost and reordered ones, of values for ReadsDisagree, of chains for ChainsDisagree, of keys for
// NotLinearizable.
//
// Where answers carry versions, MeasureVersioned and MeasureDisagreements tell whether these agree with what
// clients saw.
func Linearizable(model Model, options LinOptions) Checker {
	return &linearizable{model: model, options: options.OrDefault()}
}

type linearizable struct {
	model   Model
	options LinOptions
}

// Properties implements Checker.
func (l *linearizable) Properties() []string { return []string{Linearizability} }

// The names of the engines in verdicts.
const (
	engineZones     = "zones"
	engineChains    = "chains"
	engineSweep     = "sweep"
	enginePorcupine = "porcupine"
)

// decision is what an engine made of a key. What it found is in the tally.
type decision struct {
	engine string
	job    *keyJob // what is to be searched, nil when it is decided
}

// decide lets the model's engine decide about a key.
func (l *linearizable) decide(k *keyHistory, t *tally) decision {
	switch l.model {
	case AppendList:
		return decideList(k, t, l.options.Engine)
	case Set:
		return decideSet(k, t, l.options.Engine)
	}
	return decideRegister(k, t, l.options.Engine)
}

// keyResult is what was found out about a key.
type keyResult struct {
	*tally
	engine   string
	unknown  string
	versions versionTally
	illegal  bool  // by a search: there is no witness yet
	refuted  int64 // Answer.Steps of that search
}

// Check implements Checker.
func (l *linearizable) Check(ctx context.Context, h *history.History) []Verdict {
	split := splitKeys(h)
	run := &linRun{linearizable: l, ctx: ctx, h: h, split: split,
		deadline: time.Now().Add(l.options.Deadline), keys: make([]keyResult, len(split.names))}
	eachOf(len(split.names), run.judge)
	return []Verdict{run.verdict()}
}

// linRun is one Check.
type linRun struct {
	*linearizable
	ctx      context.Context
	h        *history.History
	split    *keySplit
	deadline time.Time
	keys     []keyResult
	memory   sync.Pool // of *keyHistory, to be used again
}

// take returns the history of a key.
func (r *linRun) take(key int) *keyHistory {
	k, used := r.memory.Get().(*keyHistory)
	if !used {
		k = &keyHistory{h: r.h, model: r.model}
	}
	k.take(r.split.names[key], r.split.places[key])
	return k
}

// judge judges one key.
func (r *linRun) judge(key int) {
	res := &r.keys[key]
	res.tally = newTally(Linearizability)
	if r.ctx.Err() != nil {
		res.unknown = Stopped
		return
	}
	k := r.take(key)
	defer func() { // what is kept of it needs nothing but its witnesses
		res.tell()
		r.memory.Put(k)
	}()
	res.chances(k.opportunities())
	res.versions = k.compareVersions()
	if res.unknown = cmp.Or(k.odd, r.split.odd); res.unknown != "" {
		return
	}
	d := r.decide(k, res.tally)
	if res.engine = d.engine; d.job == nil {
		return
	}
	if k.beyond {
		if p, why := compile(&d.job.Job); why == "" {
			res.chances(p.opportunities())
		}
	}
	switch answer := r.search(d.job); answer.Result {
	case Invalid:
		res.refuted, res.illegal = answer.Steps, true
	case Unknown:
		res.unknown = answer.Reason
	}
}

// search runs a search in what is left of the time.
func (r *linRun) search(job *keyJob) Answer {
	if r.options.Engine == EngineFast {
		return undecided("only a search could decide, and none was allowed")
	}
	job.Limits = r.options.Limits
	if job.Limits.Deadline = time.Until(r.deadline); job.Limits.Deadline <= 0 {
		return r.options.Limits.NeedsTime()
	}
	answer := r.options.Runner.Run(r.ctx, &job.Job)
	if answer.Reason == job.Limits.NeedsTime().Reason {
		answer = r.options.Limits.NeedsTime() // of all searches together
	}
	return answer
}

// verdict puts the keys together, in their order.
func (r *linRun) verdict() Verdict {
	t := newTally(Linearizability)
	var used, unknown []string
	var illegal []int
	var versions versionTally
	for key := range r.keys {
		res := &r.keys[key]
		t.merge(res.tally)
		versions.add(res.versions)
		if res.engine != "" && !slices.Contains(used, res.engine) {
			used = append(used, res.engine)
		}
		if res.unknown != "" {
			unknown = append(unknown, "key "+r.split.names[key]+": "+res.unknown)
		}
		if res.illegal {
			illegal = append(illegal, key)
		}
	}
	t.count(NotLinearizable, int64(len(illegal)))
	r.explain(t, illegal[:min(len(illegal), MaxExplained)])
	slices.Sort(used)
	v := t.verdict(strings.Join(used, ", "), summary(unknown))
	v.Measures = versions.measures()
	return v
}

// eachOf calls do for 0 to n-1, as many at a time as there are processors. When one panics it panics too,
// once all have ended.
func eachOf(n int, do func(i int)) {
	if n == 1 { // no other goroutine has to be woken
		do(0)
		return
	}
	var next atomic.Int64
	var all sync.WaitGroup
	var panicked atomic.Value
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					panicked.Store(fmt.Sprintf("%v, at\n%s", p, debug.Stack()))
				}
			}()
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
	if p := panicked.Load(); p != nil {
		panic(p)
	}
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
