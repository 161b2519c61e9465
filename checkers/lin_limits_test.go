package checkers

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// crowd is a history of one key on which so many clients write the same value at once, and one reads
// another that would need all of the orders to be tried.
func crowd(clients int) *history.History {
	var ops []history.Op
	add := func(f string, v, result history.Value, call, ret int64) {
		ops = append(ops, history.Op{F: f, Key: "k", Arg: v, Result: result, Call: call, Return: ret,
			Session: "s", Index: len(ops), Invoked: len(ops)})
		ops[len(ops)-1].Type = history.Ok
	}
	for i := range clients {
		v := history.IntValue(int64(i%7 + 1))
		old := history.IntValue(int64(i%5 + 1))
		add(history.FCAS, history.ListValue(old, v), history.BoolValue(false), 0, 100)
		add(history.FWrite, v, history.Value{}, 0, 100)
	}
	add(history.FRead, history.Value{}, history.IntValue(1), 101, 102)
	add(history.FRead, history.Value{}, history.IntValue(2), 103, 104)
	return history.FromOps(ops)
}

// TestSearchBounds checks that a search beyond its bounds is unknown and says why.
func TestSearchBounds(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name    string
		ctx     context.Context
		options LinOptions
		engine  string
		want    string
	}{
		{"operations", context.Background(), LinOptions{Limits: Limits{OpsPerKey: 50}}, "porcupine",
			"key k: 62 operations, at most 50 are searched"},
		{"memory", context.Background(), LinOptions{Limits: Limits{Memory: 1 << 20}}, "porcupine",
			"key k: the search needed more than 1 MiB"},
		{"not allowed", context.Background(), LinOptions{Engine: EngineFast}, "porcupine",
			"key k: only a search could decide, and none was allowed"},
		{"time", context.Background(), LinOptions{Limits: Limits{Deadline: 1}}, "porcupine",
			"key k: the search took longer than 1 ns"},
		{"stopped", cancelled, LinOptions{}, "", "key k: stopped before it was decided"},
	} {
		v := Linearizable(CASRegister, c.options).Check(c.ctx, crowd(30))[0]
		if v.Result != Unknown || v.Reason != c.want || v.Engine != c.engine {
			t.Errorf("%s: %v by %s, %q, want unknown, %q", c.name, v.Result, v.Engine, v.Reason, c.want)
		}
	}
}

// TestUnknownBesideInvalid checks that a key that cannot be judged hides no anomaly of another.
func TestUnknownBesideInvalid(t *testing.T) {
	h, err := history.ParseDrawing(`
		s1 |--append a+=1--|
		s1 |--w b=1--|
		s1 |--w c=1--|
		s1                 |--cas c 1→2--|
		s1                 |--r c=1--|
		s2                 |--r b=∅--|
		s3                 |--incr d (5)--|`)
	if err != nil {
		t.Fatal(err)
	}
	v := Linearizable(Register, LinOptions{}).Check(context.Background(), h)[0]
	if v.Result != Invalid || v.Counts[StaleRead] != 1 || v.Anomalies[0].Key != "b" {
		t.Errorf("got %s", describe(v))
	}
	h = history.FromOps(slices.DeleteFunc(h.Ops(), func(op history.Op) bool { return op.Key == "b" }))
	v = Linearizable(Register, LinOptions{}).Check(context.Background(), h)[0]
	want := "key a: the model has no append (event 0); and 2 more keys"
	if v.Result != Unknown || v.Reason != want {
		t.Errorf("got %s, want unknown: %s", describe(v), want)
	}
}

// TestTransactionsByKey checks that transactions are judged key by key.
func TestTransactionsByKey(t *testing.T) {
	for _, c := range []struct{ drawing, want string }{
		{`s1 |--txn [w a=1, w b=1]--|
		  s2                           |--txn [r a=1, r b=1, w c=3]--|`, "valid"},
		{`s1 |--txn [w a=1, w b=1]--|
		  s2                           |--txn [r a=1, r b=∅]--|`, "stale-read b"},
		{`s1 |--txn [w a=1, w b=1]--…
		  s2                           |--txn [r a=1, r b=∅]--|`, "not exercised"},
		{`s1 |--txn [w a=1, w b=1]--|  fail aborted
		  s2                                         |--txn [r b=1]--|`, "failed-write-read b"},
		{`s1 |--w a=1--|
		  s2                |--txn [r a, w b=1]--…`, "not exercised"},
		{`s1 |--"txn" ([[incr a 5]])=[[incr a 5]]--|`, "key a: the model has no incr (event 0)"},
		{`s1 |--"txn" ([[w]])--|  fail
		  s1                            |--w a=1--|`, "not exercised"},
		{`s1 |--"txn" ([[w]])--…
		  s1                     |--w a=1--|`, "key a: a transaction with [w] (event 0)"},
		{`s1 |--"txn" ([])--|
		  s1                     |--w a=1--|`, "key a: a transaction with ∅ (event 0)"},
		{`s1 |--"write" [a b] ([1 2])--|
		  s2                              |--r a=1--|`,
			"key a: the model has no write of several keys (event 0); and 1 more keys"},
		{`s1 |--"write" [a b] ([1 2])--|  fail
		  s2                                    |--r a=1--|`, "phantom-read a"},
		{`s1 |--txn [r a=∅, w a=1]--|`, "key a: a transaction uses the key twice (event 0)"},
	} {
		h, err := history.ParseDrawing(strings.ReplaceAll(c.drawing, "\t", ""))
		if err != nil {
			t.Fatal(err)
		}
		v := Linearizable(Register, LinOptions{}).Check(context.Background(), h)[0]
		got := v.Reason
		if v.Result == Valid {
			got = "valid"
		}
		if v.Result == Invalid {
			got = v.Anomalies[0].Kind + " " + v.Anomalies[0].Key
		}
		if got != c.want {
			t.Errorf("%s\ngot %s, want %s", c.drawing, got, c.want)
		}
	}
}

// TestValueTable checks that equal values get equal numbers and different ones different numbers.
func TestValueTable(t *testing.T) {
	values := []history.Value{{}, history.BoolValue(false), history.BoolValue(true), history.StringValue(""),
		history.StringValue("1"), history.StringValue("[1]"), history.ListValue(), history.IntsValue(1),
		history.ListValue(history.StringValue("1")), history.MapValue(map[string]history.Value{"a": {}}),
		history.IntValue(-1), history.IntValue(1 << 40)}
	for n := range int64(300) {
		values = append(values, history.IntValue(n*(n%3+1)*7)) // dense and not, from below and above
	}
	var table valueTable
	for round := range 6 {
		if round%2 == 0 { // the memory of another key's values must not show
			table.reset()
			slices.Reverse(values[1:])
		}
		for i := range values {
			got := table.number(values[i])
			first := slices.IndexFunc(values, values[i].Equal)
			if round%2 == 1 && !table.name(got).Equal(values[i]) || got != table.number(values[first]) {
				t.Errorf("round %d: %v has number %d, that of %v", round, values[i], got, table.name(got))
			}
		}
	}
}

// TestCheckIsDeterministic checks that two checks of one history give the same verdict to the letter.
func TestCheckIsDeterministic(t *testing.T) {
	h := manyKeys(40, 4000, 0.01)
	first := Linearizable(Register, LinOptions{}).Check(context.Background(), h)
	if first[0].Result != Invalid || len(first[0].Anomalies) != MaxExplained {
		t.Fatalf("got %s", describe(first[0]))
	}
	for range 3 {
		again := Linearizable(Register, LinOptions{}).Check(context.Background(), h)
		if !reflect.DeepEqual(first, again) {
			t.Fatalf("first %+v\nthen %+v", first, again)
		}
	}
}

// TestOddCAS checks that a cas of an unknown shape makes its key unknown.
func TestOddCAS(t *testing.T) {
	for _, c := range []struct{ arg, result history.Value }{
		{history.IntsValue(1), history.BoolValue(true)},
		{history.IntsValue(1, 2), history.IntValue(7)},
	} {
		op := history.Op{F: history.FCAS, Key: "k", Arg: c.arg, Result: c.result, Return: 1, Type: history.Ok}
		h := history.FromOps([]history.Op{op})
		v := Linearizable(CASRegister, LinOptions{}).Check(context.Background(), h)[0]
		if v.Result != Unknown || !strings.HasPrefix(v.Reason, "key k: ") {
			t.Errorf("cas %v = %v: got %s", c.arg, c.result, describe(v))
		}
	}
}

// TestPruning checks what is left to be searched, and which of it was closed when.
func TestPruning(t *testing.T) {
	for _, c := range []struct {
		name, drawing, want string
	}{
		{"unobserved ambiguous ones are dropped", `
			s1 |--w k=1--|
			s2   |--w k=2--…
			s3     |--cas k 1→3--…
			s4 |--r k=1--|`, "w k=1, r k=1"},
		{"observed ones are closed when the first observer returned", `
			s1 |--w k=1--…
			s2     |--cas k 1→2--…
			s3       |--r k=2--|
			s4          |--r k=2--|`, "w k=1 until 19, cas k 1→2 until 19, r k=2, r k=2"},
		{"a chain need not be in the order of calls", `
			s1 |--w k=1--|
			s2   |--cas k 2→3--…
			s3       |--cas k 1→2--…
			s4             |--r k=3--|`,
			"w k=1, cas k 2→3 until 25, cas k 1→2 until 25, r k=3"},
		{"what an ambiguous cas found counts only if that one counts", `
			s1 |--w k=1--…
			s2   |--cas k 1→2--…
			s3     |--cas k 2→3--…`, ""},
		{"a circle counts if one of it was observed", `
			s1 |--cas k 1→2--…
			s2   |--cas k 2→1--…
			s3       |--r k=2--|`, "cas k 1→2 until 19, cas k 2→1 until 19, r k=2"},
		{"of a circle all counts if one of it was observed", `
			s1 |--r k=3--|
			s2   |--cas k 1→2--…
			s3   |--cas k 2→3--…
			s4   |--cas k 3→4--…
			s5   |--cas k 4→1--…`,
			"r k=3, cas k 1→2 until 13, cas k 2→3 until 13, cas k 3→4 until 13, cas k 4→1 until 13"},
		{"what was made of a value may be read sooner than it", `
			s1 |--w k=1--…
			s2   |--cas k 1→2--…
			s3   |--cas k 2→3--…
			s4    |--r k=3--|
			s5       |--r k=2--|`,
			"w k=1 until 16, cas k 1→2 until 16, cas k 2→3 until 16, r k=3, r k=2"},
		{"or not", `
			s1 |--cas k 1→2--…
			s2   |--cas k 2→1--…`, ""},
		{"blind refusals keep everything", `
			s1 |--w k=1--…
			s2   |--cas k 1→2 refused--|`, "w k=1 open, cas k 1→2 refused"},
	} {
		h, err := history.ParseDrawing(c.drawing)
		if err != nil {
			t.Fatal(err)
		}
		if got := pruned(h); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// pruned returns what pruning leaves of a history, and which of it was closed when.
func pruned(h *history.History) string {
	r := newRegister(onlyKey(h, CASRegister))
	r.prune(newTally(Linearizability))
	var left []string
	for i := range r.deeds {
		d := &r.deeds[i]
		op := h.Op(int(d.op))
		text := op.Short()
		switch {
		case d.kind == goneDeed:
			continue
		case d.ret == history.Never:
			text += " open"
		case d.ret != op.Return:
			text += fmt.Sprint(" until ", d.ret/history.Column)
		}
		left = append(left, text)
	}
	return strings.Join(left, ", ")
}

// onlyKey returns the history of the only key of a history.
func onlyKey(h *history.History, model Model) *keyHistory {
	split := splitKeys(h)
	k := &keyHistory{h: h, model: model}
	k.take(split.names[0], split.places[0])
	return k
}
