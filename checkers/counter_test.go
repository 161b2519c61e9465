package checkers

import (
	"context"
	"fmt"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// reachable returns the least and the greatest sum that a read can have found: those of all choices of
// increments that have each one that must be in, and none that must not.
func reachable(ops []history.Op, r *history.Op) (least, most int64) {
	first := true
	for choice := range 1 << len(ops) {
		sum, allowed := int64(0), true
		for i := range ops {
			op, in := &ops[i], choice>>i&1 != 0
			counts := op.F != history.FRead && op.Type != history.Fail
			switch {
			case in && (!counts || op.Call > r.Return), !in && counts && op.Precedes(r):
				allowed = false
			case in:
				sum += amount(op)
			}
		}
		if allowed && (first || sum < least) {
			least = sum
		}
		if allowed && (first || sum > most) {
			most = sum
		}
		first = first && !allowed
	}
	return least, most
}

func amount(op *history.Op) int64 {
	n, ok := op.Arg.AsInt()
	if !ok {
		n = 1
	}
	if op.F == "decr" {
		return -n
	}
	return n
}

// drawCounter draws a small history of a counter.
func drawCounter(d *dice) *history.History {
	ops := make([]history.Op, 2+d.n(6))
	negative, sum := d.bool(2), int64(0)
	for i := range ops {
		op := &ops[i]
		*op = history.Op{Session: fmt.Sprintf("s%d", d.n(3)), Key: "k", F: history.FRead, Type: history.Ok}
		op.Call, op.Return = d.span(4)
		op.Call, op.Return = op.Call+int64(2*i), op.Return+int64(2*i)
		if d.bool(2) {
			op.Result = history.IntValue(sum)
			if d.bool(3) {
				op.Result = history.IntValue(sum + int64(d.n(5)) - 2)
			}
			if sum == 0 && d.bool(2) {
				op.Result = history.Value{}
			}
			continue
		}
		op.F, op.Arg = history.FIncr, history.IntValue(int64(d.n(4)))
		switch {
		case d.bool(5):
			op.Arg = history.Value{}
		case negative && d.bool(2):
			op.Arg = history.IntValue(-int64(d.n(4)))
		case negative && d.bool(3):
			op.F = "decr"
		}
		d.outcome(op)
		if sum += amount(op); op.Type == history.Fail {
			sum -= amount(op)
		}
	}
	return historyOf(ops, history.Never)
}

func compareCounter(t testing.TB, h *history.History) map[string]int64 {
	t.Helper()
	want := map[string]int64{}
	for _, ops := range opsByKey(h) {
		for i := range ops {
			r := &ops[i]
			least, most := reachable(ops, r)
			got, _ := r.Result.AsInt()
			if r.F == history.FRead && got < least {
				want[KindCounterTooLow]++
			}
			if r.F == history.FRead && got > most {
				want[KindCounterTooHigh]++
			}
		}
	}
	v := Counter(CounterOptions{}).Check(context.Background(), h)[0]
	if v.Counts[KindCounterTooLow] != want[KindCounterTooLow] ||
		v.Counts[KindCounterTooHigh] != want[KindCounterTooHigh] || (v.Result == Invalid) != (len(want) > 0) {
		sayHistory(t, h, "%v, want %v", v, want)
	}
	if v.Result == Valid {
		want["valid"]++
	}
	return want
}

// TestCounterAgainstDefinition compares verdicts with the definition on small histories.
func TestCounterAgainstDefinition(t *testing.T) {
	sum := map[string]int64{}
	many(t, 4000, func(t testing.TB, d *dice) {
		for kind, n := range compareCounter(t, severalKeys(d, drawCounter)) {
			sum[kind] += n
		}
	})
	t.Log(sum)
	for _, kind := range []string{KindCounterTooLow, KindCounterTooHigh, "valid"} {
		if sum[kind] == 0 {
			t.Errorf("no %s in all histories", kind)
		}
	}
}

func FuzzCounter(f *testing.F) {
	fuzz(f, func(t testing.TB, d *dice) { compareCounter(t, severalKeys(d, drawCounter)) })
}

// TestCounterTooFar takes sums that do not fit.
func TestCounterTooFar(t *testing.T) {
	const most = 1<<63 - 1
	op := history.Op{Session: "s1", Key: "k", F: history.FIncr, Type: history.Ok, Arg: history.IntValue(most)}
	read := history.Op{Session: "s1", Key: "k", F: history.FRead, Type: history.Ok, Call: 1, Return: 2,
		Result: history.IntValue(most)}
	check := func(ops ...history.Op) Verdict {
		return Counter(CounterOptions{}).Check(context.Background(), historyOf(ops, history.Never))[0]
	}
	if v := check(op, read); v.Result != Valid {
		t.Errorf("one: %+v", v)
	}
	if v := check(op, op, read); v.Result != Unknown || v.Reason != "k counts further than 64 bits" {
		t.Errorf("two: %+v", v)
	}
	op.Arg = history.IntValue(-most)
	if v := check(op, op, read); v.Result != Unknown || v.Reason != "k counts further than 64 bits" {
		t.Errorf("two, down: %+v", v)
	}
	op.Arg = history.IntValue(-most - 1)
	if v := check(op, read); v.Result != Unknown {
		t.Errorf("the smallest: %+v", v)
	}
}
