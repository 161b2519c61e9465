package checkers

import (
	"slices"
	"strconv"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// prefixTwin decides consistent prefix by trying every order of all writes that respects what is certain: of
// two writes of one key, or of one session, the one that was acknowledged before the other was called comes
// first; so does the one with the smaller version.
type prefixTwin struct {
	writes    []*history.Op
	before    [][2]int // places in writes
	reads     []*history.Op
	timed     bool // nobody sees what was not called before the read returned
	monotonic bool // a session's prefixes never get shorter
}

func newPrefixTwin(h *history.History, timed, monotonic bool) *prefixTwin {
	tw := &prefixTwin{timed: timed, monotonic: monotonic}
	ops := h.Ops()
	for i := range ops {
		op := &ops[i]
		switch {
		case op.F == history.FWrite && op.Type != history.Fail:
			tw.writes = append(tw.writes, op)
		case op.F == history.FRead && op.Type == history.Ok:
			tw.reads = append(tw.reads, op)
		}
	}
	for i, x := range tw.writes {
		for j, y := range tw.writes {
			together := x.Key == y.Key || x.Session == y.Session
			logged := x.Ev != nil && y.Ev != nil && x.Ev.Ver[0].N < y.Ev.Ver[0].N
			if x.Type == history.Ok && (together && x.Precedes(y) || logged) {
				tw.before = append(tw.before, [2]int{i, j})
			}
		}
	}
	return tw
}

// know adds what reads prove without being explained themselves: that a question was there before its answer
// was called. It reports whether that is proved of every answer that reads of both show.
func (tw *prefixTwin) know() (proved bool) {
	known := map[int64]bool{}
	for i, x := range tw.writes {
		for j, y := range tw.writes {
			if x.Key != "q" || y.Key != "r" || !x.Arg.Equal(y.Arg) {
				continue
			}
			seen := slices.ContainsFunc(tw.reads, func(r *history.Op) bool {
				shown := tw.shown(r)["q"]
				return r.Precedes(y) && shown.Equal(x.Arg)
			})
			if seen || slices.Contains(tw.before, [2]int{i, j}) {
				tw.before = append(tw.before, [2]int{i, j})
				v, _ := y.Arg.AsInt()
				known[v] = true
			}
		}
	}
	proved = true
	for _, r := range tw.reads {
		v, isInt := tw.shown(r)["r"].AsInt()
		proved = proved && (!isInt || len(r.Keys) == 0 || known[v])
	}
	tw.reads = slices.DeleteFunc(tw.reads, func(r *history.Op) bool { return len(r.Keys) == 0 })
	return proved
}

// shown returns what a read shows, by key.
func (tw *prefixTwin) shown(r *history.Op) map[string]history.Value {
	if len(r.Keys) == 0 {
		return map[string]history.Value{r.Key: r.Result}
	}
	values, _ := r.Result.AsList()
	all := map[string]history.Value{}
	for i, key := range r.Keys {
		all[key] = values[i]
	}
	return all
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

// explains reports whether an order explains all reads: each by the shortest prefix that does.
func (tw *prefixTwin) explains(order []int) bool {
	sizes := make([]int, len(tw.reads))
	for j, r := range tw.reads {
		least := 0
		for i, earlier := range tw.reads[:j] {
			if tw.monotonic && earlier.Session == r.Session && earlier.Precedes(r) {
				least = max(least, sizes[i])
			}
		}
		if sizes[j] = tw.prefix(order, r, least); sizes[j] < 0 {
			return false
		}
	}
	return true
}

// prefix returns the shortest prefix of at least a size that shows what a read read, -1 for none.
func (tw *prefixTwin) prefix(order []int, r *history.Op, least int) int {
	state, shown := map[string]history.Value{}, tw.shown(r)
	for size := 0; ; size++ {
		matches := size >= least
		for key, v := range shown {
			matches = matches && v.Equal(state[key])
		}
		if matches {
			return size
		}
		if size == len(order) {
			return -1
		}
		w := tw.writes[order[size]]
		if tw.timed && r.Precedes(w) {
			return -1
		}
		state[w.Key] = w.Arg
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

// prefixAgrees compares the checker with its twin on dialogues: what it reports no order explains, and of a
// tidy history it reports all that no order explains, as far as it looks at reads of both.
func prefixAgrees(t testing.TB, d *dice) {
	tidy := d.bool(2)
	h := dialogueHistory(d, tidy)
	v := checked(PrefixConsistent(), h)[ConsistentPrefix]
	if v.Result == Invalid && newPrefixTwin(h, true, false).explained() {
		sayHistory(t, h, "an order exists; %+v", v.Anomalies)
	}
	lenient := newPrefixTwin(h, false, false)
	if tidy && lenient.know() && v.Result != Invalid && v.Opportunities > 0 && !lenient.explained() {
		sayHistory(t, h, "%v, and no order exists", v.Result)
	}
	provesItself(t, PrefixConsistent(), v, history.Never)
	if t.Failed() {
		sayHistory(t, h, "witness")
	}
}

func TestPrefixAgreesWithTwin(t *testing.T) { many(t, 5_000, prefixAgrees) }

func FuzzPrefix(f *testing.F) { fuzz(f, prefixAgrees) }

// logHistory draws a small history of three keys that are each written one write after the other, and reads
// of two or three of them: mostly of some prefix of the writes. With versions, the store tells where its log
// has each write.
func logHistory(d *dice, versions bool) *history.History {
	keys := []string{"a", "b", "c"}
	last := map[string]int64{}
	counts := map[string]int64{}
	var ops []history.Op
	states := []map[string]int64{{}}
	now := int64(0)
	for n := range 2 + d.n(4) {
		key := keys[d.n(3)]
		op := history.Op{Session: "w" + key, F: history.FWrite, Key: key, Type: history.Ok}
		counts[key]++
		op.Arg = history.IntValue(counts[key])
		op.Call = max(last[key], now-int64(d.n(3)))
		op.Return = max(now, op.Call) + int64(d.n(3))
		last[key], now = op.Return+1, now+1
		if versions && !d.bool(10) {
			op.Ev = &history.Evidence{Ver: []history.Version{{Source: "log", N: int64(n)}}}
		}
		if d.bool(12) && versions {
			op.Type, op.Return, op.Ev = history.Info, history.Never, nil
		}
		ops = append(ops, op)
		state := map[string]int64{}
		for _, k := range keys {
			state[k] = states[n][k]
		}
		state[key] = counts[key]
		states = append(states, state)
	}
	for range 2 + d.n(3) {
		op := history.Op{Session: "s" + strconv.Itoa(d.n(2)), F: history.FRead, Type: history.Ok}
		first := d.n(3)
		op.Keys = []string{keys[first], keys[(first+1)%3], keys[(first+2)%3]}[:2+d.n(2)]
		op.Call = now + int64(d.n(6))
		op.Return = op.Call + int64(d.n(3))
		state := states[d.n(len(states))]
		values := make([]history.Value, len(op.Keys))
		for i, key := range op.Keys {
			v := state[key]
			if d.bool(3) {
				v = int64(d.n(int(counts[key]) + 1))
			}
			if v > 0 {
				values[i] = history.IntValue(v)
			}
		}
		op.Result = history.ListValue(values...)
		if d.bool(4) {
			op.Key, op.Keys, op.Result = op.Keys[0], nil, values[0]
		}
		ops = append(ops, op)
	}
	d.sequence(ops)
	return historyOf(ops, history.Never)
}

// logsAgree compares the checker with its twin on reads of several keys.
func logsAgree(t testing.TB, d *dice) {
	versions, monotonic := d.bool(2), d.bool(2)
	h := logHistory(d, versions)
	c := PrefixConsistent()
	if monotonic {
		c = PrefixConsistent(MonotonicReads)
	}
	v := checked(c, h)[ConsistentPrefix]
	if v.Result == Invalid && newPrefixTwin(h, true, monotonic && versions).explained() {
		sayHistory(t, h, "an order exists; %+v", v.Anomalies)
	}
	tw := newPrefixTwin(h, false, false)
	tw.know()
	sure := !slices.ContainsFunc(tw.writes, func(w *history.Op) bool { return w.Type != history.Ok })
	whole := versions && !slices.ContainsFunc(tw.writes, func(w *history.Op) bool { return w.Ev == nil })
	if sure && (whole || !versions) && ordered(h) && v.Result != Invalid && !tw.explained() {
		sayHistory(t, h, "%v, and no order exists", v.Result)
	}
	provesItself(t, c, v, history.Never)
	if t.Failed() {
		sayHistory(t, h, "witness")
	}
}

// ordered reports whether the writes of every key came one after the other, and no version contradicts
// their times.
func ordered(h *history.History) bool {
	ops := h.Ops()
	for i := range ops {
		for j := range ops {
			x, y := &ops[i], &ops[j]
			if x.F != history.FWrite || y.F != history.FWrite || i == j {
				continue
			}
			if x.Key == y.Key && !x.Precedes(y) && !y.Precedes(x) {
				return false
			}
			if x.Ev != nil && y.Ev != nil && x.Ev.Ver[0].N < y.Ev.Ver[0].N && y.Precedes(x) {
				return false
			}
		}
	}
	return true
}

func TestLogsAgreeWithTwin(t *testing.T) { many(t, 5_000, logsAgree) }

func FuzzLogs(f *testing.F) { fuzz(f, logsAgree) }
