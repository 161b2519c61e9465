package checkers

import (
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// endCase is a drawn history and what a checker of its end says.
type endCase struct {
	name    string
	drawing string
	want    string // as summarize has it
	says    string
}

func testEnds(t *testing.T, c Checker, property string, cases []endCase) {
	for _, e := range cases {
		t.Run(e.name, func(t *testing.T) {
			h := drawn(t, e.drawing)
			v := checked(c, h)[property]
			if got := summarize(v); got != e.want {
				t.Errorf("%s, want %s", got, e.want)
			}
			said := ""
			for _, a := range v.Anomalies {
				said += a.Sentence + "\n"
			}
			if !strings.Contains(said, e.says) {
				t.Errorf("said:\n%swant:\n%s", said, e.says)
			}
			provesItself(t, c, v, h.FinalFrom())
		})
	}
}

func TestDurability(t *testing.T) {
	testEnds(t, Durable(), Durability, []endCase{
		{"an acknowledged write gave way to an earlier one", `
s1     |--w k=1--|  |--w k=2--|
phase                            ^final-reads
s1                                 |--r k=1--|
`, KindLostWrite, "s1 wrote k=2 (op 2), acknowledged; at the end s1 read k=1 (op 3), " +
			"which s1's write of 1 (op 1) had made 3 µs earlier"},
		{"a concurrent write may stay", `
s1     |--w k=1--|
s2             |--w k=2--|
phase                       ^final-reads
s1                            |--r k=1--|
`, "valid", ""},
		{"an ambiguous write may land last", `
s1     |--w k=1--…  |--w k=2--|
phase                            ^final-reads
s1                                 |--r k=1--|
`, "valid", ""},
		{"nothing is left", `
s1     |--w k=1--|
phase               ^final-reads
s1                    |--r k=∅--|
`, KindLostWrite, "s1 wrote k=1 (op 1), acknowledged; at the end s1 read k=∅ (op 2), and nobody deleted it"},
		{"it was deleted", `
s1     |--w k=1--|
s2             |--delete k--|
phase                          ^final-reads
s1                               |--r k=∅--|
`, "valid", ""},
		{"it was deleted and is back", `
s1     |--w k=1--|  |--delete k--|
phase                               ^final-reads
s1                                    |--r k=1--|
`, KindResurrected, ""},
		{"a failed write is there", `
s1     |--w k=1--|  fail no-leader
s2     |--w k=2--|
phase               ^final-reads
s1                    |--r k=1--|
`, KindResurrected, ""},
		{"a compare-and-set is a write", `
s1     |--w k=1--|  |--cas k 1→2--|
phase                               ^final-reads
s1                                    |--r k=1--|
`, KindLostWrite, ""},
		{"a refused one is none", `
s1     |--w k=1--|  |--cas k 3→2 refused--|
phase                                       ^final-reads
s1                                            |--r k=1--|
`, "valid", ""},
		{"what a replica still holds is not lost", `
s1     |--w k=1--|  |--w k=2--|
phase                            ^final-reads
s1                                 |--r k=1--|
s1 @n1                                          |--peek k=2--|
`, "valid", ""},
	})
}

func TestDurabilityOfVersions(t *testing.T) {
	testEnds(t, Durable(), Durability, []endCase{
		{"of several versions one is enough", `
s1     |--w k=1--|
s2     |--w k=2--|
s3                  |--w k=3--|
phase                            ^final-reads
s1                                 |--r k=[1 3]--|
`, "valid", ""},
		{"all versions are older", `
s1     |--w k=1--|
s2     |----w k=2----|
s3                     |--w k=3--|
phase                               ^final-reads
s1                                    |--r k=[1 2]--|
`, KindLostWrite, "s3 wrote k=3 (op 3), acknowledged; at the end s1 read k=[1 2] (op 4), " +
			"which s2's write of 2 (op 2) had made 2 µs earlier"},
		{"a version that nobody wrote", `
s1     |--w k=1--|
phase               ^final-reads
s1                    |--r k=[1 2]--|
`, KindPhantom, ""},
		{"a version of a write that failed", `
s1     |--w k=1--|
s2     |--w k=2--|  fail no-leader
phase               ^final-reads
s1                    |--r k=[1 2]--|
`, KindResurrected, ""},
		{"a delete takes only the versions that its author knew", `
s1     |--w k=1--|
s2     |--w k=2--|
s2                  |--r k=2--|  |--delete k--|
s3     |--r k=[1 2]--|
phase                                            ^final-reads
s1                                                 |--r k=1--|
`, "k was read as several versions, and deleted, which takes only what was known (keys like that: 1)", ""},
		{"a list that was written is one value", `
s1     |--w k=[1 2]--|
phase                   ^final-reads
s1                        |--r k=[1 2]--|
`, NotExercised, ""},
		{"lists: several versions", `
s1     |--append l+=1--|
s2     |--append l+=2--|
phase                     ^final-reads
s1                          |--r l=[[1] [2]]--|
`, "l is a list that was read as several lists (keys like that: 1)", ""},
		{"lists: of lists", `
s1     |--append l+=[1 2]--|
phase                     ^final-reads
s1                          |--r l=[[1 2]]--|
`, "valid", ""},
	})
}

func TestDurabilityOfPeeksAndLists(t *testing.T) {
	testEnds(t, Durable(), Durability, []endCase{
		{"peeks stand in for a read that failed", `
s1     |--w k=1--|  |--w k=2--|
phase                            ^final-reads
s1                                 |--r k--|  fail no-leader
s1 @n1                                        |--peek k=1--|
s1 @n2                                        |--peek k=1--|
`, KindLostWrite, ""},
		{"unless one of them failed too", `
s1     |--w k=1--|  |--w k=2--|
phase                            ^final-reads
s1                                 |--r k--|  fail no-leader
s1 @n1                                        |--peek k=1--|
s1 @n2                                        |--peek k--|  fail timeout
`, "no final read of k was answered (keys like that: 1)", ""},
		{"lists: lost, twice, failed, invented", `
s1     |--append l+=1--|  |--append l+=2--|  |--append l+=3--|  fail no-leader
phase                                                            ^final-reads
s1                                                                 |--r l=[2 2 3 9]--|
`, strings.Join([]string{KindDuplicated, KindLostAppend, KindPhantom, KindResurrected}, " "), ""},
		{"lists: an append that failed, and was asked for again", `
s1     |--append l+=1--|  fail no-leader  |--append l+=1--|
phase                                                        ^final-reads
s1                                                             |--r l=[1]--|
`, "valid", ""},
		{"lists: nothing is left", `
s1     |--append l+=1--|
phase                     ^final-reads
s1                          |--r l=∅--|
`, KindLostAppend, ""},
		{"lists: deleted", `
s1     |--append l+=1--|  |--delete l--|
phase                                      ^final-reads
s1                                           |--r l=∅--|
`, NotExercised, ""},
		{"lists: appended after a delete", `
s1     |--append l+=1--|  |--delete l--|  |--append l+=2--|
phase                                                        ^final-reads
s1                                                             |--r l=∅--|
`, KindLostAppend, "s1 appended 2 to l (op 1)"},
		{"a key that was only read has no state to know", `
s1     |--r k=∅--|
phase               ^final-reads
s1                    |--r k--|  fail no-leader
`, NotExercised, ""},
		{"nothing was acknowledged", `
s1     |--w k=1--…
phase               ^final-reads
s1                    |--r k=1--|
`, NotExercised, ""},
		{"what overlaps the final read is not asked for", `
phase            ^final-reads
s1     |--w k=1--|
s2     |--append l+=1--|
s2               |--r k=∅--|
s2                     |--r l=∅--|
`, NotExercised, ""},
		{"there is no end", `
s1     |--w k=1--|  |--r k=∅--|
`, "there are no final reads", ""},
	})
}

func TestHiddenWritesAreCounted(t *testing.T) {
	v := checked(Durable(), drawn(t, `
s1     |--w k=1--|  |--w k=2--|
s2     |--append l+=1--|
phase                            ^final-reads
s1                                 |--r k=1--|  |--r l=∅--|
s1 @n1                                                       |--peek k=2--|  |--peek l=[1]--|
`))[Durability]
	if v.Measures["hidden_writes"] != 2 || v.Opportunities != 3 {
		t.Errorf("%+v", v)
	}
	v = checked(Durable(), drawn(t, `
s1     |--w k=1--|  |--w k=2--|
s2     |--append l+=1--|
s2     |--append m+=1--|
phase                            ^final-reads
s1                                 |--r m=[1]--|
s1 @n1                                            |--peek k=2--|  |--peek l=[1]--|  |--peek m=[1]--|
`))[Durability]
	if v.Measures["hidden_writes"] != 0 || v.Opportunities != 4 {
		t.Errorf("without ordinary reads nothing is hidden: %+v", v)
	}
}

func TestConvergence(t *testing.T) {
	testEnds(t, Convergent(), Convergence, []endCase{
		{"replicas differ", `
s1     |--w k=9--|  |--w k=12--|
phase                             ^final-reads
s1 @n1                              |--peek k=12--|
s1 @n2                              |--peek k=12--|
s1 @n3                              |--peek k=9--|
`, KindDivergence, "at the end k is 12 at n1, n2 and 9 at n3"},
		{"a peek was asked again", `
s1     |--w k=9--|
phase               ^final-reads
s1 @n1                |--peek k=9--|
s1 @n2                |--peek k--|  fail timeout  |--peek k=9--|
`, "valid", ""},
		{"a replica is silent", `
s1     |--w k=9--|
phase               ^final-reads
s1 @n1                |--peek k=9--|
s1 @n2                |--peek k=9--|
s1 @n3                |--peek k--|  fail timeout
`, "no peek was answered by n3", ""},
		{"only what is seen at the end counts", `
s1     |--w k=9--|
s1 @n1               |--peek k=9--|
s1 @n2               |--peek k=∅--|
phase                                ^final-reads
s1 @n1                                 |--peek k=9--|
s1 @n2                                 |--peek k=9--|
`, "valid", ""},
	})
}

func TestPrefix(t *testing.T) {
	testEnds(t, PrefixConsistent(), ConsistentPrefix, []endCase{
		{"the answer without its question", `
s1      |--w q=1--|
s2                   |--r q=1--|  |--w r=1--|
s3 @n2                                         |--r [q r]=[∅ 1]--|
`, KindAnswerBeforeQuestion,
			"s2 read q=1 (op 2) and then wrote the answer r=1 (op 3); s3 read [q r]=[∅ 1] at n2 (op 4): " +
				"the answer without its question"},
		{"a newer question is a question too", `
s1      |--w q=1--|                            |--w q=2--|
s2                   |--r q=1--|  |--w r=1--|
s3 @n2                                                      |--r [q r]=[2 1]--|
`, "valid", ""},
		{"an older question that may have landed late", `
s1      |--w q=1--…  |--w q=2--|
s2                                |--r q=2--|  |--w r=2--|
s3 @n2                                                      |--r [q r]=[1 2]--|
`, "valid", ""},
		{"an answer whose writer may not have known the question", `
s1      |--w q=1--|
s2                   |--w r=1--|
s3 @n2                            |--r [q r]=[∅ 1]--|
`, NotExercised, ""},
		{"null after a delete is not the state before the question", `
s1      |--w q=1--|                              |--delete q--|
s2                   |--r q=1--|  |--w r=1--|
s3 @n2                                                           |--r [q r]=[∅ 1]--|
`, "valid", ""},
		{"a fork with the read that is furthest ahead", `
s1      |--w q=1--|  |--w q=2--|  |--w q=3--|
s2      |--w r=1--|  |--w r=2--|
s3      |--r [q r]=[1 1]--|  |--r [q r]=[2 2]--|  |--r [q r]=[3 1]--|
`, KindLongFork, ""},
		{"two readers that disagree", `
s1      |--w q=1--|
s2      |--w r=7--|
s3                   |--r [q r]=[1 ∅]--|
s4                   |--r [q r]=[∅ 7]--|
`, KindLongFork, "s3 read [q r]=[1 ∅] (op 3)"},
		{"two readers that do not", `
s1      |--w q=1--|
s2      |--w r=7--|
s3                   |--r [q r]=[1 7]--|
s4                   |--r [q r]=[∅ 7]--|
`, "valid", ""},
		{"single reads show nothing", `
s1      |--w q=1--|
s2                   |--r q=1--|  |--w r=1--|
s3                                             |--r r=1--|  |--r q=∅--|
`, NotExercised, ""},
	})
}

func TestPropertiesAreThoseOfTheVerdicts(t *testing.T) {
	h := drawn(t, `s1  |--w k=1--|`)
	for _, c := range []Checker{Sessions(AnyOrder), Sessions(WriterOrder, WritesFollowReads),
		Sessions(ListOrder), PrefixConsistent(), Durable(), Convergent(), Available()} {
		verdicts := checked(c, h)
		for _, p := range c.Properties() {
			if verdicts[p].Property != p {
				t.Errorf("no verdict about %s", p)
			}
		}
		if len(verdicts) != len(c.Properties()) {
			t.Errorf("%d verdicts about %v", len(verdicts), c.Properties())
		}
	}
	v := checked(Sessions(AnyOrder, "sanity"), &history.History{})["sanity"]
	if v.Result != Unknown || v.Reason == "" {
		t.Errorf("%+v", v)
	}
}
