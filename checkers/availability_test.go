package checkers

import (
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

// outageAgrees compares the longest outage, and the recovery from a fault, with their definitions.
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
	h.Faults = []history.Fault{{Outcome: "installed", From: 2, To: int64(d.n(end))}}
	served := func(from int64) int64 {
		until := int64(end)
		for _, op := range ops {
			if op.Type == history.Ok && op.Return >= from && op.Call < end {
				until = min(until, op.Return)
			}
		}
		return until
	}
	longest, attempts := int64(0), int64(0)
	for _, op := range ops {
		if op.Call < end {
			attempts++
			longest = max(longest, served(op.Call)-op.Call)
		}
	}
	v := checked(Available(), h)[Availability]
	healed := h.Faults[0].To
	if v.Opportunities != attempts || v.Measures["outage_longest_ns"] != float64(longest) ||
		attempts > 0 && v.Measures["recovery_max_ns"] != float64(served(healed)-healed) {
		sayHistory(t, h, "%+v, want %d attempts, outage %d, recovery %d", v, attempts, longest,
			served(healed)-healed)
	}
}

func TestOutageAgreesWithTwin(t *testing.T) { many(t, 5_000, outageAgrees) }

func FuzzOutage(f *testing.F) { fuzz(f, outageAgrees) }

func TestAvailabilityOfNothing(t *testing.T) {
	v := checked(Available(), drawn(t, `s1  |--peek k=1--|`))[Availability]
	if v.Result != Unknown || v.Reason != NotExercised || len(v.Measures) != 0 {
		t.Errorf("%+v", v)
	}
}
