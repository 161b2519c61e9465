package checkers

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/rashomon-harness/rashomon/history"
)

// Job is the history of one object, to be held against a model by the general engine.
type Job struct {
	Model string // the name of one of Models
	// Ops are the operations, in any order. F, Arg, Type, Result, Call, Return, Session, Process and
	// Invoked are looked at; of Keys only that there are none.
	Ops     []history.Op
	Limits  Limits
	Witness bool // whether an illegal history is to be made smaller
	// Refuted is the Answer.Steps of an earlier search of the same job, which found it illegal: then only
	// the witness is searched for. 0 for none.
	Refuted int64
}

// Limits bounds the search of one job. A zero field means the default.
type Limits struct {
	OpsPerKey int           // the most operations that are searched; 20,000 by default
	Memory    int64         // the most bytes that the search may remember; 512 MiB by default
	Deadline  time.Duration // the longest that the search may take, wall time; 10 s by default
}

// The default limits.
const (
	defaultOpsPerKey = 20_000
	defaultMemory    = 512 << 20
	defaultDeadline  = 10 * time.Second
)

// OrDefault returns l with the defaults in place of what is not positive.
func (l Limits) OrDefault() Limits {
	return Limits{
		OpsPerKey: cmp.Or(max(l.OpsPerKey, 0), defaultOpsPerKey),
		Memory:    cmp.Or(max(l.Memory, 0), defaultMemory),
		Deadline:  cmp.Or(max(l.Deadline, 0), defaultDeadline),
	}
}

// Answer is what became of a job.
type Answer struct {
	// Result is Valid when some order of the operations explains the history (it is linearizable),
	// Invalid when none does, Unknown when that was not found out.
	Result Result `json:"result"`
	Reason string `json:"reason,omitempty"` // why Unknown
	// Witness has the places in Job.Ops, rising, of operations that no order explains by themselves, given
	// that those left out may have happened or not. Only with Job.Witness and of an Invalid one.
	Witness []int `json:"witness,omitempty"`
	// Steps is how much was searched to find an Invalid answer; at least 1.
	Steps int64 `json:"steps,omitempty"`
}

// Runner searches jobs with the general engine. Run may be called from several goroutines at once. It keeps
// to the job's limits and ends soon after ctx does; both make the answer Unknown. It does not change the job.
type Runner interface {
	Run(ctx context.Context, job *Job) Answer
}

// SearchedBy returns the checker with another runner for its searches. One that never searches is returned as
// it is, and so is any for a nil runner.
func SearchedBy(c Checker, r Runner) Checker {
	if r == nil {
		return c
	}
	switch c := c.(type) {
	case *linearizable:
		with := *c
		with.options.Runner = r
		return &with
	case *specified:
		with := *c
		with.runner = r
		return &with
	}
	return c
}

// Stopped is the reason of an Answer whose context ended before the search did.
const Stopped = "stopped before it was decided"

// NeedsMemory is the answer of a search that ran into the limit of memory.
func (l Limits) NeedsMemory() Answer {
	unit, of := "MiB", l.Memory>>20
	if of == 0 {
		unit, of = "KiB", l.Memory>>10
	}
	return undecided("the search needed more than %d %s", of, unit)
}

// NeedsTime is the answer of a search that ran into the deadline.
func (l Limits) NeedsTime() Answer {
	return undecided("the search took longer than %s", span(int64(l.Deadline)))
}

// undecided returns the answer that it is not known, and why.
func undecided(format string, args ...any) Answer {
	return Answer{Result: Unknown, Reason: fmt.Sprintf(format, args...)}
}
