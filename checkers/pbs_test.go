package checkers

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// pbsWorld is a store without faults or repair, whose legs are exponential, or always the same. Its
// microsecond is history's nanosecond.
type pbsWorld struct {
	QuorumSettings
	rng        *rand.Rand
	mean       float64 // of the way of a store to a replica; the others take a quarter
	steady     bool    // all legs of a kind take as long
	concurrent bool    // a second write beside each write
	pause      int64   // the mean time from the return of the first write to the call of the read
}

// pbsWrite is a write, and when it arrived at each replica.
type pbsWrite struct {
	op      history.Op
	arrives []int64
}

func (w *pbsWorld) leg(store bool) history.Leg {
	draw := func(mean float64) int64 {
		if w.steady {
			return int64(mean)
		}
		return int64(w.rng.ExpFloat64() * mean)
	}
	if store {
		return history.Leg{Store: true, Out: draw(w.mean), Back: draw(w.mean / 4)}
	}
	return history.Leg{Out: draw(w.mean / 4), Back: draw(w.mean / 4)}
}

func (w *pbsWorld) write(key string, value, call int64) pbsWrite {
	q := &history.QuorumEvidence{}
	a := pbsWrite{arrives: make([]int64, w.N), op: history.Op{Session: "s1", Key: key, F: history.FWrite,
		Arg: history.IntValue(value), Call: call, Type: history.Ok, Ev: &history.Evidence{Quorum: q}}}
	back := make([]int64, w.N)
	for i := range back {
		leg := w.leg(true)
		q.Legs = append(q.Legs, leg)
		a.arrives[i], back[i] = call+leg.Out, call+leg.Out+leg.Back
	}
	slices.Sort(back)
	a.op.Return = back[w.W-1]
	return a
}

// read reads a key: of the writes that the fastest r answers show the one called last.
func (w *pbsWorld) read(key string, call int64, writes []pbsWrite) history.Op {
	q := &history.QuorumEvidence{}
	op := history.Op{Session: "s2", Key: key, F: history.FRead, Call: call, Type: history.Ok,
		Ev: &history.Evidence{Quorum: q}}
	type answer struct{ seen, back int64 }
	answers := make([]answer, w.N)
	for i := range answers {
		leg := w.leg(false)
		q.Legs = append(q.Legs, leg)
		answers[i].back = call + leg.Out + leg.Back
		for n := range writes {
			if writes[n].arrives[i] <= call+leg.Out {
				answers[i].seen = int64(n + 1)
			}
		}
	}
	slices.SortFunc(answers, func(a, b answer) int { return int(a.back - b.back) })
	newest := int64(0)
	for _, a := range answers[:w.R] {
		newest, op.Return = max(newest, a.seen), a.back
	}
	if newest > 0 {
		op.Result = writes[newest-1].op.Arg
	}
	return op
}

// history returns writes and reads of many keys: one write a key, or two that overlap, and one read.
func (w *pbsWorld) history(keys int) *history.History {
	var ops []history.Op
	for n := range keys {
		key := fmt.Sprintf("k%d", n)
		writes := []pbsWrite{w.write(key, 1, 0)}
		if w.concurrent {
			writes = append(writes, w.write(key, 2, int64(w.rng.ExpFloat64()*w.mean)))
		}
		call := writes[0].op.Return + 1 + int64(w.rng.ExpFloat64()*float64(w.pause))
		for _, a := range writes {
			ops = append(ops, a.op)
		}
		ops = append(ops, w.read(key, call, writes))
	}
	return historyOf(ops, history.Never)
}

// TestPredictionAgrees compares what is predicted with what happens in a store whose legs are exponential.
func TestPredictionAgrees(t *testing.T) {
	for _, c := range []struct {
		n, r, w    int
		concurrent bool
	}{
		{3, 1, 1, false}, {3, 1, 2, false}, {3, 2, 1, false}, {5, 2, 2, false}, {2, 1, 1, false},
		{3, 1, 1, true}, {3, 2, 1, true}, {3, 1, 2, true},
	} {
		w := &pbsWorld{QuorumSettings: QuorumSettings{N: c.n, R: c.r, W: c.w}, mean: 10_000, pause: 5_000,
			rng: rand.New(rand.NewPCG(5, 5)), concurrent: c.concurrent}
		m := Quorum(w.QuorumSettings).Check(t.Context(), w.history(20_000))[0].Measures
		happened, predicted := m["stale_share"], m["predicted_stale_share"]
		t.Logf("%+v: %.4f of %v stale, predicted %.4f", c, happened, m["reads_decided"], predicted)
		if math.Abs(happened-predicted) > 0.01 || happened < 0.02 {
			t.Errorf("%+v: %.4f stale, predicted %.4f", c, happened, predicted)
		}
	}
}

// TestPredictionOfNone: quorums that overlap, and legs that are all as long, give no stale reads.
func TestPredictionOfNone(t *testing.T) {
	for what, w := range map[string]*pbsWorld{
		"overlap":           {QuorumSettings: QuorumSettings{N: 3, R: 2, W: 2}},
		"one more than all": {QuorumSettings: QuorumSettings{N: 5, R: 1, W: 5}},
		"equal legs":        {QuorumSettings: QuorumSettings{N: 3, R: 1, W: 1}, steady: true},
	} {
		w.mean, w.pause, w.rng = 10_000, 1_000, rand.New(rand.NewPCG(5, 5))
		m := Quorum(w.QuorumSettings).Check(t.Context(), w.history(2_000))[0].Measures
		predicted, ok := m["predicted_stale_share"]
		if !ok || predicted != 0 || m["stale_share"] != 0 || m["reads_decided"] != 2_000 {
			t.Errorf("%s: %v", what, m)
		}
	}
}

// TestNoPrediction: where something is not known, or makes no sense, nothing is predicted.
func TestNoPrediction(t *testing.T) {
	store := []history.Leg{{Store: true, Out: 1, Back: 1}}
	fetch := []history.Leg{{Out: 1, Back: 1}}
	gaps := []readGap{{n: 1}}
	for what, c := range map[string]struct {
		s    QuorumSettings
		legs quorumLegs
		gaps []readGap
		want bool
	}{
		"all known":     {QuorumSettings{N: 3, R: 3, W: 3}, quorumLegs{store, fetch}, gaps, true},
		"r more than n": {QuorumSettings{N: 3, R: 4, W: 1}, quorumLegs{store, fetch}, gaps, false},
		"w more than n": {QuorumSettings{N: 3, R: 1, W: 4}, quorumLegs{store, fetch}, gaps, false},
		"only n":        {QuorumSettings{N: 3}, quorumLegs{store, fetch}, gaps, false},
		"no r":          {QuorumSettings{N: 3, W: 1}, quorumLegs{store, fetch}, gaps, false},
		"no w":          {QuorumSettings{N: 3, R: 1}, quorumLegs{store, fetch}, gaps, false},
		"negative":      {QuorumSettings{N: 3, R: -1, W: 1}, quorumLegs{store, fetch}, gaps, false},
		"nothing":       {QuorumSettings{}, quorumLegs{store, fetch}, gaps, false},
		"local": {QuorumSettings{N: 3, R: 1, W: 1, Local: true}, quorumLegs{store, fetch}, gaps,
			false},
		"no legs of stores": {QuorumSettings{N: 3, R: 1, W: 1}, quorumLegs{nil, fetch}, gaps, false},
		"no legs of reads":  {QuorumSettings{N: 3, R: 1, W: 1}, quorumLegs{store, nil}, gaps, false},
		"no reads":          {QuorumSettings{N: 3, R: 1, W: 1}, quorumLegs{store, fetch}, nil, false},
	} {
		if _, ok := predict(c.s, &c.legs, c.gaps); ok != c.want {
			t.Errorf("%s: predicted is %v", what, ok)
		}
	}
}

// TestLegsByClocks: of legs that clocks distort the sum is kept.
func TestLegsByClocks(t *testing.T) {
	var l quorumLegs
	l.add(&history.Op{Ev: &history.Evidence{Quorum: &history.QuorumEvidence{Legs: []history.Leg{
		{Store: true, Out: 3, Back: 4}, {Store: true, Out: -5, Back: 9}, {Out: 9, Back: -5},
		{Out: -9, Back: 5},
	}}}})
	l.add(&history.Op{Ev: &history.Evidence{}})
	l.add(&history.Op{})
	if store := []history.Leg{{Store: true, Out: 3, Back: 4}, {Store: true, Back: 4}}; !slices.Equal(l.store,
		store) {
		t.Errorf("stores: %v, want %v", l.store, store)
	}
	if fetch := []history.Leg{{Out: 4}}; !slices.Equal(l.fetch, fetch) {
		t.Errorf("fetches: %v, want %v", l.fetch, fetch)
	}
}

// TestGaps: which writes a read is simulated after.
func TestGaps(t *testing.T) {
	h := drawn(t, `
s1  |--w k=1--|
s2     |--w k=2----------------------------|
s3                |--w k=3--|
s4                     |--w k=4----------------------------------------…
s5                     |--w k=5-------------------|  fail no-leader
s6                     |--w k=6-------------------|
s7                                |--r k=3-------------|
s8                                    |--w k=7-------------|
s9                                                        |--w k=8-----|`)
	ops := h.Ops()
	at := func(value int64) *history.Op {
		wrote := func(op history.Op) bool { return op.Arg.Equal(history.IntValue(value)) }
		return &ops[slices.IndexFunc(ops, wrote)]
	}
	r := &ops[slices.IndexFunc(ops, isOkRead)]
	var want readGap
	for _, value := range []int64{3, 2, 6, 7} {
		want.add(r.Call - at(value).Return)
	}
	if got := gapOf(ops, r, at(3)); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	var full readGap
	for n := range int64(mostFreshening + 3) {
		full.add(n)
	}
	if full.n != mostFreshening || full.since[full.n-1] != mostFreshening-1 {
		t.Errorf("%v", full)
	}
}
