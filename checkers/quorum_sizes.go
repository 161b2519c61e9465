package checkers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rashomon-harness/rashomon/history"
)

// hasAcks reports whether an acknowledged operation says which nodes its quorum was.
func hasAcks(op *history.Op) bool {
	return op.Type == history.Ok && op.Ev != nil && len(op.Ev.Acks) > 0
}

// judgeSize compares the number of nodes in an acknowledged operation's quorum with what the store claims.
func (f *quorumFindings) judgeSize(op *history.Op) {
	if !hasAcks(op) || op.Ev.Quorum == nil || f.Local {
		return
	}
	need, kind, what := f.W, KindWriteTooSmall, "w"
	if op.F == history.FRead {
		need, kind, what = f.R, KindReadTooSmall, "r"
	}
	if distinct := len(nodeSet(op.Ev.Acks)); distinct < need {
		f.count(kind, 1)
		f.explain(kind, op.Key, func(w *witness) string {
			return fmt.Sprintf("%s was answered by %s: %d, and %s is %d", w.whose(op), nodes(op.Ev.Acks),
				distinct, what, need)
		}, op)
	}
}

// judgeMembers looks for nodes that have no place in an acknowledged operation's quorum.
func (f *quorumFindings) judgeMembers(op *history.Op) {
	if op.Type != history.Ok || op.Ev == nil || op.Ev.Quorum == nil {
		return
	}
	if list := twice(op); list != nil {
		f.count(KindCountedTwice, 1)
		f.explain(KindCountedTwice, op.Key, func(w *witness) string {
			return fmt.Sprintf("%s was answered by %s: one of them is counted twice", w.whose(op),
				nodes(list))
		}, op)
	}
	if strangers := strangersIn(op); len(strangers) > 0 {
		f.count(KindStranger, int64(len(strangers)))
		f.explain(KindStranger, op.Key, func(w *witness) string {
			return fmt.Sprintf("%s was answered by %s, which is none of the key's replicas %s and stands in "+
				"for none", w.whose(op), nodes(strangers[:1]), nodes(op.Ev.Home))
		}, op)
	}
}

// twice returns the nodes of a quorum when one of them is counted twice, nil otherwise.
func twice(op *history.Op) []string {
	answered := make([]string, 0, len(op.Ev.Quorum.Answers))
	for _, a := range op.Ev.Quorum.Answers {
		answered = append(answered, a.Node)
	}
	for _, list := range [][]string{op.Ev.Acks, answered} {
		if len(nodeSet(list)) < len(list) {
			return list
		}
	}
	return nil
}

// strangersIn returns the nodes of a quorum that are neither replicas nor said to stand in for one.
func strangersIn(op *history.Op) []string {
	return slices.DeleteFunc(outsidersIn(op), func(node string) bool {
		return op.Ev.Quorum != nil && slices.Contains(op.Ev.Quorum.Hints, node)
	})
}

// outsidersIn returns the nodes of a quorum that are no replicas of the key, or are said to stand in for one.
func outsidersIn(op *history.Op) []string {
	return slices.DeleteFunc(nodeSet(op.Ev.Acks), func(node string) bool {
		hint := op.Ev.Quorum != nil && slices.Contains(op.Ev.Quorum.Hints, node)
		return !hint && (len(op.Ev.Home) == 0 || slices.Contains(op.Ev.Home, node))
	})
}

// ackSet is the quorum of a write, while the key had certain replicas.
type ackSet struct {
	home, acks string
	nodes      []string
	since      int64 // the earliest return of a write with that quorum
}

func ackSetOf(op *history.Op) ackSet {
	return ackSet{strings.Join(nodeSet(op.Ev.Home), " "), strings.Join(nodeSet(op.Ev.Acks), " "), op.Ev.Acks,
		op.Return}
}

// judgeOverlap counts the reads that asked no replica of an earlier acknowledged write. Of the writes only
// the sets of nodes count, with the earliest return of each.
func (f *quorumFindings) judgeOverlap(ops []history.Op) {
	var sets []ackSet
	for i := range ops {
		if ops[i].F == history.FRead || !hasAcks(&ops[i]) {
			continue
		}
		set := ackSetOf(&ops[i])
		at := slices.IndexFunc(sets, func(s ackSet) bool { return s.home == set.home && s.acks == set.acks })
		if at < 0 {
			sets = append(sets, set)
		} else {
			sets[at].since = min(sets[at].since, set.since)
		}
	}
	for i := range ops {
		op := &ops[i]
		if op.F != history.FRead || !hasAcks(op) {
			continue
		}
		f.asked++
		home := strings.Join(nodeSet(op.Ev.Home), " ")
		if slices.ContainsFunc(sets, func(s ackSet) bool {
			return s.since < op.Call && s.home == home && len(common(s.nodes, op.Ev.Acks)) == 0
		}) {
			f.apart++
		}
	}
}

// nodeSet returns the nodes of a list by name, each once.
func nodeSet(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// common returns the nodes that are in both lists, by name.
func common(a, b []string) []string {
	return slices.DeleteFunc(nodeSet(a), func(node string) bool { return !slices.Contains(b, node) })
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
