package foreign

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// maker makes random histories.
type maker struct {
	*rand.Rand
	now    int64
	events []history.Event
	open   map[int32]history.Event
}

func pick[T any](m *maker, from ...T) T { return from[m.Intn(len(from))] }

func (m *maker) word() string {
	return pick(m, "k", "x/y", "n1", "5", ":x", "nil", "a b", `"\`, "é\n\t\x00\x7f", "∅", "edn", "😀", "r")
}

func (m *maker) value(depth int) history.Value {
	switch kind := history.Kind(m.Intn(9)); {
	case kind == history.Null:
		return history.Value{}
	case kind == history.Bool:
		return history.BoolValue(m.Intn(2) == 0)
	case kind == history.String:
		return history.StringValue(m.word())
	case kind == history.List && depth > 0:
		return history.ListValue(m.values(m.Intn(4), depth-1)...)
	case kind == history.Map && depth > 0:
		return history.MapValue(map[string]history.Value{m.word(): m.value(depth - 1),
			"a": m.value(depth - 1)})
	}
	return history.IntValue(pick(m, 0, -1, 1<<63-1, -1<<63, m.Int63n(100)))
}

func (m *maker) values(n, depth int) []history.Value {
	list := make([]history.Value, n)
	for i := range list {
		list[i] = m.value(depth)
	}
	return list
}

// arg returns an argument of the function f.
func (m *maker) arg(f string) history.Value {
	switch f {
	case history.FCAS:
		return history.ListValue(m.values(2, 1)...)
	case history.FTxn:
		ops := make([]history.Value, m.Intn(4))
		for i := range ops {
			ops[i] = history.ListValue(history.StringValue(pick(m, "r", "w", "append")),
				history.StringValue(m.word()), m.value(2))
		}
		return history.ListValue(ops...)
	}
	return m.value(2)
}

// result returns an answer of the function f.
func (m *maker) result(f string) history.Value {
	if f == history.FCAS && m.Intn(4) > 0 {
		return pick(m, history.BoolValue(true), history.BoolValue(false),
			history.ListValue(history.BoolValue(false), m.value(1)))
	}
	return m.arg(f)
}

func (m *maker) invoke(process int32) {
	ev := history.Event{Time: m.now, Process: process, Value: m.value(2), Node: pick(m, "", "n1", m.word()),
		Session: pick(m, fmt.Sprintf("p%d", process), "", "s1", m.word()), Device: pick(m, "", "phone"),
		F: pick(m, history.FRead, history.FWrite, history.FCAS, history.FAppend, history.FDelete,
			history.FTxn, history.FPeek, "add", "get", "put", "inc", "enqueue", "acquire", "rashomon/x", "",
			"a b", "phase", m.word())}
	ev.Value = m.arg(ev.F)
	switch m.Intn(4) {
	case 0:
		ev.Keys = []string{m.word(), m.word(), "k2"}[:1+m.Intn(3)]
	case 1, 2:
		ev.Key = m.word()
	}
	if m.Intn(2) == 0 {
		ev.Op = history.OpID{Thread: m.Int31n(5), N: 1 + m.Int31n(9)}
	}
	m.open[process] = ev
	m.events = append(m.events, ev)
}

func (m *maker) complete(ev history.Event) {
	delete(m.open, ev.Process)
	ev.Type = pick(m, history.Ok, history.Ok, history.Fail, history.Info)
	ev.Time, ev.Node, ev.Value = m.now, pick(m, "", "n2"), history.Value{}
	if ev.Type == history.Ok {
		ev.Value = m.result(ev.F)
	}
	if ev.Type != history.Ok && m.Intn(4) > 0 || m.Intn(9) == 0 {
		text := pick(m, "", "no answer", m.word())
		ev.Err = history.Error{Code: pick(m, history.Codes()...).Code, Text: text}
	}
	if m.Intn(3) == 0 {
		ev.Ev = &history.Evidence{By: pick(m, "", "n1")}
		if m.Intn(2) == 0 {
			ev.Ev.Ver = []history.Version{{Source: m.word(), N: m.Int63()}, {Source: "s", N: -1}}
			ev.Ev.Acks, ev.Ev.Home = []string{"n1", m.word()}, []string{"n1", "n2"}
		}
	}
	m.events = append(m.events, ev)
}

// history makes a history of about n events.
func (m *maker) history(n int) *history.History {
	m.open = map[int32]history.Event{}
	text := history.StringValue
	for len(m.events) < n {
		m.now += m.Int63n(3)
		process := m.Int31n(4)
		ev, isOpen := m.open[process]
		switch what := m.Intn(20); {
		case what == 0:
			m.events = append(m.events, history.Event{Time: m.now, Type: history.Info, F: history.FPhase,
				Process: history.Harness, Value: text(pick(m, history.PhaseFaults, history.PhaseFinal))})
		case what == 1:
			ev := history.Event{Time: m.now, Type: history.Info, Process: history.Nemesis}
			ev.Node, ev.Fault = pick(m, "", "n1"), pick(m, "f1", "f2", "f3")
			ev.F = pick(m, "partition", "start", "kill")
			ev.Value = pick(m, text("installed"), text("healed"), m.value(2))
			m.events = append(m.events, ev)
		case isOpen:
			m.complete(ev)
		default:
			m.invoke(process)
		}
	}
	return history.Build(nil, m.events)
}

// back writes h and reads it.
func back(h *history.History) (*history.History, string, error) {
	var out bytes.Buffer
	if err := WriteEDN(&out, h); err != nil {
		return nil, "", err
	}
	text := out.String()
	again, err := Read(&out, JepsenEDN, Options{})
	return again, text, err
}

// row draws all that an operation has.
func row(op history.Op) string {
	ev := "none"
	if op.Ev != nil {
		ev = fmt.Sprintf("%#v", *op.Ev)
	}
	op.Ev = nil
	return fmt.Sprintf("%#v evidence %s", op, ev)
}

func rows(h *history.History) []string {
	var out []string
	for _, op := range h.Ops() {
		out = append(out, row(op))
	}
	return out
}

// TestReadsBack holds that a history that was written and read is the same.
func TestReadsBack(t *testing.T) {
	for seed := range int64(300) {
		m := &maker{Rand: rand.New(rand.NewSource(seed))}
		h := m.history(1 + int(seed)/4)
		again, text, err := back(h)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		want, got := rows(h), rows(again)
		for i := range want {
			if i >= len(got) || got[i] != want[i] {
				t.Fatalf("seed %d: wrote\n%s\nread\n%s\nfrom\n%s", seed, want[i], got[min(i, len(got)-1)],
					text)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("seed %d: read %d operations of %d", seed, len(got), len(want))
		}
		if a, b := fmt.Sprintf("%#v %#v", h.Faults, h.Phases), fmt.Sprintf("%#v %#v", again.Faults,
			again.Phases); a != b {
			t.Fatalf("seed %d: wrote %s, read %s", seed, a, b)
		}
	}
}

// TestReadsBackWithoutEvents holds the same of histories of operations alone, and of parts of a history.
func TestReadsBackWithoutEvents(t *testing.T) {
	plain := func(h *history.History) []string {
		ops := h.Ops()
		for i := range ops {
			ops[i].Invoked, ops[i].Done = 0, 0
		}
		return rows(history.FromOps(ops))
	}
	for seed := range int64(50) {
		m := &maker{Rand: rand.New(rand.NewSource(seed))}
		h := m.history(40)
		for name, part := range map[string]*history.History{
			"without events": history.FromOps(h.Ops()),
			"a part":         h.Filter(func(i int) bool { return i%3 != 0 }),
		} {
			again, text, err := back(part)
			if err != nil {
				t.Fatalf("seed %d, %s: %v\n%s", seed, name, err, text)
			}
			if want, got := plain(part), plain(again); !slices.Equal(want, got) {
				t.Fatalf("seed %d, %s: wrote\n%s\nread\n%s", seed, name, strings.Join(want, "\n"),
					strings.Join(got, "\n"))
			}
		}
	}
}

// TestWriteGolden shows what Jepsen's tools get.
func TestWriteGolden(t *testing.T) {
	drawn := `
s1 @n1     |--w k=1--|            |--r k=1--|             ok
s2/d2 @n2     |--cas k 1→2--|  |--cas k 1→2 refused--|    ok
s3                |--cas k 5→6 refused (is 1)--|          ok
s4 @n3  |--append l+=4--|   |--r [k l]=[1 ∅]--|           ok
s5        |--txn [w a=1, r b=∅, append c+=3]--|           ok
s6          |--cas k 3→4--|                               fail not-leader
s7          |--w k=9--…                                   info timeout
n1/n2,n3        ░░░░░░░░ partition ░░░░░░░░
phase                                      ^final-reads
`
	h, err := history.ParseDrawing(drawn)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := WriteEDN(&out, h); err != nil {
		t.Fatal(err)
	}
	const path = "testdata/written.edn"
	if *rewrite {
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || string(want) != out.String() {
		t.Errorf("%v: got\n%s\nwant\n%s", err, out.String(), want)
	}
}

// full is a writer that has room for so many bytes.
type full int

var errFull = errors.New("no room")

func (f *full) Write(p []byte) (int, error) {
	if *f -= full(len(p)); *f < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriteFails(t *testing.T) {
	m := &maker{Rand: rand.New(rand.NewSource(1))}
	h := m.history(2000)
	for _, room := range []full{0, 70_000} {
		if err := WriteEDN(&room, h); !errors.Is(err, errFull) {
			t.Errorf("error %v", err)
		}
	}
}
