package checkers

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// miss is a stale read, and what it missed.
type miss struct {
	*quorumKey
	r, newer *history.Op
	shown    []*history.Op // the writes that it returned, none for the initial value
}

// cause is why a read was stale.
type cause struct {
	kind, why string
	other     *history.Op   // a write that the reason names, nil for none
	before    string        // what stands before that name in the sentence; why stands behind it
	shows     []*history.Op // writes without which the reason could not be seen
}

// staleRead tells why a read missed the acknowledged write newer.
func (f *quorumFindings) staleRead(k *quorumKey, r *history.Op, s seen, newer *history.Op) {
	m := &miss{k, r, newer, shownBy(k.ops, s)}
	c := f.cause(m)
	f.count(c.kind, 1)
	f.explain(c.kind, k.name, func(w *witness) string {
		why := c.why
		if c.other != nil {
			why = c.before + w.whose(c.other) + c.why
		}
		return fmt.Sprintf("%s although %s had been acknowledged: %s", w.did(r), w.whose(newer), why)
	}, slices.Concat(m.shown, c.shows, []*history.Op{newer, r, c.other})...)
}

// causeOf returns a cause with its reason.
func causeOf(kind, format string, args ...any) cause {
	return cause{kind: kind, why: fmt.Sprintf(format, args...)}
}

// heldBy is the cause of a stale read when a node answered with what the read missed.
func heldBy(node string) cause {
	return causeOf(KindStaleDefect, "%s answered with it, and the coordinator returned something older", node)
}

// cause returns why a read was stale.
func (f *quorumFindings) cause(m *miss) cause {
	if !hasAcks(m.r) || !hasAcks(m.newer) {
		return causeOf(KindStaleUnexplained, "there is no evidence of who took part")
	}
	both := common(m.newer.Ev.Acks, m.r.Ev.Acks)
	if len(both) == 0 {
		return f.apartCause(m.r, m.newer)
	}
	name := nameOf(m.newer)
	if name == nil {
		return causeOf(KindStaleUnexplained, "%s took part in both, but nobody knows the name of the write",
			nodes(both))
	}
	told := slices.DeleteFunc(slices.Clone(both), func(node string) bool {
		_, told := answerOf(m.r, node)
		return !told
	})
	switch {
	case len(told) == 0:
		return causeOf(KindStaleUnexplained, "%s took part in both, but nobody knows what it answered",
			nodes(both))
	case m.write(*name) == nil:
		return cause{KindStaleDefect, " has the same name", m.having(*name, m.newer)[0], "for the store ",
			nil}
	case m.names(*name):
		return causeOf(KindStaleUnexplained, "the answer is made of it too")
	case f.LWW:
		return f.latestCause(m, *name, told)
	}
	return f.knownCause(m, *name, told)
}

// having returns two of the writes that have a name, or as many as there are, without one write.
func (m *miss) having(name history.Version, but *history.Op) (found []*history.Op) {
	for i := range m.ops {
		op := &m.ops[i]
		if is := nameOf(op); is != nil && *is == name && op != but && len(found) < 2 {
			found = append(found, op)
		}
	}
	return found
}

// names reports whether the read says that it returned a write.
func (m *miss) names(name history.Version) bool {
	return m.r.Ev.Quorum != nil && slices.Contains(m.r.Ev.Quorum.Dots, name)
}

// number returns the number of the version that the read returned; the initial value has the least.
func (m *miss) number() (n int64, known bool) {
	switch {
	case len(m.shown) == 0:
		return math.MinInt64, true
	case len(m.shown) > 1:
		return 0, false
	}
	if name := nameOf(m.shown[0]); name != nil {
		return name.N, true
	}
	if q := m.r.Ev.Quorum; q != nil && len(q.Dots) == 1 {
		return q.Dots[0].N, true
	}
	return 0, false
}

// old reports whether a name is certainly that of a write which returned before the missed one was called.
func (m *miss) old(name history.Version) bool {
	op := m.write(name)
	return op != nil && op.Precedes(m.newer)
}

// latestCause is the cause of a stale read where the greater number wins, by the answers of nodes that had
// acknowledged the write name.
func (f *quorumFindings) latestCause(m *miss, name history.Version, told []string) cause {
	n, known := m.number()
	if known && n > name.N {
		return causeOf(KindStaleClock, "%s acknowledged it, but the older value has the greater timestamp",
			nodes(told[:1]))
	}
	var lacking lack
	for _, node := range told {
		dots, _ := answerOf(m.r, node)
		top := greatest(dots)
		held := slices.Contains(dots, name)
		switch {
		case !held && (top == nil || top.N < name.N):
			lacking.add(f, m, node, nil)
		case !held && top.N == name.N: // the store's own order of writers decides, which nobody knows
			lacking.doubt(m, dots)
		case known && n < top.N && !m.names(*top) && top.N > name.N:
			return causeOf(KindStaleDefect, "%s answered with a greater timestamp still, and the "+
				"coordinator returned a smaller one", node)
		case known && n < top.N && !m.names(*top):
			return heldBy(node)
		case !known && top.N > name.N && m.old(*top):
			return cause{KindStaleClock, ", which has the greater timestamp", m.write(*top),
				node + " acknowledged it and held ", nil}
		default:
			lacking.doubt(m, dots)
		}
	}
	return lacking.cause()
}

// greatest returns the name with the greatest number, the first of several, nil when there is none.
func greatest(names []history.Version) *history.Version {
	if len(names) == 0 {
		return nil
	}
	top := slices.MaxFunc(names, func(a, b history.Version) int { return cmp.Compare(a.N, b.N) })
	return &top
}

// knownCause is the cause of a stale read where a version stays until a write by somebody who knew it, by
// the answers of nodes that had acknowledged the write name.
func (f *quorumFindings) knownCause(m *miss, name history.Version, told []string) cause {
	var lacking lack
	for _, node := range told {
		dots, _ := answerOf(m.r, node)
		if slices.Contains(dots, name) {
			return heldBy(node)
		}
		for _, dot := range dots {
			if op := m.write(dot); op != nil && m.newer.Precedes(op) && !m.names(dot) {
				return cause{KindStaleDefect, ", which is newer still, and the coordinator did not return it",
					op, node + " answered with ", nil}
			}
		}
		if slices.ContainsFunc(dots, func(d history.Version) bool { return !m.old(d) }) {
			lacking.doubt(m, dots)
			continue
		}
		lacking.add(f, m, node, dots)
	}
	return lacking.cause()
}

// lack gathers what is known of the nodes that acknowledged a write and answered without it.
type lack struct {
	forgot, lost *cause        // of the last node that did so without a crash, and with one
	doubts       []*history.Op // writes of one name, because of which nobody knows what a node had
}

// doubt takes in a node of which it is not known whether it had something newer.
func (l *lack) doubt(m *miss, names []history.Version) {
	for _, name := range names {
		if m.named[name] == sharedName {
			l.doubts = append(l.doubts, m.having(name, nil)...)
		}
	}
}

// add takes in a node that had neither the write nor anything that could have replaced it: nothing, or the
// old writes that are named.
func (l *lack) add(f *quorumFindings, m *miss, node string, names []history.Version) {
	var old []*history.Op
	for _, name := range names {
		old = append(old, m.write(name))
	}
	if id, crashed := f.crashOf(node, m.newer.Call, m.r.Return); crashed {
		c := causeOf(KindStaleLostState, "%s acknowledged it, crashed (fault %s) and answered without it",
			node, id)
		c.shows, l.lost = old, &c
		return
	}
	c := causeOf(KindStaleDefect, "%s acknowledged it and answered without it, and no fault explains that",
		node)
	c.shows, l.forgot = old, &c
}

func (l *lack) cause() cause {
	if l.forgot != nil {
		return *l.forgot
	}
	c := causeOf(KindStaleUnexplained, "nobody knows whether what the replicas answered is newer")
	if l.lost != nil {
		c = *l.lost
	}
	c.shows = append(c.shows, l.doubts...)
	return c
}

// apartCause is the cause of a stale read whose quorum has no node in common with that of the write.
func (f *quorumFindings) apartCause(r, newer *history.Op) cause {
	who := fmt.Sprintf("it was acknowledged by %s, the read was answered by %s", nodes(newer.Ev.Acks),
		nodes(r.Ev.Acks))
	was, is := nodeSet(newer.Ev.Home), nodeSet(r.Ev.Home)
	others := nodeSet(slices.Concat(outsidersIn(newer), outsidersIn(r)))
	known := f.N > 0 && f.R > 0 && f.W > 0
	switch {
	case len(was) > 0 && len(is) > 0 && !slices.Equal(was, is):
		return causeOf(KindStaleUnexplained, "%s; the key's replicas were %s and then %s", who, nodes(was),
			nodes(is))
	case len(others) > 0:
		return causeOf(KindStaleSloppy, "%s; of these %s took the place of replicas", who, nodes(others))
	case f.Local:
		return causeOf(KindStaleLocalQuorum, "%s: quorums are those of a datacenter", who)
	case known && f.R+f.W > f.N:
		return causeOf(KindStaleDefect, "%s, though r + w = %d is more than n = %d", who, f.R+f.W, f.N)
	case known:
		return causeOf(KindStaleNoOverlap, "%s: r + w = %d is not more than n = %d", who, f.R+f.W, f.N)
	}
	return causeOf(KindStaleNoOverlap, "%s", who)
}

// keepsUnsynced is the shape of crashes after which a node has everything that it had written.
const keepsUnsynced = "keep-unsynced"

// crashOf returns the id of a crash by which a node can have lost what it held at some time between from and
// to.
func (f *quorumFindings) crashOf(node string, from, to int64) (id string, crashed bool) {
	for i := range f.h.Faults {
		fault := &f.h.Faults[i]
		shape, _ := fault.What.Get("shape").AsString()
		hit, _ := fault.What.Get("nodes").AsList()
		if fault.Family == "crash" && shape != keepsUnsynced && fault.InEffect() && fault.From <= to &&
			fault.To >= from && slices.ContainsFunc(hit, history.StringValue(node).Equal) {
			return fault.ID, true
		}
	}
	return "", false
}

// answerOf returns what a node told the coordinator of a read that it held.
func answerOf(r *history.Op, node string) (dots []history.Version, told bool) {
	if r.Ev.Quorum == nil {
		return nil, false
	}
	for _, a := range r.Ev.Quorum.Answers {
		if a.Node == node {
			dots, told = append(slices.Clip(dots), a.Dots...), true
		}
	}
	return dots, told
}
