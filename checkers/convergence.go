package checkers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rashomon-harness/rashomon/history"
)

// KindDivergence is the anomaly of convergence: replicas that do not agree on a key at the end.
const KindDivergence = "divergence"

// Convergent returns the checker of convergence: when every fault is healed and all is quiet, every
// replica answers the same for every key. It compares the peeks of the final phase.
//
// Replicas that did not answer for a key are not compared; one that answered for no key at all makes the
// verdict unknown, unless others disagree. Opportunities are the keys that were written and that at
// least two replicas answered for. Measure: "keys_diverged_share", of those.
func Convergent() Checker { return convergent{} }

type convergent struct{}

// Properties implements Checker.
func (convergent) Properties() []string { return []string{Convergence} }

// Check implements Checker.
func (convergent) Check(_ context.Context, h *history.History) []Verdict {
	t := newTally(Convergence)
	written := writtenKeys(h)
	peeks := finalPeeks(h)
	answered := map[string]bool{} // by node: whether it answered any peek
	for _, key := range slices.Sorted(maps.Keys(peeks)) {
		var answers []replicaPeek
		for _, r := range peeks[key] {
			answered[r.node] = answered[r.node] || r.op != nil
			if r.op != nil {
				answers = append(answers, r)
			}
		}
		if len(answers) < 2 {
			continue
		}
		if written[key] {
			t.chances(1)
		}
		judgeReplicas(t, key, answers)
	}
	v := t.verdict("", silentNodes(h, answered))
	if t.opportunities > 0 {
		share := float64(t.counts[KindDivergence]) / float64(t.opportunities)
		v.Measures = map[string]float64{"keys_diverged_share": share}
	}
	return []Verdict{v}
}

// silentNodes says which nodes answered no peek, "" when there was no peek, or none is silent.
func silentNodes(h *history.History, answered map[string]bool) string {
	if len(answered) == 0 {
		return ""
	}
	nodes := slices.Sorted(maps.Keys(answered))
	for _, n := range h.Header.Nodes {
		if !slices.Contains(nodes, n) {
			nodes = append(nodes, n)
		}
	}
	nodes = slices.DeleteFunc(nodes, func(n string) bool { return answered[n] })
	if len(nodes) == 0 {
		return ""
	}
	return "no peek was answered by " + strings.Join(nodes, ", ")
}

// writtenKeys returns the keys on which some write may have taken effect.
func writtenKeys(h *history.History) map[string]bool {
	written := map[string]bool{}
	ops := h.Ops()
	for i := range ops {
		eachAccess(&ops[i], func(key string, a access) {
			if a.kind != reads && a.op.Type != history.Fail {
				written[key] = true
			}
		})
	}
	return written
}

// replicaPeek is the last answer of a replica about a key; op is nil when it did not answer.
type replicaPeek struct {
	node string
	op   *history.Op
}

// finalPeeks returns what each replica that was asked in the final phase answered about each key, by
// node.
func finalPeeks(h *history.History) map[string][]replicaPeek {
	from := h.FinalFrom()
	peeks := map[string][]replicaPeek{}
	ops := h.Ops()
	for i := range ops {
		op := &ops[i]
		if op.F != history.FPeek || op.Call < from {
			continue
		}
		list := peeks[op.Key]
		at, known := slices.BinarySearchFunc(list, op.Node, func(r replicaPeek, n string) int {
			return strings.Compare(r.node, n)
		})
		if !known {
			list = slices.Insert(list, at, replicaPeek{node: op.Node})
			peeks[op.Key] = list
		}
		if op.Type == history.Ok {
			list[at].op = op
		}
	}
	return peeks
}

// judgeReplicas compares the answers of at least two replicas.
func judgeReplicas(t *tally, key string, answers []replicaPeek) {
	var values []history.Value
	nodes := map[int][]string{} // by place in values
	var ops []*history.Op       // the first answer with each value
	for _, r := range answers {
		at := slices.IndexFunc(values, func(v history.Value) bool { return sameState(v, r.op.Result) })
		if at < 0 {
			at = len(values)
			values, ops = append(values, r.op.Result), append(ops, r.op)
		}
		nodes[at] = append(nodes[at], r.node)
	}
	if len(values) == 1 {
		return
	}
	said := make([]string, len(values))
	for i := range values {
		said[i] = values[i].String() + " at " + strings.Join(nodes[i], ", ")
	}
	t.add(KindDivergence, key, func(*witness) string {
		return fmt.Sprintf("at the end %s is %s", key, strings.Join(said, " and "))
	}, ops[:min(len(ops), 6)]...)
}

// sameState reports whether two answers stand for the same state: null and the empty list both are a list
// that nobody has appended to.
func sameState(a, b history.Value) bool {
	return a.Equal(b) || isEmpty(a) && isEmpty(b)
}

func isEmpty(v history.Value) bool {
	list, isList := v.AsList()
	return v.IsNull() || isList && len(list) == 0
}
