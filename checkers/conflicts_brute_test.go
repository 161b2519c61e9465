package checkers

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// conflictTwin judges a history of one key by the definitions of Conflicts, and nothing else.
type conflictTwin struct {
	ConflictSettings
	ops     []history.Op // but peeks
	answers []history.Op // final reads, then final peeks
	reads   int          // of answers
	final   int64
	counts  map[string]int64
	unseen  int
}

// has returns the values that an operation read, wrote, or (of sets) removed.
func (c *conflictTwin) has(op *history.Op) []history.Value {
	v := op.Arg
	if op.F == history.FRead || op.F == history.FPeek {
		v = op.Result
	}
	list, isList := v.AsList()
	switch {
	case v.IsNull():
		return nil
	case isList:
		return list
	}
	return []history.Value{v}
}

func (c *conflictTwin) shows(op *history.Op, v history.Value) bool {
	return op.Type == history.Ok && slices.ContainsFunc(c.has(op), v.Equal)
}

func isRead(op *history.Op) bool  { return op.F == history.FRead }
func isWrite(op *history.Op) bool { return op.F == history.FWrite || op.F == history.FAdd }
func isDelete(op *history.Op) bool {
	return op.F == history.FDelete || op.F == history.FRemove
}

// known returns the matrix of which write knows which: known[y][x] that y knows x.
func (c *conflictTwin) known() [][]bool {
	n := len(c.ops)
	known := make([][]bool, n)
	for y := range c.ops {
		known[y] = make([]bool, n)
		for x := range c.ops {
			w, z := &c.ops[x], &c.ops[y]
			known[y][x] = x != y && isWrite(w) && !isRead(z) && c.context(z, w)
		}
	}
	for m := range n {
		for y := range n {
			for x := range n {
				known[y][x] = known[y][x] || known[y][m] && known[m][x]
			}
		}
	}
	return known
}

// context reports whether the author of z had been shown w directly, before it called z.
func (c *conflictTwin) context(z, w *history.Op) bool {
	for i := range c.ops {
		r := &c.ops[i]
		if r.Session != z.Session || r.Device != z.Device || r.Type != history.Ok || r.Return >= z.Call ||
			r.Return < w.Call {
			continue
		}
		if isRead(r) && c.shows(r, w.Arg) || c.OwnWritesKnown && r.Index == w.Index {
			return true
		}
	}
	return false
}

// superseded reports whether some change may have known w.
func (c *conflictTwin) superseded(w *history.Op) bool {
	for i := range c.ops {
		z := &c.ops[i]
		if isRead(z) || z.Index == w.Index || !c.mayHappen(z) {
			continue
		}
		if z.Session == w.Session && w.Call <= z.Return {
			return true
		}
		for j := range c.ops {
			r := &c.ops[j]
			if isRead(r) && r.Session == z.Session && r.Return <= z.Return && c.shows(r, w.Arg) {
				return true
			}
		}
	}
	return false
}

func (c *conflictTwin) mayHappen(z *history.Op) bool {
	if z.Type != history.Fail {
		return true
	}
	seen := func(r history.Op) bool {
		return r.F != z.F && c.shows(&r, z.Arg) && (isRead(&r) || r.F == history.FPeek)
	}
	return isWrite(z) && (slices.ContainsFunc(c.ops, seen) || slices.ContainsFunc(c.answers, seen))
}

func (c *conflictTwin) judgeLost() {
	since := history.Never
	for i := range c.answers {
		since = min(since, c.answers[i].Call)
	}
	for i := range c.ops {
		w := &c.ops[i]
		if !isWrite(w) || w.Type != history.Ok || w.Return >= since || c.inFinal(w) {
			continue
		}
		switch {
		case w.F == history.FAdd:
			c.judgeElement(w)
		case !c.superseded(w):
			c.classify(w)
		}
	}
}

func (c *conflictTwin) inFinal(w *history.Op) bool {
	return slices.ContainsFunc(c.answers, func(a history.Op) bool { return c.shows(&a, w.Arg) })
}

func (c *conflictTwin) judgeElement(w *history.Op) {
	for i := range c.ops {
		op := &c.ops[i]
		if op.Arg.Equal(w.Arg) && op.Type != history.Fail && op.Index != w.Index && !isRead(op) {
			return
		}
	}
	c.counts[KindLostElement]++
}

func (c *conflictTwin) classify(w *history.Op) {
	var stay []history.Op
	null := slices.ContainsFunc(c.answers, func(a history.Op) bool { return len(c.has(&a)) == 0 })
	for i := range c.ops {
		z := c.ops[i]
		if isWrite(&z) && c.inFinal(&z) || isDelete(&z) && null && z.Type != history.Fail {
			stay = append(stay, z)
		}
	}
	later, under := false, false
	for i := range stay {
		later = later || w.Return < stay[i].Call
		under = under || stay[i].Type != history.Ok || stay[i].Return >= w.Call
	}
	switch {
	case !c.KeepsSiblings && slices.ContainsFunc(c.answers, c.strange):
	case c.KeepsSiblings || len(stay) == 0:
		c.counts[KindLostWrite]++
	case later:
		c.unseen++
	case under:
		c.counts[KindSilentlyOverwritten]++
	default:
		c.counts[KindOverwrittenByOlder]++
	}
}

// strange reports whether an answer has a value that nobody wrote.
func (c *conflictTwin) strange(a history.Op) bool {
	return slices.ContainsFunc(c.has(&a), func(v history.Value) bool {
		return !slices.ContainsFunc(c.ops, func(w history.Op) bool { return isWrite(&w) && w.Arg.Equal(v) })
	})
}

func (c *conflictTwin) judgeReads() {
	known := c.known()
	pairs := map[[2]int]bool{}
	for i := range c.ops {
		r := &c.ops[i]
		if !isRead(r) {
			continue
		}
		if c.MaxSiblings > 0 && len(c.has(r)) > c.MaxSiblings {
			c.counts[KindSiblingExplosion]++
		}
		for x := range c.ops {
			for y := range c.ops {
				if isWrite(&c.ops[x]) && isWrite(&c.ops[y]) && c.shows(r, c.ops[x].Arg) &&
					c.shows(r, c.ops[y].Arg) && known[y][x] && x != y {
					pairs[[2]int{x, y}] = true
				}
			}
		}
	}
	if c.KeepsSiblings && len(pairs) > 0 {
		c.counts[KindFalseConflict] += int64(len(pairs))
	}
}

// judgeBack counts the values that came back.
func (c *conflictTwin) judgeBack() {
	for i := range c.ops {
		w := &c.ops[i]
		writes := 0
		for j := range c.ops {
			if isWrite(&c.ops[j]) && c.ops[j].Arg.Equal(w.Arg) && c.ops[j].Type != history.Fail {
				writes++
			}
		}
		if isWrite(w) && w.Type != history.Fail && writes == 1 && c.cameBack(w) {
			c.counts[KindResurrected]++
		}
	}
}

func (c *conflictTwin) cameBack(w *history.Op) bool {
	for i := range c.ops {
		d := &c.ops[i]
		if !isDelete(d) || d.Type != history.Ok || d.F == history.FRemove && !d.Arg.Equal(w.Arg) ||
			!c.wasThere(w, d) {
			continue
		}
		peeked := c.final != history.Never && c.reads == 0 && len(c.answers) > 0
		for j := range c.answers {
			peeked = peeked && d.Return < c.answers[j].Call && c.shows(&c.answers[j], w.Arg)
		}
		if peeked || slices.ContainsFunc(c.ops, func(r history.Op) bool { return c.isBack(w, d, &r) }) {
			return true
		}
	}
	return false
}

func (c *conflictTwin) isBack(w, d, r *history.Op) bool {
	if !isRead(r) || !c.shows(r, w.Arg) || d.Return >= r.Call {
		return false
	}
	return r.Call >= c.final || slices.ContainsFunc(c.ops, func(g history.Op) bool {
		return isRead(&g) && !c.shows(&g, w.Arg) && d.Return < g.Call && g.Return < r.Call
	})
}

// wasThere reports whether w had taken effect, as far as counts, before d was called.
func (c *conflictTwin) wasThere(w, d *history.Op) bool {
	alone := c.KeepsSiblings
	if d.F == history.FRemove {
		alone = c.ObservedRemove
	}
	for i := range c.ops {
		r := &c.ops[i]
		mine := r.Session == d.Session && r.Device == d.Device
		if r.Type != history.Ok || r.Return >= d.Call || alone && !mine {
			continue
		}
		if isRead(r) && c.shows(r, w.Arg) && w.Call <= r.Return ||
			r.Index == w.Index && (!alone || c.OwnWritesKnown) {
			return true
		}
	}
	return false
}

// judgeConflicts judges a history of one key, whose final state is known if there are final reads.
func judgeConflicts(h *history.History, s ConflictSettings) *conflictTwin {
	c := &conflictTwin{ConflictSettings: s, final: h.FinalFrom(), counts: map[string]int64{}}
	var peeks []history.Op
	for _, op := range h.Ops() {
		switch {
		case op.F == history.FPeek && op.Call >= c.final && op.Type == history.Ok:
			peeks = append(peeks, op)
		case op.F == history.FPeek, isRead(&op) && op.Type != history.Ok:
		default:
			c.ops = append(c.ops, op)
			if isRead(&op) && op.Call >= c.final {
				c.answers = append(c.answers, op)
				c.reads++
			}
		}
	}
	c.answers = append(c.answers, peeks...)
	if len(c.answers) > 0 {
		c.judgeLost()
	}
	if slices.ContainsFunc(c.ops, func(op history.Op) bool { return op.F == history.FWrite }) {
		c.judgeReads()
	}
	c.judgeBack()
	return c
}

// drawConflicts draws a small history of a register, or a set, with settings for it.
func drawConflicts(d *dice) (*history.History, ConflictSettings) {
	s := ConflictSettings{KeepsSiblings: d.bool(2), OwnWritesKnown: d.bool(2), ObservedRemove: d.bool(2),
		MaxSiblings: d.n(4)}
	set, span := d.bool(3), 6+d.n(14)
	n := 2 + d.n(9)
	if d.bool(8) { // long chains
		n, span = 15+d.n(10), 60
	}
	final := history.Never
	if !d.bool(6) {
		final = int64(span)
	}
	ops := make([]history.Op, n+d.n(4))
	written := []history.Value{}
	for i := range ops {
		op := &ops[i]
		*op = history.Op{Session: fmt.Sprintf("s%d", d.n(3)), Key: "k", F: history.FRead, Type: history.Ok}
		if d.bool(8) {
			op.Device = "d2"
		}
		op.Call, op.Return = d.span(span)
		if i >= n {
			op.Call, op.Return = op.Call+int64(span), op.Return+int64(span)
		}
		switch {
		case i >= n && d.bool(3):
			op.F, op.Node = history.FPeek, fmt.Sprintf("n%d", i)
		case d.bool(2) || len(written) == 0:
			drawConflictChange(d, op, set, int64(i+1), &written)
			continue
		}
		drawConflictRead(d, op, set, written)
	}
	if !d.bool(3) {
		d.sequence(ops[:n])
	}
	return historyOf(ops, final), s
}

func drawConflictChange(d *dice, op *history.Op, set bool, value int64, written *[]history.Value) {
	op.F, op.Arg = history.FWrite, history.IntValue(value)
	if set {
		op.F = history.FAdd
	}
	if d.bool(10) && op.F == history.FWrite {
		op.Arg = history.StringValue(fmt.Sprintf("text%d", value))
	}
	switch {
	case d.bool(4) && set && len(*written) > 0:
		op.F, op.Arg = history.FRemove, (*written)[d.n(len(*written))]
	case d.bool(8) && set && len(*written) > 0:
		op.Arg = (*written)[d.n(len(*written))]
	case d.bool(5) && !set:
		op.F, op.Arg = history.FDelete, history.Value{}
	default:
		*written = append(*written, op.Arg)
	}
	d.outcome(op)
}

func drawConflictRead(d *dice, op *history.Op, set bool, written []history.Value) {
	var shown []history.Value
	for _, v := range written {
		if d.bool(2) {
			shown = append(shown, v)
		}
	}
	if len(shown) > 1 && d.bool(3) {
		shown = shown[len(shown)-2:]
	}
	if d.bool(24) {
		shown = append(shown, history.IntValue(99)) // nobody wrote it
	}
	switch {
	case len(shown) == 1 && !set:
		op.Result = shown[0]
	case len(shown) > 0:
		op.Result = history.ListValue(shown...)
	}
}

// agreesOnConflicts compares the checker with its twin on a random history.
func agreesOnConflicts(t testing.TB, d *dice) {
	h, s := drawConflicts(d)
	c := Conflicts(s)
	v := c.Check(context.Background(), h)[0]
	twin := judgeConflicts(h, s)
	if len(v.Counts) != len(twin.counts) {
		sayHistory(t, h, "%+v: %v, by definition %v", s, v.Counts, twin.counts)
	}
	for kind, n := range twin.counts {
		if v.Counts[kind] != n {
			sayHistory(t, h, "%+v: %v, by definition %v", s, v.Counts, twin.counts)
		}
	}
	if v.Measures["overwritten_unseen"] != float64(twin.unseen) {
		sayHistory(t, h, "%+v: %v unseen, by definition %d", s, v.Measures, twin.unseen)
	}
	if v.Result == Invalid && v.Opportunities == 0 {
		sayHistory(t, h, "%+v: an anomaly without opportunity: %v", s, v.Counts)
	}
	for _, a := range v.Anomalies {
		alone := checked(c, historyOf(a.Ops, h.FinalFrom()))[PropertyConflicts]
		if alone.Counts[a.Kind] == 0 {
			sayHistory(t, h, "%+v: the witness does not show %s by itself: %+v\n%s\n%s", s, a.Kind, alone,
				a.Sentence, a.Drawing)
		}
	}
}

func TestConflictsTwin(t *testing.T) { many(t, 5000, agreesOnConflicts) }

func FuzzConflicts(f *testing.F) { fuzz(f, agreesOnConflicts) }
