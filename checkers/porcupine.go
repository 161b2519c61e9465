package checkers

import (
	"context"
	"fmt"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/rashomon-harness/rashomon/history"
)

// problem is the history of one key as the general engine takes it.
type problem struct {
	*keyHistory
	all   []int32 // the deeds to be ordered
	model porcupine.Model
	bytes int64 // of a state, beside what the engine remembers with it
	// closed returns the given deeds and those without which they would mean something else, so that a
	// linearizable history stays so when it is cut down to them.
	closed func(core []int32) []int32
	// operations returns a closed set of deeds in the model's terms.
	operations func(deeds []int32) []porcupine.Operation
}

// search is the budget of one Check for the general engine (Wing and Gong 1993, Lowe 2017; package
// porcupine), which is exponential in the concurrency of a key.
//
// The bound that is met first is usually that of memory, which is counted in remembered configurations and
// so is the same on every machine; the deadline is for slow machines. Both are checked in the model's step,
// on the engine's own goroutine: after one is hit no step succeeds any more, and the engine, which is not
// told otherwise, ends within a moment; its result is then thrown away.
type search struct {
	ctx      context.Context
	options  LinOptions
	deadline time.Time
	shrunk   int // witnesses made smaller so far
}

func newSearch(ctx context.Context, options LinOptions) *search {
	return &search{ctx: ctx, options: options, deadline: time.Now().Add(options.Deadline)}
}

// decide decides p, and adds an anomaly when it is not linearizable. It returns why it could not, or "".
func (s *search) decide(p *problem, t *tally) (unknown string) {
	if len(p.all) > s.options.OpsPerKey {
		return fmt.Sprintf("%d operations, at most %d are searched", len(p.all), s.options.OpsPerKey)
	}
	illegal, unknown := s.run(p, p.all)
	if !illegal {
		return unknown
	}
	if s.shrunk++; s.shrunk > MaxExplained {
		t.count(NotLinearizable, 1)
		return ""
	}
	s.report(p, t, s.shrink(p))
	return ""
}

// report adds the anomaly that the given deeds show. It names the answer that came last.
func (s *search) report(p *problem, t *tally, deeds []int32) {
	var last *history.Op
	for _, op := range p.operationsOf(deeds) {
		if op.Type == history.Ok && (last == nil || op.Return >= last.Return) {
			last = op
		}
	}
	t.add(NotLinearizable, p.key, func(w *witness) string {
		return fmt.Sprintf("%s, and no order of the %d operations agrees with both their times and their "+
			"answers", w.did(last), len(w.ops))
	}, p.operationsOf(deeds)...)
}

// run reports whether the given deeds are not linearizable, or why that was not found out.
func (s *search) run(p *problem, deeds []int32) (illegal bool, unknown string) {
	b := budget{search: s, left: s.options.Memory / (int64(len(deeds)/8+160) + p.bytes)}
	model := p.model
	step := model.Step
	model.Step = nil
	model.StepContext = func(_ context.Context, state, input, output any) (bool, any) {
		if b.over() {
			return false, state
		}
		ok, next := step(state, input, output)
		if ok {
			b.left--
		}
		return ok, next
	}
	legal := porcupine.CheckOperations(model, p.operations(deeds))
	return !legal && b.why == "", b.why
}

// budget is what is left of one run of the engine.
type budget struct {
	*search
	left  int64 // configurations that may still be remembered
	steps int
	why   string // it is used up
}

// over reports whether the budget is used up.
func (b *budget) over() bool {
	if b.why != "" {
		return true
	}
	b.steps++
	switch {
	case b.left <= 0:
		b.why = fmt.Sprintf("the search would remember more than %d MiB", b.options.Memory>>20)
	case b.steps%1024 != 1:
	case b.ctx.Err() != nil:
		b.why = "stopped before it was decided"
	case time.Now().After(b.deadline):
		b.why = "the search took longer than " + b.options.Deadline.String()
	}
	return b.why != ""
}
