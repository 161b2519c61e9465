package plan

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/internal/keyed"
)

func op(at int64, thread, n int32, key string) TimedOp {
	return TimedOp{At: at, Op: Op{ID: history.OpID{Thread: thread, N: n}, F: "read", Key: key}}
}

func TestExplicitOrder(t *testing.T) {
	e := &Explicit{
		Ops: []TimedOp{
			op(50*ms, 1, 2, "d"), op(0, 0, 1, "a"), op(0, 0, 2, "b"),
			op(1*ms, 1, 1, "c"), op(200*ms, 0, 3, "e"),
		},
		Faults: []Fault{{ID: "f2", At: 60 * ms}, {ID: "f1", At: 1 * ms}},
	}
	before := slices.Clone(e.Ops)
	got := drive(t, e.Source(), 2, 1000*ms, keyed.New(1), 2)
	var order []string
	for _, line := range got {
		order = append(order, line[strings.LastIndexByte(line, ' ')+1:])
	}
	// b waits for its thread, which c does not; at one time the fault comes first.
	if want := "a f1 c b d f2 e done"; strings.Join(order, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(order, " "), want)
	}
	if got[0] != "0 0.1 a" || got[1] != "1000000 f1" || got[6] != "200000000 0.3 e" {
		t.Errorf("times: %v", got)
	}
	if !reflect.DeepEqual(before, e.Ops) {
		t.Error("the plan has changed")
	}
	again := drive(t, e.Source(), 2, 1000*ms, keyed.New(1), 0)
	if !slices.Equal(got, again) {
		t.Error("a second source of the plan gives out something else")
	}
}

// Every operation comes once, never before its time, in its thread's order; the twin is a list.
func TestExplicitIsComplete(t *testing.T) {
	for n := range 80 {
		e := somePlan(n)
		seen := make(map[string]int)
		for _, line := range drive(t, e.Source(), 6, 1_000_000*ms, keyed.New(uint64(n)), 1) {
			seen[line[strings.IndexByte(line, ' ')+1:]]++
		}
		for i := range e.Ops {
			if id := e.Ops[i].Op.ID.String() + " e"; seen[id] != 1 {
				t.Fatalf("%s came %d times", id, seen[id])
			}
		}
		if len(seen) != n+len(e.Faults)+1 {
			t.Fatalf("%d lines for %d operations and %d faults", len(seen), n, len(e.Faults))
		}
	}
}

// richPlan has every field and every kind of value.
func richPlan() *Explicit {
	values := []history.Value{
		{}, history.IntValue(-7), history.IntValue(1 << 62),
		history.BoolValue(true), history.StringValue("q\"\n∅"),
		history.ListValue(history.Value{}, history.IntsValue(1, 2)), history.ListValue(),
		history.MapValue(map[string]history.Value{
			"b": history.IntValue(1), "a": history.ListValue(history.BoolValue(false)),
		}),
	}
	e := &Explicit{}
	for i, v := range values {
		e.Ops = append(e.Ops, TimedOp{At: int64(i) * ms, Op: Op{
			ID: history.OpID{Thread: int32(i), N: 3}, Session: "s1", Device: "d2",
			F: "write", Key: "k1", Value: v, Node: "n2",
		}})
	}
	e.Ops = append(e.Ops, TimedOp{Op: Op{
		ID: history.OpID{Thread: 9, N: 1}, F: "read", Keys: []string{"q", "r"},
	}})
	e.Faults = []Fault{
		{
			ID: "f1.1", Family: "clock", Shape: "step", Targets: "leader", Clients: "left", At: 5, For: 6,
			Amount: -7, Pick: 1<<64 - 1,
		},
		{ID: "f1.2", Family: "pause"},
	}
	return e
}

func TestExplicitCodec(t *testing.T) {
	for _, e := range []*Explicit{{}, richPlan(), somePlan(50)} {
		var buf bytes.Buffer
		if err := WriteExplicit(&buf, e); err != nil {
			t.Fatal(err)
		}
		text := buf.String()
		back, err := ReadExplicit(&buf)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if len(back.Ops) != len(e.Ops) || len(back.Faults) != len(e.Faults) {
			t.Fatalf("%d operations and %d faults came back", len(back.Ops), len(back.Faults))
		}
		for i := range e.Ops {
			a, b := e.Ops[i], back.Ops[i]
			if !a.Op.Value.Equal(b.Op.Value) {
				t.Errorf("operation %d: value %v came back as %v", i, a.Op.Value, b.Op.Value)
			}
			a.Op.Value, b.Op.Value = history.Value{}, history.Value{}
			if !reflect.DeepEqual(a, b) {
				t.Errorf("operation %d: %+v came back as %+v", i, a, b)
			}
		}
		for i := range e.Faults {
			if e.Faults[i] != back.Faults[i] {
				t.Errorf("fault %d: %+v came back as %+v", i, e.Faults[i], back.Faults[i])
			}
		}
		if lines := strings.Count(text, "\n"); lines != len(e.Ops)+len(e.Faults)+5 {
			t.Errorf("%d lines", lines)
		}
	}
}

func TestReadExplicitRefuses(t *testing.T) {
	tests := []struct{ text, want string }{
		{``, "EOF"},
		{`{"version": 2}`, "version: 2 is not allowed; allowed: 1"},
		{`{"version": 1, "opps": []}`, "opps"},
		{`{"version": 1} {}`, "goes on after its end"},
		{ops(`{"op":"1.1","f":"read"},{"op":"1","f":"read"}`), `operation 2 of the plan: op: "1"`},
		{ops(`{"op":"1.0","f":"read"}`), "such as 3.17"},
		{ops(`{"op":"-1.1","f":"read"}`), "such as 3.17"},
		{ops(`{"op":"1.1","f":"read","at":-1}`), "at: -1"},
		{ops(`{"op":"1.1"}`), "f: the function is missing"},
		{ops(`{"op":"1.1","f":"write","v":1.5}`), "v: 1.5 is not allowed; allowed: integers"},
		{ops(`{"op":"1.1","f":"write","v":{"a":[1e99]}}`), "v: 1e99 is not allowed"},
		{ops(`{"op":"1.1","f":"read"},{"op":"1.1","f":"read"}`), "op: 1.1 stands twice"},
		{`{"version": 1, "faults": [{"family":"pause"}]}`, "fault 1 of the plan: id"},
		{`{"version": 1, "faults": [{"id":"f1"}]}`, "fault 1 of the plan: family"},
		{`{"version": 1, "faults": [{"id":"f1","family":"pause","for":-1}]}`, "for -1"},
	}
	for _, tt := range tests {
		_, err := ReadExplicit(strings.NewReader(tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\ngot  %v\nwant %s", tt.text, err, tt.want)
		}
	}
}

// ops is the text of a plan with these operations.
func ops(list string) string { return `{"version": 1, "ops": [` + list + `]}` }

// What can be read can be written, and reads back as the same.
func FuzzReadExplicit(f *testing.F) {
	for _, e := range []*Explicit{{}, richPlan()} {
		var buf bytes.Buffer
		if err := WriteExplicit(&buf, e); err != nil {
			f.Fatal(err)
		}
		f.Add(buf.String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ReadExplicit(strings.NewReader(text))
		if err != nil {
			return
		}
		var once, twice bytes.Buffer
		if err := WriteExplicit(&once, e); err != nil {
			t.Fatal(err)
		}
		written := once.String()
		e2, err := ReadExplicit(&once)
		if err != nil {
			t.Fatalf("%v in\n%s", err, written)
		}
		if err := WriteExplicit(&twice, e2); err != nil {
			t.Fatal(err)
		}
		if twice.String() != written {
			t.Fatalf("written as\n%s\nthen as\n%s", written, twice.String())
		}
	})
}
