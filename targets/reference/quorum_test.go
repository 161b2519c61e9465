package reference

import (
	"reflect"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
	"github.com/rashomon-harness/rashomon/targets"
)

var three = []string{"n1", "n2", "n3"}

// TestWriters: writes are named after the client or the life of a node that made them.
func TestWriters(t *testing.T) {
	m := NewMapper(three, 1)
	m.NameClient(1<<60, "s1", "")
	m.NameClient(1<<60+1, "s1", "phone")
	for range 2 { // made, then remembered
		for id, want := range map[uint64]string{
			1 << 60: "s1", 1<<60 + 1: "s1/phone",
			0: "n1.0", 2: "n3.0", 1 | 1<<16: "n2.1", 2 | 300<<16: "n3.300",
			3: "c3", 1 << 62: "c4000000000000000",
		} {
			if got := m.writer(id); got != want {
				t.Errorf("writer %#x is %s, want %s", id, got, want)
			}
		}
	}
	m.NameClient(3, "s9", "") // after a write of it was seen
	if got := m.writer(3); got != "s9" {
		t.Errorf("writer 3 is %s", got)
	}
}

// TestQuorumEvidence: what a coordinator tells comes into the history by name, and no version with it.
func TestQuorumEvidence(t *testing.T) {
	m := NewMapper(three, 1)
	m.NameClient(1<<60, "s1", "")
	dots := []refimpl.Dot{{Writer: 1 << 60, N: 5}, {Writer: 1 | 1<<16, N: 9}}
	names := []history.Version{{Source: "s1", N: 5}, {Source: "n2.1", N: 9}}
	for _, tc := range []struct {
		what  string
		reply refimpl.Reply
		want  *history.Evidence
	}{
		{"a read", refimpl.Reply{By: refimpl.Nobody, Acks: 0b110, Home: 0b011, Hints: 0b100, Epoch: 3,
			Index: 4, Dots: dots, Answers: []refimpl.Answer{{By: 2, Dots: dots[:1]}, {By: 1}},
			Legs: []refimpl.Leg{{Store: true, Out: 4, Back: -3}, {Out: 1}}},
			&history.Evidence{Acks: three[1:], Home: three[:2], Quorum: &history.QuorumEvidence{
				Hints: three[2:], Dots: names,
				Answers: []history.Answer{{Node: "n3", Dots: names[:1]}, {Node: "n2"}},
				Legs:    []history.Leg{{Store: true, Out: 4, Back: -3}, {Out: 1}}}}},
		{"a write", refimpl.Reply{By: 1, Acks: 0b011, Home: 0b111, Dots: dots[1:]},
			&history.Evidence{By: "n2", Acks: three[:2], Home: three,
				Quorum: &history.QuorumEvidence{Dots: names[1:]}}},
		{"nothing read", refimpl.Reply{By: 0, Acks: 0b001, Home: 0b111},
			&history.Evidence{By: "n1", Acks: three[:1], Home: three, Quorum: &history.QuorumEvidence{}}},
		{"no node", refimpl.Reply{By: 7, Home: 1, Answers: []refimpl.Answer{{By: 9}}},
			&history.Evidence{Home: three[:1], Quorum: &history.QuorumEvidence{
				Answers: []history.Answer{{}}}}},
		{"single-leader", refimpl.Reply{By: 1, Acks: 0b010, Epoch: 3, Index: 4, Dots: dots},
			&history.Evidence{By: "n2", Acks: three[1:2], Ver: []history.Version{{Source: "s0e3", N: 4}}}},
	} {
		op := OperationOf(&history.Event{F: history.FRead, Key: "k"})
		if got := m.Completion(&op, &client.Result{Reply: &tc.reply}).Ev; !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: got\n%+v, %+v, want\n%+v, %+v", tc.what, got, got.Quorum, tc.want, tc.want.Quorum)
		}
		failed := client.Result{Err: refimpl.ErrQuorum, Reply: &tc.reply}
		if got := m.Completion(&op, &failed).Ev; got != nil {
			t.Errorf("%s that failed has evidence: %+v", tc.what, got)
		}
	}
}

// TestSetsAndCounters: their operations become calls with one value, and complete with their argument.
func TestSetsAndCounters(t *testing.T) {
	m := NewMapper(three, 1)
	number := func(n int64) refimpl.Value { return refimpl.Value{Kind: refimpl.Int, Num: n} }
	for _, tc := range []struct {
		f    string
		arg  history.Value
		op   refimpl.OpKind
		want refimpl.Value
		bad  string
	}{
		{history.FAdd, history.IntValue(4), refimpl.OpAdd, number(4), ""},
		{history.FRemove, history.StringValue("a"), refimpl.OpRemove,
			refimpl.Value{Kind: refimpl.Str, Text: "a"}, ""},
		{history.FIncr, history.IntValue(-5), refimpl.OpIncr, number(-5), ""},
		{history.FIncr, history.Value{}, refimpl.OpIncr, number(1), ""},
		{history.FIncr, history.StringValue("5"), 0, refimpl.Value{}, `incr takes an integer, not "5"`},
		{history.FIncr, history.IntsValue(5), 0, refimpl.Value{}, "incr takes an integer, not [5]"},
	} {
		inv := history.Event{F: tc.f, Key: "k", Value: tc.arg}
		var call client.Call
		problem := m.Call(&inv, &call)
		if tc.bad != "" {
			if problem.Code != history.BadRequest || problem.Text != tc.bad {
				t.Errorf("%s %v: %+v, want %s", tc.f, tc.arg, problem, tc.bad)
			}
			continue
		}
		if problem.Code != history.NoError || call.Op != tc.op || !call.Value.Equal(tc.want) {
			t.Errorf("%s %v: %+v, %+v", tc.f, tc.arg, problem, call)
		}
		op := OperationOf(&inv)
		c := m.Completion(&op, &client.Result{Reply: &refimpl.Reply{By: 0, Value: number(99)}})
		if !c.Value.Equal(tc.arg) {
			t.Errorf("%s %v completes with %v", tc.f, tc.arg, c.Value)
		}
	}
}

// TestOneKey: what works on one key is refused with a list of keys, as over HTTP.
func TestOneKey(t *testing.T) {
	m := NewMapper(three, 1)
	for f := range ops {
		inv := history.Event{F: f, Keys: []string{"a", "b"}, Node: "n1", Value: history.IntsValue(1, 2)}
		if f == history.FIncr {
			inv.Value = history.IntValue(1)
		}
		var call client.Call
		problem := m.Call(&inv, &call)
		want := f + ` takes one key, not the list ["a" "b"]; only read and peek take several`
		switch f {
		case history.FRead, history.FPeek:
			want = ""
		case history.FTxn:
			want = "a micro-operation is a list [f key value], not 1"
		}
		if problem.Text != want {
			t.Errorf("%s: %+v, want %q", f, problem, want)
		}
	}
}

// TestQuorums: what a leaderless configuration claims, and that others claim nothing.
func TestQuorums(t *testing.T) {
	for _, tc := range []struct {
		config map[string]any
		want   *targets.Quorums
	}{
		{nil, nil},
		{map[string]any{"mode": "leaderless", "n": 9}, nil},
		{map[string]any{"mode": "leaderless"}, &targets.Quorums{N: 3, R: 2, W: 2, LWW: true}},
		{map[string]any{"mode": "leaderless", "r": 1, "w": 3, "sloppy": true, "versioning": "dotted"},
			&targets.Quorums{N: 3, R: 1, W: 3, Sloppy: true}},
	} {
		got := Quorums(&targets.Spec{Nodes: three, Config: tc.config})
		if got != nil {
			got = &targets.Quorums{N: got.N, R: got.R, W: got.W, LWW: got.LWW, Sloppy: got.Sloppy,
				Local: got.Local}
		}
		if !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%v: got %+v, want %+v", tc.config, got, tc.want)
		}
	}
}
