// Package plan says what shall be done in a run: operations and faults, each with a stable id, and the
// sources they come from. A source is pure: it reads no clock and draws no global randomness; all it
// knows is the context it is asked in and the events it is told of.
package plan

import "github.com/rashomon-harness/rashomon/history"

// Op is one planned operation.
type Op struct {
	ID      history.OpID  // ID.Thread is the thread of the workload that shall run it
	Session string        // the user on whose behalf it runs
	Device  string        // the device it runs on, "" when the session has only one
	F       string        // history.FRead, ..
	Key     string        // of single-key operations
	Keys    []string      // of operations over several keys
	Value   history.Value // the argument
	Node    string        // node the client is near to, or that a peek addresses; "" for no matter
}

// Fault is one planned fault: an interval, whose targets may still be roles ("leader") that are resolved
// when it is injected.
type Fault struct {
	ID      string // "f3"
	Family  string // partition, crash, pause, clock, link, operator
	Shape   string // the family's variant: "isolate-leader", "lose-unsynced", "step", "slow", ..
	Targets string // whom it hits, in the family's words ("leader", "any", ..); "" for the shape's own
	Clients string // partition: the side on which clients are; "" for both
	At      int64  // when it starts, nanoseconds since the start of the run
	For     int64  // how long it lasts, nanoseconds
	Amount  int64  // the family's quantity: ns of a step or delay, parts per million of drift or loss
	Pick    uint64 // the keyed draw that decides whatever is chosen at injection
}

// StepKind is what a source wants.
type StepKind uint8

// What a source can answer.
const (
	// Done: nothing more will ever come.
	Done StepKind = iota
	// DoOp: dispatch Step.Op now; its thread is free.
	DoOp
	// DoFault: inject Step.Fault now.
	DoFault
	// Wait: ask again at Step.Until, or after any Update, whichever comes first.
	Wait
	// Pending: ask again after an Update; only a completion can make progress.
	Pending
)

// Step is a source's answer. Only DoOp and DoFault change the source's state: asking a source that
// answers Wait or Pending twice gives the same answer twice.
type Step struct {
	Kind  StepKind
	Until int64 // Wait: nanoseconds since the start of the run
	Op    Op    // DoOp
	Fault Fault // DoFault
}

// Context is what a source may look at when it is asked.
type Context struct {
	Now  int64    // nanoseconds since the start of the run
	Free *Threads // the threads of the workload that have no operation under way
}

// Source is a generator of operations and faults.
type Source interface {
	// Next fills step with what shall be done at ctx.Now.
	Next(ctx *Context, step *Step)
	// Update tells the source of an event of the history, in the history's order. The event is only
	// valid during the call.
	Update(ctx *Context, ev *history.Event)
}

// Threads is a set of thread numbers with a fast choice among its members.
type Threads struct {
	free  []bool
	count int
}

// NewThreads returns the full set of the threads 0..n-1.
func NewThreads(n int) *Threads {
	t := &Threads{free: make([]bool, n), count: n}
	for i := range t.free {
		t.free[i] = true
	}
	return t
}

// Size returns the number of threads, free or not.
func (t *Threads) Size() int { return len(t.free) }

// Count returns the number of free threads.
func (t *Threads) Count() int { return t.count }

// Has reports whether thread i is free.
func (t *Threads) Has(i int) bool { return i >= 0 && i < len(t.free) && t.free[i] }

// Set marks thread i free or busy.
func (t *Threads) Set(i int, free bool) {
	if t.free[i] == free {
		return
	}
	t.free[i] = free
	if free {
		t.count++
	} else {
		t.count--
	}
}

// FirstFrom returns the first free thread in [lo, hi) at or after start, wrapping around inside the
// range, or -1 when none is free.
func (t *Threads) FirstFrom(lo, hi, start int) int {
	for i := start; i < hi; i++ {
		if t.free[i] {
			return i
		}
	}
	for i := lo; i < start; i++ {
		if t.free[i] {
			return i
		}
	}
	return -1
}
