package history

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/internal/keyed"
)

// chance makes evidence from luck.
type chance struct{ key keyed.Key }

func (c *chance) n(most int) int {
	c.key = c.key.With(1)
	return c.key.N(most)
}

func (c *chance) node() string { return fmt.Sprint("n", c.n(5)) }

func (c *chance) number() int64 {
	return [...]int64{0, 1, -1, math.MaxInt64, math.MinInt64, 1 << 60, int64(c.n(300))}[c.n(7)]
}

func (c *chance) dots() (list []Version) {
	for range c.n(4) {
		list = append(list, Version{fmt.Sprint("s", c.n(40)), c.number()})
	}
	return list
}

func (c *chance) nodes() (list []string) {
	for range c.n(4) {
		list = append(list, c.node())
	}
	return list
}

// evidence returns nil, evidence without a quorum, or with one.
func (c *chance) evidence() *Evidence {
	if c.n(4) == 0 {
		return nil
	}
	e := &Evidence{By: c.node(), Ver: c.dots(), Acks: c.nodes(), Home: c.nodes()}
	if c.n(3) == 0 {
		return e
	}
	q := &QuorumEvidence{Hints: c.nodes(), Dots: c.dots()}
	for range c.n(5) {
		q.Answers = append(q.Answers, Answer{c.node(), c.dots()})
	}
	for range c.n(5) {
		q.Legs = append(q.Legs, Leg{c.n(2) == 0, c.number(), c.number()})
	}
	e.Quorum = q
	return e
}

// evidenceEvents returns the events of n operations, and the evidence of each.
func evidenceEvents(c *chance, n int) (events []Event, want []*Evidence) {
	for i := range n {
		ev := Event{Index: 2 * i, Time: int64(i), F: FRead, Key: "k", Session: fmt.Sprint("s", i%3)}
		done := ev
		done.Index, done.Type, done.Ev = 2*i+1, Ok, c.evidence()
		events, want = append(events, ev, done), append(want, done.Ev.clone())
	}
	return events, want
}

// spoil changes what the lists of evidence hold.
func spoil(events []Event) {
	for i := range events {
		e := events[i].Ev
		if e == nil || e.Quorum == nil {
			continue
		}
		clear(e.Ver)
		clear(e.Quorum.Hints)
		clear(e.Quorum.Dots)
		for k := range e.Quorum.Answers {
			clear(e.Quorum.Answers[k].Dots)
		}
		clear(e.Quorum.Answers)
		clear(e.Quorum.Legs)
	}
}

func sameEvidence(t *testing.T, what string, h *History, want []*Evidence) {
	t.Helper()
	if h.Len() != len(want) {
		t.Fatalf("%s: %d operations, want %d", what, h.Len(), len(want))
	}
	for i, e := range want {
		if got := h.Ev(i); !reflect.DeepEqual(got, e) {
			t.Fatalf("%s, operation %d: got\n%+v, want\n%+v", what, i, got, e)
		}
	}
}

// TestEvidenceInColumns: what operations have of evidence comes back from columns, and from a record that has
// many blocks, whatever becomes of the memory it came in.
func TestEvidenceInColumns(t *testing.T) {
	for seed := range uint64(50) {
		events, want := evidenceEvents(&chance{keyed.New(seed)}, 60)
		h := Build(nil, events)
		sameEvidence(t, fmt.Sprint("seed ", seed), FromOps(h.Ops()), want)
		spoil(events)
		sameEvidence(t, fmt.Sprint("seed ", seed), h, want)
		var kept []*Evidence
		for i, e := range want {
			if i%3 == 1 {
				kept = append(kept, e)
			}
		}
		sameEvidence(t, fmt.Sprint("seed ", seed, ", a part"), h.ForPrefix("s1"), kept)
	}
	events, want := evidenceEvents(&chance{keyed.New(99)}, 10_000)
	file := fileOf(events)
	if len(file) < 4*blockSize {
		t.Fatalf("the record has only %d bytes", len(file))
	}
	h, err := Read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	sameEvidence(t, "read", h, want)
}

// TestEvidenceIsTheCallers: who changes the evidence that he was given changes no history.
func TestEvidenceIsTheCallers(t *testing.T) {
	_, events := sample()
	h := Build(nil, events)
	at := slices.IndexFunc(h.Ops(), func(op Op) bool { return op.Ev != nil && op.Ev.Quorum != nil })
	before := h.Event(h.Op(at).Done)
	q := h.Ev(at).Quorum
	q.Dots, q.Answers[0].Dots = append(q.Dots, Version{"x", 1}), append(q.Answers[0].Dots, Version{"y", 1})
	q.Dots[0].N, q.Legs[0].Out = 77, 77
	if after := h.Event(h.Op(at).Done); !reflect.DeepEqual(before, after) {
		t.Errorf("%+v became %+v", before.Ev.Quorum, after.Ev.Quorum)
	}
}

// TestWhatEvidenceCosts: quorum evidence takes few bytes of memory and nearly no allocations, and histories
// without it none.
func TestWhatEvidenceCosts(t *testing.T) {
	const n = 20_000
	events := quorumEvents(n)
	quorum := Build(nil, events).cols.evidence.quorum
	if got := cap(quorum.bytes)/n + 8*cap(quorum.begins)/n; got > 90 {
		t.Errorf("quorum evidence takes %d bytes an operation", got)
	}
	plain := Build(nil, sampleEvents(n)).cols.evidence.quorum
	if plain.begins != nil || plain.bytes != nil {
		t.Errorf("a history without quorum evidence holds %d bytes of it", len(plain.bytes))
	}
	file := fileOf(events)
	for what, do := range map[string]func(){
		"pairing": func() { Build(nil, events) },
		"parsing": func() {
			if _, err := Read(bytes.NewReader(file)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		if got := testing.AllocsPerRun(1, do); got > n/10 {
			t.Errorf("%s makes %.2f allocations an operation", what, got/n)
		}
	}
}

// TestIntegersAtTheEdge: integers of all lengths are read, and those that do not fit are refused.
func TestIntegersAtTheEdge(t *testing.T) {
	p := newParser()
	for _, n := range []int64{0, 9, -9, 999_999_999_999_999_999, 1_000_000_000_000_000_000, math.MaxInt64,
		-math.MaxInt64, math.MinInt64} {
		p.begin(fmt.Append(nil, n))
		got, err := p.integer("a number", math.MinInt64, math.MaxInt64)
		if err != nil || got != n || p.pos != len(p.data) {
			t.Errorf("%d is read as %d, %v", n, got, err)
		}
	}
	for _, text := range []string{"9223372036854775808", "9999999999999999999", "18446744073709551617",
		"-9223372036854775809", "10000000000000000000", "00", "-01", "-", "1.0"} {
		p.begin([]byte(text))
		if got, err := p.integer("a number", math.MinInt64, math.MaxInt64); err == nil {
			t.Errorf("%s is read as %d", text, got)
		}
	}
}
