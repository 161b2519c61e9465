package checkers

import (
	"math"
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// at returns so many columns of a drawing in nanoseconds.
func at(columns int) float64 { return float64(columns * history.Column) }

func TestAvailability(t *testing.T) {
	//            0         1         2         3         4         5         6         7
	//            0123456789012345678901234567890123456789012345678901234567890123456789012345678
	h := drawn(t, `
s1 @n1        |w k=1|
s2 @n2           |r k=1|
s3 @n1                     |w k=2--…
s1 @n2                         |r k|  fail no-leader
s2 @n2                                 |w k=3-------|
s1 @n1                                                   |r k=3|
s1 @n1                                                             |w k=4|
s2 @n1                                                           |peek k=3|
n1/n2                ░░░░░ partition ░░░░░
phase                                                          ^heal
`)
	v := checked(Available(), h)[Availability]
	if v.Result != Valid || v.Opportunities != 6 {
		t.Fatalf("%+v", v)
	}
	want := map[string]float64{
		"ok_share":                 4.0 / 6,
		"ok_share_reads":           2.0 / 3,
		"ok_share_writes":          2.0 / 3,
		"ok_share_faults":          1.0 / 3,
		"ok_share@n1":              2.0 / 3,
		"ok_share@n2":              2.0 / 3,
		"ops_ok":                   4,
		"outage_longest_ns":        at(38 - 13), // s3's write is the first attempt, s2's write ends it
		"outage_longest_writes_ns": at(38 - 13),
		"outage_longest_reads_ns":  at(49 - 17),
		"recovery_mean_ns":         at(38 - 27),
		"recovery_max_ns":          at(38 - 27),
		"read_p50_ns":              at(6),
		"read_p99_ns":              at(6),
		"write_p50_ns":             at(6),
		"write_p99_ns":             at(13),
	}
	for name, w := range want {
		if got, ok := v.Measures[name]; !ok || got != w {
			t.Errorf("%s: %v, want %v", name, got, w)
		}
	}
	for name := range v.Measures {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: not expected", name)
		}
	}
}

// outageAgrees compares the longest outage, the recovery from faults, and the share of operations served
// during faults, with their definitions.
func outageAgrees(t testing.TB, d *dice) {
	const end = 30
	ops := make([]history.Op, d.n(8))
	for i := range ops {
		op := &ops[i]
		*op = history.Op{Session: "s", Key: "k", F: history.FWrite}
		op.Call = int64(d.n(end + 4))
		op.Return = op.Call + int64(d.n(8))
		d.outcome(op)
	}
	h := historyOf(ops, history.Never)
	h.Phases = []history.Phase{{Name: history.PhaseHeal, From: end, To: history.Never}}
	for range d.n(4) {
		fault := history.Fault{Outcome: "installed", From: int64(d.n(end))}
		fault.To = fault.From + int64(d.n(end))
		if d.bool(4) {
			fault.Outcome = "skipped: no such node"
		}
		h.Faults = append(h.Faults, fault)
	}
	want := outageTwin(ops, h.Faults, end)
	v := checked(Available(), h)[Availability]
	for name, w := range want {
		if got := v.Measures[name]; v.Opportunities > 0 && got != w {
			sayHistory(t, h, "%s: %v, want %v; faults %+v", name, got, w, h.Faults)
		}
	}
}

// outageTwin measures by definition. A measure that does not exist is 0.
func outageTwin(ops []history.Op, faults []history.Fault, end int64) map[string]float64 {
	served := func(from int64) float64 {
		until := end
		for _, op := range ops {
			if op.Type == history.Ok && op.Return >= from && op.Call < end {
				until = min(until, op.Return)
			}
		}
		return float64(until - from)
	}
	var longest, recovery, during, ok float64
	for _, op := range ops {
		if op.Call >= end {
			continue
		}
		longest = max(longest, served(op.Call))
		if slices.ContainsFunc(faults, func(f history.Fault) bool {
			return f.Outcome == "installed" && f.From <= op.Call && op.Call <= f.To
		}) {
			during++
			if op.Type == history.Ok {
				ok++
			}
		}
	}
	for _, f := range faults {
		if f.Outcome == "installed" && f.To < end {
			recovery = max(recovery, served(f.To))
		}
	}
	return map[string]float64{"outage_longest_ns": longest, "recovery_max_ns": recovery,
		"ok_share_faults": ok / max(1, during)}
}

func TestOutageAgreesWithTwin(t *testing.T) { many(t, 5_000, outageAgrees) }

func FuzzOutage(f *testing.F) { fuzz(f, outageAgrees) }

func TestAvailabilityOfNothing(t *testing.T) {
	v := checked(Available(), drawn(t, `s1  |--peek k=1--|`))[Availability]
	if v.Result != Unknown || v.Reason != NotExercised || len(v.Measures) != 0 {
		t.Errorf("%+v", v)
	}
}

// The measured span ends with the first phase after the faults, or with the last thing recorded.
func TestMeasuredSpan(t *testing.T) {
	for _, c := range []struct {
		drawing string
		outage  float64
	}{
		{"s1  |w k=1--…\nphase         ^faults   ^heal   ^quiesce", at(20)},
		{"s1  |w k=1--…\nphase         ^faults   ^quiesce   ^final-reads", at(20)},
		{"s1  |w k=1--…\nphase         ^faults   ^final-reads", at(20)},
		{"s1  |w k=1--…\ns2              |r k|  fail no-leader", at(16) + 1},
	} {
		v := checked(Available(), drawn(t, c.drawing))[Availability]
		if got := v.Measures["outage_longest_writes_ns"]; got != c.outage {
			t.Errorf("%v, want %v, of\n%s", got, c.outage, c.drawing)
		}
	}
}

// TestAvailabilityAtTheEndOfTime checks that the span that is measured does not begin again from the front.
func TestAvailabilityAtTheEndOfTime(t *testing.T) {
	h := history.FromOps([]history.Op{{F: history.FWrite, Key: "k", Type: history.Ok, Return: 1},
		{F: history.FWrite, Key: "k", Call: math.MaxInt64, Return: history.Never, Process: 1}})
	if v := Available().Check(t.Context(), h)[0]; v.Result != Valid {
		t.Errorf("%v %s", v.Result, v.Reason)
	}
}

// TestAvailabilityWithoutPhases checks that the measured span ends with the last that happened, and that what
// could not be measured is no measure.
func TestAvailabilityWithoutPhases(t *testing.T) {
	ok := history.Op{F: history.FWrite, Key: "k", Type: history.Ok, Call: 5, Return: 5}
	open := history.Op{F: history.FWrite, Key: "k", Call: 20, Return: history.Never, Process: 1}
	late := history.Op{F: history.FWrite, Key: "k", Type: history.Ok, Call: 6, Return: 50, Process: 2}
	for name, c := range map[string]struct {
		h      *history.History
		outage float64
	}{
		"a call":   {history.FromOps([]history.Op{ok, open}), 21 - 20},
		"a return": {history.FromOps([]history.Op{ok, open, late}), 50 - 6},
		"a fault": {drawn(t, `
s1 |w k=1|
s1          |w k=2--…
n1                        ░░ crash ░░…
`), at(26-12) + 1},
	} {
		v := checked(Available(), c.h)[Availability]
		if got := v.Measures["outage_longest_ns"]; got != c.outage {
			t.Errorf("%s: longest outage %v, want %v", name, got, c.outage)
		}
		if got, measured := v.Measures["recovery_mean_ns"]; measured {
			t.Errorf("%s: recovery in %v without a fault that was healed", name, got)
		}
	}
}

// TestRecoveryAtTheEnd checks that a fault that was healed when the measured span ended counts for nothing.
func TestRecoveryAtTheEnd(t *testing.T) {
	h := drawn(t, `
s1     |w k=1|
n1/n2            ░ partition ░
phase                        ^heal
s1                              |w k=2|
`)
	if got, measured := checked(Available(), h)[Availability].Measures["recovery_mean_ns"]; measured {
		t.Errorf("recovery in %v", got)
	}
}
