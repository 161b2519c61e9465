package checkers

import (
	"context"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// quorumOf judges a drawn history with evidence.
func quorumOf(t *testing.T, settings, text string) Verdict {
	t.Helper()
	return Quorum(quorumSettings(t, settings)).Check(t.Context(), drawnQuorum(t, text))[0]
}

// TestQuorumMeasures holds shares against their denominators.
func TestQuorumMeasures(t *testing.T) {
	for what, c := range map[string]struct {
		drawing string
		want    map[string]float64
	}{
		"inversions before anything is acknowledged": {`
s1  |--w k=1------------------------------------------…
s2     |--r k=1--|
s3                 |--r k=∅--|  |--r k=∅--|  |--r k=1--|`,
			map[string]float64{"reads_decided": 0, "reads_undecided": 0, "stale_share": 0,
				"inversion_share": 1}},
		"one of two": {`
s1  |--w k=1--|  |--w k=2----------------------------------------|
s2                  |--r k=2--|
s3                                |--r k=1--|  |--r k=2--|`,
			map[string]float64{"reads_decided": 3, "reads_undecided": 0, "stale_share": 0,
				"inversion_share": 0.5}},
		"a stale read is no inversion": {`
s1  |--w k=1--|  |--w k=2--|
s2                            |--r k=2--|  |--r k=1--|  |--r k=2--|`,
			map[string]float64{"reads_decided": 3, "stale_share": 1. / 3, "inversion_share": 0}},
		"undecided": {`
s1  |--w k=1--|
s2  |--w k=2---------------------------------------…
s3               |--r k=2--|  |--r k=1--|  |--r k=7--|`,
			map[string]float64{"reads_decided": 1, "reads_undecided": 2, "stale_share": 0,
				"inversion_share": 0}},
	} {
		v := quorumOf(t, "3 1 1", c.drawing)
		for name, want := range c.want {
			if got, ok := v.Measures[name]; !ok || got != want {
				t.Errorf("%s: %s is %v, want %v", what, name, got, want)
			}
		}
	}
}

// TestNoOverlapShare: only quorums of the same replicas are compared, and the sets of their nodes.
func TestNoOverlapShare(t *testing.T) {
	const drawing = `
s1  |--w k=1--|               |--w k=2--|
s2               |--r k=1--|               |--r k=2--|
`
	for what, c := range map[string]struct {
		evidence string
		want     float64
	}{
		"apart": {"ev 1: acks n1 home n1,n2,n3\nev 2: acks n2,n3 home n1,n2,n3", 1},
		"meet":  {"ev 1: acks n1,n2 home n1,n2,n3\nev 2: acks n2,n3 home n1,n2,n3", 0},
		"other replicas": {"ev 1: acks n1 home n1,n2,n3\nev 2: acks n2,n3 home n2,n3,n4\n" +
			"ev 4: acks n2,n3 home n3,n2,n1", 0.5},
		"a write later": {"ev 2: acks n1 home n1,n2\nev 3: acks n2 home n1,n2", 0},
		"one node twice is not two nodes": {"ev 1: acks n1,n2 home n1,n2,n3\nev 2: acks n2 home n1,n2,n3\n" +
			"ev 3: acks n1,n1 home n1,n2,n3\nev 4: acks n2 home n1,n2,n3", 0.5},
	} {
		v := quorumOf(t, "3 1 1", drawing+c.evidence)
		if got, ok := v.Measures["no_overlap_share"]; !ok || got != c.want {
			t.Errorf("%s: %v, want %v", what, got, c.want)
		}
	}
	if v := quorumOf(t, "3 1 1", drawing); v.Measures["no_overlap_share"] != 0 || len(v.Measures) != 4 {
		t.Errorf("without evidence: %v", v.Measures)
	}
}

// TestQuorumStopped takes a context that has ended.
func TestQuorumStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := drawn(t, "s1  |--w k=1--|  |--r k=1--|")
	v := Quorum(QuorumSettings{}).Check(ctx, h)[0]
	if v.Result != Unknown || !strings.HasPrefix(v.Reason, "stopped after 0 of 1 keys") {
		t.Errorf("%v: %q", v.Result, v.Reason)
	}
}

// TestQuorumNotExercised: a history in which nothing can go wrong proves nothing, and says why.
func TestQuorumNotExercised(t *testing.T) {
	for what, c := range map[string]struct{ drawing, want string }{
		"one read":       {"s1  |--r k=∅--|", NotExercised},
		"one write":      {"s1  |--w k=1--|", NotExercised},
		"a peek":         {"s1  |--w k=1--|  |--peek k=∅--|", NotExercised},
		"several keys":   {"s1  |--w k=1--|  |--r [k l]=[∅ ∅]--|", NotExercised},
		"a failed write": {"s1  |--w k=1--| fail no-leader  |--r k=∅--|", NotExercised},
		"a value written twice": {"s1  |--w k=1--|  |--w k=1--|  |--r k=1--|",
			NotExercised + ": k: 1 was written twice"},
		".. one of them failed": {"s1  |--w k=1--|  |--w k=1--| fail no-leader |--r k=1--|", ""},
		"another function": {"s1  |--add k (1)--|  |--r k=[1]--|",
			NotExercised + ": k: it is used by add"},
		".. that nobody reads": {"s1  |--add k (1)--|", NotExercised},
	} {
		v := quorumOf(t, "3 1 1", c.drawing)
		if v.Reason != c.want || (v.Result == Valid) != (c.want == "") {
			t.Errorf("%s: %v %q", what, v.Result, v.Reason)
		}
	}
}

// TestCrashesThatLose: which crashes can have cost a replica what it held.
func TestCrashesThatLose(t *testing.T) {
	text := func(s string) history.Value { return history.StringValue(s) }
	crash := func(change func(f *history.Fault)) history.Fault {
		f := history.Fault{ID: "f1", Family: "crash", Outcome: "installed", From: 10, To: 20,
			What: history.MapValue(map[string]history.Value{"shape": text("wipe-disk"),
				"nodes": history.ListValue(text("n1"), text("n2"))})}
		change(&f)
		return f
	}
	shaped := func(shape, node string) func(f *history.Fault) {
		return func(f *history.Fault) {
			f.What = history.MapValue(map[string]history.Value{"shape": text(shape),
				"targets": text("n2"), "nodes": history.ListValue(text(node))})
		}
	}
	for what, c := range map[string]struct {
		change func(f *history.Fault)
		want   bool
	}{
		"wiped":           {func(*history.Fault) {}, true},
		"unsynced lost":   {shaped("lose-unsynced", "n2"), true},
		"torn":            {shaped("tear-unsynced", "n2"), true},
		"unsynced kept":   {shaped("keep-unsynced", "n2"), false},
		"another node":    {shaped("wipe-disk", "n22"), false},
		"skipped":         {func(f *history.Fault) { f.Outcome = "skipped: down" }, false},
		"a pause":         {func(f *history.Fault) { f.Family = "pause" }, false},
		"just later":      {func(f *history.Fault) { f.From, f.To = 31, history.Never }, false},
		"at the end":      {func(f *history.Fault) { f.From, f.To = 30, history.Never }, true},
		"just before":     {func(f *history.Fault) { f.From, f.To = 0, 4 }, false},
		"until it begins": {func(f *history.Fault) { f.From, f.To = 0, 5 }, true},
	} {
		f := &quorumFindings{h: &history.History{Faults: []history.Fault{crash(c.change)}}}
		if id, crashed := f.crashOf("n2", 5, 30); crashed != c.want || (id == "f1") != c.want {
			t.Errorf("%s: %q %v", what, id, crashed)
		}
	}
}

func staleReads(v Verdict) (n int64) {
	for kind, count := range v.Counts {
		if strings.HasPrefix(kind, "stale-") {
			n += count
		}
	}
	return n
}

// TestOrderOfCauses: evidence that admits of several causes, and the one that counts.
func TestOrderOfCauses(t *testing.T) {
	const drawing = `
s1 @n1  |--w k=1--|
s2 @n2               |--w k=2--|
s3 @n3                            |--r k=1--|
`
	for what, c := range map[string]struct{ settings, evidence, want string }{
		"other replicas before one that stands in": {"3 1 1 sloppy", `
ev 2: acks n9 home n1,n2,n3 hints n9 dots s2:1
ev 3: acks n1 home n1,n2,n4 answers n1=s1:1`, KindStaleUnexplained},
		"one that stands in before local": {"3 1 1 sloppy local", `
ev 2: acks n9 home n1,n2,n3 hints n9 dots s2:1
ev 3: acks n1 home n3,n2,n1 answers n1=s1:1`, KindStaleSloppy},
		"local before sizes": {"3 2 2 local", `
ev 2: acks n2 home n1,n2,n3 dots s2:1
ev 3: acks n1 home n1,n2,n3 answers n1=s1:1`, KindStaleLocalQuorum},
		"sizes that are not known": {"3 0 2", `
ev 2: acks n2 home n1,n2,n3 dots s2:1
ev 3: acks n1 home n1,n2,n3 answers n1=s1:1`, KindStaleNoOverlap},
		"a greater number of a concurrent write, and a smaller one returned": {"3 2 2 lww", `
ev 1: acks n1,n2 dots s1:4
ev 2: acks n2,n3 dots s2:7
ev 3: acks n1,n2 dots s1:4 answers n1=s1:4 n2=x:8`, KindStaleDefect},
		".. and the number returned is not known": {"3 2 2 lww", `
ev 2: acks n2,n3 dots s2:7
ev 3: acks n1,n2 answers n1=s1:4 n2=x:8`, KindStaleUnexplained},
		".. but the read says it": {"3 2 2 lww", `
ev 2: acks n2,n3 dots s2:7
ev 3: acks n1,n2 dots x:8 answers n1=s1:4 n2=x:8`, KindStaleClock},
		"a smaller number though it was held": {"3 2 2 lww", `
ev 1: acks n1,n2 dots s1:4
ev 2: acks n2,n3 dots s2:7
ev 3: acks n1,n2 dots s1:4 answers n1=s1:4 n2=s2:7`, KindStaleDefect},
		"an unknown version beside": {"3 2 2", `
ev 1: acks n1,n2 dots s1:1
ev 2: acks n2,n3 dots s2:1
ev 3: acks n1,n2 answers n1=s1:1 n2=s1:1,x:1`, KindStaleUnexplained},
		"one unknown, one that forgot": {"3 2 2", `
ev 1: acks n1,n2 dots s1:1
ev 2: acks n2,n3 dots s2:1
ev 3: acks n3,n2 answers n3=s1:1 n2=x:1`, KindStaleDefect},
	} {
		v := quorumOf(t, c.settings, drawing+strings.TrimSpace(c.evidence))
		if n := staleReads(v); v.Counts[c.want] != 1 || n != 1 {
			t.Errorf("%s: %v, want %s", what, v.Counts, c.want)
		}
	}
}

// TestEqualNumbers: a node held the write beside an older one with the same number, which is not greater.
func TestEqualNumbers(t *testing.T) {
	v := quorumOf(t, "3 2 2 lww", `
s0 @n1  |--w k=3--|  |--w k=1--|
s2 @n2                            |--w k=2--|
s3 @n3                                         |--r k=1--|
ev 1: acks n1,n2 dots s0:7
ev 2: acks n1,n2
ev 3: acks n2,n3 dots s2:7
ev 4: acks n1,n2 answers n2=s0:7,s2:7`)
	if v.Counts[KindStaleUnexplained] != 1 || staleReads(v) != 1 {
		t.Errorf("%v", v.Counts)
	}
}
