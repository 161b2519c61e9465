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

// Convergent returns the checker of convergence: when every fault is healed and all is quiet, every replica
// answers the same for every key. It compares the peeks of the final phase; those of nodes that are no
// replicas of the key, by their own evidence, are left out.
//
// Replicas that did not answer for a key are not compared; one that answered for no key at all makes the
// verdict unknown, unless others disagree. Opportunities are the keys that were changed and that at least
// two replicas answered for. Measure: "keys_diverged_share", of those.
func Convergent() Checker { return convergent{} }

type convergent struct{}

// Properties implements Checker.
func (convergent) Properties() []string { return []string{Convergence} }

// Check implements Checker.
func (convergent) Check(_ context.Context, h *history.History) []Verdict {
	t := newTally(Convergence)
	changed := changedKeys(h)
	peeks := finalPeeks(h)
	answered := map[string]bool{} // by node: whether it answered any peek
	for _, key := range slices.Sorted(maps.Keys(peeks)) {
		var answers []replicaPeek
		for _, r := range peeks[key] {
			answered[r.node] = answered[r.node] || r.op != none
			if r.op != none && atHome(h, r) {
				answers = append(answers, r)
			}
		}
		if len(answers) < 2 {
			continue
		}
		if changed[key] != "" {
			t.chances(1)
		}
		same := sameState
		if f := changed[key]; f == history.FAdd || f == history.FRemove {
			same = sameElements
		}
		judgeReplicas(t, h, key, answers, same)
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

// changedKeys returns the keys that some operation may have changed, with a function that did: one that is
// not known to be a write where there is one.
func changedKeys(h *history.History) map[string]string {
	all := newAccesses(h)
	var by []string // by number
	for i := range h.Len() {
		if h.Type(i) == history.Fail {
			continue
		}
		all.each(i, func(key int32, a access) {
			for int(key) >= len(by) {
				by = append(by, "")
			}
			if a.kind != reads {
				by[key] = h.F(i)
			}
		})
		all.others = all.others[:0]
	}
	names := map[string]string{}
	for key, f := range by {
		if f != "" {
			names[all.name(int32(key))] = f
		}
	}
	for key, f := range all.odd {
		names[all.name(key)] = f
	}
	return names
}

// replicaPeek is the last answer of a replica about a key; op is none when it did not answer.
type replicaPeek struct {
	node string
	op   int32
}

// finalPeeks returns what each replica that was asked in the final phase answered about each key, by
// node. Peeks of several keys at once are left out.
func finalPeeks(h *history.History) map[string][]replicaPeek {
	from := h.FinalFrom()
	peeks := map[string][]replicaPeek{}
	for i := range h.Len() {
		if h.Call(i) < from || h.F(i) != history.FPeek || h.Key(i) < 0 {
			continue
		}
		key, node := h.KeyName(h.Key(i)), h.NodeName(i)
		list := peeks[key]
		at, known := slices.BinarySearchFunc(list, node, func(r replicaPeek, n string) int {
			return strings.Compare(r.node, n)
		})
		if !known {
			list = slices.Insert(list, at, replicaPeek{node, none})
			peeks[key] = list
		}
		if h.Type(i) == history.Ok {
			list[at].op = int32(i)
		}
	}
	return peeks
}

// atHome reports whether a replica that answered is one of the key's, as far as it says.
func atHome(h *history.History, r replicaPeek) bool {
	ev := h.Ev(int(r.op))
	return ev == nil || len(ev.Home) == 0 || slices.Contains(ev.Home, r.node)
}

// judgeReplicas compares the answers of at least two replicas.
func judgeReplicas(
	t *tally, h *history.History, key string, answers []replicaPeek, same func(a, b history.Value) bool,
) {
	var values []history.Value
	nodes := map[int][]string{} // by place in values
	var ops []int32             // the first answer with each value
	for _, r := range answers {
		result := h.Result(int(r.op))
		at := slices.IndexFunc(values, func(v history.Value) bool { return same(v, result) })
		if at < 0 {
			at = len(values)
			values, ops = append(values, result), append(ops, r.op)
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
	t.addAt(h, KindDivergence, key, func(*witness) string {
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

// sameElements is sameState for sets, which are read in any order.
func sameElements(a, b history.Value) bool {
	x, isSet := a.AsList()
	y, isToo := b.AsList()
	if !isSet || !isToo {
		return sameState(a, b)
	}
	byText := func(v, w history.Value) int { return strings.Compare(v.String(), w.String()) }
	return slices.EqualFunc(slices.SortedFunc(slices.Values(x), byText),
		slices.SortedFunc(slices.Values(y), byText), history.Value.Equal)
}
