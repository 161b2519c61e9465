// Package schedule decides what a run does next. It is pure: time and completions go in, operations to
// dispatch and faults to inject come out, so the driver in virtual time and the one in wall time run the
// very same schedule, and a test can hold both to that.
//
// A scheduler has a fixed number of threads, and each thread runs one operation at a time. What a thread
// is called in the history is its process: a thread whose operation ended with Info cannot know whether
// that operation still goes on, so its process retires and a new one takes its place:
//
//	process = thread, then thread + threads, then thread + 2·threads, ..
package schedule

import (
	"fmt"
	"math"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/plan"
)

// Kind is what an Action asks for.
type Kind uint8

// The kinds of actions.
const (
	// Done: every source has ended and every operation has completed.
	Done Kind = iota
	// Dispatch: send Action.Op on its way, as Action.Process. Its thread is busy until Complete.
	Dispatch
	// Inject: inject Action.Fault.
	Inject
	// Wait: nothing to do before Action.Until; ask again then, or after Complete or Tell.
	Wait
	// WaitCompletion: nothing to do before an operation under way has completed.
	WaitCompletion
)

// Action is what shall be done next.
type Action struct {
	Kind    Kind
	Until   int64      // Wait: nanoseconds since the start of the run, later than now
	Process int32      // Dispatch: the process that runs Op
	Op      plan.Op    // Dispatch; its thread is Op.ID.Thread
	Fault   plan.Fault // Inject
}

// Scheduler turns sources into actions. It is not safe for concurrent use.
type Scheduler struct {
	free    *plan.Threads
	process []int32 // by thread
	sources []source
	step    plan.Step
}

// source is a source in use. An ended source is still told of events: it may want to know how its last
// operations ended.
type source struct {
	plan.Source
	ended bool
}

// New returns a scheduler of the given number of threads, without sources.
func New(threads int) *Scheduler {
	s := &Scheduler{free: plan.NewThreads(threads), process: make([]int32, threads)}
	for i := range s.process {
		s.process[i] = int32(i)
	}
	return s
}

// Use puts sources in the place of those in use before. When several have something to do at the same
// time, the first one comes first. Operations under way stay under way.
func (s *Scheduler) Use(sources ...plan.Source) {
	s.sources = s.sources[:0]
	for _, src := range sources {
		s.sources = append(s.sources, source{Source: src})
	}
}

// Add puts a source before those in use.
func (s *Scheduler) Add(src plan.Source) {
	s.sources = append([]source{{Source: src}}, s.sources...)
}

// Busy returns the number of threads with an operation under way.
func (s *Scheduler) Busy() int { return s.free.Size() - s.free.Count() }

// Next fills act with what shall be done at now, nanoseconds since the start of the run. The error says
// how the plan contradicts itself: it gives an operation to a thread that is busy or does not exist, or
// waits for a completion that cannot come.
func (s *Scheduler) Next(now int64, act *Action) error {
	ctx := plan.Context{Now: now, Free: s.free}
	until, pending := int64(math.MaxInt64), false
	for i := range s.sources {
		src := &s.sources[i]
		if src.ended {
			continue
		}
		src.Next(&ctx, &s.step)
		switch s.step.Kind {
		case plan.DoOp:
			return s.dispatch(act)
		case plan.DoFault:
			act.Kind, act.Fault = Inject, s.step.Fault
			return nil
		case plan.Wait:
			until = min(until, max(s.step.Until, now+1))
		case plan.Pending:
			pending = true
		case plan.Done:
			src.ended = true
		}
	}
	switch {
	case until < math.MaxInt64:
		act.Kind, act.Until = Wait, until
	case s.Busy() > 0:
		act.Kind = WaitCompletion
	case pending:
		return fmt.Errorf("the plan waits for a completion at %d ns, but no operation is under way", now)
	default:
		act.Kind = Done
	}
	return nil
}

// dispatch makes act the operation of the step.
func (s *Scheduler) dispatch(act *Action) error {
	thread := int(s.step.Op.ID.Thread)
	if !s.free.Has(thread) {
		return fmt.Errorf("the plan gives operation %v to thread %d, which is busy or does not exist; "+
			"there are %d threads", s.step.Op.ID, thread, s.free.Size())
	}
	s.free.Set(thread, false)
	act.Kind, act.Op, act.Process = Dispatch, s.step.Op, s.process[thread]
	return nil
}

// Complete tells the scheduler that the operation of a thread has completed with ev: the thread is free
// again, under a new process after Info.
func (s *Scheduler) Complete(thread int, ev *history.Event) {
	if ev.Type == history.Info {
		s.process[thread] += int32(len(s.process))
	}
	s.free.Set(thread, true)
	s.Tell(ev)
}

// Tell tells the sources of an event that is no completion: an invocation, a fault's, a phase's.
func (s *Scheduler) Tell(ev *history.Event) {
	ctx := plan.Context{Now: ev.Time, Free: s.free}
	for i := range s.sources {
		s.sources[i].Update(&ctx, ev)
	}
}
