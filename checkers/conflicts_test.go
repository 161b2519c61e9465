package checkers

import (
	"context"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// conflictCheckers has the checkers of the drawn histories.
var conflictCheckers = map[string]Checker{
	"last write wins":            Conflicts(ConflictSettings{}),
	"siblings":                   Conflicts(ConflictSettings{KeepsSiblings: true}),
	"siblings, own writes known": Conflicts(ConflictSettings{KeepsSiblings: true, OwnWritesKnown: true}),
	"at most 2 siblings":         Conflicts(ConflictSettings{KeepsSiblings: true, MaxSiblings: 2}),
	"observed remove":            Conflicts(ConflictSettings{ObservedRemove: true}),
}

func TestConflictDrawings(t *testing.T) { goldens(t, "siblings", judgeBy(conflictCheckers)) }

func TestConflictsThatAreUnknown(t *testing.T) {
	testEnds(t, Conflicts(ConflictSettings{}), PropertyConflicts, []endCase{
		{"nobody knows how it ended", `
s1     |--w k=1--|
s2       |--w k=2--|
phase                 ^final-reads
s1                      |--r k--|  fail no-leader
`, "k has no final read that was answered", ""},
		{"which matters only if something was acknowledged", `
s1     |--w k=1--…
s2       |--r k=1--|
phase                 ^final-reads
s1                      |--r k--|  fail no-leader
`, NotExercised, ""},
		{"there is no end", `
s1     |--w k=1--|
s2       |--w k=2--|
`, "there are no final reads", ""},
		{"other things are done to the key", `
s1     |--w k=1--|
s2       |--cas k 1→2--|
phase                      ^final-reads
s1                           |--r k=2--|
`, "k is changed by cas", ""},
		{"two keys like that", `
s1     |--w k=1--|  |--append k+=1--|  |--w l=1--|  |--add l (3)--|
phase                                                                ^final-reads
s1                                                                     |--r k=2--|
`, "k is changed by append (keys that cannot be judged: 2)", ""},
		{"a value was written twice", `
s1     |--w k=1--|
s2       |--w k=1--|
phase                 ^final-reads
s1                      |--r k=1--|
`, "k had 1 written to it several times", ""},
		{"a list is written", `
s1     |--w k=[1 2]--|
phase                   ^final-reads
s1                        |--r k=[1 2]--|
`, "k has [1 2] written to it, which is no single value", ""},
		{"a final value of unknown origin", `
s1     |--w k=1--|
s2       |--w k=2--|
phase                 ^final-reads
s1                      |--r k=3--|
`, "k has a value at the end that nobody wrote", ""},
		{"siblings of a set", `
s1     |--add k (1)--|
phase                  ^final-reads
s1                       |--r k=[[1] [2]]--|
`, "k is a set that was read as [[1] [2]]", ""},
		{"transactions", `
s1     |--w k=1--|
s2       |--txn [w k=2]--|
phase                         ^final-reads
s1                              |--r k=2--|
`, "k is used by transactions", ""},
	})
}

func TestConflictsOfFailedWrites(t *testing.T) {
	testEnds(t, Conflicts(ConflictSettings{}), PropertyConflicts, []endCase{
		{"a failed write is not lost", `
s1     |--w k=1--|  fail no-leader
s2       |--w k=2--|
s3       |--w k=3--|  fail no-leader
phase                 ^final-reads
s1                      |--r k=2--|
`, NotExercised, ""},
		{"nor is what a failed write that was read may have known", `
s1     |--w k=1--|
s2                  |--r k=1--|  |--w k=3--|  fail timeout
s3     |--w k=2--|
phase                                                        ^final-reads
s1                                                             |--r k=2--|
`, KindSilentlyOverwritten, "s1 wrote k=1 (op 1), acknowledged, and nobody who wrote later had read it; at " +
			"the end s1 read k=2 (op 3); what stayed is s3's write of 2 (op 2), concurrent with it"},
	})
	v := checked(Conflicts(ConflictSettings{}), drawn(t, `
s1     |--w k=1--|
s2                  |--r k=1--|  |--w k=3--|  fail timeout
s3     |--w k=2--|
s4                                              |--r k=3--|
phase                                                        ^final-reads
s1                                                             |--r k=2--|
`))[PropertyConflicts]
	if v.Result != Valid || v.Opportunities != 1 {
		t.Errorf("%+v", v)
	}
}

// The time at which an operation was given up bounds what its session knew.
func TestConflictsOfWritesGivenUp(t *testing.T) {
	for drawing, want := range map[string]string{`
s1     |--w k=1--|
s2     |--w k=2--…  info timeout     |--r k=1--|
s3     |--w k=3--|
phase                                             ^final-reads
s1                                                  |--r k=3--|
`: KindSilentlyOverwritten, `
s1       |--w k=1--|
s2/d1    |--w k=2----------------------------------…  info timeout
s2/d2                   |--r k=1--|
s3       |--w k=3--|
phase                                                                ^final-reads
s1                                                                     |--r k=3--|
`: "valid"} {
		v := checked(Conflicts(ConflictSettings{}), drawn(t, drawing))[PropertyConflicts]
		if got := summarize(v); got != want {
			t.Errorf("%s, want %s:%s", got, want, drawing)
		}
	}
}

func TestConflictMeasures(t *testing.T) {
	v := checked(Conflicts(ConflictSettings{}), drawn(t, `
s1     |--w k=1--|                 |--w l=1--|
s2         |--w k=2--|             |--w l=2--|
s3                      |--w k=3--|              |--r l=[1 2]--|  |--r l=∅--|
phase                                                                           ^final-reads
s1                                                                                |--r k=3--|  |--r l=2--|
`))[PropertyConflicts]
	want := map[string]float64{"conflicts_read": 1, "siblings_max": 2, "siblings_mean": 4.0 / 3,
		"lost_share": 1.0 / 5, "overwritten_unseen": 2}
	for name, value := range want {
		if v.Measures[name] != value {
			t.Errorf("%s is %v, want %v", name, v.Measures[name], value)
		}
	}
	if len(v.Measures) != len(want) || v.Opportunities != 5 {
		t.Errorf("%+v", v)
	}
}

// Evidence names the versions.
func TestConflictsNameDots(t *testing.T) {
	ops := drawn(t, `
s1     |--w k=1--|
s2     |--w k=2--|
s3                  |--r k=2--|
`).Ops()
	for i, dot := range []history.Version{{Source: "c1", N: 3}, {Source: "c2", N: 1}, {Source: "c2", N: 1}} {
		ops[i].Ev = &history.Evidence{Quorum: &history.QuorumEvidence{Dots: []history.Version{dot}}}
	}
	c := Conflicts(ConflictSettings{KeepsSiblings: true})
	v := checked(c, historyOf(ops, ops[2].Call))[PropertyConflicts]
	if len(v.Anomalies) != 1 || v.Anomalies[0].Kind != KindLostWrite ||
		!strings.HasSuffix(v.Anomalies[0].Sentence, "; the store held it as c1:3 and kept c2:1") {
		t.Errorf("%+v", v)
	}
}

func TestConflictsStop(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	v := Conflicts(ConflictSettings{}).Check(ctx, siblingHistory(10, 2))[0]
	if v.Result != Unknown || v.Reason != "stopped after 0 of 2 keys: context canceled" {
		t.Errorf("%+v", v)
	}
}

// A search that takes too long is given up, and said to be.
func TestConflictsGiveUp(t *testing.T) {
	f := newConflictFindings(drawn(t, `
s1     |--w k=1--|
s2                  |--r k=1--|  |--w k=2--|
s3                                            |--r k=[1 2]--|
phase                                                          ^final-reads
s3                                                               |--r k=[1 2]--|
`), ConflictSettings{KeepsSiblings: true})
	f.effort = 1
	if v := f.check(context.Background()); v.Result != Unknown || !strings.Contains(v.Reason, "too long") {
		t.Errorf("%+v", v)
	}
}
