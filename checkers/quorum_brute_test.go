package checkers

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// quorumTwin judges a history of one key by the definition: each question is asked of all operations.
type quorumTwin struct {
	QuorumSettings
	ops    []history.Op
	faults []history.Fault

	counts                                map[string]int64
	decided, undecided, chances, followed int64
	asked, apart, stale, inverted         int64
	left                                  bool
}

var quorumNodes = []string{"n1", "n2", "n3", "n4"}

func (q *quorumTwin) judge() {
	q.counts = map[string]int64{}
	for i := range q.ops {
		q.judgeEvidence(&q.ops[i])
	}
	for i := range q.ops {
		a := &q.ops[i]
		for j := range q.ops[:i] {
			b := &q.ops[j]
			plain := a.F == history.FWrite && b.F == history.FWrite && !a.Arg.IsNull()
			q.left = q.left || plain && a.Type != history.Fail && b.Type != history.Fail && a.Arg.Equal(b.Arg)
		}
		q.left = q.left || a.F == history.FIncr && a.Type != history.Fail
	}
	if q.left {
		q.left = slices.ContainsFunc(q.ops, isOkRead)
		return
	}
	for i := range q.ops {
		if isOkRead(q.ops[i]) {
			q.judgeRead(&q.ops[i])
		}
	}
}

// judgeEvidence counts what an operation says about itself.
func (q *quorumTwin) judgeEvidence(op *history.Op) {
	if op.Type != history.Ok || op.Ev == nil {
		return
	}
	distinct, repeated := 0, false
	for _, node := range quorumNodes {
		inAcks, answers := 0, 0
		for _, ack := range op.Ev.Acks {
			if ack == node {
				inAcks++
			}
		}
		if inAcks > 0 {
			distinct++
		}
		if op.Ev.Quorum == nil {
			continue
		}
		for _, a := range op.Ev.Quorum.Answers {
			if a.Node == node {
				answers++
			}
		}
		repeated = repeated || inAcks > 1 || answers > 1
		if inAcks > 0 && len(op.Ev.Home) > 0 && !slices.Contains(op.Ev.Home, node) &&
			!slices.Contains(op.Ev.Quorum.Hints, node) {
			q.counts[KindStranger]++
		}
	}
	if repeated {
		q.counts[KindCountedTwice]++
	}
	need, kind := q.W, KindWriteTooSmall
	if op.F == history.FRead {
		need, kind = q.R, KindReadTooSmall
		q.judgeRisk(op)
		q.judgeNames(op)
	}
	if op.Ev.Quorum != nil && !q.Local && distinct > 0 && distinct < need {
		q.counts[kind]++
	}
}

func (q *quorumTwin) judgeRisk(r *history.Op) {
	if len(r.Ev.Acks) == 0 {
		return
	}
	q.asked++
	for i := range q.ops {
		w := &q.ops[i]
		if w.F != history.FRead && w.Type == history.Ok && w.Ev != nil && len(w.Ev.Acks) > 0 &&
			w.Return < r.Call && same(w.Ev.Home, r.Ev.Home) && !meet(w.Ev.Acks, r.Ev.Acks) {
			q.apart++
			return
		}
	}
}

func same(a, b []string) bool {
	return !slices.ContainsFunc(a, func(n string) bool { return !slices.Contains(b, n) }) &&
		!slices.ContainsFunc(b, func(n string) bool { return !slices.Contains(a, n) })
}

func meet(a, b []string) bool {
	return slices.ContainsFunc(a, func(n string) bool { return slices.Contains(b, n) })
}

// named returns the writes with a name that may have happened.
func (q *quorumTwin) named(name history.Version) (found []*history.Op) {
	for i := range q.ops {
		op := &q.ops[i]
		if op.F != history.FRead && op.Type != history.Fail && op.Ev != nil && op.Ev.Quorum != nil &&
			slices.Equal(op.Ev.Quorum.Dots, []history.Version{name}) {
			found = append(found, op)
		}
	}
	return found
}

func (q *quorumTwin) judgeNames(r *history.Op) {
	if r.Ev.Quorum == nil {
		return
	}
	list, isList := r.Result.AsList()
	for _, name := range r.Ev.Quorum.Dots {
		found := q.named(name)
		if len(found) != 1 || found[0].F == history.FIncr {
			continue
		}
		var value history.Value
		if found[0].F == history.FWrite {
			value = found[0].Arg
		}
		differs := !r.Result.Equal(value) && !slices.ContainsFunc(list, value.Equal)
		nothing := value.IsNull() && isList && len(list) == 0
		if len(r.Ev.Quorum.Dots) > 1 {
			differs = differs && isList && found[0].F == history.FWrite
			for i := range q.ops {
				differs = differs && q.ops[i].Arg.Kind() != history.List
			}
		}
		if differs && !nothing {
			q.counts[KindEvidenceDisagrees]++
			return
		}
	}
}

// values returns what a read returned: each of several versions.
func (q *quorumTwin) values(r *history.Op) []history.Value {
	list, isList := r.Result.AsList()
	for i := range q.ops {
		op := &q.ops[i]
		if op.F == history.FWrite && op.Type != history.Fail && op.Arg.Kind() == history.List {
			isList = false
		}
	}
	if isList {
		return list
	}
	return []history.Value{r.Result}
}

// writer returns the write of a value, nil for none.
func (q *quorumTwin) writer(value history.Value) *history.Op {
	for i := range q.ops {
		op := &q.ops[i]
		if op.F == history.FWrite && op.Type != history.Fail && !value.IsNull() && op.Arg.Equal(value) {
			return op
		}
	}
	return nil
}

// decides reports whether it is known when all that a read returned had been acknowledged.
func (q *quorumTwin) decides(r *history.Op) bool {
	for _, value := range q.values(r) {
		w := q.writer(value)
		if !value.IsNull() && (w == nil || w.Type != history.Ok) {
			return false
		}
		for i := range q.ops {
			op := &q.ops[i]
			gone := op.F == history.FDelete || op.F == history.FWrite && op.Arg.IsNull()
			if value.IsNull() && gone && op.Type != history.Fail {
				return false
			}
		}
	}
	return len(q.values(r)) > 0
}

// replaced reports whether everything that a read returned was there before w was called.
func (q *quorumTwin) replaced(r, w *history.Op) bool {
	for _, value := range q.values(r) {
		if u := q.writer(value); u != nil && u.Return >= w.Call {
			return false
		}
	}
	return true
}

func (q *quorumTwin) judgeRead(r *history.Op) {
	var newer *history.Op // of the writes acknowledged before r, the one called last; that returned first
	follows, inverted := false, false
	for i := range q.ops {
		op := &q.ops[i]
		if op.Type != history.Ok || op.Return >= r.Call {
			continue
		}
		if op.F != history.FRead {
			if newer == nil || op.Call > newer.Call || op.Call == newer.Call && op.Return < newer.Return {
				newer = op
			}
			continue
		}
		for _, value := range q.values(op) {
			if w := q.writer(value); w != nil && w.Call <= op.Return {
				follows = true
				inverted = inverted || q.replaced(r, w)
			}
		}
	}
	switch {
	case !q.decides(r):
		if newer != nil {
			q.undecided++
		}
		return
	case newer != nil || follows:
		q.chances++
	}
	stale := newer != nil && q.replaced(r, newer)
	if newer != nil {
		q.decided++
	}
	if stale {
		q.stale++
		q.counts[q.cause(r, newer)]++
	}
	if follows {
		q.followed++
	}
	if inverted && !stale {
		q.inverted++
		q.counts[KindReadInversion]++
	}
}

// cause tells why r missed w: the first that is the case.
func (q *quorumTwin) cause(r, w *history.Op) string {
	if r.Ev == nil || w.Ev == nil || len(r.Ev.Acks) == 0 || len(w.Ev.Acks) == 0 {
		return KindStaleUnexplained
	}
	if !meet(r.Ev.Acks, w.Ev.Acks) {
		return q.whyApart(r, w)
	}
	if w.Ev.Quorum == nil || len(w.Ev.Quorum.Dots) != 1 || r.Ev.Quorum == nil {
		return KindStaleUnexplained
	}
	name := w.Ev.Quorum.Dots[0]
	answers := map[string][]history.Version{} // of the nodes in both quorums
	for _, a := range r.Ev.Quorum.Answers {
		if slices.Contains(w.Ev.Acks, a.Node) && slices.Contains(r.Ev.Acks, a.Node) {
			answers[a.Node] = append(answers[a.Node], a.Dots...)
		}
	}
	switch {
	case len(answers) == 0:
		return KindStaleUnexplained
	case len(q.named(name)) > 1:
		return KindStaleDefect
	case slices.Contains(r.Ev.Quorum.Dots, name):
		return KindStaleUnexplained
	}
	defect, clock, forgot, lost := false, false, false, false
	for node, dots := range answers {
		d, c, lacks := q.whyNode(r, w, name, dots)
		defect, clock = defect || d, clock || c
		if lacks && q.mayHaveLost(node, w.Call, r.Return) {
			lost = true
		} else {
			forgot = forgot || lacks
		}
	}
	switch {
	case clock:
		return KindStaleClock
	case defect || forgot:
		return KindStaleDefect
	case lost:
		return KindStaleLostState
	}
	return KindStaleUnexplained
}

// whyNode says what the answer of a node that acknowledged w shows.
func (q *quorumTwin) whyNode(r, w *history.Op, name history.Version, dots []history.Version) (defect, clock,
	lacks bool) {
	has := slices.Contains(dots, name)
	if !q.LWW {
		maybe := false
		for _, dot := range dots {
			found := q.named(dot)
			old := len(found) == 1 && found[0].Type == history.Ok && found[0].Return < w.Call
			maybe = maybe || !old
			defect = defect || len(found) == 1 && found[0].Call > w.Return &&
				!slices.Contains(r.Ev.Quorum.Dots, dot)
		}
		return defect || has, false, !has && !maybe && !defect
	}
	n, known := q.numberOf(r)
	most := history.Version{N: math.MinInt64}
	for _, dot := range dots {
		if dot.N > most.N {
			most = dot
		}
	}
	greater := most.N > name.N
	if known {
		clock = n > name.N
		defect = (greater || has) && n < most.N && !slices.Contains(r.Ev.Quorum.Dots, most)
	} else if found := q.named(most); greater && len(found) == 1 {
		clock = found[0].Type == history.Ok && found[0].Return < w.Call
	}
	return defect, clock, most.N < name.N
}

// numberOf returns the number of the version that a read returned.
func (q *quorumTwin) numberOf(r *history.Op) (int64, bool) {
	var writes []*history.Op
	for _, value := range q.values(r) {
		if w := q.writer(value); w != nil {
			writes = append(writes, w)
		}
	}
	for _, named := range append(writes, r) {
		switch {
		case len(writes) == 0:
			return math.MinInt64, true
		case len(writes) > 1:
			return 0, false
		case named.Ev != nil && named.Ev.Quorum != nil && len(named.Ev.Quorum.Dots) == 1:
			return named.Ev.Quorum.Dots[0].N, true
		}
	}
	return 0, false
}

func (q *quorumTwin) whyApart(r, w *history.Op) string {
	if len(r.Ev.Home) > 0 && len(w.Ev.Home) > 0 && !same(r.Ev.Home, w.Ev.Home) {
		return KindStaleUnexplained
	}
	for _, op := range []*history.Op{r, w} {
		for _, node := range op.Ev.Acks {
			if len(op.Ev.Home) > 0 && !slices.Contains(op.Ev.Home, node) ||
				op.Ev.Quorum != nil && slices.Contains(op.Ev.Quorum.Hints, node) {
				return KindStaleSloppy
			}
		}
	}
	switch {
	case q.Local:
		return KindStaleLocalQuorum
	case q.N > 0 && q.R > 0 && q.W > 0 && q.R+q.W > q.N:
		return KindStaleDefect
	}
	return KindStaleNoOverlap
}

func (q *quorumTwin) mayHaveLost(node string, from, to int64) bool {
	return slices.ContainsFunc(q.faults, func(f history.Fault) bool {
		hit, _ := f.What.Get("nodes").AsList()
		keeps := f.What.Get("shape").Equal(history.StringValue("keep-unsynced"))
		return f.Family == "crash" && f.Outcome == "installed" && !keeps &&
			slices.ContainsFunc(hit, history.StringValue(node).Equal) && f.From <= to && from <= f.To
	})
}

// drawQuorum draws a small history of one key with evidence, faults and settings.
func drawQuorum(d *dice) (QuorumSettings, *history.History) {
	settings := QuorumSettings{N: 3 * d.n(2), R: max(0, d.n(6)-2), W: max(0, d.n(6)-2),
		LWW: d.bool(2), Local: d.bool(6)}
	ops := make([]history.Op, 2+d.n(7))
	written := []history.Value{{}}
	var names []history.Version
	for i := range ops {
		op := &ops[i]
		*op = history.Op{Session: fmt.Sprintf("s%d", d.n(3)), Key: "k", F: history.FWrite, Type: history.Ok}
		op.Call, op.Return = d.span(16)
		switch {
		case i > 0 && !d.bool(2):
			op.F, op.Call, op.Return = history.FRead, op.Call+4, op.Return+4
			op.Result = written[d.n(len(written))]
			if d.bool(4) {
				op.Result = history.ListValue(op.Result, written[d.n(len(written))])
			} else if d.bool(20) {
				op.Result = []history.Value{history.ListValue(), history.IntValue(99)}[d.n(2)]
			}
		case d.bool(12):
			op.F = history.FDelete
		case d.bool(30):
			op.F, op.Arg = history.FIncr, history.IntValue(1)
		default:
			op.Arg = history.IntValue(int64(i + 1))
			if d.bool(20) {
				op.Arg = []history.Value{{}, history.IntValue(1), history.IntsValue(1, 2)}[d.n(3)]
			}
			written = append(written, op.Arg)
		}
		if op.F != history.FRead || d.bool(10) {
			d.outcome(op)
		}
		if !d.bool(8) {
			op.Ev = drawEvidence(d, op, names)
		}
		if name := nameOf(op); name != nil {
			names = append(names, *name)
		}
	}
	h := historyOf(ops, history.Never)
	for range d.n(3) {
		shape := []string{"lose-unsynced", "keep-unsynced", "wipe-disk"}[d.n(3)]
		fault := history.Fault{ID: "f1", Family: []string{"crash", "pause"}[d.n(4)/3],
			Outcome: []string{"installed", "skipped: down"}[d.n(4)/3], From: int64(d.n(16)),
			What: history.MapValue(map[string]history.Value{"shape": history.StringValue(shape),
				"nodes": history.ListValue(history.StringValue(quorumNodes[d.n(4)]))})}
		fault.To = fault.From + int64(d.n(6))
		h.Faults = append(h.Faults, fault)
	}
	return settings, h
}

// drawEvidence draws what is said of one operation; that a quorum is there, and a write has a name, is usual.
// Reads name writes that are known, or others.
func drawEvidence(d *dice, op *history.Op, known []history.Version) *history.Evidence {
	ev := &history.Evidence{Home: quorumNodes[:3]}
	if d.bool(10) {
		ev.Home = [][]string{nil, quorumNodes[1:], {"n3", "n2", "n1"}}[d.n(3)]
	}
	some := func() (list []string) {
		for range 1 + d.n(3) {
			node := quorumNodes[d.n(4)/2*d.n(2)+d.n(2)]
			if !slices.Contains(list, node) || d.bool(12) {
				list = append(list, node)
			}
		}
		return list
	}
	names := func(most int) (list []history.Version) {
		for range d.n(most + 1) {
			name := history.Version{Source: []string{"a", "b"}[d.n(2)], N: int64(1 + d.n(4))}
			if op.F == history.FRead && len(known) > 0 && !d.bool(6) {
				name = known[d.n(len(known))]
			}
			list = append(list, name)
		}
		return list
	}
	if !d.bool(10) {
		ev.Acks = some()
	}
	if d.bool(10) {
		return ev
	}
	ev.Quorum = &history.QuorumEvidence{Dots: names(1)}
	if d.bool(6) {
		ev.Quorum.Hints = some()
	}
	if op.F != history.FRead {
		if len(ev.Quorum.Dots) == 0 && !d.bool(6) {
			ev.Quorum.Dots = []history.Version{{Source: op.Session, N: int64(1 + d.n(4))}}
		}
		return ev
	}
	if ev.Quorum.Dots = nil; d.bool(3) {
		ev.Quorum.Dots = names(3)
	}
	for _, node := range ev.Acks {
		if !d.bool(8) {
			ev.Quorum.Answers = append(ev.Quorum.Answers, history.Answer{Node: node, Dots: names(2)})
		}
	}
	return ev
}

// quorumAgrees compares the checker with the definition, and returns what there was.
func quorumAgrees(t testing.TB, d *dice) map[string]int64 {
	settings, h := drawQuorum(d)
	twin := quorumTwin{QuorumSettings: settings, ops: h.Ops(), faults: h.Faults}
	twin.judge()
	c := Quorum(settings)
	v := c.Check(t.Context(), h)[0]
	share := func(part, of int64) float64 { return float64(part) / float64(max(of, 1)) }
	want := Valid
	switch {
	case len(twin.counts) > 0:
		want = Invalid
	case twin.left || twin.chances == 0:
		want = Unknown
	}
	m := v.Measures
	if v.Result != want || v.Opportunities != twin.chances || len(v.Counts)+len(twin.counts) > 0 &&
		!maps.Equal(v.Counts, twin.counts) || m["reads_decided"] != float64(twin.decided) ||
		m["reads_undecided"] != float64(twin.undecided) ||
		m["stale_share"] != share(twin.stale, twin.decided) ||
		m["inversion_share"] != share(twin.inverted, twin.followed) ||
		m["no_overlap_share"] != share(twin.apart, twin.asked) {
		for _, op := range h.Ops() {
			if op.Ev != nil {
				t.Logf("op %d: %s", op.Index+1, history.AppendEvidence(nil, op.Ev))
			}
		}
		sayHistory(t, h, "%+v: %v %d %v %v, want %v %+v", settings, v.Result, v.Opportunities, v.Counts,
			v.Measures, want, twin)
	}
	quorumProvesItself(t, c, v, h.Faults)
	sum := map[string]int64{"opportunities": twin.chances, "undecided": twin.undecided, "apart": twin.apart}
	if twin.left {
		sum["left out"] = 1
	}
	maps.Copy(sum, twin.counts)
	return sum
}

// TestQuorumAgreesWithTwin compares random histories, scaled by rounds: 100,000 with RASHOMON_FUZZ_SCALE=10
// go test ./checkers -run QuorumAgrees.
func TestQuorumAgreesWithTwin(t *testing.T) {
	sum := map[string]int64{}
	many(t, 10_000, func(t testing.TB, d *dice) {
		for what, n := range quorumAgrees(t, d) {
			sum[what] += n
		}
	})
	t.Log(sum)
	for _, what := range []string{"opportunities", "undecided", "apart", "left out", KindWriteTooSmall,
		KindReadTooSmall, KindCountedTwice, KindStranger, KindEvidenceDisagrees, KindStaleNoOverlap,
		KindStaleSloppy, KindStaleLocalQuorum, KindStaleClock, KindStaleLostState, KindStaleDefect,
		KindStaleUnexplained, KindReadInversion} {
		if sum[what] == 0 {
			t.Errorf("no %s in all histories: nothing is tested", what)
		}
	}
}

func FuzzQuorum(f *testing.F) { fuzz(f, func(t testing.TB, d *dice) { quorumAgrees(t, d) }) }
