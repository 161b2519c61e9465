package checkers

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

func TestCausalDrawings(t *testing.T) {
	goldens(t, "causal", func(t *testing.T, _ string, h *history.History) string {
		return describeCausal(compareCausal(t, h, false))
	})
}

// describeCausal describes both verdicts, once where they are the same.
func describeCausal(verdicts []Verdict) string {
	cc, ccv := describe(verdicts[0]), describe(verdicts[1])
	if cc == ccv {
		return "both: " + cc
	}
	return "consistency: " + cc + "\nconvergence: " + ccv
}

// Every kind that is documented stands in a drawing.
func TestCausalKindsAreDrawn(t *testing.T) {
	data, err := os.ReadFile("testdata/causal/bad-patterns.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range causalKinds {
		if !strings.Contains(string(data), "\n"+kind+": ") {
			t.Errorf("no drawing of %s", kind)
		}
	}
}

func TestCausalUndecided(t *testing.T) {
	list := history.ListValue
	one, two, word := history.IntValue(1), history.IntValue(2), history.StringValue
	for _, c := range []struct {
		name string
		op   history.Op
		want string
	}{
		{"unknown function", history.Op{F: "incr", Key: "k"}, "key k is used by incr"},
		{"unknown function that failed", history.Op{F: "incr", Key: "k", Type: history.Fail}, NotExercised},
		{"write of several keys", history.Op{F: history.FWrite, Keys: []string{"k", "l"}, Arg: one},
			"key k is changed by write of several keys; and 1 more keys"},
		{"read of another number", history.Op{F: history.FRead, Keys: []string{"k", "l"}, Result: list(one)},
			"key k: a read of several keys returned another number of values; and 1 more keys"},
		{"cas of one value", history.Op{F: history.FCAS, Key: "k", Arg: list(one)},
			"key k is used by a cas [1], which is not [old new] of one key"},
		{"cas with another answer", history.Op{F: history.FCAS, Key: "k", Arg: list(one, two), Result: one},
			"key k is used by a cas that completed with 1"},
		{"cas refused for no reason", history.Op{F: history.FCAS, Key: "k", Arg: list(one, two),
			Result: list(history.BoolValue(false), one)},
			"key k: a cas was refused because of the value that it expected"},
		{"no transaction", history.Op{F: history.FTxn, Result: list(one)},
			"a transaction is no list of [function key value]: [1]"},
		{"transaction of something else", history.Op{F: history.FTxn,
			Result: list(list(word("incr"), word("k"), one))},
			"key k is used by a transaction that does incr"},
		{"transaction that reads something else than it wrote", history.Op{F: history.FTxn,
			Result: list(list(word("w"), word("k"), one), list(word("r"), word("k"), two))},
			"key k is read by a transaction that had written another value to it"},
		{"transaction that reads what it wrote", history.Op{F: history.FTxn,
			Result: list(list(word("w"), word("k"), one), list(word("r"), word("k"), one))}, NotExercised},
	} {
		if c.op.Type == 0 {
			c.op.Type = history.Ok
		}
		c.op.Arg = map[bool]history.Value{true: c.op.Result, false: c.op.Arg}[c.op.F == history.FTxn]
		for _, v := range Causal().Check(t.Context(), historyOf([]history.Op{c.op}, history.Never)) {
			if v.Result != Unknown || !strings.HasPrefix(v.Reason, c.want) {
				t.Errorf("%s: %s", c.name, describe(v))
			}
		}
	}
}

// What is undecided hides no anomaly of another key.
func TestCausalAnomalyBesideDoubt(t *testing.T) {
	h := drawn(t, `
s1  |--w k=1--|  |--r k=∅--|  |--append l+=1--|
`)
	for _, v := range Causal().Check(t.Context(), h) {
		if v.Counts[KindWriteCOInitRead] != 1 {
			t.Error(describe(v))
		}
	}
}

func TestCausalStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := drawn(t, `
s1  |--w k=1--|  |--r k=∅--|
`)
	for _, v := range Causal().Check(ctx, h) {
		const want = "stopped after 0 of 2 operations: context canceled"
		if v.Result != Unknown || v.Reason != want {
			t.Error(describe(v))
		}
	}
}

// An operation that returned before it was called would be before itself.
func TestCausalBackwards(t *testing.T) {
	op := history.Op{F: history.FWrite, Key: "k", Type: history.Ok, Call: 2, Return: 1}
	for _, v := range Causal().Check(t.Context(), history.FromOps([]history.Op{op})) {
		if v.Result != Unknown || v.Reason != "operation 0 returned before it was called" {
			t.Error(describe(v))
		}
	}
}

func TestCausalEmpty(t *testing.T) {
	for i, v := range Causal().Check(t.Context(), history.FromOps(nil)) {
		if v.Result != Unknown || v.Reason != NotExercised || v.Property != Causal().Properties()[i] {
			t.Error(describe(v))
		}
	}
}

// Clocks are kept whatever they do along a chain.
func TestCausalClocks(t *testing.T) {
	d := seeded(3)
	clock := make([]int32, 3)
	clocks := newCausalClocks(4000)
	var kept [][]int32
	for op := range int32(4000) {
		for i := range clock {
			clock[i] += int32(d.n(3))
		}
		clock[0] = op // passes every difference from the beginning of its run
		if d.bool(400) {
			clock[1+d.n(2)] += 300
		}
		if d.bool(600) {
			clock = append(clock, 1)
		}
		clocks.keep(op, 0, clock)
		kept = append(kept, slices.Clone(clock))
	}
	for op, want := range kept {
		got := make([]int32, len(clock))
		clocks.join(got, int32(op))
		if !slices.Equal(got[:len(want)], want) || clocks.of(int32(op), int32(len(want))) != 0 {
			t.Fatalf("clock %d is %v, want %v", op, got, want)
		}
		for chain, n := range want {
			if clocks.of(int32(op), int32(chain)) != n {
				t.Fatalf("clock %d, chain %d", op, chain)
			}
		}
	}
	if len(clocks.runs) < 10 || len(clocks.runs) > 1000 {
		t.Errorf("%d runs", len(clocks.runs))
	}
}

func TestCausalSlot(t *testing.T) {
	s := causalSlot{}
	for i := range int32(200) {
		s.places, s.ops = append(s.places, 3*i+2), append(s.ops, i)
	}
	for n := range int32(610) {
		want := (n+1)/3 - 1
		if got := s.last(n); got != min(want, 199) {
			t.Fatalf("of the first %d: %d, want %d", n, got, want)
		}
	}
}

// Clocks take no more memory than they may.
func TestCausalMemory(t *testing.T) {
	run := causalRun{sessions: 40, replicas: 4, keys: 4, ops: 9000, burst: 8}
	h := run.history()
	f := &causalFindings{cc: newTally(CausalConsistency), ccv: newTally(CausalConvergence)}
	c := newCausality(t.Context(), readCausalDeeds(h, f))
	c.mostBytes = 100_000
	c.judge()
	c.judgeCycles()
	c.judgeConflicts()
	want := "of 9000 operations: the clocks of 40 chains need more than 0 MiB"
	if !strings.HasSuffix(f.stopped, want) || len(f.cc.counts)+len(f.ccv.counts) > 0 {
		t.Errorf("%s, %v, %v", f.stopped, f.cc.counts, f.ccv.counts)
	}
}

// What clocks take is counted, and all of what they may take they may. Those of reads that no other operation
// of their session overlaps are not kept.
func TestCausalMemoryBound(t *testing.T) {
	for _, c := range []struct {
		name    string
		f       string
		session func(i int) int
		bytes   int64 // when 4096 operations were taken
	}{
		{"a clock of one chain passes a byte by 256 operations", history.FWrite,
			func(int) int { return 0 }, 16*(4+64) + 4096},
		{"256 clocks of 64 chains are a run", history.FWrite, func(i int) int {
			if i < 256 {
				return 1 + i%63
			}
			return 0
		}, (63+15)*(4*64+64) + 4096*64},
		{"reads alone", history.FRead, func(i int) int { return i % 5 }, 0},
	} {
		ops := make([]history.Op, 4097)
		for i := range ops {
			ops[i] = history.Op{Session: fmt.Sprint("s", c.session(i)), F: c.f, Key: "k", Type: history.Ok,
				Call: int64(2 * i), Return: int64(2*i + 1)}
			if c.f == history.FWrite {
				ops[i].Arg = history.IntValue(int64(i))
			}
		}
		for _, most := range []int64{c.bytes, c.bytes - 1} {
			f := &causalFindings{cc: newTally(CausalConsistency), ccv: newTally(CausalConvergence)}
			all := newCausality(t.Context(), readCausalDeeds(historyOf(ops, history.Never), f))
			all.mostBytes = most
			all.judge()
			if (f.stopped == "") != (most == c.bytes) || most == c.bytes && len(all.order) != len(ops) {
				t.Errorf("%s: at most %d bytes: %q", c.name, most, f.stopped)
			}
		}
	}
}

// Effort is spent on what is judged as one alone: reads of several values, one of which was overtaken.
func TestCausalEffort(t *testing.T) {
	const halves = `
s1  |--w a=1--|  |--w b=1--|
s2  |--w b=2--|  |--w a=2--|
s3                              |--r b=1--|  |--r a=2--|  |--r [a b]=[1 2]--|
`
	const effort = 2 * 2 * (2 + 3) // of two values and three chains
	for _, c := range []struct {
		name, drawing string
		effort        int
		skipped       bool
		circles       int64
	}{
		{"enough", halves, effort, false, 1},
		{"not enough", halves, effort - 1, true, 0},
		{"one value", "s1  |--w k=1--|\ns2      |--w k=2--|  |--r k=1--|", 0, false, 0},
		{"none overtaken", "s1  |--w a=1--|  |--w b=1--|  |--r [a b]=[1 1]--|", 0, false, 0},
	} {
		f := &causalFindings{cc: newTally(CausalConsistency), ccv: newTally(CausalConvergence)}
		all := newCausality(t.Context(), readCausalDeeds(drawn(t, c.drawing), f))
		all.effort = c.effort
		all.judge()
		if (f.skipped != "") != c.skipped || f.cc.counts[KindCyclicCF] != c.circles {
			t.Errorf("%s: %q, %v", c.name, f.skipped, f.cc.counts)
		}
	}
}

// A read of many values is judged whatever it would take, if nothing overtook any of them.
func TestCausalManyValues(t *testing.T) {
	var write, read []history.Value
	for i := range int64(600) {
		key := history.StringValue(fmt.Sprint("k", i))
		write = append(write, history.ListValue(history.StringValue("w"), key, history.IntValue(i)))
		read = append(read, history.ListValue(history.StringValue("r"), key, history.IntValue(i)))
	}
	op := history.Op{Session: "s1", F: history.FTxn, Type: history.Ok}
	wrote, found := op, op
	wrote.Result, wrote.Call, wrote.Return = history.ListValue(write...), 1, 2
	found.Result, found.Call, found.Return = history.ListValue(read...), 3, 4
	h := historyOf([]history.Op{wrote, found}, history.Never)
	for _, v := range Causal().Check(t.Context(), h) {
		if v.Result != Valid || v.Opportunities != 600 {
			t.Error(describe(v))
		}
	}
}

// What changes several keys at once and has no meaning writes nothing, not even the key without a name.
func TestCausalNoName(t *testing.T) {
	list := history.ListValue
	null, one, yes := history.Value{}, history.IntValue(1), history.BoolValue(true)
	for _, op := range []history.Op{
		{F: history.FWrite, Arg: one, Type: history.Ok},
		{F: history.FWrite, Arg: one, Type: history.Info},
		{F: history.FWrite, Arg: one, Type: history.Fail},
		{F: history.FCAS, Arg: list(null, one), Result: yes, Type: history.Ok},
		{F: history.FCAS, Arg: list(null, one), Type: history.Info},
		{F: history.FCAS, Arg: list(null, one), Type: history.Fail},
	} {
		op.Session, op.Keys, op.Call, op.Return = "s1", []string{"k", "l"}, 1, 2
		if op.Type == history.Info {
			op.Return = history.Never
		}
		read := history.Op{Session: "s2", F: history.FRead, Result: one, Type: history.Ok, Call: 3, Return: 4}
		for _, v := range Causal().Check(t.Context(), historyOf([]history.Op{op, read}, history.Never)) {
			if v.Counts[KindThinAirRead] != 1 || len(v.Counts) != 1 {
				t.Errorf("%s %v: %s", op.F, op.Type, describe(v))
			}
		}
	}
}

// A check that is stopped midway says nothing about what it would have looked at in the end.
func TestCausalStopsMidway(t *testing.T) {
	ops := drawn(t, `
s1  |--w k=1--|
s2  |--w k=2--|
s3               |--r k=1--|  |--r k=2--|
s4               |--r k=2--|  |--r k=1--|
`).Ops()
	for i := range 10_000 {
		at := int64(1_000_000 + 10*i)
		ops = append(ops, history.Op{Session: "s5", F: history.FWrite, Key: "j",
			Arg: history.IntValue(int64(i)), Type: history.Ok, Call: at, Return: at + 1})
	}
	h := historyOf(ops, history.Never)
	for checks, want := range []Result{Unknown, Unknown, Unknown, Invalid} {
		v := Causal().Check(&stopping{t.Context(), checks}, h)[1]
		if v.Result != want || (want == Unknown) != strings.HasPrefix(v.Reason, "stopped after") {
			t.Errorf("stopped at check %d: %s", checks+1, describe(v))
		}
	}
}

// Nothing is said of a history with an operation that makes no sense at all.
func TestCausalBroken(t *testing.T) {
	ops := drawn(t, `
s1  |--w k=1--|  |--r k=7--|
`).Ops()
	ops = append(ops, history.Op{Session: "s2", F: history.FTxn, Arg: history.IntValue(1), Type: history.Ok,
		Result: history.IntValue(1), Call: 90_000, Return: 91_000})
	for _, v := range Causal().Check(t.Context(), historyOf(ops, history.Never)) {
		if v.Result != Unknown || !strings.HasPrefix(v.Reason, "a transaction is no list") {
			t.Error(describe(v))
		}
	}
}

// A circle is not led around by what was reached later.
func TestShortestRound(t *testing.T) {
	for _, tc := range []struct {
		edges string // from and to
		want  []int
	}{
		{"", nil}, {"01", nil}, {"01 12 02", nil}, {"00", []int{0}}, {"11", []int{1}},
		{"01 12 02 20", []int{2, 0}}, {"01 12 20", []int{1, 2, 0}}, {"01 12 23 30 31", []int{2, 3, 1}},
		{"12 21", []int{2, 1}}, {"01 10 22", []int{2}}, {"02 03 31 10 21", []int{2, 1, 0}},
	} {
		edge := make([][]int32, 4)
		for i := range edge {
			edge[i] = slices.Repeat([]int32{nobody}, 4)
		}
		for _, e := range strings.Fields(tc.edges) {
			edge[e[0]-'0'][e[1]-'0'] = 5
		}
		if got := shortestRound(edge); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", tc.edges, got, tc.want)
		}
	}
}
