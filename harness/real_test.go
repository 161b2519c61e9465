package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/targets"
)

// deployer is the store in memory, deployed by a function.
type deployer struct {
	*memTarget
	deploy func(context.Context, *targets.Spec) (targets.Cluster, error)
}

func (d deployer) Deploy(ctx context.Context, spec *targets.Spec) (targets.Cluster, error) {
	return d.deploy(ctx, spec)
}

// runDeployed runs one seed in wall time on what deploy brings up.
func runDeployed(ctx context.Context, t *testing.T,
	deploy func(context.Context, *targets.Spec) (targets.Cluster, error)) (*Outcome, error) {
	t.Helper()
	m := &memTarget{env: "wall"}
	cat := memCatalogue(m)
	cat.Targets = []targets.Target{deployer{m, deploy}}
	return Run(ctx, loaded(t, m, memExperiment, LoadOptions{}), cat, nil, RunOptions{})
}

// TestDeploymentsHaveALimit: of their own, of Ctrl-C, and one for targets that do not stop when they should,
// whose clusters are closed when they come after all.
func TestDeploymentsHaveALimit(t *testing.T) {
	untilTold := func(ctx context.Context, _ *targets.Spec) (targets.Cluster, error) {
		<-ctx.Done()
		return nil, errNoRoom
	}
	for _, c := range []struct {
		name    string
		cancel  time.Duration
		deaf    bool // the target does not stop when it is told to
		took    time.Duration
		failure string
		stopped bool
	}{
		{"too slow", 0, false, deployLimit, "deploying memory: it was not ready within 5m0s: no room", false},
		{"Ctrl-C", time.Minute, false, time.Minute, "", true},
		{"deaf", 0, true, deployLimit + callLimit, "deploying memory: it did not stop within 30s after it " +
			"was told to: context deadline exceeded", false},
		{"deaf, Ctrl-C", time.Minute, true, time.Minute + callLimit, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.cancel > 0 {
					time.AfterFunc(c.cancel, cancel)
				}
				late, release := &memCluster{target: &memTarget{}}, make(chan struct{})
				deploy := untilTold
				if c.deaf {
					deploy = func(context.Context, *targets.Spec) (targets.Cluster, error) {
						<-release
						return late, nil
					}
				}
				began := time.Now() // in the bubble's time
				out, err := runDeployed(ctx, t, deploy)
				if took := time.Since(began); err != nil || took != c.took || out.Exit != ExitFailure {
					t.Errorf("%v after %v, exit %d; want %v", err, took, out.Exit, c.took)
				}
				if seed := out.Rows[0].Seeds[0]; seed.Failure != c.failure || seed.Stopped != c.stopped {
					t.Errorf("failure %q, stopped %t", seed.Failure, seed.Stopped)
				}
				close(release)
				synctest.Wait()
				if c.deaf && !late.closed {
					t.Error("the cluster that came late was left behind")
				}
			})
		})
	}
}

// TestPanicsInDeploymentsAreFailures, though they are in a goroutine of their own.
func TestPanicsInDeploymentsAreFailures(t *testing.T) {
	out, err := runDeployed(t.Context(), t, func(context.Context, *targets.Spec) (targets.Cluster, error) {
		panic("no such engine")
	})
	if err != nil || out.Exit != ExitFailure ||
		!strings.HasPrefix(out.Rows[0].Seeds[0].Failure, "deploying memory panicked: no such engine, at /") {
		t.Errorf("%v, exit %d, %q", err, out.Exit, out.Rows[0].Seeds[0].Failure)
	}
}

// TestDeployErrorsOfManyLines: the failure has all that the target says, verdicts and expectations its first
// line.
func TestDeployErrorsOfManyLines(t *testing.T) {
	said := errors.New("n2 did not come up; its log ends with\n" + strings.Repeat(" line\n", 99) + "the end")
	out, err := runDeployed(t.Context(), t, func(context.Context, *targets.Spec) (targets.Cluster, error) {
		return nil, said
	})
	if err != nil {
		t.Fatal(err)
	}
	seed := &out.Rows[0].Seeds[0]
	if seed.Failure != "deploying memory: "+said.Error() {
		t.Errorf("failure %q", seed.Failure)
	}
	const first = "harness failure: deploying memory: n2 did not come up; its log ends with"
	if reason := seed.Verdicts[0].Reason; reason != first {
		t.Errorf("the verdict says %q", reason)
	}
	if saw := out.Rows[0].Expectations[0].Saw; strings.Contains(saw, "\n") || !strings.Contains(saw, first) {
		t.Errorf("the expectation saw %q", saw)
	}
}

// stuckCluster has every capability that the harness asks for. Calls of one kind do not return before they
// are released; "all" are all from the first fault on.
type stuckCluster struct {
	*memCluster
	at      string
	release chan struct{}
}

// hangs waits for the release of a call that hangs, and reports whether it did: then the call is too late to
// do anything.
func (c *stuckCluster) hangs(name string) bool {
	c.mu.Lock()
	hangs := c.at == name || c.at == "all" && len(c.log) > 0
	c.mu.Unlock()
	if hangs {
		<-c.release
	}
	return hangs
}

func (c *stuckCluster) Client(session, device string) targets.Client {
	c.hangs("client")
	return c.memCluster.Client(session, device)
}

func (c *stuckCluster) Settled() (bool, string) {
	if c.hangs("settled") {
		return false, ""
	}
	return c.memCluster.Settled()
}

func (c *stuckCluster) Status() []targets.NodeStatus {
	c.hangs("status")
	return nil
}

func (c *stuckCluster) Cut(id string, l []targets.Link) error {
	if c.hangs("cut") {
		return errGone
	}
	return c.memCluster.Cut(id, l)
}

func (c *stuckCluster) Uncut(id string) error {
	if c.hangs("uncut") {
		return errGone
	}
	return c.memCluster.Uncut(id)
}

func (c *stuckCluster) Marks() map[string]int64 {
	c.hangs("marks")
	return map[string]int64{"failover": 1}
}

func (c *stuckCluster) Logs(string) ([]byte, error) {
	c.hangs("logs")
	return nil, nil
}

func (c *stuckCluster) Close() error {
	if c.hangs("close") {
		return errGone
	}
	return c.memCluster.Close()
}

// TestCallsThatHang: whatever call of the cluster does not return, the run ends as a failure, in bounded
// time.
func TestCallsThatHang(t *testing.T) {
	for at, failure := range map[string]string{
		"":        "",
		"client":  "making a client did not end within 30s",
		"settled": "asking whether the nodes talk to each other did not end within 30s",
		"status":  "asking the nodes for their status did not end within 30s",
		"cut":     "cutting links did not end within 30s",
		"uncut":   "healing links did not end within 30s",
		"marks":   "reading the marks of the nodes did not end within 30s",
		"logs":    "reading the log of n1 did not end within 30s",
		"close":   "ending the cluster did not end within 2m0s",
		"all":     "did not end within 30s",
	} {
		t.Run(at, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, release, sink := &memTarget{env: "wall"}, make(chan struct{}), &logSink{}
				exps, cat := loaded(t, m, memExperiment, LoadOptions{}), memCatalogue(m)
				cat.Targets = []targets.Target{badTarget{m, func(c targets.Cluster) targets.Cluster {
					return &stuckCluster{memCluster: c.(*memCluster), at: at, release: release}
				}}}
				began := time.Now() // in the bubble's time
				out, err := Run(t.Context(), exps, cat, sink, RunOptions{KeepOnFailure: at == "all"})
				if err != nil {
					t.Fatal(err)
				}
				seed := &out.Rows[0].Seeds[0]
				if at == "" {
					if seed.Failure != "" || out.Exit != ExitExpected || seed.Marks["failover"] != 1 {
						t.Errorf("nothing hangs: %q, exit %d, marks %v", seed.Failure, out.Exit, seed.Marks)
					}
				} else if !strings.HasPrefix(seed.Failure, "the cluster hangs: ") ||
					!strings.Contains(seed.Failure, failure) || out.Exit != ExitFailure {
					t.Errorf("exit %d, %q, want %q", out.Exit, seed.Failure, failure)
				}
				if took := time.Since(began); took > 11*time.Second+closeLimit+callLimit {
					t.Errorf("it took %v", took)
				}
				close(release)
			})
		})
	}
}

// goneCluster fails in everything from the first fault on.
type goneCluster struct{ *memCluster }

var errGone = errors.New("the engine is gone")

func (c goneCluster) Uncut(string) error                { return errGone }
func (c goneCluster) Close() error                      { return errGone }
func (c goneCluster) Settled() (bool, string)           { return false, errGone.Error() }
func (c goneCluster) Logs(string) ([]byte, error)       { return []byte("what there is"), errGone }
func (c goneCluster) Cut(string, []targets.Link) error  { return errGone }
func (c goneCluster) Client(s, d string) targets.Client { return c.memCluster.Client(s, d) }
func (c goneCluster) Keep() (hint string, err error)    { return "", errGone }

// TestEngineIsGone: errors of everything end the run as a failure when the first fault cannot be healed.
func TestEngineIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, sink := &memTarget{env: "wall"}, &logSink{}
		exps, cat := loaded(t, m, memExperiment, LoadOptions{}), memCatalogue(m)
		cat.Targets = []targets.Target{badTarget{m, func(c targets.Cluster) targets.Cluster {
			return goneCluster{c.(*memCluster)}
		}}}
		began := time.Now() // in the bubble's time
		out, err := Run(t.Context(), exps, cat, sink, RunOptions{KeepOnFailure: true})
		seed := &out.Rows[0].Seeds[0]
		if err != nil || out.Exit != ExitFailure || !strings.HasPrefix(seed.Failure, "healing fault f") {
			t.Errorf("%v, exit %d, %q", err, out.Exit, seed.Failure)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
		if seed.Kept != "it could not be kept: the engine is gone" {
			t.Errorf("kept: %q", seed.Kept)
		}
		if want := "what there is[the log cannot be read: the engine is gone]\n"; sink.logs["1 n3"] != want {
			t.Errorf("logs %q", sink.logs)
		}
	})
}

// limitedCluster cannot cut links.
type limitedCluster struct{ *memCluster }

func (limitedCluster) Cut(string, []targets.Link) error {
	return fmt.Errorf("n1: %w", &targets.Unsupported{Reason: "the kernel has no nftables"})
}

// TestWhatTheEnvironmentCannotDo: faults that it refuses are skipped, and no run without them is what was
// asked.
func TestWhatTheEnvironmentCannotDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := runBad(t.Context(), t, &memTarget{env: "wall"}, nil, func(c targets.Cluster) targets.Cluster {
			return limitedCluster{c.(*memCluster)}
		})
		n := out.Faults["partition/halves"]
		if n.Skipped < 2 || n.Cannot != n.Skipped || n.Installed+n.Indeterminate > 0 ||
			n.Reason != "this environment cannot: the kernel has no nftables" {
			t.Errorf("counted %+v", n)
		}
		v := out.verdict(checkers.Linearizability)
		if out.Failure != "" || v.Result != checkers.Unknown || !strings.Contains(v.Reason, n.Reason) {
			t.Errorf("failure %q, %+v", out.Failure, v)
		}
	})
}

// crowd counts the clusters that are there at the same time, by environment.
type crowd struct {
	mu        sync.Mutex
	now, most map[string]int
	mixed     bool
}

func (c *crowd) add(env string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now[env] += n
	c.most[env] = max(c.most[env], c.now[env])
	c.mixed = c.mixed || c.now["wall"] > 0 && c.now["sim"] > 0
}

// countedCluster is one of a crowd.
type countedCluster struct {
	*memCluster
	crowd *crowd
}

func (c countedCluster) Close() error {
	c.crowd.add("wall", -1)
	return c.memCluster.Close()
}

// countedWorld is one of a crowd in virtual time.
type countedWorld struct {
	*memWorld
	crowd *crowd
}

func (c countedWorld) Close() error {
	c.crowd.add("sim", -1)
	return c.memWorld.Close()
}

// TestRealRunsAreAlone: whatever --parallel says.
func TestRealRunsAreAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowd := &crowd{now: map[string]int{}, most: map[string]int{}}
		wall, sim := &memTarget{env: "wall"}, &memTarget{env: "sim"}
		exps := slices.Concat(loaded(t, sim, memExperiment, LoadOptions{Seeds: "1..4"}),
			loaded(t, wall, memExperiment, LoadOptions{Seeds: "5..8"}),
			loaded(t, sim, memExperiment, LoadOptions{Seeds: "9..12"}))
		if exps[0].Real() || !exps[1].Real() {
			t.Fatal("what is real is wrong")
		}
		cat := memCatalogue(sim)
		cat.Targets = []targets.Target{badTarget{sim, func(c targets.Cluster) targets.Cluster {
			crowd.add("sim", 1)
			return countedWorld{c.(*memWorld), crowd}
		}}, badTarget{wall, func(c targets.Cluster) targets.Cluster {
			crowd.add("wall", 1)
			return countedCluster{c.(*memCluster), crowd}
		}}}
		out, err := Run(t.Context(), exps, cat, nil, RunOptions{Parallel: 4})
		if err != nil || out.Exit != ExitExpected || len(out.Rows[1].Seeds) != 4 {
			t.Fatalf("%v, exit %d", err, out.Exit)
		}
		if crowd.most["wall"] != 1 || crowd.mixed {
			t.Errorf("at most %v at the same time, simulated ones beside real ones: %t", crowd.most,
				crowd.mixed)
		}
	})
}

// TestStoppedBeforeItsTurn: what waits for a real run to end does not begin after Ctrl-C.
func TestStoppedBeforeItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memTarget{env: "wall"}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		time.AfterFunc(5*time.Second, cancel)
		exps := loaded(t, m, memExperiment, LoadOptions{Seeds: "1..3"})
		out, err := Run(ctx, exps, memCatalogue(m), nil, RunOptions{Parallel: 3})
		if err != nil || !out.Stopped || len(m.clusters) != 1 || len(out.Rows[0].Seeds) != 1 {
			t.Errorf("%v, stopped %t, %d clusters, %d seeds", err, out.Stopped, len(m.clusters),
				len(out.Rows[0].Seeds))
		}
	})
}

// logSink keeps in memory what is saved, logs too.
type logSink struct {
	memSink
	logs   map[string]string // by "seed node"
	logErr error
}

func (s *logSink) Log(_ *Experiment, seed uint64, node string, data []byte) error {
	if s.logs == nil {
		s.logs = map[string]string{}
	}
	s.logs[fmt.Sprint(seed, " ", node)] = string(data)
	return s.logErr
}

// talkative is a cluster with logs.
type talkative struct{ *memCluster }

func (c talkative) Logs(node string) ([]byte, error) {
	if c.closed || len(c.active) > 0 {
		return nil, errors.New("it is too late, or too early")
	}
	return []byte("the log of " + node), nil
}

// TestLogsAreSaved: of every real run, before the cluster's end.
func TestLogsAreSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memTarget{env: "wall"}
		exps, cat := loaded(t, m, memExperiment, LoadOptions{Seeds: "1..2"}), memCatalogue(m)
		cat.Targets = []targets.Target{badTarget{m, func(c targets.Cluster) targets.Cluster {
			return talkative{c.(*memCluster)}
		}}}
		sink := &logSink{}
		if _, err := Run(t.Context(), exps, cat, sink, RunOptions{}); err != nil {
			t.Fatal(err)
		}
		for _, place := range []string{"1 n1", "1 n2", "1 n3", "2 n1", "2 n2", "2 n3"} {
			if want := "the log of " + place[2:]; sink.logs[place] != want {
				t.Errorf("%s: got %q, want %q", place, sink.logs[place], want)
			}
		}
		full := &logSink{logErr: errors.New("the disk is full")}
		out, err := Run(t.Context(), exps, cat, full, RunOptions{})
		if !errors.Is(err, full.logErr) || out.Exit != ExitExpected ||
			!strings.Contains(fmt.Sprint(err), "the log of n2 in seed 1: the disk is full") {
			t.Errorf("logs that cannot be saved: exit %d, %v", out.Exit, err)
		}
	})
}

func TestLastOf(t *testing.T) {
	for _, c := range []struct{ log, want string }{
		{"", ""},
		{"a\nbb\nccc\n", "a\nbb\nccc\n"},
		{"0\na\nbb\nccc\n", "[2 bytes before this are left out]\na\nbb\nccc\n"},
		{"00\naaaa\nbbb\ncc\n", "[8 bytes before this are left out]\nbbb\ncc\n"},
		{"one long line without an end", "[18 bytes before this are left out]\nout an end"},
		{"one long line with an end\n", "[16 bytes before this are left out]\nth an end\n"},
	} {
		before := bytes.Clone([]byte(c.log))
		if got := lastOf(before, 10); string(got) != c.want || string(before) != c.log {
			t.Errorf("%q: got %q, want %q", c.log, got, c.want)
		}
	}
}
