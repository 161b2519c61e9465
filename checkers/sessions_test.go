package checkers

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// found is what a checker says, by property: kinds of anomalies, "valid", or why it is unknown.
type found map[string]string

// sessionCase is a drawn history and what a checker of the session guarantees says of it.
type sessionCase struct {
	name    string
	drawing string
	checker Checker
	want    found
	says    string // a sentence of some anomaly
}

var sessionCases = []sessionCase{
	{"stale read of the own write", `
s1 @n1  |--w k=1--|
s1 @n2               |--r k=∅--|
`, Sessions(WriterOrder), found{ReadYourWrites: KindOwnWriteMissing, MonotonicReads: NotExercised},
		"s1 wrote k=1 at n1 (op 1) and then read k=∅ at n2 (op 2)"},
	{"a write on another device is bound once it has returned, and not while it overlaps", `
s1/d1  |--w k=1--|              |--w k=2--|
s1/d2               |--r k=1--|     |--r k=1--|
`, Sessions(WriterOrder), found{ReadYourWrites: "valid", MonotonicReads: "valid"}, ""},
	{"the other device missed it", `
s1/d1  |--w k=1--|  |--w k=2--|
s1/d2                              |--r k=1--|
`, Sessions(WriterOrder), found{ReadYourWrites: KindOwnWriteMissing, MonotonicReads: NotExercised},
		"s1 wrote k=2 (op 2) and then read k=1 (op 3)"},
	{"equal times overlap", `
s1/d1  |--w k=1--|
s1/d2            |--r k=∅--|
`, Sessions(WriterOrder), found{ReadYourWrites: NotExercised, MonotonicReads: NotExercised}, ""},
	{"somebody else's value after the own write may be newer", `
s1  |--w k=1--|                |--r k=2--|
s2                |--w k=2--|
`, Sessions(AnyOrder), found{ReadYourWrites: "valid", SessionCausality: "valid"}, ""},
	{"an ambiguous write binds nobody and may land at any time", `
s1  |--w k=1--|  |--w k=2--…  |--w k=3--|  |--r k=3--|  |--r k=2--|  |--r k=3--|
`, Sessions(WriterOrder), found{ReadYourWrites: "valid", MonotonicReads: "valid"}, ""},
	{"nor does it hide what is certain", `
s1  |--w k=1--|  |--w k=2--…  |--w k=3--|  |--r k=3--|  |--r k=2--|  |--r k=1--|
`, Sessions(WriterOrder), found{ReadYourWrites: KindOwnWriteMissing, MonotonicReads: KindReadWentBack}, ""},
	{"failed reads say nothing, and peeks neither", `
s1  |--w k=1--|  |--r k--|  fail no-leader
s1                          |--peek k=∅--|
`, Sessions(WriterOrder), found{ReadYourWrites: NotExercised}, ""},
	{"back in time on a key of others", `
s1  |--w k=1--|  |--w k=2--|
s2 @n1                         |--r k=2--|
s2 @n2                                      |--r k=1--|
`, Sessions(WriterOrder), found{MonotonicReads: KindReadWentBack, ReadYourWrites: NotExercised},
		"s2 read k=2 at n1 (op 3) and then read k=1 at n2 (op 4)"},
	{"two readers that disagree on the order", `
s1  |--w k=1--|
s2  |--w k=2--|
s3               |--r k=1--|  |--r k=2--|
s4               |--r k=2--|  |--r k=1--|
`, Sessions(AnyOrder), found{MonotonicReads: KindReadWentBack, SessionCausality: KindReadWentBack},
		"no order of the values of k allows all of: "},
	{"the reader of an old own value violates two guarantees together", `
s1  |--w k=1--|  |--w k=2--|  |--r k=1--|
`, Sessions(AnyOrder), found{ReadYourWrites: "valid",
		SessionCausality: ReadYourWrites + " + " + MonotonicWrites}, ""},
	{"null after a delete is no going back", `
s1  |--w k=1--|  |--delete k--|  |--r k=∅--|
`, Sessions(AnyOrder), found{ReadYourWrites: NotExercised}, ""},
	{"null is, when the delete failed", `
s1  |--w k=1--|  |--delete k--| fail no-leader |--r k=∅--|
`, Sessions(AnyOrder), found{ReadYourWrites: KindOwnWriteMissing}, ""},
	{"a refused compare-and-set reads", `
s1  |--w k=1--|                |--cas k 3→4 refused (is ∅)--|
s2               |--cas k 1→2--|
`, Sessions(AnyOrder), found{ReadYourWrites: KindOwnWriteMissing}, ""},
	{"a value written twice tells nothing", `
s1  |--w k=1--|  |--r k=∅--|
s2  |--w k=1--|
`, Sessions(AnyOrder), found{ReadYourWrites: "k was written the value 1 twice"}, ""},
	{"the same value again is no counting up", `
s1  |--w k=1--|  |--w k=1--|  |--r k=1--|
`, Sessions(WriterOrder), found{ReadYourWrites: "k was written the value 1 twice"}, ""},
	{"two writers make no known order, even one after the other", `
s1  |--w k=1--|
s2               |--w k=2--|
s3                            |--r k=2--|  |--r k=1--|
`, Sessions(WriterOrder), found{MonotonicReads: "valid", ReadYourWrites: NotExercised}, ""},
	{"an ambiguous write of another's value spoils the count", `
s1  |--w k=1--|  |--w k=2--|  |--r k=1--|
s2  |--w k=1--…
`, Sessions(WriterOrder), found{ReadYourWrites: "k was written the value 1 twice"}, ""},
	{"a failed write of the same value changes nothing", `
s1  |--w k=1--|                               |--r k=∅--|
s2               |--w k=1--| fail no-leader
`, Sessions(AnyOrder), found{ReadYourWrites: KindOwnWriteMissing}, ""},
	{"an element appended twice tells nothing", `
s1  |--append l+=1--|  |--r l=∅--|
s2  |--append l+=1--|
`, Sessions(ListOrder),
		found{ReadYourWrites: "l has an element that is no integer, or was appended twice: 1"}, ""},
	{"elements that are no integers tell nothing", `
s1  |--append l+=1--|  |--r l=[x]--|
`, Sessions(ListOrder),
		found{ReadYourWrites: "l has a value that is no list of integers: [x]"}, ""},
	{"a list that is also written tells nothing", `
s1  |--append l+=1--|  |--w l=[]--|  |--r l=∅--|
`, Sessions(ListOrder), found{ReadYourWrites: "l is written, not only appended to"}, ""},
	{"an own element is missing from the list", `
s1  |--append l+=1--|  |--append l+=2--|  |--r l=[1]--|
`, Sessions(ListOrder), found{ReadYourWrites: KindOwnWriteMissing, MonotonicReads: NotExercised,
		MonotonicWrites: NotExercised}, "s1 appended 2 to l (op 1) and then read l=[1] (op 2)"},
	{"own elements stand in the other order", `
s1  |--append l+=1--|  |--append l+=2--|
s2                                        |--r l=[2 1]--|
`, Sessions(ListOrder), found{MonotonicWrites: KindWritesReordered, WritesFollowReads: NotExercised},
		"s1 appended 1 to l (op 1) and then appended 2 to l (op 2); s2 read l=[2 1] (op 3), which has"},
	{"the answer stands in a list without the question", `
s1  |--append l+=1--|
s2                    |--r l=[1]--|  |--append l+=2--|
s3                                                      |--r l=[2]--|
`, Sessions(ListOrder), found{WritesFollowReads: KindWriteOvertook, MonotonicWrites: NotExercised},
		"s2 read l=[1] (op 1) and then appended 2 to l (op 2); s3 read l=[2] (op 3), which has the later"},
	{"a list that shrinks", `
s1  |--append l+=1--|
s2                    |--r l=[1]--|  |--r l=∅--|
`, Sessions(ListOrder), found{MonotonicReads: KindReadWentBack, ReadYourWrites: NotExercised}, ""},
	{"lists in transactions", `
s1  |--txn [append l+=1, append m+=1]--|  |--txn [r l=[1], r m=∅]--|
`, Sessions(ListOrder), found{ReadYourWrites: KindOwnWriteMissing}, ""},
	{"across keys, one answer has the later write without the earlier", `
s1  |--w a=1--|  |--w b=1--|
s2                            |--r [a b]=[∅ 1]--|
`, Sessions(WriterOrder, MonotonicWrites, WritesFollowReads),
		found{MonotonicWrites: KindWritesReordered, WritesFollowReads: NotExercised},
		"s1 wrote a=1 (op 1) and then wrote b=1 (op 2); s2 read [a b]=[∅ 1] (op 3)"},
	{"across keys, two answers decide nothing", `
s1  |--w a=1--|  |--w b=1--|
s2                            |--r b=1--|  |--r a=∅--|
`, Sessions(WriterOrder, MonotonicWrites), found{MonotonicWrites: NotExercised}, ""},
	{"across keys, a write without what its session had read", `
s1  |--w a=1--|
s2               |--r a=1--|  |--w b=1--|
s3                                         |--r [a b]=[∅ 1]--|
`, Sessions(WriterOrder, WritesFollowReads), found{WritesFollowReads: KindWriteOvertook},
		"s2 read a=1 (op 2) and then wrote b=1 (op 3); s3 read [a b]=[∅ 1] (op 4)"},
}

func TestSessions(t *testing.T) {
	for _, c := range sessionCases {
		t.Run(c.name, func(t *testing.T) {
			got := checked(c.checker, drawn(t, c.drawing))
			said := ""
			for _, property := range c.checker.Properties() {
				v := got[property]
				for _, a := range v.Anomalies {
					said += a.Sentence + "\n"
				}
				provesItself(t, c.checker, v, history.Never)
			}
			for property, want := range c.want {
				if summary := summarize(got[property]); summary != want {
					t.Errorf("%s: %s, want %s", property, summary, want)
				}
			}
			if !strings.Contains(said, c.says) {
				t.Errorf("said:\n%swant:\n%s", said, c.says)
			}
		})
	}
}

// A contradiction is counted once for each operation that steps back.
func TestStepsBackAreCounted(t *testing.T) {
	h := drawn(t, `
s1  |w k=1|  |w k=2|                                            |w k=3|
s2                    |r k=1| |r k=2| |r k=1| |r k=2| |r k=1|          |r k=3|
s3                    |r k=∅| |r k=2| |r k=2| |r k=∅|
`)
	v := checked(Sessions(AnyOrder), h)[MonotonicReads]
	if v.Counts[KindReadWentBack] != 3 || v.Opportunities != 7 {
		t.Errorf("%+v", v)
	}
}

// A path costs the operations on it, not the edges.
func TestPathsHaveFewOperations(t *testing.T) {
	d := digraph{component: make([]int32, 4)}
	d.build(4, []orderEdge{
		{0, 3, 0, 1}, {3, 2, 0, 1}, {0, 1, none, 1}, {1, 3, none, 1}, {3, 2, none, 2}, {2, 0, 0, 1},
	})
	edges, _ := d.path(1, 0, 2)
	if !slices.Equal(edges, []int32{2, 3, 1}) {
		t.Errorf("%v", edges)
	}
}

func TestAccesses(t *testing.T) {
	h := drawn(t, `
s1  |w a=1|
s1  |r [a b]=[1 ∅]|
s1  |r [a b]=[1]|
s1  |r a|  fail no-leader
s1  |cas a 1→2|
s1  |cas a 1→2 refused|
s1  |cas a 1→2 refused (is 3)|
s1  |delete a|
s1  |txn [w a=1, r b=2, append c+=3]|
s1  |txn [w a=1, r b, append c+=3]--…
s1  |peek a=1|
`)
	h = history.FromOps(append(h.Ops(),
		history.Op{F: history.FTxn, Type: history.Ok, Result: history.ListValue(history.IntValue(1)),
			Call: 1e9},
		history.Op{F: history.FCAS, Type: history.Ok, Key: "a", Arg: history.IntValue(1), Call: 1e9}))
	said, all := "", newAccesses(h)
	for i := range h.Len() {
		all.each(i, func(key int32, a access) {
			value := all.value(&a)
			said += all.name(key) + [...]string{"→", "=", "+=", "!"}[a.kind] + value.String() + " "
		})
		said += "; "
	}
	const want = "a=1 ; a→1 b→∅ ; ; ; a=2 ; ; a→3 ; a!∅ ; a=1 b→2 c+=3 ; a=1 c+=3 ; ; ; ; "
	if said != want {
		t.Errorf("%s\nwant\n%s", said, want)
	}
}

// Without sessions in the record each process is one: what another process wrote binds nobody.
func TestProcessesWithoutSessions(t *testing.T) {
	one := history.IntValue(1)
	for reader, want := range map[int32]string{1: KindOwnWriteMissing, 2: NotExercised} {
		h := history.FromOps([]history.Op{
			{Process: 1, F: history.FWrite, Key: "k", Arg: one, Call: 1, Return: 2, Type: history.Ok},
			{Process: reader, F: history.FRead, Key: "k", Call: 3, Return: 4, Type: history.Ok},
		})
		for _, order := range []VersionOrder{AnyOrder, WriterOrder} {
			if got := summarize(checked(Sessions(order), h)[ReadYourWrites]); got != want {
				t.Errorf("read by process %d: %s, want %s", reader, got, want)
			}
		}
	}
}

// summarize returns the kinds of a verdict's anomalies, "valid", or why it is unknown.
func summarize(v Verdict) string {
	switch v.Result {
	case Valid:
		return "valid"
	case Unknown:
		return v.Reason
	}
	kinds := make([]string, 0, len(v.Counts))
	for kind := range v.Counts {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return strings.Join(kinds, " ")
}

func TestStoppedChecksAreUnknown(t *testing.T) {
	h := drawn(t, `
s1  |--append k+=1--|  |--r k=[1]--|
s1                                    |--r [q r]=[1 1]--|
phase                                                      ^final-reads
s1                                                           |--r k=[1]--|
`)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []Checker{Sessions(AnyOrder), Sessions(WriterOrder), Sessions(ListOrder),
		PrefixConsistent(), Durable()} {
		for _, v := range c.Check(ctx, h) {
			if v.Result != Unknown || !strings.Contains(v.Reason, "stopped") {
				t.Errorf("%s: %v %q", v.Property, v.Result, v.Reason)
			}
		}
	}
}

// stopping is a context that ends after it was asked so many times.
type stopping struct {
	context.Context
	left int
}

// Err implements context.Context.
func (s *stopping) Err() error {
	if s.left--; s.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestStoppedBetweenKeys checks that what goes over all keys is not begun when some were not judged.
func TestStoppedBetweenKeys(t *testing.T) {
	h := drawn(t, `
s1  |--w a=1--|  |--w b=1--|  |--w c=1--|
s2                                         |--r b=1--|  |--r a=∅--|  |--r [b a]=[1 ∅]--|
`)
	for keys := range 4 {
		for _, v := range Sessions(WriterOrder, guaranteeNames[:]...).Check(&stopping{t.Context(), keys}, h) {
			if bound := v.Property == MonotonicWrites || v.Property == SessionCausality; bound &&
				(v.Result == Invalid) != (keys == 3) {
				t.Errorf("%s, stopped after %d of 3 keys: %v, %v", v.Property, keys, v.Result, v.Counts)
			}
		}
	}
}

// TestReasonsOfSessions checks which reason goes with which property.
func TestReasonsOfSessions(t *testing.T) {
	f := newSessionFindings(accessesByKey(drawn(t, "s1 |--r k=1--|")))
	for g := range f.tallies {
		f.tallies[g].chances(1)
	}
	reasons := func() string {
		v := f.verdicts("", []string{MonotonicReads, SessionCausality})
		return v[0].Reason + "; " + v[1].Reason
	}
	if got := reasons(); got != "; " {
		t.Errorf("got %q", got)
	}
	if f.chainsLeft = "chains"; reasons() != "; chains" {
		t.Errorf("got %q", reasons())
	}
	f.leave("k", "is odd")
	f.leave("j", "is odder")
	if got, want := reasons(), "k is odd, and 1 more keys like it"; got != want+"; "+want {
		t.Errorf("got %q", got)
	}
	if f.stopped = "stopped"; reasons() != "stopped; stopped" {
		t.Errorf("got %q", reasons())
	}
}

// TestSessionEffort checks where looking for short witnesses, and judging what reads depend on, ends.
func TestSessionEffort(t *testing.T) {
	h := drawn(t, "s1 |--w k=1--| |--r k=∅--|")
	for effort := range 2 {
		f := newSessionFindings(accessesByKey(h))
		f.effort = effort
		f.judgeOrders(&f.keys[0])
		if found := f.tallies[guarantees]; found.total != 1 || len(found.kept) != effort {
			t.Errorf("effort %d: %d violations, %d explained", effort, found.total, len(found.kept))
		}
	}
	h = drawn(t, `
s1  |--w k=1--|  |--w j=1--|
s2                             |--r j=1--|  |--r k=1--|
`)
	for steps := range 2 {
		f := newSessionFindings(accessesByKey(h))
		f.chains = steps // it takes one
		f.judgeCounting(t.Context(), &sessions{properties: []string{SessionCausality}})
		if left := f.chainsLeft != ""; left != (steps == 0) {
			t.Errorf("%d steps: left %v", steps, left)
		}
	}
}

// TestKeysOfTransactions checks that a transaction that names its keys is no read of several keys.
func TestKeysOfTransactions(t *testing.T) {
	ops := drawn(t, `
s1  |--w k=1--|  |--w j=1--|
s2                             |--txn [r j=1, r k=∅]--|
`).Ops()
	ops[2].Keys = []string{"j", "k"}
	h := historyOf(ops, history.Never)
	for _, v := range Sessions(WriterOrder, MonotonicWrites).Check(t.Context(), h) {
		if v.Result != Unknown || v.Opportunities != 0 {
			t.Errorf("%s: %v, %d opportunities", v.Property, v.Result, v.Opportunities)
		}
	}
}
