package checkers

import (
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// causalSet is a set of operations.
type causalSet []uint64

func (s causalSet) has(i int) bool { return s[i/64]>>(i%64)&1 != 0 }

func (s causalSet) add(i int) { s[i/64] |= 1 << (i % 64) }

func (s causalSet) addAll(o causalSet) {
	for i := range s {
		s[i] |= o[i]
	}
}

// closure is the causal order of a history of registers whose reads are all of earlier writes, each
// operation with the whole set of those before it.
type closure struct {
	ops    []history.Op
	from   []int       // by operation: whom it read from, -1 for nobody
	past   []causalSet // by operation
	before []causalSet // by operation: past, and what a conflict puts before it
}

func newClosure(h *history.History) *closure {
	c := &closure{ops: h.Ops()}
	n := len(c.ops)
	wrote := map[string]int{}
	happened := make([]bool, n)
	for i := range c.ops {
		op := &c.ops[i]
		c.from = append(c.from, -1)
		c.past = append(c.past, make(causalSet, n/64+1))
		c.before = append(c.before, make(causalSet, n/64+1))
		happened[i] = op.Type == history.Ok
		if op.F == history.FWrite {
			wrote[op.Key+op.Arg.String()] = i
		} else if at, known := wrote[op.Key+op.Result.String()]; known {
			c.from[i], happened[at] = at, true
		}
	}
	for j := range c.ops {
		for i := range j {
			x, y := &c.ops[i], &c.ops[j]
			if happened[i] && happened[j] && (c.from[j] == i ||
				x.Session == y.Session && x.Type == history.Ok && x.Return < y.Call) {
				c.past[j].add(i)
				c.past[j].addAll(c.past[i])
			}
		}
		c.before[j].addAll(c.past[j])
	}
	return c
}

// counts returns how many reads overlooked a write, and, of the initial value, any; how many could have; and
// enters the conflicts of
// the other reads.
func (c *closure) counts() (co, initial, chances int64) {
	for r := range c.ops {
		if c.ops[r].F != history.FRead {
			continue
		}
		from, chance, overlooked, others := c.from[r], false, false, []int(nil)
		for w := range r {
			if !c.past[r].has(w) || c.ops[w].F != history.FWrite || c.ops[w].Key != c.ops[r].Key {
				continue
			}
			chance = chance || c.bySession(w, r)
			if w == from {
				continue
			}
			overlooked = overlooked || from < 0 || c.past[w].has(from)
			others = append(others, w)
		}
		for _, w := range others {
			if !overlooked {
				c.before[from].add(w)
			}
		}
		if chance {
			chances++
		}
		if overlooked && from < 0 {
			initial++
		} else if overlooked {
			co++
		}
	}
	return co, initial, chances
}

// bySession reports whether r's session knew w before r.
func (c *closure) bySession(w, r int) bool {
	for i := range r {
		x, y := &c.ops[i], &c.ops[r]
		if x.Session == y.Session && x.Type == history.Ok && x.Return < y.Call &&
			(i == w || c.past[i].has(w)) {
			return true
		}
	}
	return false
}

// circular reports whether what must be before what goes round.
func (c *closure) circular() bool {
	state := make([]int, len(c.ops)) // 1 while it is looked at, 2 after that
	var look func(i int) bool
	look = func(i int) bool {
		if state[i] != 0 {
			return state[i] == 1
		}
		state[i] = 1
		for j := range c.ops {
			if c.before[i].has(j) && look(j) {
				return true
			}
		}
		state[i] = 2
		return false
	}
	for i := range c.ops {
		if look(i) {
			return true
		}
	}
	return false
}

// TestCausalAgainstClosure compares counts on histories of some hundred operations, for what small ones do
// not have: clocks that grow far, writes that stay unknown for long, many ambiguous writes.
func TestCausalAgainstClosure(t *testing.T) {
	seen := map[string]int{}
	for i := range rounds(24) {
		d := seeded(i)
		run := causalRun{sessions: 2 + d.n(6), replicas: 2 + d.n(3), keys: 1 + d.n(4), ops: 300 + i,
			burst: 1 + d.n(4), arrival: d.bool(4), wrong: []float64{0, 0.01, 0.1}[d.n(3)],
			lost: []float64{0, 0.3}[d.n(2)]}
		if i%12 == 0 {
			run.sessions, run.ops = 2, 1500
		}
		h := run.history()
		c := newClosure(h)
		co, initial, chances := c.counts()
		verdicts := Causal().Check(t.Context(), h)
		for p, v := range verdicts {
			circular := p == 1 && c.circular()
			if v.Counts[KindWriteCORead] != co || v.Counts[KindWriteCOInitRead] != initial ||
				v.Opportunities != chances || (v.Counts[KindCyclicCF] > 0) != circular {
				t.Errorf("%d: %+v: %s: %v, %d opportunities; want %d, %d, circles %v, %d opportunities",
					i, run, v.Property, v.Counts, v.Opportunities, co, initial, circular, chances)
			}
			for _, a := range v.Anomalies {
				if len(a.Ops) <= 9 && bruteCausal(alone(h, &a), p == 1) {
					t.Errorf("%d: the witness is legal by itself: %s\n%s", i, a.Sentence, a.Drawing)
				}
				if len(a.Ops) > 6 {
					seen["witness of more than 6"]++
				}
			}
			seen[v.Property+" "+v.Result.String()]++
		}
	}
	t.Log(seen)
	for _, p := range Causal().Properties() {
		if seen[p+" valid"] == 0 || seen[p+" invalid"] == 0 {
			t.Errorf("%v: too one-sided", seen)
		}
	}
}
