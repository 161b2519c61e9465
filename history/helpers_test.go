package history

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// golden compares got with a file under testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

// dice makes choices from the bytes of a fuzzer; when they run out every choice is the first.
type dice struct{ data []byte }

func (d *dice) n(limit int) int {
	if len(d.data) == 0 {
		return 0
	}
	b := d.data[0]
	d.data = d.data[1:]
	return int(b) % limit
}

func (d *dice) pick(from ...string) string { return from[d.n(len(from))] }

// word returns a name or text that is plain, odd, or the fuzzer's own.
func (d *dice) word() string {
	switch d.n(8) {
	case 0:
		return d.pick("", "true", "null", "ver", "-a", "a-", "a--b", "1", "-1", "∅", "é ü", "|", "…",
			"\xff\n\"\\")
	case 1:
		n := min(d.n(8), len(d.data))
		s := string(d.data[:n])
		d.data = d.data[n:]
		return s
	}
	return d.pick("k", "x/y", "n1", "s3", "a.b", "q7/a")
}

func (d *dice) value(depth int) Value {
	switch kind := Kind(d.n(8)); {
	case kind == Null:
		return Value{}
	case kind == Bool:
		return BoolValue(d.n(2) == 1)
	case kind == String:
		return StringValue(d.word())
	case kind == List && depth > 0:
		list := make([]Value, d.n(4))
		for i := range list {
			list[i] = d.value(depth - 1)
		}
		return ListValue(list...)
	case kind == Map && depth > 0:
		entries := map[string]Value{}
		for range d.n(4) {
			entries[d.word()] = d.value(depth - 1)
		}
		return MapValue(entries)
	}
	return IntValue(int64(d.n(256)-100) * int64(1+d.n(2)*1e15))
}

// sample is a small run with everything that a record can hold.
func sample() (*Header, []Event) {
	header := &Header{Version: FormatVersion, Experiment: "async-loses-writes", Row: "async, reads any",
		Seed: 1<<64 - 1, Env: "sim", Nodes: []string{"n1", "n2", "n3"},
		Build: "v0.1.0", Time: "2026-01-02T03:04:05Z"}
	text := StringValue
	cut := MapValue(map[string]Value{"for": IntValue(3e9),
		"cut": ListValue(ListValue(text("n1")), ListValue(text("n2"), text("n3")))})
	events := []Event{
		{Type: Info, Process: Harness, F: FPhase, Value: text(PhaseFaults)},
		{Time: 1203000, Process: 3, Session: "s3", F: FWrite, Key: "k7", Value: IntValue(42),
			Node: "n2", Op: OpID{3, 17}},
		{Time: 1250000, Process: 1, Session: "s1", Device: "phone", F: FRead, Keys: []string{"q1/a", "q1/q"}},
		{Time: 1904000, Type: Ok, Process: 3, Session: "s3", F: FWrite, Key: "k7", Value: IntValue(42),
			Node: "n2", Op: OpID{3, 17}, Ev: &Evidence{By: "n2", Ver: []Version{{"n2", 981}},
				Acks: []string{"n1", "n2"}, Home: []string{"n1", "n2", "n3"}}},
		{Time: 2000000, Type: Info, Process: Nemesis, F: "partition", Fault: "f3", Value: cut},
		{Time: 2004000, Type: Info, Process: Nemesis, F: "partition", Fault: "f3", Value: text("installed")},
		{Time: 2004000, Type: Ok, Process: 1, Session: "s1", Device: "phone", F: FRead,
			Keys: []string{"q1/a", "q1/q"}, Value: ListValue(Value{}, text("a \"quoted\" é\n")),
			Ev: &Evidence{}},
		{Time: 2005000, Process: 3, Session: "s3", F: FCAS, Key: "k7", Value: IntsValue(42, -1)},
		{Time: 2006000, Process: 1, Session: "s1", F: FRead, Key: "k7"},
		{Time: 2007000, Type: Ok, Process: 1, Session: "s1", F: FRead, Key: "k7",
			Ev: &Evidence{By: "n3", Acks: []string{"n3", "n4"}, Home: []string{"n3"}, Quorum: &QuorumEvidence{
				Hints: []string{"n4"}, Dots: []Version{{"s1", 3}, {"n2.0", -1}},
				Answers: []Answer{{"n3", []Version{{"s1", 3}}}, {Node: "n4"}},
				Legs:    []Leg{{true, 400000, -380000}, {Out: 1}}}}},
		{Time: 3005000, Type: Info, Process: 3, Session: "s3", F: FCAS, Key: "k7", Value: IntsValue(42, -1),
			Err: Error{Code: Timeout, Text: "no answer in 1s"}},
		{Time: 3005000, Process: 7, Session: "s3", F: FAppend, Key: "k8", Value: BoolValue(true)},
		{Time: 3006000, Type: Fail, Process: 7, Session: "s3", F: FAppend, Key: "k8", Value: BoolValue(true),
			Node: "n1", Err: Error{Code: NotLeader}},
		{Time: 5009000, Type: Info, Process: Nemesis, F: "partition", Fault: "f3", Value: text("healed")},
		{Time: 5010000, Type: Info, Process: Harness, F: FPhase, Value: text(PhaseFinal)},
		{Time: 5010000, Process: 7, Session: "s3", F: FPeek, Key: "k7", Node: "n3"},
	}
	for i := range events {
		events[i].Index = i
	}
	return header, events
}

// recorded returns the events of a history as they were recorded.
func recorded(h *History) []Event {
	events := make([]Event, h.EventCount())
	for i := range events {
		events[i] = h.Event(i)
	}
	return events
}
