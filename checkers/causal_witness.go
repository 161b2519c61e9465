package checkers

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rashomon-harness/rashomon/history"
)

// The kinds of cases that are noted for explanation.
const (
	coReads = iota
	initReads
	together
	coCircles
	cfCircles
	caseLists
)

// causalCase is an anomaly that was counted, as far as it is needed to explain it.
type causalCase struct {
	weight int   // the smaller, the better to explain
	key    int32 //
	read   int32 // coReads, initReads, together
	from   int32 // coReads: whom it read from
	write  int32 // coReads, initReads: the write that it should not have overlooked
	legs   []causalLeg
	circle *causalCircle
}

// causalLeg is a part of a circle through the writes of what one operation read: write is causally after
// from, or is it, and must come before target.
type causalLeg struct{ from, write, target int32 }

// mostCases is how many cases of a kind are kept.
const mostCases = 8

// note keeps a case if it is among the best of its kind.
func (c *causality) note(kind int, x causalCase) {
	switch kind {
	case coReads:
		x.weight = int(c.rank[x.read] - c.rank[x.from])
	case initReads:
		x.weight = int(c.rank[x.read] - c.rank[x.write])
	}
	list := c.cases[kind]
	if len(list) == mostCases && list[mostCases-1].weight <= x.weight {
		return
	}
	at, _ := slices.BinarySearchFunc(list, x, func(a, b causalCase) int {
		return cmp.Or(cmp.Compare(a.weight, b.weight), -1) // behind its equals
	})
	list = slices.Insert(list, at, x)
	c.cases[kind] = list[:min(len(list), mostCases)]
}

// explain finds the operations that show the cases noted.
func (c *causality) explain() {
	for kind := range c.cases {
		for i := range c.cases[kind] {
			if c.finder == nil {
				c.finder = newPathFinder(c)
			}
			x := &c.cases[kind][i]
			switch kind {
			case coReads, initReads:
				c.explainRead(x)
			case together:
				c.explainTogether(x)
			case coCircles:
				c.explainCycle(x.circle)
			default:
				c.explainConflicts(x.circle)
			}
		}
	}
}

// explainRead explains a read that overlooked a write that was causally before it.
func (c *causality) explainRead(x *causalCase) {
	kind, path := KindWriteCOInitRead, []causalStep{{op: x.write}}
	if x.from != nobody {
		kind, path = KindWriteCORead, c.finder.causes(x.from, x.write)
	}
	known := c.finder.causes(x.write, x.read)
	if path == nil || known == nil {
		return
	}
	path = append(path, known[1:]...)
	say := func(w *witness) string {
		if kind == KindWriteCOInitRead {
			return tellPath(w, path) + ", as if nothing had been written to " + c.name(x.key)
		}
		return tellPath(w, path) + ", which " + w.whose(w.at(x.write)) + " had replaced"
	}
	for _, t := range []*tally{c.findings.cc, c.findings.ccv} {
		t.explainAt(c.h, kind, c.name(x.key), say, opsOf(path)...)
	}
}

// explainCycle explains a group of operations that are causally before each other.
func (c *causality) explainCycle(g *causalCircle) {
	tried := 0
	for _, op := range g.members {
		from, keys := c.readsOf(op)
		at := slices.IndexFunc(from, func(write int32) bool { return write != initially && g.has(write) })
		if at < 0 || tried == mostCases {
			continue
		}
		tried++
		path := c.finder.find(op, op, false, g.has)
		for i := range path {
			if path[i].how == readFrom { // begin with a read
				path = append(slices.Clone(path[i:]), path[1:i+1]...)
				break
			}
		}
		if path == nil || !c.fresh(KindCyclicCO, opsOf(path)) {
			continue
		}
		say := func(w *witness) string {
			if len(w.ops) == 1 {
				return causalDid(w, &w.ops[0]) + ", which only it wrote"
			}
			return tellPath(w, path) + ": each is causally before itself"
		}
		for _, t := range []*tally{c.findings.cc, c.findings.ccv} {
			t.explainAt(c.h, KindCyclicCO, c.name(keys[at]), say, opsOf(path)...)
		}
	}
}

// circlePart is a part of a circle of what must come before what.
type circlePart struct {
	path []causalStep // in the causal order
	// target is a write that must come after the first of path, for the last of path knew the first but
	// returned the target; none for a part that says no more than the path.
	target int32
}

// explainTogether explains an operation that no one sequence of what it knew explains.
func (c *causality) explainTogether(x *causalCase) {
	var parts []circlePart
	for _, leg := range x.legs {
		parts = append(parts, circlePart{c.finder.causes(leg.from, leg.write), nobody},
			circlePart{c.finder.causes(leg.write, x.read), leg.target})
	}
	c.explainCircle(c.findings.cc, x.key, parts)
}

// explainConflicts explains a group of operations that no one order has. It looks for a short circle through
// one of the conflicts that contradict the order in which the operations were taken; every circle has one.
func (c *causality) explainConflicts(g *causalCircle) {
	type contradiction struct{ at, from, gap int32 }
	var best []contradiction
	for _, op := range g.members {
		c.conflictsOf(op, func(at int32) {
			x := contradiction{at, op, c.rank[c.cf[at].write] - c.rank[op]}
			full := len(best) == mostCases && best[mostCases-1].gap <= x.gap
			if x.gap <= 0 || full || !g.has(c.cf[at].write) {
				return
			}
			place, _ := slices.BinarySearchFunc(best, x.gap+1, func(a contradiction, gap int32) int {
				return cmp.Compare(a.gap, gap)
			})
			best = slices.Insert(best, place, x)
			best = best[:min(len(best), mostCases)]
		})
	}
	for _, x := range best {
		if path := c.finder.find(x.from, c.cf[x.at].write, true, g.has); path != nil {
			path = append(path, causalStep{op: x.from, how: conflicted, cf: x.at})
			c.explainCircle(c.findings.ccv, c.cf[x.at].key, c.partsOf(path))
		}
	}
}

// partsOf takes a circle apart into its conflicts and the causal paths between them.
func (c *causality) partsOf(path []causalStep) []circlePart {
	var parts []circlePart
	from := 0
	for i, step := range path {
		if i > 0 && step.how == conflicted {
			x := &c.cf[step.cf]
			parts = append(parts, circlePart{path[from:i], nobody},
				circlePart{c.finder.causes(x.write, x.read), step.op})
			from = i
		}
	}
	return append(parts, circlePart{path[from:], nobody})
}

// explainCircle adds the explanation of a circle; parts without a path were not found.
func (c *causality) explainCircle(t *tally, key int32, parts []circlePart) {
	var ops []int32
	for i := range parts {
		if len(parts[i].path) == 0 {
			return
		}
		ops = append(ops, opsOf(parts[i].path)...)
		ops = append(ops, parts[i].target)
	}
	if c.fresh(t.property, ops) {
		say := func(w *witness) string { return tellCircle(w, parts) }
		t.explainAt(c.h, KindCyclicCF, c.name(key), say, ops...)
	}
}

// fresh reports whether these operations have not been used as a witness for the same yet.
func (c *causality) fresh(of string, ops []int32) bool {
	ops = slices.Clone(ops)
	slices.Sort(ops)
	name := of + fmt.Sprint(slices.Compact(ops))
	seen := slices.Contains(c.shown, name)
	c.shown = append(c.shown, name)
	return !seen
}

// tellCircle tells the parts of a circle, each after a letter.
func tellCircle(w *witness, parts []circlePart) string {
	var said []string
	for i := range parts {
		p := &parts[i]
		if p.target == nobody && len(p.path) == 1 {
			continue
		}
		letter := fmt.Sprintf("(%s) ", strings.Repeat(string(rune('a'+len(said)%26)), 1+len(said)/26))
		told := tellPath(w, p.path)
		if p.target != nobody {
			first, second := w.at(p.path[0].op), w.at(p.target)
			told = fmt.Sprintf("%s before %s, for %s", w.whose(first), w.whose(second), told)
		}
		said = append(said, letter+told)
	}
	return "no order of the writes allows all of: " + strings.Join(said, "; ")
}

// opsOf returns the operations on a path.
func opsOf(path []causalStep) []int32 {
	ops := make([]int32, len(path))
	for i := range path {
		ops[i] = path[i].op
	}
	return ops
}

// tellPath tells a path in the causal order: "s1 wrote k=1 (op 1) and then wrote k=2 (op 2); s2 read k=2
// (op 3)".
func tellPath(w *witness, path []causalStep) string {
	said := causalDid(w, w.at(path[0].op))
	for _, step := range path[1:] {
		op := w.at(step.op)
		if step.how == inSession {
			said += " and then " + causalDeed(w, op)
		} else {
			said += "; " + causalDid(w, op)
		}
	}
	return said
}

// causalDid is witness.did that shows what a transaction read.
func causalDid(w *witness, op *history.Op) string { return op.Session + " " + causalDeed(w, op) }

func causalDeed(w *witness, op *history.Op) string {
	did := deed(op, op.Key)
	if op.F == history.FTxn {
		did = "did " + op.Short()
	}
	return did + place(op) + " (op " + strconv.Itoa(w.number(op)) + ")"
}
