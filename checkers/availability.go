package checkers

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// Available returns the checker of availability. It judges nothing: it is Valid where there was something
// to measure. What is measured are the clients' operations, peeks aside, that were called before the
// healing of all faults began. Opportunities are their number. An operation that ended with a
// failure, with an unknown outcome, or not at all, was not served. The measures, each only where
// there is something to count:
//
//	ok_share                share of the operations that were served (0 to 1)
//	ok_share_reads, ok_share_writes
//	                        share of those that only read; of those that may change something
//	ok_share_faults         share of those called while a fault was in effect
//	ok_share@n1             share of those that were sent to, or answered by, n1
//	ops_ok                  how many were served
//	outage_longest_ns       longest time from the first attempt after an operation had been served to
//	                        the next one that was served, or to the end of the span
//	outage_longest_writes_ns, outage_longest_reads_ns
//	                        the same among writes, among reads
//	recovery_mean_ns, recovery_max_ns
//	                        time from the healing of a fault to the return of the next write that was
//	                        served (the next read, if there are no writes), or to the end of the span;
//	                        over the faults that healed before the span ended. It has the pause between
//	                        two operations in it
//	read_p50_ns, read_p99_ns, write_p50_ns, write_p99_ns
//	                        quantiles of the time from call to return of operations that were served
func Available() Checker { return available{} }

type available struct{}

// Properties implements Checker.
func (available) Properties() []string { return []string{Availability} }

// Check implements Checker.
func (available) Check(_ context.Context, h *history.History) []Verdict {
	a := &availability{end: measuredUntil(h), nodes: map[string]*share{}, measures: map[string]float64{}}
	a.count(h)
	v := Verdict{Property: Availability, Result: Valid, Opportunities: a.all.of, Measures: a.measures}
	if a.all.of == 0 {
		v.Result, v.Reason = Unknown, NotExercised
		return []Verdict{v}
	}
	a.measure(h)
	return []Verdict{v}
}

// measuredUntil returns the end of the measured span: the beginning of the first phase after the faults,
// or the last event when there is none, nanoseconds.
func measuredUntil(h *history.History) int64 {
	for _, p := range h.Phases {
		if p.Name == history.PhaseHeal || p.Name == history.PhaseQuiesce || p.Name == history.PhaseFinal {
			return p.From
		}
	}
	end := int64(0)
	for i := range h.EventCount() {
		end = max(end, h.EventTime(i))
	}
	for i := range h.Len() {
		end = max(end, h.Call(i))
		if h.Return(i) != history.Never {
			end = max(end, h.Return(i))
		}
	}
	return max(end, end+1) // unless that is beyond all time
}

// share counts operations and those of them that were served.
type share struct{ of, ok int64 }

func (s *share) add(served bool) {
	s.of++
	if served {
		s.ok++
	}
}

// attempts are the operations of one kind.
type attempts struct {
	share
	calls   []int64 // rising
	returns []int64 // of those that were served; rising once sorted
	took    []int64 // of those that were served, call to return
}

// add takes operation i in.
func (a *attempts) add(h *history.History, i int) {
	served := h.Type(i) == history.Ok
	a.share.add(served)
	a.calls = append(a.calls, h.Call(i))
	if served {
		a.returns = append(a.returns, h.Return(i))
		a.took = append(a.took, h.Return(i)-h.Call(i))
	}
}

// availability is the work of the checker.
type availability struct {
	end           int64 // of the measured span, nanoseconds
	all, faults   share
	reads, writes attempts
	nodes         map[string]*share
	measures      map[string]float64
}

// count goes through the operations of the measured span.
func (a *availability) count(h *history.History) {
	faults := faultTimes(h)
	for i := range h.Len() {
		f, served := h.F(i), h.Type(i) == history.Ok
		if f == history.FPeek || h.Call(i) >= a.end {
			continue
		}
		a.all.add(served)
		if f == history.FRead {
			a.reads.add(h, i)
		} else {
			a.writes.add(h, i)
		}
		if during(faults, h.Call(i)) {
			a.faults.add(served)
		}
		if node := h.NodeName(i); node != "" {
			if a.nodes[node] == nil {
				a.nodes[node] = &share{}
			}
			a.nodes[node].add(served)
		}
	}
	slices.Sort(a.reads.returns)
	slices.Sort(a.writes.returns)
}

// measure fills in the measures.
func (a *availability) measure(h *history.History) {
	a.share("ok_share", a.all)
	a.share("ok_share_reads", a.reads.share)
	a.share("ok_share_writes", a.writes.share)
	a.share("ok_share_faults", a.faults)
	for node, s := range a.nodes {
		a.share("ok_share@"+node, *s)
	}
	a.measures["ops_ok"] = float64(a.all.ok)
	calls, returns := merged(a.reads.calls, a.writes.calls), merged(a.reads.returns, a.writes.returns)
	a.outage("outage_longest_ns", calls, returns)
	a.outage("outage_longest_reads_ns", a.reads.calls, a.reads.returns)
	a.outage("outage_longest_writes_ns", a.writes.calls, a.writes.returns)
	a.recovery(h)
	a.quantiles("read", a.reads.took)
	a.quantiles("write", a.writes.took)
}

func (a *availability) share(name string, s share) {
	if s.of > 0 {
		a.measures[name] = float64(s.ok) / float64(s.of)
	}
}

// outage measures the longest outage: the longest time from the first call at or after a served return (or
// of all) to the next served return. calls and returns are rising.
func (a *availability) outage(name string, calls, returns []int64) {
	if len(calls) == 0 {
		return
	}
	longest := int64(0)
	for at, next := 0, 0; at < len(calls); {
		for next < len(returns) && returns[next] < calls[at] {
			next++
		}
		until := a.end
		if next < len(returns) {
			until = min(returns[next], a.end)
		}
		longest = max(longest, until-calls[at])
		for at < len(calls) && (calls[at] <= until) {
			at++
		}
	}
	a.measures[name] = float64(longest)
}

// recovery measures how long after the healing of each fault the next operation was served.
func (a *availability) recovery(h *history.History) {
	returns := a.writes.returns
	if len(a.writes.calls) == 0 {
		returns = a.reads.returns
	}
	var sum, longest, count int64
	for i := range h.Faults {
		f := &h.Faults[i]
		if !f.InEffect() || f.To >= a.end {
			continue
		}
		until := a.end
		if at, _ := slices.BinarySearch(returns, f.To); at < len(returns) {
			until = min(returns[at], a.end)
		}
		sum, longest, count = sum+until-f.To, max(longest, until-f.To), count+1
	}
	if count > 0 {
		a.measures["recovery_mean_ns"] = float64(sum) / float64(count)
		a.measures["recovery_max_ns"] = float64(longest)
	}
}

// quantiles measures the median and the 99th percentile: the smallest time that at least that share of
// the operations did not exceed.
func (a *availability) quantiles(kind string, took []int64) {
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	for name, share := range map[string]float64{"_p50_ns": 0.5, "_p99_ns": 0.99} {
		a.measures[kind+name] = float64(took[int(math.Ceil(share*float64(len(took))))-1])
	}
}

// merged returns two rising lists as one.
func merged(a, b []int64) []int64 {
	all := make([]int64, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0] <= b[0] {
			all, a = append(all, a[0]), a[1:]
		} else {
			all, b = append(all, b[0]), b[1:]
		}
	}
	return append(append(all, a...), b...)
}

// interval is a span of time, both ends included, nanoseconds.
type interval struct{ from, to int64 }

// faultTimes returns the times at which some fault was in effect, disjoint and rising.
func faultTimes(h *history.History) []interval {
	var all []interval
	for i := range h.Faults {
		if f := &h.Faults[i]; f.InEffect() {
			all = append(all, interval{f.From, f.To})
		}
	}
	return united(all)
}

// united returns the union of intervals as disjoint ones, rising; those that share no more than an end are
// one. It reorders all.
func united(all []interval) []interval {
	slices.SortFunc(all, func(x, y interval) int { return cmp.Compare(x.from, y.from) })
	union := all[:0]
	for _, x := range all {
		if n := len(union); n > 0 && x.from <= union[n-1].to {
			union[n-1].to = max(union[n-1].to, x.to)
		} else {
			union = append(union, x)
		}
	}
	return union
}

// during reports whether a time lies in one of the intervals, which are disjoint and rising.
func during(intervals []interval, time int64) bool {
	at, found := slices.BinarySearchFunc(intervals, time, func(x interval, t int64) int {
		return cmp.Compare(x.from, t)
	})
	return found || at > 0 && time <= intervals[at-1].to
}
