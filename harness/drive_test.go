package harness

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/history"
)

// recorded runs one seed and returns the outcome and the history from line 2 on.
func recorded(ctx context.Context, exp *Experiment, m *memTarget) (SeedOutcome, string) {
	var file bytes.Buffer
	out := RunSeed(ctx, exp, 1, memCatalogue(m), &file)
	_, lines, _ := strings.Cut(file.String(), "\n")
	return out, lines
}

// TestBothDriversFollowOneSchedule runs an experiment in virtual time and in wall time (that of a bubble, in
// which nobody waits). The histories are the same to the byte, operations, faults and times, up to the
// final reads; these begin in all threads at one time, and wall time leaves open who reads what.
func TestBothDriversFollowOneSchedule(t *testing.T) {
	virtual := &memTarget{env: "sim"}
	out, want := recorded(t.Context(), loaded(t, virtual, memExperiment, LoadOptions{})[0], virtual)
	if out.Failure != "" || out.Ops < 400 || out.Faults["partition/halves"].Installed < 2 {
		t.Fatalf("the run in virtual time is no measure: %+v", out)
	}
	synctest.Test(t, func(t *testing.T) {
		wall := &memTarget{env: "wall"}
		out, got := recorded(t.Context(), loaded(t, wall, memExperiment, LoadOptions{})[0], wall)
		if out.Failure != "" {
			t.Fatal(out.Failure)
		}
		gotRun, gotFinal := splitAtFinal(got)
		wantRun, wantFinal := splitAtFinal(want)
		if gotRun != wantRun {
			t.Errorf("in wall time the history differs, first at\n%s", firstDifference(gotRun, wantRun))
		}
		if gotFinal != wantFinal {
			t.Errorf("the final reads differ, first at\n%s", firstDifference(gotFinal, wantFinal))
		}
	})
}

// splitAtFinal returns the lines up to the final reads, and what these read of which key, at which node,
// without saying which thread did when.
func splitAtFinal(lines string) (run, final string) {
	run, rest, _ := strings.Cut(lines, `"f":"phase","v":"final-reads"`)
	place := regexp.MustCompile(`"([itp]":\d+|s":"rs\d"),|,"op":"[0-9.]+"`)
	sorted := strings.Split(place.ReplaceAllString(rest, ""), "\n")
	slices.Sort(sorted)
	return run, strings.Join(sorted, "\n")
}

func firstDifference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return fmt.Sprintf("line %d:\n%s\n%s", i+2, as[i], bs[i])
		}
	}
	return fmt.Sprintf("the end: %d and %d lines", len(as), len(bs))
}

func TestRunsAreTheSameEachTime(t *testing.T) {
	var hashes []string
	for range 2 {
		m := &memTarget{env: "sim"}
		out, lines := recorded(t.Context(), loaded(t, m, memExperiment, LoadOptions{})[0], m)
		hashes = append(hashes, out.Hash+lines)
	}
	if hashes[0] != hashes[1] {
		t.Error("two runs of one seed differ")
	}
}

// TestWallTimesOut: a client that never answers costs its thread the driver's own limit, and the process
// retires.
func TestWallTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memTarget{env: "wall", silent: true}
		text := strings.Replace(memExperiment, "time: 10s", "time: 150s", 1)
		_, lines := recorded(t.Context(), loaded(t, m, text, LoadOptions{})[0], m)
		timeout := regexp.MustCompile(`"type":"info","p":([0-3]),.*"code":"timeout"`)
		retired := timeout.FindStringSubmatch(lines)
		if retired == nil {
			t.Fatal("no write timed out")
		}
		first, _ := strconv.Atoi(retired[1])
		if successor := fmt.Sprintf(`"type":"invoke","p":%d,`, first+4); !strings.Contains(lines, successor) {
			t.Errorf("process %d has no successor", first)
		}
	})
}

func TestPhasesInTheirOrder(t *testing.T) {
	m := &memTarget{env: "sim"}
	var file bytes.Buffer
	RunSeed(t.Context(), loaded(t, m, memExperiment, LoadOptions{})[0], 1, memCatalogue(m), &file)
	h, err := history.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range h.Phases {
		got = append(got, fmt.Sprintf("%s %dms", p.Name, p.From/1e6))
	}
	want := []string{"warm-up 3ms", "faults 2003ms", "heal 10003ms", "quiesce 10003ms", "final-reads 11003ms"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, f := range h.Faults {
		if f.From < 2_003_000_000 || f.To > 10_003_000_000 {
			t.Errorf("fault %s lasts from %d to %d", f.ID, f.From, f.To)
		}
	}
	final := 0
	for i := range h.Len() {
		if h.Final(&h.Ops()[i]) {
			final++
		}
	}
	if final != 3+3*3 { // an ordinary read of each key, and a peek at each node
		t.Errorf("%d final reads", final)
	}
}

// TestHealsOnEveryWayOut: whatever ends a run, no fault stays, the cluster is closed, and what was recorded
// is whole.
func TestHealsOnEveryWayOut(t *testing.T) {
	for name, c := range map[string]struct {
		target  memTarget
		cancel  int64 // the run's context ends at this time, 0 for never
		failure string
		stopped bool
	}{
		"the end":       {},
		"panic":         {target: memTarget{panicAt: 400}, failure: "panicked: the store fell over"},
		"Ctrl-C":        {cancel: 5_500_000_000, stopped: true},
		"never settled": {target: memTarget{unsettled: true}, failure: "did not settle within 1m1s"},
		"not empty": {target: memTarget{full: true}, failure: "the cluster is not empty: n1 holds r1 " +
			"= 9"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &c.target
			m.env = "sim"
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			exp := loaded(t, m, memExperiment, LoadOptions{})[0]
			var file bytes.Buffer
			r, err := newRun(ctx, exp, 1, memCatalogue(m), &file)
			if err != nil {
				t.Fatal(err)
			}
			r.report = func(p Progress) {
				if c.cancel > 0 && p.Now >= c.cancel {
					cancel()
				}
			}
			r.execute()
			out := r.outcome()
			if !strings.Contains(out.Failure, c.failure) || (out.Failure == "") != (c.failure == "") {
				t.Errorf("failure %q, want %q", out.Failure, c.failure)
			}
			if out.Stopped != c.stopped {
				t.Errorf("stopped %t", out.Stopped)
			}
			checkReleased(t, m, &file, name != "not empty")
			if c.stopped && out.Verdicts[0].Opportunities == 0 {
				t.Errorf("what there was is not checked: %+v", out.Verdicts)
			}
			if v := out.Verdicts[0]; c.failure != "" && (v.Result != checkers.Unknown ||
				v.Reason != "harness failure: "+out.Failure || v.Property != checkers.Linearizability) {
				t.Errorf("a run that failed says %+v", v)
			}
		})
	}
}

// checkReleased looks at what a run has left behind.
func checkReleased(t *testing.T, m *memTarget, file *bytes.Buffer, ran bool) {
	t.Helper()
	cluster := m.clusters[0]
	if len(cluster.active) > 0 || !cluster.closed {
		t.Errorf("active faults %v, closed %t", cluster.active, cluster.closed)
	}
	h, err := history.Read(file)
	if err != nil || len(h.Warns) > 0 {
		t.Fatal(err, h.Warns)
	}
	for i := range h.Len() {
		if h.Op(i).Done < 0 {
			t.Errorf("operation %v is left open", h.Op(i).ID)
		}
	}
	if ran && len(cluster.log) == 0 {
		t.Error("no fault was installed: nothing was shown")
	}
}

func TestDeployErrorsAreFailures(t *testing.T) {
	m := &memTarget{env: "sim", deployErr: errNoRoom}
	exps := loaded(t, m, memExperiment, LoadOptions{})
	out, err := Run(t.Context(), exps, memCatalogue(m), nil, RunOptions{})
	if err != nil || out.Exit != ExitFailure || out.Rows[0].Seeds[0].Failure != "deploying memory: no room" {
		t.Errorf("exit %d, %v, %+v", out.Exit, err, out.Rows[0].Seeds)
	}
}

// TestAStoreThatLiesIsCaught: every tenth read is stale; the same store without the lie holds.
func TestAStoreThatLiesIsCaught(t *testing.T) {
	for _, c := range []struct {
		stale, exit int
		result      checkers.Result
	}{{0, ExitExpected, checkers.Valid}, {10, ExitUnexpected, checkers.Invalid}} {
		m := &memTarget{env: "sim", stale: c.stale}
		exps := loaded(t, m, memExperiment, LoadOptions{Seeds: "1..3"})
		out, err := Run(t.Context(), exps, memCatalogue(m), nil, RunOptions{Parallel: 1})
		if err != nil {
			t.Fatal(err)
		}
		row := &out.Rows[0]
		cell := row.find(checkers.Linearizability)
		if out.Exit != c.exit || cell.Result != c.result || (cell.Smallest != nil) != (c.stale > 0) {
			t.Errorf("stale %d: exit %d, linearizability %v, witness %v", c.stale, out.Exit, cell.Result,
				cell.Smallest)
		}
		if len(row.Seeds) != 3 || row.Seeds[2].Seed != 3 {
			t.Errorf("seeds %+v", row.Seeds)
		}
	}
}

func TestStoppedRunsExitWithFailure(t *testing.T) {
	m := &memTarget{env: "sim"}
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-ctx.Done()
	out, err := Run(ctx, loaded(t, m, memExperiment, LoadOptions{}), memCatalogue(m), nil, RunOptions{})
	if err != nil || !out.Stopped || out.Exit != ExitFailure {
		t.Errorf("stopped %t, exit %d, %v", out.Stopped, out.Exit, err)
	}
}

func TestPlanIsThatOfTheRun(t *testing.T) {
	m := &memTarget{env: "sim"}
	exp := loaded(t, m, memExperiment, LoadOptions{})[0]
	planned, err := Plan(exp, 1, memCatalogue(m))
	if err != nil {
		t.Fatal(err)
	}
	out, lines := recorded(t.Context(), exp, m)
	if len(planned.Faults) != out.Faults["partition/halves"].Installed || len(planned.Ops) < 400 {
		t.Errorf("%d faults and %d operations planned, %+v in the run", len(planned.Faults), len(planned.Ops),
			out.Faults)
	}
	if first := planned.Ops[0].Op; !strings.Contains(lines, fmt.Sprintf(`"op":"%v"`, first.ID)) {
		t.Errorf("operation %v is not in the run", first.ID)
	}
}
