package harness

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/harness/schedule"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/nemesis"
	"github.com/rashomon-harness/rashomon/nemesis/inject"
	"github.com/rashomon-harness/rashomon/plan"
)

// RunSeed runs an experiment once and checks it. The history is streamed to w; nil for nowhere. When ctx
// ends the run is cut short, healed, saved and checked. Whatever goes wrong is in the outcome.
func RunSeed(ctx context.Context, exp *Experiment, seed uint64, cat *Catalogue, w io.Writer) SeedOutcome {
	r, err := newRun(ctx, exp, seed, cat, w)
	if err != nil {
		return failedSeed(exp, seed, cat, err.Error())
	}
	return r.whole()
}

// whole runs everything from deployment to checks, and ends the cluster.
func (r *run) whole() SeedOutcome {
	r.execute()
	out := r.outcome()
	if r.keep {
		r.endOrKeep(&out)
	}
	return out
}

// failedSeed is the outcome of a run that never came to run.
func failedSeed(exp *Experiment, seed uint64, cat *Catalogue, failure string) SeedOutcome {
	out := SeedOutcome{Seed: seed, Failure: failure, Faults: map[string]FaultCounts{}}
	for _, p := range exp.Properties(cat) {
		out.Verdicts = append(out.Verdicts, unknown(p, failure))
	}
	return out
}

// unknown is the verdict of a run that failed. Of a failure of many lines it has the first: all of it stands
// in the outcome once.
func unknown(property, failure string) checkers.Verdict {
	first, _, _ := strings.Cut(failure, "\n")
	return checkers.Verdict{Property: property, Reason: "harness failure: " + first}
}

// outcome checks the run and sums it up.
func (r *run) outcome() SeedOutcome {
	h := r.rec.History()
	out := SeedOutcome{Seed: r.seed, Hash: r.rec.Hash(), Events: h.EventCount(), Steps: r.steps, Ops: r.ops,
		Ok: r.ok, Took: r.last, Marks: r.marks, Faults: countFaults(h)}
	out.Stopped = !r.ended && r.ctx.Err() != nil
	if r.failure != "" && !out.Stopped {
		out.Failure = r.failure
		out.Verdicts = failedSeed(r.exp, r.seed, r.cat, r.failure).Verdicts
		return out
	}
	limit := checkLimit
	if out.Stopped {
		out.Failure = r.left
		limit = checkLimitStopped
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), limit)
	defer cancel()
	r.phase = "checks"
	r.tell()
	out.Verdicts = r.verdicts(ctx, h)
	if reason := lacking(out.Faults); reason != "" {
		doubt(out.Verdicts, reason)
	}
	return out
}

// countFaults counts the faults of a run by "family/shape" and how they ended.
func countFaults(h *history.History) map[string]FaultCounts {
	out := make(map[string]FaultCounts)
	for i := range h.Faults {
		f := &h.Faults[i]
		shape, _ := f.What.Get("shape").AsString()
		kind := faultKind(f.Family, shape)
		n := out[kind]
		switch {
		case f.Outcome == inject.Installed:
			n.Installed++
		case strings.HasPrefix(f.Outcome, inject.Cannot):
			n.noteReason(f.Outcome)
			n.Skipped++
			n.Cannot++
		case strings.HasPrefix(f.Outcome, inject.Skipped):
			n.noteReason(f.Outcome)
			n.Skipped++
		default:
			n.noteReason(f.Outcome)
			n.Indeterminate++
		}
		out[kind] = n
	}
	return out
}

// noteReason keeps the first reason, and before all others that the environment cannot do such a fault.
func (n *FaultCounts) noteReason(outcome string) {
	_, reason, _ := strings.Cut(outcome, ": ")
	if n.Reason == "" || n.Cannot == 0 && strings.HasPrefix(outcome, inject.Cannot) {
		n.Reason = reason
	}
}

// missing returns why a kind of fault was never there, "" when it was, or was never planned.
func (n FaultCounts) missing(kind string) string {
	switch {
	case n.Installed > 0:
		return ""
	case n.Skipped > 0:
		return fmt.Sprintf("fault %s was skipped: %s", kind, n.Reason)
	case n.Indeterminate > 0:
		return fmt.Sprintf("fault %s may not have been installed: %s", kind, n.Reason)
	}
	return ""
}

// lacking returns why a run was not what was planned: the environment cannot do a kind of fault, or nobody
// knows whether one was ever there; "" otherwise. That faults found nobody to hit at their moment (there was
// no leader) spoils no run by itself; Row.doubtMissing looks at that.
func lacking(faults map[string]FaultCounts) string {
	for _, kind := range slices.Sorted(maps.Keys(faults)) {
		n := faults[kind]
		if reason := n.missing(kind); reason != "" && (n.Cannot > 0 || n.Indeterminate > 0) {
			return reason
		}
	}
	return ""
}

// Plan returns the operations and faults, with their times, that a run plans when every operation is
// answered at once: what the run would be like on a perfect system. The final reads are not among them.
func Plan(exp *Experiment, seed uint64, cat *Catalogue) (*plan.Explicit, error) {
	works, err := exp.build(cat, seed)
	if err != nil {
		return nil, err
	}
	sources := []plan.Source{plan.Until(exp.Time, nemesis.Source(exp.faults(seed), exp.WarmUp))}
	for _, w := range works {
		sources = append(sources, plan.Until(exp.Time, w))
	}
	s := schedule.New(exp.threads())
	s.Use(sources...)
	out := &plan.Explicit{}
	var act schedule.Action
	for now := int64(0); ; {
		if err := s.Next(now, &act); err != nil {
			return nil, err
		}
		switch act.Kind {
		case schedule.Dispatch:
			out.Ops = append(out.Ops, plan.TimedOp{At: now, Op: act.Op})
			ev := history.Event{Time: now, Type: history.Ok, Process: act.Process, Session: act.Op.Session,
				F: act.Op.F, Key: act.Op.Key, Keys: act.Op.Keys, Value: act.Op.Value, Op: act.Op.ID}
			s.Complete(int(act.Op.ID.Thread), &ev)
		case schedule.Inject:
			out.Faults = append(out.Faults, act.Fault)
		case schedule.Wait:
			now = act.Until
		default:
			return out, nil
		}
	}
}
