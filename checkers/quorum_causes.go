package checkers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rashomon-harness/rashomon/history"
)

// staleRead tells why a read missed the acknowledged write newer.
func (f *quorumFindings) staleRead(key string, ops []history.Op, r *history.Op, s seen, newer *history.Op) {
	shown := shownBy(ops, s)
	kind, why := f.cause(r, newer, shown)
	f.count(kind, 1)
	f.explain(kind, key, func(w *witness) string {
		return fmt.Sprintf("%s although %s had been acknowledged: %s", w.did(r), w.whose(newer), why)
	}, shown, newer, r)
}

// cause returns the kind of a stale read, and the reason for people.
func (f *quorumFindings) cause(r, newer, shown *history.Op) (kind, why string) {
	if !hasAcks(r) || !hasAcks(newer) {
		return KindStaleUnexplained, "there is no evidence of who took part"
	}
	both := common(newer.Ev.Acks, r.Ev.Acks)
	if len(both) == 0 {
		return f.apartCause(r, newer)
	}
	name := dotOf(newer)
	for _, node := range both {
		dots, told := answerOf(r, node)
		if !told || name == nil {
			continue
		}
		held := slices.Contains(dots, *name)
		switch {
		case held && f.LWW && shown != nil && greater(dotOf(shown), name):
			return KindStaleClock,
				fmt.Sprintf("%s answered with it, but the older value has the greater timestamp", node)
		case held:
			return KindStaleDefect,
				fmt.Sprintf("%s answered with it, and the coordinator returned something older", node)
		case f.LWW && len(dots) == 1 && greater(&dots[0], name):
			return KindStaleClock,
				fmt.Sprintf("%s acknowledged it and held a greater timestamp, of an older value", node)
		}
	}
	node := both[0]
	if id := f.crashOf(node, newer.Call, r.Return); id != "" {
		return KindStaleLostState,
			fmt.Sprintf("%s acknowledged it, crashed (fault %s) and answered without it", node, id)
	}
	return KindStaleDefect,
		fmt.Sprintf("%s acknowledged it and answered without it, and no fault explains that", node)
}

// apartCause is the cause of a stale read whose quorum has no node in common with that of the write.
func (f *quorumFindings) apartCause(r, newer *history.Op) (kind, why string) {
	who := fmt.Sprintf("it was acknowledged by %s, the read was answered by %s", nodes(newer.Ev.Acks),
		nodes(r.Ev.Acks))
	for _, op := range []*history.Op{newer, r} {
		if q := op.Ev.Quorum; q != nil && len(q.Hints) > 0 {
			return KindStaleSloppy, fmt.Sprintf("%s; %s stood in for replicas", who, nodes(q.Hints))
		}
	}
	switch {
	case f.Local:
		return KindStaleLocalQuorum, who + ": quorums are those of a datacenter"
	case f.N > 0 && f.R+f.W > f.N:
		return KindStaleDefect, fmt.Sprintf("%s, though r + w = %d is more than n = %d", who, f.R+f.W, f.N)
	case f.N > 0:
		who = fmt.Sprintf("%s: r + w = %d is not more than n = %d", who, f.R+f.W, f.N)
	}
	return KindStaleNoOverlap, who
}

// crashOf returns the id of a crash of a node that was in effect at some time between from and to, "" for
// none.
func (f *quorumFindings) crashOf(node string, from, to int64) string {
	for i := range f.h.Faults {
		fault := &f.h.Faults[i]
		if fault.Family == "crash" && fault.InEffect() && fault.From <= to && fault.To >= from &&
			strings.Contains(fault.What.String(), `"`+node+`"`) {
			return fault.ID
		}
	}
	return ""
}

// dotOf returns the name that the store gave to a write, nil for none.
func dotOf(op *history.Op) *history.Version {
	if op == nil || op.Ev == nil || op.Ev.Quorum == nil || len(op.Ev.Quorum.Dots) != 1 {
		return nil
	}
	return &op.Ev.Quorum.Dots[0]
}

// greater reports whether a is the greater of two names under last-write-wins.
func greater(a, b *history.Version) bool {
	return a != nil && b != nil && (a.N > b.N || a.N == b.N && a.Source > b.Source)
}

// answerOf returns what a node told the coordinator of a read that it held.
func answerOf(r *history.Op, node string) (dots []history.Version, told bool) {
	if r.Ev.Quorum == nil {
		return nil, false
	}
	for _, a := range r.Ev.Quorum.Answers {
		if a.Node == node {
			return a.Dots, true
		}
	}
	return nil, false
}

// nodes lists nodes for people.
func nodes(list []string) string {
	list = slices.Clone(list)
	slices.Sort(list)
	if len(list) == 0 {
		return "no node"
	}
	return strings.Join(list, ", ")
}
