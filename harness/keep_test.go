package harness

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/targets"
)

// keepable is a cluster that can be kept.
type keepable struct {
	*memCluster
	err  error
	kept int
}

func (k *keepable) Keep() (string, error) {
	k.kept++
	return "enter it by the door\nremove it with a broom", k.err
}

// closing is a cluster that does not end well.
type closing struct{ *memCluster }

func (c closing) Close() error {
	return errors.Join(c.memCluster.Close(), errors.New("the door is stuck"))
}

// runKept runs the experiment with KeepOnFailure on keepable clusters.
func runKept(t *testing.T, m *memTarget, load LoadOptions, opts RunOptions, keepErr error) (*Outcome,
	[]*keepable) {
	t.Helper()
	var clusters []*keepable
	exps, cat := loaded(t, m, memExperiment, load), memCatalogue(m)
	if m.env != "sim" {
		cat.Targets = []targets.Target{badTarget{m, func(c targets.Cluster) targets.Cluster {
			clusters = append(clusters, &keepable{memCluster: c.(*memCluster), err: keepErr})
			return clusters[len(clusters)-1]
		}}}
	}
	out, err := Run(t.Context(), exps, cat, nil, opts)
	if err != nil {
		t.Fatal(err)
	}
	return out, clusters
}

// TestKeepOnFailure: what nobody expects is kept to be looked at, and nothing else.
func TestKeepOnFailure(t *testing.T) {
	const hint = "enter it by the door\nremove it with a broom"
	keep := RunOptions{KeepOnFailure: true}
	violated := []string{"expect={linearizability: must-violate}"}
	for name, c := range map[string]struct {
		target memTarget
		set    []string
		opts   RunOptions
		err    error
		kept   string // what the outcome says
	}{
		"all is well":                         {opts: keep},
		"an anomaly":                          {target: memTarget{stale: 10}, opts: keep, kept: hint},
		"not asked for":                       {target: memTarget{stale: 10}},
		"an expected anomaly":                 {target: memTarget{stale: 10}, set: violated, opts: keep},
		"a failure":                           {target: memTarget{unsettled: true}, opts: keep, kept: hint},
		"an expected anomaly that is no more": {set: violated, opts: keep},
		"cannot": {target: memTarget{stale: 10}, opts: keep, err: errNoRoom,
			kept: "it could not be kept: no room"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.target.env = "wall"
				out, clusters := runKept(t, &c.target, LoadOptions{Set: c.set}, c.opts, c.err)
				seed, cluster := &out.Rows[0].Seeds[0], clusters[0]
				if seed.Kept != c.kept || cluster.closed == (c.kept == hint) ||
					cluster.kept > 0 != (c.kept != "") {
					t.Errorf("kept %q, asked %d times, closed %t", seed.Kept, cluster.kept, cluster.closed)
				}
				if len(cluster.active) > 0 {
					t.Errorf("faults are left: %v", cluster.active)
				}
				v := seed.verdict(checkers.Linearizability)
				if c.target.stale > 0 && v.Result != checkers.Invalid {
					t.Errorf("the anomaly is not told: %+v", v)
				}
			})
		})
	}
}

// TestKeepOnlyInRealEnvironments: the simulator has nothing to keep.
func TestKeepOnlyInRealEnvironments(t *testing.T) {
	m := &memTarget{env: "sim", stale: 10}
	out, _ := runKept(t, m, LoadOptions{}, RunOptions{KeepOnFailure: true}, nil)
	if seed := &out.Rows[0].Seeds[0]; seed.Kept != "" || !m.clusters[0].closed || out.Exit != ExitUnexpected {
		t.Errorf("kept %q, closed %t, exit %d", seed.Kept, m.clusters[0].closed, out.Exit)
	}
}

// TestTheFirstIsKept: of several runs that show something the first is kept, the others are ended.
func TestTheFirstIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out, clusters := runKept(t, &memTarget{env: "wall", stale: 10}, LoadOptions{Seeds: "1..3"},
			RunOptions{KeepOnFailure: true}, nil)
		for i, c := range clusters {
			if kept := out.Rows[0].Seeds[i].Kept != ""; kept != (i == 0) || c.closed != (i > 0) {
				t.Errorf("seed %d: kept %t, closed %t", i+1, kept, c.closed)
			}
		}
		if len(clusters) != 3 {
			t.Errorf("%d clusters", len(clusters))
		}
	})
}

// TestChecksComeBeforeTheEndWhenItMatters: only then.
func TestChecksComeBeforeTheEndWhenItMatters(t *testing.T) {
	for _, keep := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			m, checked := &memTarget{env: "wall"}, false
			opts := RunOptions{KeepOnFailure: keep, Progress: func(p Progress) {
				if p.Phase == "checks" {
					checked = true
					if ended := m.clusters[0].closed; ended == keep {
						t.Errorf("KeepOnFailure %t: at the checks the cluster is closed: %t", keep, ended)
					}
				}
			}}
			runKept(t, m, LoadOptions{}, opts, nil)
			if !checked {
				t.Error("nothing was checked")
			}
		})
	}
}

// TestTheEndFailsAfterTheChecks: that the cluster cannot be ended is a harness failure whenever it is found.
func TestTheEndFailsAfterTheChecks(t *testing.T) {
	for _, keep := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			m := &memTarget{env: "wall"}
			exps, cat := loaded(t, m, memExperiment, LoadOptions{}), memCatalogue(m)
			cat.Targets = []targets.Target{badTarget{m, func(c targets.Cluster) targets.Cluster {
				return closing{c.(*memCluster)}
			}}}
			out, err := Run(t.Context(), exps, cat, nil, RunOptions{KeepOnFailure: keep})
			seed := &out.Rows[0].Seeds[0]
			if err != nil || seed.Failure != "ending the cluster: the door is stuck" ||
				out.Exit != ExitFailure || seed.Verdicts[0].Result != checkers.Unknown {
				t.Errorf("KeepOnFailure %t: %v, exit %d, %q, %+v", keep, err, out.Exit, seed.Failure,
					seed.Verdicts[0])
			}
		})
	}
}

// TestNothingToKeepWith: an environment without the capability says so, and ends the cluster.
func TestNothingToKeepWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memTarget{env: "wall", stale: 10}
		out, err := Run(t.Context(), loaded(t, m, memExperiment, LoadOptions{}), memCatalogue(m), nil,
			RunOptions{KeepOnFailure: true})
		kept := out.Rows[0].Seeds[0].Kept
		if err != nil || !strings.HasPrefix(kept, "it could not be kept: env wall") || !m.clusters[0].closed {
			t.Errorf("%v, %q, closed %t", err, kept, m.clusters[0].closed)
		}
	})
}

// TestWhatIsLeftIsTold: that the cluster could not be ended stands beside the failure that came before, and
// is not lost when the run was interrupted.
func TestWhatIsLeftIsTold(t *testing.T) {
	const stuck = "ending the cluster: the door is stuck"
	for _, keep := range []bool{true, false} {
		for _, stopped := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if stopped {
					time.AfterFunc(5*time.Second, cancel)
				}
				m := &memTarget{env: "wall", unsettled: true}
				exps, cat := loaded(t, m, memExperiment, LoadOptions{}), memCatalogue(m)
				cat.Targets = []targets.Target{badTarget{m, func(c targets.Cluster) targets.Cluster {
					return closing{c.(*memCluster)}
				}}}
				out, err := Run(ctx, exps, cat, nil, RunOptions{KeepOnFailure: keep})
				seed := &out.Rows[0].Seeds[0]
				want := "the cluster did not settle within 1m1s after healing: somebody is missing\n" + stuck
				if stopped {
					want = stuck
				}
				if err != nil || seed.Failure != want || seed.Stopped != stopped || out.Exit != ExitFailure {
					t.Errorf("keep %t: %v, exit %d, stopped %t, %q", keep, err, out.Exit, seed.Stopped,
						seed.Failure)
				}
			})
		}
	}
}
