package checkers

import (
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// prefixTwin decides consistent prefix of two keys by trying every order of all writes that respects what
// is certain: of two writes of one key the one that was acknowledged before the other was called, and
// of a question and its answer the question, where the answerer had read or written it before.
type prefixTwin struct {
	writes []*history.Op
	before [][2]int // places in writes
	reads  []*history.Op
	proved bool // every answer read is one whose question the answerer knew
}

func newPrefixTwin(h *history.History) *prefixTwin {
	tw := &prefixTwin{proved: true}
	for i := range h.Len() {
		op := &h.Ops()[i]
		switch {
		case op.F == history.FWrite && op.Type != history.Fail:
			tw.writes = append(tw.writes, op)
		case op.F == history.FRead && op.Type == history.Ok && len(op.Keys) == 2:
			tw.reads = append(tw.reads, op)
		}
	}
	answers := map[int64]bool{}
	for i, x := range tw.writes {
		for j, y := range tw.writes {
			switch {
			case x.Key == y.Key && x.Type == history.Ok && x.Precedes(y),
				x.Key == "q" && y.Key == "r" && x.Arg.Equal(y.Arg) && tw.knew(h, y):
				tw.before = append(tw.before, [2]int{i, j})
			}
			if v, _ := y.Arg.AsInt(); y.Key == "r" && tw.knew(h, y) {
				answers[v] = true
			}
		}
	}
	for _, r := range tw.reads {
		values, _ := r.Result.AsList()
		v, isInt := values[1].AsInt()
		tw.proved = tw.proved && (!isInt || answers[v])
	}
	return tw
}

// knew reports whether the session of an answer had read or written its question before.
func (tw *prefixTwin) knew(h *history.History, answer *history.Op) bool {
	for i := range h.Len() {
		op := &h.Ops()[i]
		if op.Session != answer.Session || op.Type != history.Ok || !op.Precedes(answer) {
			continue
		}
		values, _ := op.Result.AsList()
		wrote := op.F == history.FWrite && op.Key == "q" && op.Arg.Equal(answer.Arg)
		read := op.F == history.FRead && op.Key == "q" && op.Result.Equal(answer.Arg)
		if wrote || read || len(values) == 2 && values[0].Equal(answer.Arg) {
			return true
		}
	}
	return false
}

// explained reports whether some order of the writes has for each read a prefix that shows what it read.
func (tw *prefixTwin) explained() bool {
	order := make([]int, 0, len(tw.writes))
	var try func() bool
	try = func() bool {
		if len(order) == len(tw.writes) {
			return tw.explains(order)
		}
		for i := range tw.writes {
			free := !slices.Contains(order, i) && !slices.ContainsFunc(tw.before, func(b [2]int) bool {
				return b[1] == i && !slices.Contains(order, b[0])
			})
			if free {
				order = append(order, i)
				if try() {
					return true
				}
				order = order[:len(order)-1]
			}
		}
		return false
	}
	return try()
}

func (tw *prefixTwin) explains(order []int) bool {
	state := map[string]history.Value{}
	missing := len(tw.reads)
	done := make([]bool, len(tw.reads))
	for i := 0; ; i++ {
		for j, r := range tw.reads {
			values, _ := r.Result.AsList()
			if !done[j] && values[0].Equal(state["q"]) && values[1].Equal(state["r"]) {
				done[j] = true
				missing--
			}
		}
		if i == len(order) {
			return missing == 0
		}
		state[tw.writes[order[i]].Key] = tw.writes[order[i]].Arg
	}
}

// dialogueHistory draws a small history of questions, answers, and reads of both. A tidy one has no
// overlapping writes of one key, no ambiguous or failed ones, and only values that were written are read.
func dialogueHistory(d *dice, tidy bool) *history.History {
	var ops []history.Op
	rounds := 1 + d.n(3)
	now := int64(0)
	for v := 1; v <= rounds; v++ {
		value := history.IntValue(int64(v))
		for _, op := range []history.Op{
			{Session: "asker", F: history.FWrite, Key: "q", Arg: value},
			{Session: "answerer", F: history.FRead, Key: "q", Result: value},
			{Session: "answerer", F: history.FWrite, Key: "r", Arg: value},
		} {
			op.Type, op.Call, op.Return = history.Ok, now, now+int64(d.n(3))
			now = op.Return + 1
			if !tidy {
				now = max(0, now-int64(d.n(3)))
				if op.F == history.FWrite {
					d.outcome(&op)
				} else if d.bool(4) {
					op.Result = history.IntValue(int64(1 + d.n(rounds)))
				}
			}
			ops = append(ops, op)
		}
	}
	for range 1 + d.n(4) {
		op := history.Op{Session: "observer", F: history.FRead, Keys: []string{"q", "r"}, Type: history.Ok}
		op.Call, op.Return = d.span(int(now) + 1)
		values, limit := [2]history.Value{}, rounds
		for i := range values {
			v := d.n(limit + 1)
			if v > 0 {
				values[i] = history.IntValue(int64(v))
			}
			if !d.bool(3) {
				limit = v // so that the answer has its question
			}
		}
		op.Result = history.ListValue(values[0], values[1])
		ops = append(ops, op)
	}
	return historyOf(ops, history.Never)
}

// prefixAgrees compares the checker with its twin: what it reports no order explains, and of a tidy
// history it reports all that no order explains.
func prefixAgrees(t testing.TB, d *dice) {
	tidy := d.bool(2)
	h := dialogueHistory(d, tidy)
	v, twin := checked(PrefixConsistent(), h)[ConsistentPrefix], newPrefixTwin(h)
	if v.Result == Valid && !tidy || v.Result == Unknown {
		return
	}
	explained := twin.explained()
	if explained && v.Result == Invalid || !explained && tidy && twin.proved && v.Result == Valid {
		sayHistory(t, h, "%v, an order exists: %v; %+v", v.Result, explained, v.Anomalies)
	}
	provesItself(t, PrefixConsistent(), v, history.Never)
	if t.Failed() {
		sayHistory(t, h, "witness")
	}
}

func TestPrefixAgreesWithTwin(t *testing.T) { many(t, 10_000, prefixAgrees) }

func FuzzPrefix(f *testing.F) { fuzz(f, prefixAgrees) }
