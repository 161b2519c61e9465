package checkers

import (
	"context"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// InProcess is the runner that searches in this process (Wing and Gong 1993, Lowe 2017; package porcupine).
// The limit of memory is kept by counting what the engine remembers, so it is met at the same step on every
// machine; what the process takes may be up to twice as much until garbage is collected.
type InProcess struct{}

// Run implements Runner.
func (InProcess) Run(ctx context.Context, job *Job) Answer {
	limits := job.Limits.OrDefault()
	deadline := time.Now().Add(limits.Deadline)
	if n := len(job.Ops); n > limits.OpsPerKey {
		return undecided("%d operations, at most %d are searched", n, limits.OpsPerKey)
	}
	p, unknown := compile(job)
	switch {
	case unknown != "":
		return undecided("%s", unknown)
	case p.wrong != nil && job.Witness:
		return Answer{Result: Invalid, Witness: p.opsOf(p.wrong), Steps: 1}
	case p.wrong != nil:
		return Answer{Result: Invalid, Steps: 1}
	}
	s := seeker{ctx: ctx, plan: p, limits: limits, deadline: deadline}
	all := p.all()
	answer := Answer{Result: Invalid, Steps: job.Refuted}
	if job.Refuted == 0 {
		answer = s.run(all)
	}
	if answer.Result == Invalid && job.Witness {
		answer.Witness = p.opsOf(s.shrink(all, answer.Steps))
	}
	return answer
}

// opsOf returns the places of the acts' operations in the job, rising.
func (p *plan) opsOf(acts []int32) []int {
	ops := make([]int, len(acts))
	for at, i := range acts {
		ops[at] = int(p.acts[i].op)
	}
	slices.Sort(ops)
	return slices.Compact(ops)
}

// seeker searches parts of one plan.
type seeker struct {
	ctx      context.Context
	plan     *plan
	limits   Limits
	deadline time.Time
	steps    int64 // of all runs
	most     int64 // steps, 0 for no bound; beside the limits, so that shrinking ends
	runs     int   // that shrinking took
}

// run searches the given acts.
func (s *seeker) run(acts []int32) Answer {
	b := allowance{seeker: s, left: s.limits.Memory, each: int64(len(acts)/8) + perConfiguration}
	part := s.plan.part(acts)
	operations := make([]porcupine.Operation, len(part))
	for i, a := range part {
		operations[i] = porcupine.Operation{ClientId: int(a.process), Input: a, Call: a.call, Return: a.ret}
	}
	legal := porcupine.CheckOperations(s.plan.model(&b), operations)
	switch {
	case b.over != nil:
		return *b.over
	case legal:
		return Answer{Result: Valid}
	}
	return Answer{Result: Invalid, Steps: max(b.steps, 1)}
}

// model returns the plan's machine as the engine takes it, which pays for what is remembered.
//
// The engine knows no bound. Once the allowance is used up no step succeeds any more, and the engine backs
// out within a moment; its result is then thrown away.
func (p *plan) model(b *allowance) porcupine.Model {
	m := &p.machine
	return porcupine.Model{
		Init: func() any { return m.init },
		StepContext: func(_ context.Context, state, input, _ any) (bool, any) {
			if b.usedUp() {
				return false, state
			}
			ok, next := m.step(state, input.(*act))
			if ok {
				b.pay(m.size(next))
			}
			return ok, next
		},
		Equal: func(x, y any) bool {
			if !m.equal(x, y) {
				return false
			}
			b.refund()
			return true
		},
		Hash: m.hash,
		DescribeOperation: func(input, _ any) string {
			return p.job.Ops[input.(*act).op].Short()
		},
	}
}

// perConfiguration is what a configuration takes in the engine's table beside its state and its bit set, in
// bytes, as measured.
const perConfiguration = 160

// allowance is what is left of the limits for one run of the engine. It lives on the engine's goroutine.
type allowance struct {
	*seeker
	left  int64   // bytes
	each  int64   // of a configuration, beside its state
	paid  int64   // for the last step
	steps int64   //
	over  *Answer // it is used up
}

// pay takes what it costs to remember a configuration whose state has so many bytes.
func (b *allowance) pay(size int64) {
	b.paid = b.each + size
	b.left -= b.paid
}

// refund gives back what the last step cost. The engine compares states only where it looks whether it
// remembers the configuration already, so equal ones take no room.
func (b *allowance) refund() { b.left += b.paid }

// clockSteps is how many steps are made between two looks at the clock.
const clockSteps = 1024

// usedUp reports whether the allowance is used up.
func (b *allowance) usedUp() bool {
	if b.over != nil {
		return true
	}
	b.steps++
	b.seeker.steps++
	var over Answer
	switch {
	case b.most > 0 && b.seeker.steps > b.most:
		over = undecided("the witness is small enough")
	case b.left < 0:
		over = b.limits.NeedsMemory()
	case b.steps%clockSteps != 1:
		return false
	case b.ctx.Err() != nil:
		over = undecided(Stopped)
	case time.Now().After(b.deadline):
		over = b.limits.NeedsTime()
	default:
		return false
	}
	b.over = &over
	return true
}
