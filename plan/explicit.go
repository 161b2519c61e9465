package plan

import (
	"cmp"
	"math"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// TimedOp is an operation and the time it is planned for.
type TimedOp struct {
	At int64 // nanoseconds since the start of the run
	Op Op
}

// Explicit is a plan that is written down whole: every operation and every fault with its time. It is
// what a run's plan becomes when a smaller experiment is sought that shows the same.
type Explicit struct {
	Ops    []TimedOp
	Faults []Fault
}

// Source returns a source that gives out the plan. An operation waits for its time, for the operations
// planned before it on its thread, and for the thread to be free; it never waits for another thread. A
// fault waits for its time only. The plan is not changed and must not change meanwhile.
func (e *Explicit) Source() Source {
	s := &explicit{faults: slices.Clone(e.Faults)}
	slices.SortStableFunc(s.faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	ops := make([]*TimedOp, len(e.Ops))
	for i := range e.Ops {
		ops[i] = &e.Ops[i]
	}
	slices.SortStableFunc(ops, func(a, b *TimedOp) int {
		return cmp.Or(cmp.Compare(a.Op.ID.Thread, b.Op.ID.Thread), cmp.Compare(a.At, b.At),
			cmp.Compare(a.Op.ID.N, b.Op.ID.N))
	})
	for len(ops) > 0 {
		thread := ops[0].Op.ID.Thread
		end := slices.IndexFunc(ops, func(o *TimedOp) bool { return o.Op.ID.Thread != thread })
		if end < 0 {
			end = len(ops)
		}
		s.queues = append(s.queues, ops[:end])
		ops = ops[end:]
	}
	return s
}

type explicit struct {
	faults []Fault      // to come, by time
	queues [][]*TimedOp // to come, a queue for every thread, by time
}

func (s *explicit) Next(ctx *Context, step *Step) {
	first, busy := s.earliest(ctx.Free)
	at := int64(math.MaxInt64)
	if first >= 0 {
		at = s.queues[first][0].At
	}
	fault := len(s.faults) > 0 && s.faults[0].At <= at
	if fault {
		at = s.faults[0].At
	}
	switch {
	case first < 0 && !fault && busy:
		step.Kind = Pending
	case first < 0 && !fault:
		step.Kind = Done
	case at > ctx.Now:
		step.Kind, step.Until = Wait, at
	case fault:
		step.Kind, step.Fault = DoFault, s.faults[0]
		s.faults = s.faults[1:]
	default:
		step.Kind, step.Op = DoOp, s.queues[first][0].Op
		s.queues[first] = s.queues[first][1:]
	}
}

// earliest returns the queue of a free thread whose head is planned first, -1 when there is none, and
// whether a thread with something to come is busy.
func (s *explicit) earliest(free *Threads) (queue int, busy bool) {
	queue = -1
	for i, q := range s.queues {
		switch {
		case len(q) == 0:
		case !free.Has(int(q[0].Op.ID.Thread)):
			busy = true
		case queue < 0 || q[0].At < s.queues[queue][0].At:
			queue = i
		}
	}
	return queue, busy
}

func (s *explicit) Update(*Context, *history.Event) {}
