package harness

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/history"
)

// How long the checks of one run may take, in wall time. A stopped run is checked in haste.
const (
	checkLimit        = 2 * time.Minute
	checkLimitStopped = time.Second
)

// verdicts checks a history: one verdict for each property that is judged, in the order in which they are
// shown. Each workload's operations are checked by themselves; availability is a property of the whole.
func (r *run) verdicts(ctx context.Context, h *history.History) []checkers.Verdict {
	want := r.exp.Properties(r.cat)
	found := make(map[string]checkers.Verdict)
	judge := func(c checkers.Checker, part *history.History) {
		if !slices.ContainsFunc(c.Properties(), func(p string) bool { return slices.Contains(want, p) }) {
			return
		}
		for _, v := range Check(ctx, checkers.SearchedBy(c, r.search), part) {
			if old, seen := found[v.Property]; seen {
				v = combined(old, v)
			}
			found[v.Property] = v
		}
	}
	quorums := r.exp.quorums(r.cat)
	for i, w := range r.works {
		part := h.ForPrefix(r.exp.prefix(i))
		if q := quorums; q != nil {
			judge(checkers.Quorum(checkers.QuorumSettings{N: q.N, R: q.R, W: q.W, LWW: q.LWW,
				Sloppy: q.Sloppy, Local: q.Local}), part)
			judge(checkers.Conflicts(checkers.ConflictSettings{KeepsSiblings: q.KeepsSiblings,
				OwnWritesKnown: q.OwnWritesKnown, ObservedRemove: q.ObservedRemove}), part)
		}
		for _, c := range w.Checkers() {
			if !slices.Contains(c.Properties(), checkers.Availability) {
				judge(c, part)
			}
		}
	}
	judge(checkers.Available(), h)
	out := make([]checkers.Verdict, len(want))
	for i, p := range want {
		v, ok := found[p]
		if !ok {
			v = checkers.Verdict{Property: p, Reason: "no checker gave a verdict"}
		}
		out[i] = v
	}
	return out
}

// Check runs one checker. One that panics does not know.
func Check(ctx context.Context, c checkers.Checker, h *history.History) (verdicts []checkers.Verdict) {
	defer func() {
		if p := recover(); p != nil {
			reason := fmt.Sprintf("the checker panicked: %v, at %s", p, panicPlace(string(debug.Stack())))
			verdicts = nil
			for _, property := range c.Properties() {
				verdicts = append(verdicts, checkers.Verdict{Property: property, Reason: reason})
			}
		}
	}()
	return c.Check(ctx, h)
}

// weight orders what workloads found about a property: the heaviest is what the run found. That one
// workload gave no opportunity does not spoil the verdict of another that did.
func weight(v *checkers.Verdict) int {
	switch {
	case v.Result == checkers.Invalid:
		return 3
	case v.Result == checkers.Valid:
		return 1
	case strings.HasPrefix(v.Reason, checkers.NotExercised):
		return 0
	}
	return 2
}

// combined is the verdict of two workloads about one property. Of a measure that both have, the first
// workload's stands.
func combined(a, b checkers.Verdict) checkers.Verdict {
	heavy := a
	if weight(&b) > weight(&a) {
		heavy = b
	}
	out := checkers.Verdict{Property: a.Property, Result: heavy.Result, Reason: heavy.Reason,
		Engine: a.Engine, Opportunities: a.Opportunities + b.Opportunities}
	if b.Engine != "" && !strings.Contains(a.Engine, b.Engine) {
		out.Engine = strings.TrimPrefix(a.Engine+", "+b.Engine, ", ")
	}
	out.Counts = added(a.Counts, b.Counts)
	for _, measures := range []map[string]float64{b.Measures, a.Measures} {
		for name, x := range measures {
			if out.Measures == nil {
				out.Measures = make(map[string]float64)
			}
			out.Measures[name] = x
		}
	}
	out.Anomalies = slices.Concat(a.Anomalies, b.Anomalies)
	slices.SortStableFunc(out.Anomalies, func(x, y checkers.Anomaly) int { return size(&x) - size(&y) })
	out.Anomalies = out.Anomalies[:min(len(out.Anomalies), checkers.MaxExplained)]
	return out
}

// size is how many operations witness an anomaly.
func size(a *checkers.Anomaly) int { return max(len(a.Indices), len(a.Ops)) }

// added returns the sums of counts by name, nil when there are none.
func added(a, b map[string]int64) map[string]int64 {
	if len(a)+len(b) == 0 {
		return nil
	}
	out := make(map[string]int64, len(a)+len(b))
	for _, counts := range []map[string]int64{a, b} {
		for name, n := range counts {
			out[name] += n
		}
	}
	return out
}

// doubt makes valid verdicts unknown, for a reason that kept the run from being what was asked.
func doubt(verdicts []checkers.Verdict, reason string) {
	for i := range verdicts {
		if v := &verdicts[i]; v.Result == checkers.Valid {
			v.Result, v.Reason = checkers.Unknown, reason
		}
	}
}
