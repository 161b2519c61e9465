package history

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestBuildPairs(t *testing.T) {
	header, events := sample()
	h := Build(header, events)
	if len(h.Warns) > 0 {
		t.Errorf("warnings: %q", h.Warns)
	}
	want := []Op{
		{Index: 0, Invoked: 1, Done: 3, Process: 3, Session: "s3", F: FWrite, Key: "k7", Arg: IntValue(42),
			Result: IntValue(42), Call: 1203000, Return: 1904000, Type: Ok, Node: "n2",
			Ev: events[3].Ev, ID: OpID{3, 17}},
		{Index: 1, Invoked: 2, Done: 6, Process: 1, Session: "s1", Device: "phone", F: FRead,
			Keys: events[2].Keys, Result: events[6].Value, Call: 1250000, Return: 2004000, Type: Ok,
			Ev: &Evidence{}},
		{Index: 2, Invoked: 7, Done: 10, Process: 3, Session: "s3", F: FCAS, Key: "k7",
			Arg: IntsValue(42, -1), Call: 2005000, Return: Never, Type: Info,
			Err: Error{Code: Timeout, Text: "no answer in 1s"}},
		{Index: 3, Invoked: 8, Done: 9, Process: 1, Session: "s1", F: FRead, Key: "k7", Call: 2006000,
			Return: 2007000, Type: Ok, Ev: events[9].Ev},
		{Index: 4, Invoked: 11, Done: 12, Process: 7, Session: "s3", F: FAppend, Key: "k8",
			Arg: BoolValue(true), Call: 3005000, Return: 3006000, Type: Fail, Node: "n1",
			Err: Error{Code: NotLeader}},
		{Index: 5, Invoked: 15, Done: -1, Process: 7, Session: "s3", F: FPeek, Key: "k7", Call: 5010000,
			Return: Never, Type: Info, Node: "n3"},
	}
	for i := range want {
		if i >= h.Len() || !reflect.DeepEqual(h.Op(i), want[i]) {
			t.Errorf("operation %d:\n got %+v\nwant %+v", i, h.Ops()[i:min(i+1, h.Len())], want[i])
		}
	}
	faults := []Fault{{ID: "f3", Family: "partition", What: events[4].Value, Outcome: "installed",
		From: 2004000, To: 5009000}}
	if !reflect.DeepEqual(h.Faults, faults) {
		t.Errorf("faults %+v", h.Faults)
	}
	phases := []Phase{{PhaseFaults, 0, 5010000}, {PhaseFinal, 5010000, Never}}
	if !slices.Equal(h.Phases, phases) {
		t.Errorf("phases %+v", h.Phases)
	}
	if h.FinalFrom() != 5010000 || !h.Final(&h.Ops()[5]) || h.Final(&h.Ops()[4]) {
		t.Errorf("final reads from %d", h.FinalFrom())
	}
}

func TestBuildOfNothing(t *testing.T) {
	h := Build(nil, nil)
	if h.Header.Version != FormatVersion || h.Len() != 0 || h.FinalFrom() != Never || h.Draw() != "" {
		t.Errorf("%+v", h)
	}
}

func TestBuildOrdersByCall(t *testing.T) {
	h := Build(nil, []Event{
		{Time: 20, Process: 1, F: FRead, Key: "b"}, // its worker took the time first and got the lock last
		{Time: 10, Process: 2, F: FRead, Key: "a"},
		{Time: 20, Process: 3, F: FRead, Key: "c"},
		{Time: 30, Process: 1, Type: Ok},
	})
	var keys []string
	for i, op := range h.Ops() {
		keys = append(keys, op.Key)
		if op.Index != i {
			t.Errorf("operation %d has index %d", i, op.Index)
		}
	}
	if strings.Join(keys, "") != "abc" || h.Op(1).Invoked != 0 || h.Op(1).Return != 30 {
		t.Errorf("operations %v, the second %+v", keys, h.Op(1))
	}
}

func TestBuildWarns(t *testing.T) {
	h := Build(nil, []Event{
		{Time: 1, Process: 1, Type: Ok, F: FWrite},
		{Time: 2, Process: 1, F: FWrite, Value: IntValue(1)},
		{Time: 3, Process: 1, F: FWrite, Value: IntValue(2)},
		{Time: 4, Process: 1, F: FWrite, Type: Ok},
		{Process: Nemesis, Fault: "f1", Type: Info},
		{Process: Nemesis, Fault: "f1", Type: Info, Value: StringValue("installed")},
		{Process: Nemesis, Fault: "f1", Type: Info, Value: StringValue("installed")},
	})
	want := []string{
		"event 0: process 1 completes write without having invoked it",
		"event 2: process 1 invokes write while its operation of event 1 is open",
		`event 6: fault f1 has an outcome already, "installed"`,
	}
	if !slices.Equal(h.Warns, want) {
		t.Errorf("warnings %q", h.Warns)
	}
	if h.Len() != 2 || h.Op(0).Type != Info || h.Op(1).Return != 4 {
		t.Errorf("operations %+v", h.Ops())
	}
}

func TestBuildFaults(t *testing.T) {
	event := func(id string, at int64, v Value) Event {
		return Event{Process: Nemesis, Type: Info, F: "crash", Fault: id, Time: at, Value: v}
	}
	text := StringValue
	h := Build(nil, []Event{
		event("f1", 1, Value{}), event("f2", 2, Value{}), event("f1", 3, text("skipped: no leader")),
		event("f2", 5, text("indeterminate: no answer")), event("f2", 9, text("healed")),
		event("f3", 20, Value{}),
	})
	want := []Fault{
		{ID: "f1", Family: "crash", Outcome: "skipped: no leader", From: 3, To: Never},
		{ID: "f2", Family: "crash", Outcome: "indeterminate: no answer", From: 5, To: 9},
		{ID: "f3", Family: "crash", From: 20, To: Never},
	}
	if !reflect.DeepEqual(h.Faults, want) {
		t.Errorf("faults %+v", h.Faults)
	}
	for _, test := range []struct {
		from, to int64
		want     string
	}{{0, 4, ""}, {0, 5, "f2"}, {9, 9, "f2"}, {10, 19, ""}, {9, Never, "f2 f3"}} {
		var ids []string
		for _, f := range h.FaultsDuring(test.from, test.to) {
			ids = append(ids, f.ID)
		}
		if got := strings.Join(ids, " "); got != test.want {
			t.Errorf("faults during [%d, %d]: %q, want %q", test.from, test.to, got, test.want)
		}
	}
}

func TestForPrefix(t *testing.T) {
	h, err := ParseDrawing(`
	rs1 @n1 |--w r1=1--|
	as1 @n1    |--append a1+=1--|
	rs2 @n2        |--r r1=1--|
	n1      ░░ crash ░░
	phase   ^faults           ^final-reads`)
	if err != nil {
		t.Fatal(err)
	}
	sub := h.ForPrefix("r")
	if sub.Len() != 2 || sub.Op(1).Session != "rs2" || sub.Op(1).Index != 1 ||
		sub.Event(sub.Op(1).Invoked).Session != "rs2" {
		t.Errorf("operations %+v", sub.Ops())
	}
	if len(sub.Faults) != 1 || len(sub.Phases) != 2 || h.Op(2).Index != 2 {
		t.Error("the faults or phases are gone, or the whole history was changed")
	}
	if h.ForPrefix("") != h {
		t.Error("everything was kept, and copied")
	}
}
