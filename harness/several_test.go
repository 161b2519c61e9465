package harness

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/nemesis/inject"
)

const twoWorkloads = `version: 1
name: two
target: memory
nodes: 3
workload:
  - {name: register, keys: 3, rate: 50, concurrency: 4}
  - {name: register, keys: 2, rate: 20, concurrency: 2}
time: 5s
`

// TestWorkloadsSideBySide: two workloads in one run have prefixes and threads of their own, and what is found
// about a property is found by both.
func TestWorkloadsSideBySide(t *testing.T) {
	for _, stale := range []int{0, 10} {
		m := &memTarget{env: "sim", stale: stale}
		exp := loaded(t, m, twoWorkloads, LoadOptions{})[0]
		out, lines := recorded(t.Context(), exp, m)
		both := out.verdict(checkers.Linearizability)
		exp.Workloads = exp.Workloads[:1]
		alone, _ := recorded(t.Context(), exp, m)
		one := alone.verdict(checkers.Linearizability)
		want := checkers.Valid
		if stale > 0 {
			want = checkers.Invalid
		}
		if both.Result != want || both.Opportunities <= one.Opportunities {
			t.Errorf("stale %d: %v with %d opportunities, want %v and more than the %d of one workload",
				stale, both.Result, both.Opportunities, want, one.Opportunities)
		}
		if !strings.Contains(lines, `"p":5,"s":"as2"`) || !strings.Contains(lines, `"p":0,"s":"rs1"`) {
			t.Error("a workload has not the threads and sessions of its own")
		}
	}
}

// TestCombined: of what two workloads found the heaviest counts, but no opportunity for one is no doubt about
// the other; figures add up.
func TestCombined(t *testing.T) {
	verdict := func(r checkers.Result, reason string) checkers.Verdict {
		v := checkers.Verdict{Property: checkers.Durability, Result: r, Reason: reason, Opportunities: 2,
			Engine: "zones", Measures: map[string]float64{reason: 1}}
		if r == checkers.Invalid {
			v.Counts = map[string]int64{"lost-write": 3}
			v.Anomalies = []checkers.Anomaly{{Indices: make([]int, 4)}, {Indices: make([]int, 2)}}
		}
		return v
	}
	held, lost := verdict(checkers.Valid, ""), verdict(checkers.Invalid, "")
	idle, tired := verdict(checkers.Unknown, checkers.NotExercised), verdict(checkers.Unknown, "out of time")
	for _, c := range []struct {
		a, b   checkers.Verdict
		result checkers.Result
		reason string
		lost   int64
	}{
		{held, held, checkers.Valid, "", 0},
		{held, lost, checkers.Invalid, "", 3},
		{lost, lost, checkers.Invalid, "", 6},
		{held, idle, checkers.Valid, "", 0},
		{idle, idle, checkers.Unknown, checkers.NotExercised, 0},
		{held, tired, checkers.Unknown, "out of time", 0},
		{idle, tired, checkers.Unknown, "out of time", 0},
		{lost, tired, checkers.Invalid, "", 3},
	} {
		for _, got := range []checkers.Verdict{combined(c.a, c.b), combined(c.b, c.a)} {
			if got.Result != c.result || got.Reason != c.reason || got.Counts["lost-write"] != c.lost ||
				got.Opportunities != 4 || got.Engine != "zones" || got.Measures[c.a.Reason] != 1 {
				t.Errorf("%v and %v: got %+v", c.a.Result, c.b.Result, got)
			}
			if c.lost == 6 && (len(got.Anomalies) != checkers.MaxExplained || size(&got.Anomalies[0]) != 2) {
				t.Errorf("anomalies %+v", got.Anomalies)
			}
		}
	}
}

// TestOrderOfWorkDoesNotShow: an outcome is the same however many runs go on at one time.
func TestOrderOfWorkDoesNotShow(t *testing.T) {
	var forms []string
	for _, parallel := range []int{1, 4} {
		m := &memTarget{env: "sim", stale: 10}
		exps := loaded(t, m, memExperiment, LoadOptions{Seeds: "1..6"})
		out, err := Run(t.Context(), exps, memCatalogue(m), nil, RunOptions{Parallel: parallel})
		if err != nil {
			t.Fatal(err)
		}
		form, err := json.Marshal(out.Rows)
		if err != nil {
			t.Fatal(err)
		}
		forms = append(forms, string(form))
	}
	if forms[0] != forms[1] {
		t.Errorf("one at a time:\n%s\nfour at a time:\n%s", forms[0], forms[1])
	}
}

// TestFaultsThatCannotBe runs faults that the store in memory has no capability for, and some that find
// nobody to hit: it knows no leader.
func TestFaultsThatCannotBe(t *testing.T) {
	const halves = "partition: {shape: halves, every: 1s, for: 500ms}"
	for _, c := range []struct {
		faults string
		reason string // of the verdicts that would be valid, "" when they are
	}{
		{halves, ""},
		{halves + "}, {pause: {every: 1s, for: 500ms}",
			"fault pause/pause was skipped: this environment cannot: pause needs the capability Pauser"},
		{halves + "}, {partition: {shape: isolate-leader, every: 1s, for: 500ms}",
			"fault partition/isolate-leader was skipped: no leader is known"},
	} {
		m := &memTarget{env: "sim"}
		text := strings.Replace(memExperiment,
			"faults:\n  - partition: {shape: halves, every: 2s..3s, for: 1s}", "faults: [{"+c.faults+"}]", 1)
		exps := loaded(t, m, text, LoadOptions{Seeds: "1..2"})
		out, err := Run(t.Context(), exps, memCatalogue(m), nil, RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		exit := ExitExpected
		if c.reason != "" {
			exit = ExitUnknown
		}
		cell := out.Rows[0].find(checkers.Linearizability)
		if out.Exit != exit || cell.Reason != c.reason {
			t.Errorf("%s: exit %d, %q; want %d, %q", c.faults, out.Exit, cell.Reason, exit, c.reason)
		}
	}
}

// TestReasonOfSkips: the reason that is published is the first, but that the environment cannot do such a
// fault goes before.
func TestReasonOfSkips(t *testing.T) {
	const beyond = "this environment cannot: pause needs the capability Pauser"
	lacks := inject.Cannot + "pause needs the capability Pauser"
	for _, c := range []struct {
		outcomes []string
		want     string
	}{
		{[]string{inject.Skipped + "n1 is down already", inject.Skipped + "no leader is known"},
			"n1 is down already"},
		{[]string{inject.Skipped + "no leader is known", lacks}, beyond},
		{[]string{lacks, inject.Skipped + "no leader is known"}, beyond},
	} {
		var n FaultCounts
		for _, outcome := range c.outcomes {
			n.noteReason(outcome)
		}
		if n.Reason != c.want {
			t.Errorf("%q: got %q", c.outcomes, n.Reason)
		}
	}
}

// TestOneFaultDoesNotHideAnother: a kind that was installed at last is no reason to overlook one that
// cannot be installed at all.
func TestOneFaultDoesNotHideAnother(t *testing.T) {
	got := lacking(map[string]FaultCounts{
		"crash/lose": {Installed: 3, Indeterminate: 1, Reason: "x"},
		"pause/stop": {Skipped: 1, Cannot: 1, Reason: "x"},
	})
	if !strings.HasPrefix(got, "fault pause/stop was skipped") {
		t.Errorf("got %q", got)
	}
}

// TestSourceIsWhatRan: the source that an experiment carries, loaded by itself, gives that experiment,
// whatever flags have changed.
func TestSourceIsWhatRan(t *testing.T) {
	const variants = `# a comment
version: 1
name: x
target: memory
nodes: 3
workload: {name: register, keys: 3}
faults: [partition: {shape: halves, for: 1s..2s}]
expect: {durability: [must-hold, {measure: share, at-least: 60%}], marks: {failover: {at-least: 1}}}
seeds: 1..3
variants:
  - name: first
    time: 20s
  - name: 'the "second": one'
    config: {colour: red, list: [1, 2.5, true, "true", null], "7": "007"}
    expect: {availability: {measure: write_p50_ns, at-most: 20ms}}
`
	for _, text := range []string{memExperiment, variants} {
		for _, opts := range []LoadOptions{
			{},
			{Seeds: "4,7..9"},
			{Env: "sim", Set: []string{"name=other", "workload.rate=7", "config.colour=red"}},
			{Set: []string{"faults=[]", "about='yes: no'",
				"expect={durability: {must-violate: lost-write}}"}},
			{Set: []string{"seed=", "seeds=3..4", "config.size.a=[1, {b: x}]"}},
		} {
			m := &memTarget{env: "sim"}
			exps := loaded(t, m, text, opts)
			again := loaded(t, m, string(exps[0].Source), LoadOptions{})
			for _, list := range [][]*Experiment{exps, again} {
				for _, e := range list {
					e.Source = nil
					for i := range e.Expect {
						e.Expect[i].Line = 0
					}
				}
			}
			if !reflect.DeepEqual(exps, again) {
				t.Errorf("%+v: the source gives %+v, want %+v", opts, again[0], exps[0])
			}
			if slices.Contains(opts.Set, "name=other") && again[0].Name != "other" {
				t.Errorf("the name is %q", again[0].Name)
			}
		}
	}
}

// TestEnginesOfBothAreNamed: each engine once, in the order of the workloads.
func TestEnginesOfBothAreNamed(t *testing.T) {
	for _, c := range [][3]string{{"zones", "sweep", "zones, sweep"}, {"", "sweep", "sweep"},
		{"zones", "", "zones"}, {"zones, sweep", "sweep", "zones, sweep"}} {
		got := combined(checkers.Verdict{Engine: c[0]}, checkers.Verdict{Engine: c[1]}).Engine
		if got != c[2] {
			t.Errorf("%q and %q: got %q", c[0], c[1], got)
		}
	}
}
