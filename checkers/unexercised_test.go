package checkers

import (
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// everyChecker returns all checkers, each for what it can be asked, by name.
func everyChecker(t *testing.T) map[string]Checker {
	all := map[string]Checker{
		"linearizability of registers": Linearizable(Register, LinOptions{}),
		"linearizability of cas":       Linearizable(CASRegister, LinOptions{}),
		"linearizability of lists":     Linearizable(AppendList, LinOptions{}),
		"sessions, any order":          Sessions(AnyOrder, guaranteeNames[:]...),
		"sessions, writers' order":     Sessions(WriterOrder, guaranteeNames[:]...),
		"sessions, lists":              Sessions(ListOrder, guaranteeNames[:]...),
		"prefix":                       PrefixConsistent(),
		"prefix and monotonic reads":   PrefixConsistent(MonotonicReads),
		"causal":                       Causal(),
		"staleness":                    Staleness(StalenessOptions{}),
		"sets":                         SetFull(SetOptions{}),
		"sets, linearizable":           SetFull(SetOptions{Linearizable: true}),
		"counters":                     Counter(CounterOptions{}),
		"conflicts":                    Conflicts(ConflictSettings{}),
		"conflicts of siblings": Conflicts(ConflictSettings{KeepsSiblings: true,
			OwnWritesKnown: true}),
		"durability":   Durable(),
		"convergence":  Convergent(),
		"availability": Available(),
	}
	for _, model := range modelNames() {
		c, err := Specified(model, Limits{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		all[model] = c
	}
	return all
}

// A history in which nothing can go wrong proves nothing: no checker calls it valid. That operations were
// served is what availability measures, so that it may have had the opportunity.
func TestNothingExercisedIsUnknown(t *testing.T) {
	for name, drawing := range map[string]string{
		"nothing":                         ``,
		"one read of one session":         `s1  |--r k=∅--|`,
		"one read of two keys":            `s1  |--r [a b]=[∅ ∅]--|`,
		"one final read":                  "s1             |--r k=∅--|\nphase  ^final-reads",
		"one write":                       `s1  |--w k=1--|`,
		"one append":                      `s1  |--append k+=1--|`,
		"a write of unknown outcome":      `s1  |--w k=1--…`,
		"a peek":                          `s1  |--peek k=∅--|`,
		"a failed read":                   `s1  |--r k--| fail no-leader`,
		"a failed write and a read of it": `s1  |--w k=1--| fail no-leader |--r k=∅--|`,
		"only failures": `
s1  |--w k=1--| fail no-leader        |--r k--| fail no-leader  |--append l+=1--| fail no-leader
s2  |--cas k 1→2--| fail no-leader    |--delete k--| fail no-leader
`,
		"only failures, and final reads that fail": `
s1     |--w k=1--| fail no-leader     |--append l+=1--| fail no-leader
s2                                                                          |--r k--| fail no-leader
phase                                                                     ^final-reads
`,
	} {
		h := &history.History{}
		if drawing != "" {
			h = drawn(t, drawing)
		}
		for asked, c := range everyChecker(t) {
			verdicts := checked(c, h)
			if len(verdicts) != len(c.Properties()) {
				t.Errorf("%s of %s: %d verdicts", asked, name, len(verdicts))
			}
			for property, v := range verdicts {
				measured := property == Availability && v.Opportunities > 0
				if !measured && (v.Result != Unknown || v.Reason == "" || v.Opportunities != 0) {
					t.Errorf("%s of %s: %s is %v (%q) with %d opportunities", asked, name, property, v.Result,
						v.Reason, v.Opportunities)
				}
			}
		}
	}
}
