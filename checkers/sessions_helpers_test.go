package checkers

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// dice makes the choices of a random history: from a seed in the deterministic tests, from the fuzzer's
// bytes in the fuzz targets.
type dice struct {
	rng  *rand.Rand
	data []byte
}

func seeded(seed int) *dice { return &dice{rng: rand.New(rand.NewPCG(uint64(seed), 7))} }

// n returns a number in [0, k).
func (d *dice) n(k int) int {
	if d.rng != nil {
		return d.rng.IntN(k)
	}
	if len(d.data) == 0 {
		return 0
	}
	b := d.data[0]
	d.data = d.data[1:]
	return int(b) % k
}

func (d *dice) bool(oneIn int) bool { return d.n(oneIn) == oneIn-1 }

// span draws call and return on a grid so small that equal times are common.
func (d *dice) span(until int) (call, ret int64) {
	call = int64(d.n(until))
	return call, call + int64(d.n(4))
}

// outcome draws how a write ends: an eighth is ambiguous, some fail.
func (d *dice) outcome(op *history.Op) {
	switch d.n(10) {
	case 7:
		op.Type, op.Return = history.Info, history.Never
	case 8:
		op.Type = history.Fail
	default:
		op.Type = history.Ok
	}
}

// sequence moves the operations of each session apart in time, in their order, so that only devices
// overlap; what is drawn overlapping stays so with probability 1/4.
func (d *dice) sequence(ops []history.Op) {
	last := map[string]int64{}
	for i := range ops {
		op := &ops[i]
		if end, ok := last[op.Session]; ok && !d.bool(4) && op.Call <= end {
			shift := end + int64(d.n(2)) + 1 - op.Call
			op.Call += shift
			if op.Return != history.Never {
				op.Return += shift
			}
		}
		last[op.Session] = max(last[op.Session], op.Call)
		if op.Return != history.Never {
			last[op.Session] = max(last[op.Session], op.Return)
		}
	}
}

// historyOf returns the history of operations, by call time, with final reads from a time on.
func historyOf(ops []history.Op, final int64) *history.History {
	ops = slices.Clone(ops)
	slices.SortStableFunc(ops, func(a, b history.Op) int { return int(a.Call - b.Call) })
	for i := range ops {
		ops[i].Index, ops[i].Invoked, ops[i].Done = i, -1, -1
	}
	h := history.FromOps(ops)
	if final != history.Never {
		h.Phases = []history.Phase{{Name: history.PhaseFinal, From: final, To: history.Never}}
	}
	return h
}

func drawn(t testing.TB, text string) *history.History {
	t.Helper()
	h, err := history.ParseDrawing(text)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// checked returns the verdicts of a checker by property.
func checked(c Checker, h *history.History) map[string]Verdict {
	all := map[string]Verdict{}
	for _, v := range c.Check(context.Background(), h) {
		all[v.Property] = v
	}
	return all
}

// provesItself fails the test unless each anomaly is an anomaly of the same property, and the same kind,
// when there is nothing but its witness.
func provesItself(t testing.TB, c Checker, v Verdict, final int64) {
	t.Helper()
	for _, a := range v.Anomalies {
		alone := checked(c, historyOf(a.Ops, final))[v.Property]
		if alone.Counts[a.Kind] == 0 {
			t.Errorf("%s %s: the witness does not show it by itself: %+v\n%s\n%s", v.Property, a.Kind,
				alone, a.Sentence, history.Draw(a.Ops, history.DrawOptions{}))
		}
		long := strings.Contains(a.Kind, "+") || a.Kind == KindLongFork // circles
		if len(a.Ops) > 6 && !long || a.Sentence == "" {
			t.Errorf("%s: %d operations, sentence %q", a.Kind, len(a.Ops), a.Sentence)
		}
	}
}

// sayHistory fails with a history drawn.
func sayHistory(t testing.TB, h *history.History, format string, args ...any) {
	t.Helper()
	t.Errorf(format, args...)
	t.Fatalf("of:\n%s", history.Draw(h.Ops(), history.DrawOptions{Phases: h.Phases}))
}

// fuzz runs a property of random histories on the fuzzer's bytes.
func fuzz(f *testing.F, property func(t testing.TB, d *dice)) {
	for seed := range 8 {
		rng := rand.New(rand.NewPCG(uint64(seed), 11))
		data := make([]byte, 96)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { property(t, &dice{data: data}) })
}

// many runs a property of random histories on so many seeds, scaled by rounds: with RASHOMON_FUZZ_SCALE=20
// go test ./checkers -run Twin compares each checker with its twin on 100,000.
func many(t *testing.T, runs int, property func(t testing.TB, d *dice)) {
	t.Helper()
	for seed := range rounds(runs) {
		property(t, seeded(seed))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
