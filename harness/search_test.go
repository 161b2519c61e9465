package harness

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/workloads"
)

// searched is a workload with another checker.
type searched struct {
	workloads.Workload
	by checkers.Checker
}

// Checkers implements workloads.Workload.
func (s searched) Checkers() []checkers.Checker { return []checkers.Checker{s.by} }

// countingRunner searches nothing, and says so.
type countingRunner struct{ jobs atomic.Int32 }

// Run implements checkers.Runner.
func (r *countingRunner) Run(context.Context, *checkers.Job) checkers.Answer {
	r.jobs.Add(1)
	return checkers.Answer{Reason: "not today"}
}

// TestSearchIsTheCallers: what the checkers of a run have to search is searched by the runner that the caller
// gave, one job a key; without one they search themselves.
func TestSearchIsTheCallers(t *testing.T) {
	specified, err := checkers.Specified(checkers.ModelRegister, checkers.Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	always := checkers.LinOptions{Engine: checkers.EnginePorcupine}
	for _, by := range []checkers.Checker{checkers.Linearizable(checkers.Register, always), specified} {
		m := &memTarget{env: "sim"}
		cat := memCatalogue(m)
		cat.Workloads[0].New = func(p *workloads.Params) (workloads.Workload, error) {
			w, err := workloads.RegisterInfo().New(p)
			return searched{w, by}, err
		}
		exps := loaded(t, m, memExperiment, LoadOptions{})
		verdict := func(opts RunOptions) *checkers.Verdict {
			out, err := Run(t.Context(), exps, cat, nil, opts)
			if err != nil {
				t.Fatal(err)
			}
			return out.Rows[0].Seeds[0].verdict(checkers.Linearizability)
		}
		if v := verdict(RunOptions{}); v.Result != checkers.Valid || v.Engine != "porcupine" {
			t.Errorf("%T by itself: %+v", by, v)
		}
		var r countingRunner
		if v := verdict(RunOptions{Search: &r}); v.Result != checkers.Unknown || r.jobs.Load() != 3 {
			t.Errorf("%T: %d jobs of 3 keys: %+v", by, r.jobs.Load(), v)
		}
	}
}
