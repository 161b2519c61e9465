package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/targets"
)

// badTarget is the store in memory with something wrong in its clusters.
type badTarget struct {
	*memTarget
	spoil func(targets.Cluster) targets.Cluster
}

func (b badTarget) Deploy(ctx context.Context, spec *targets.Spec) (targets.Cluster, error) {
	c, err := b.memTarget.Deploy(ctx, spec)
	if err != nil {
		return nil, err
	}
	return b.spoil(c), nil
}

// runBad runs one seed on a spoiled store.
func runBad(ctx context.Context, t *testing.T, m *memTarget, w io.Writer,
	spoil func(targets.Cluster) targets.Cluster) SeedOutcome {
	t.Helper()
	exp, cat := loaded(t, m, memExperiment, LoadOptions{})[0], memCatalogue(m)
	cat.Targets = []targets.Target{badTarget{m, spoil}}
	return RunSeed(ctx, exp, 1, cat, w)
}

// brittleWorld falls over at the first attempt to heal.
type brittleWorld struct {
	*memWorld
	fell bool
}

func (w *brittleWorld) Uncut(id string) error {
	if !w.fell {
		w.fell = true
		panic("the wall fell over")
	}
	return w.memWorld.Uncut(id)
}

// TestAPanicWhileHealing: healing is tried again when it fell over the first time.
func TestAPanicWhileHealing(t *testing.T) {
	m := &memTarget{env: "sim"}
	var file bytes.Buffer
	out := runBad(t.Context(), t, m, &file, func(c targets.Cluster) targets.Cluster {
		return &brittleWorld{memWorld: c.(*memWorld)}
	})
	if !strings.Contains(out.Failure, "the wall fell over") {
		t.Errorf("failure %q", out.Failure)
	}
	checkReleased(t, m, &file, true)
}

// TestWallHealsOnEveryWayOut is TestHealsOnEveryWayOut in wall time, where operations are under way in
// goroutines of their own when the end comes.
func TestWallHealsOnEveryWayOut(t *testing.T) {
	for name, c := range map[string]struct {
		panicAt int
		cancel  time.Duration
		failure string
	}{
		"panic":  {panicAt: 250, failure: "a client panicked: the store fell over"},
		"Ctrl-C": {cancel: 5500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &memTarget{env: "wall", panicAt: c.panicAt}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.cancel > 0 {
					time.AfterFunc(c.cancel, cancel)
				}
				var file bytes.Buffer
				out := RunSeed(ctx, loaded(t, m, memExperiment, LoadOptions{})[0], 1, memCatalogue(m), &file)
				if !strings.HasPrefix(out.Failure, c.failure) || (out.Failure == "") != (c.failure == "") {
					t.Errorf("failure %q, want %q", out.Failure, c.failure)
				}
				if out.Stopped != (c.cancel > 0) || out.Stopped && out.Took > int64(c.cancel+time.Second) {
					t.Errorf("stopped %t after %v", out.Stopped, time.Duration(out.Took))
				}
				checkReleased(t, m, &file, true)
			})
		})
	}
}

// deafCluster has clients that never hear anything.
type deafCluster struct{ *memCluster }

func (deafCluster) Client(string, string) targets.Client { return deafClient{} }

type deafClient struct{}

func (deafClient) Submit(*history.Event, func(targets.Completion)) {}

// TestWallStopsWhileAsking: Ctrl-C ends the wait for a node that does not answer, at once; nobody ends it
// before its limit otherwise.
func TestWallStopsWhileAsking(t *testing.T) {
	for _, cancelled := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			limit := time.Duration(emptyLimit)
			if cancelled {
				limit = time.Second
				time.AfterFunc(limit, cancel)
			}
			began := time.Now() // in the bubble's time
			out := runBad(ctx, t, &memTarget{env: "wall"}, nil, func(c targets.Cluster) targets.Cluster {
				return deafCluster{c.(*memCluster)}
			})
			if took := time.Since(began); out.Stopped != cancelled || took != limit {
				t.Errorf("stopped %t after %v, want %t after %v", out.Stopped, took, cancelled, limit)
			}
			if !cancelled && !strings.Contains(out.Failure, "n1 cannot be proved empty") {
				t.Errorf("failure %q", out.Failure)
			}
		})
	}
}

// bluntWorld cuts no link for sure.
type bluntWorld struct{ *memWorld }

func (bluntWorld) Cut(string, []targets.Link) error { return errors.New("the knife is blunt") }

// TestIndeterminateFaults: a run in which nobody knows whether a fault ever was there does not know either.
func TestIndeterminateFaults(t *testing.T) {
	out := runBad(t.Context(), t, &memTarget{env: "sim"}, nil, func(c targets.Cluster) targets.Cluster {
		return bluntWorld{c.(*memWorld)}
	})
	n := out.Faults["partition/halves"]
	if n.Indeterminate < 2 || n.Installed+n.Skipped > 0 || !strings.Contains(n.Reason, "the knife is blunt") {
		t.Errorf("counted %+v", n)
	}
	v := out.verdict(checkers.Linearizability)
	if out.Failure != "" || v.Result != checkers.Unknown || !strings.Contains(v.Reason, n.Reason) {
		t.Errorf("failure %q, %+v", out.Failure, v)
	}
}

// brokenWorld breaks the contract of clusters in one way.
type brokenWorld struct {
	*memWorld
	uncut, end error
	frozen     bool // time stands still from the first fault on
	twice      bool // every operation is answered twice
}

func (w *brokenWorld) Uncut(id string) error { return errors.Join(w.memWorld.Uncut(id), w.uncut) }
func (w *brokenWorld) Close() error          { return errors.Join(w.memWorld.Close(), w.end) }

func (w *brokenWorld) RunUntil(t int64) {
	if !w.frozen || len(w.log) == 0 {
		w.memWorld.RunUntil(t)
	}
}

func (w *brokenWorld) Client(string, string) targets.Client { return doubleClient{w} }

type doubleClient struct{ w *brokenWorld }

func (c doubleClient) Submit(inv *history.Event, done func(targets.Completion)) {
	worldClient{c.w.memWorld}.Submit(inv, func(out targets.Completion) {
		done(out)
		if c.w.twice {
			done(out)
		}
	})
}

// fullDisk takes the header of a history and no more.
type fullDisk struct{ lines int }

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.lines++; d.lines > 1 {
		return 0, errors.New("no space left")
	}
	return len(p), nil
}

// TestBrokenClustersAreHarnessFailures: what keeps a run from being what was asked says nothing about the
// store.
func TestBrokenClustersAreHarnessFailures(t *testing.T) {
	for want, world := range map[string]brokenWorld{
		"healing fault f":                       {uncut: errors.New("the glue is dry")},
		"ending the cluster: the door is stuck": {end: errors.New("the door is stuck")},
		"the world's time stands still at":      {frozen: true},
		"the client answered operation":         {twice: true},
		"write the history: no space left":      {},
	} {
		var w io.Writer
		if world == (brokenWorld{}) {
			w = &fullDisk{}
		}
		out := runBad(t.Context(), t, &memTarget{env: "sim"}, w, func(c targets.Cluster) targets.Cluster {
			world.memWorld = c.(*memWorld)
			return &world
		})
		if !strings.HasPrefix(out.Failure, want) || out.Verdicts[0].Result != checkers.Unknown {
			t.Errorf("got %q, want %q; %+v", out.Failure, want, out.Verdicts[0])
		}
	}
}

// TestProgress: those who watch hear of every phase of every run, in order, and of how many are over.
func TestProgress(t *testing.T) {
	m := &memTarget{env: "sim", stale: 10}
	exps := loaded(t, m, memExperiment, LoadOptions{Seeds: "1..2"})
	var phases []string
	var last Progress
	var faults int
	watch := func(p Progress) {
		if phase := fmt.Sprintf("%d %s", p.Seed, p.Phase); !slices.Contains(phases, phase) {
			phases = append(phases, phase)
		}
		if p.Seed == last.Seed && (p.Now < last.Now || p.Ops < last.Ops || p.Done < last.Done) {
			t.Errorf("after %+v comes %+v", last, p)
		}
		last, faults = p, max(faults, p.Faults)
	}
	opts := RunOptions{Parallel: 1, Progress: watch}
	if _, err := Run(t.Context(), exps, memCatalogue(m), nil, opts); err != nil {
		t.Fatal(err)
	}
	var want []string
	for seed := range 2 {
		for _, phase := range []string{"deploy", history.PhaseWarmUp, history.PhaseFaults, history.PhaseHeal,
			history.PhaseQuiesce, history.PhaseFinal, "checks", "done"} {
			want = append(want, fmt.Sprintf("%d %s", seed+1, phase))
		}
	}
	if !slices.Equal(phases, want) {
		t.Errorf("got %v, want %v", phases, want)
	}
	if last.Done != 2 || last.Total != 2 || last.Anomalous != 2 || last.Ops < 400 || faults != 1 {
		t.Errorf("at the end: %+v, with at most %d faults at once", last, faults)
	}
}

// memSink keeps in memory what is saved, and notes which histories were kept.
type memSink struct {
	openErr, closeErr error

	mu    sync.Mutex
	files []*memFile
	saved int
}

type memFile struct {
	bytes.Buffer
	sink *memSink
	seed uint64
	kept bool
}

func (s *memSink) History(_ *Experiment, seed uint64) (HistoryFile, error) {
	if s.openErr != nil {
		return nil, s.openErr
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &memFile{sink: s, seed: seed}
	s.files = append(s.files, f)
	return f, nil
}

func (s *memSink) Save(*Outcome) error {
	s.saved++
	return nil
}

func (f *memFile) Close(keep bool) (string, error) {
	f.kept = keep
	if !keep {
		return "", f.sink.closeErr
	}
	return fmt.Sprintf("seed-%d.jsonl", f.seed), f.sink.closeErr
}

// TestSinkIsUsed: each seed's history goes to a file of its own and is the one that the hash names; of
// equals the first is kept; the outcome is saved after every row and says where histories are.
func TestSinkIsUsed(t *testing.T) {
	m, sink := &memTarget{env: "sim"}, &memSink{}
	exps := loaded(t, m, memExperiment, LoadOptions{Seeds: "1..4"})
	out, err := Run(t.Context(), exps, memCatalogue(m), sink, RunOptions{Parallel: 2})
	if err != nil || len(sink.files) != 4 || sink.saved != 1 {
		t.Fatalf("%v, %d files, saved %d times", err, len(sink.files), sink.saved)
	}
	for _, f := range sink.files {
		seed := out.Rows[0].seed(f.seed)
		h, err := history.Read(&f.Buffer)
		if err != nil || h.EventCount() != seed.Events || h.Header.Seed != f.seed {
			t.Errorf("seed %d: %v, %d events, want %d", f.seed, err, h.EventCount(), seed.Events)
		}
		if kept := f.seed == 1; f.kept != kept || (seed.History != "") != kept {
			t.Errorf("seed %d: kept %t, path %q", f.seed, f.kept, seed.History)
		}
	}
}

func TestSinkErrors(t *testing.T) {
	m, full := &memTarget{env: "sim"}, errors.New("the disk is full")
	exps := loaded(t, m, memExperiment, LoadOptions{})
	run := func(sink *memSink) (*Outcome, error) {
		return Run(t.Context(), exps, memCatalogue(m), sink, RunOptions{})
	}
	out, err := run(&memSink{openErr: full})
	if err != nil || out.Exit != ExitFailure || !strings.Contains(out.Rows[0].Seeds[0].Failure, "full") {
		t.Errorf("a history that cannot be opened: exit %d, %v, %+v", out.Exit, err, out.Rows[0].Seeds)
	}
	out, err = run(&memSink{closeErr: full})
	if !errors.Is(err, full) || out.Exit != ExitExpected {
		t.Errorf("a history that cannot be closed: exit %d, %v", out.Exit, err)
	}
}

func TestWorthKeeping(t *testing.T) {
	witness := func(seed uint64, size int) SeedOutcome {
		s := seedOf(seed, checkers.Invalid, nil, 0)
		s.Verdicts[0].Anomalies = []checkers.Anomaly{{Kind: "lost-write", Indices: make([]int, size)}}
		return s
	}
	plain := func(seed uint64) SeedOutcome { return seedOf(seed, checkers.Valid, nil, 1) }
	failed, stopped := plain(3), plain(9)
	failed.Failure, stopped.Stopped = "a node never came up", true
	row, best := Row{}, map[string]*Witness{}
	var kept []uint64
	for _, s := range []SeedOutcome{
		plain(1), plain(2), failed, failed, witness(5, 4), witness(6, 4), witness(7, 2), plain(8), stopped,
	} {
		if row.worthKeeping(&s, best) {
			kept = append(kept, s.Seed)
		}
		row.Seeds = append(row.Seeds, s)
	}
	if want := []uint64{1, 3, 5, 7, 9}; !slices.Equal(kept, want) {
		t.Errorf("kept %v, want %v", kept, want)
	}
}

// TestInterruptedRunsAreKept: Ctrl-C in the midst of the third of four seeds; what there is of it is kept,
// and the fourth never begins.
func TestInterruptedRunsAreKept(t *testing.T) {
	m, sink := &memTarget{env: "sim"}, &memSink{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	exps := loaded(t, m, memExperiment, LoadOptions{Seeds: "1..4"})
	out, err := Run(ctx, exps, memCatalogue(m), sink, RunOptions{Parallel: 1, Progress: func(p Progress) {
		if p.Seed == 3 && p.Now > int64(5*time.Second) {
			cancel()
		}
	}})
	if err != nil || !out.Stopped || out.Exit != ExitFailure || len(out.Rows[0].Seeds) != 3 {
		t.Fatalf("stopped %t, exit %d, %v", out.Stopped, out.Exit, err)
	}
	if third := out.Rows[0].Seeds[2]; !third.Stopped || third.History == "" || third.Ops == 0 {
		t.Errorf("the third seed: %+v", third)
	}
}

// TestCtrlCAfterTheEnd: a run that has gone through all its phases was not cut short, whatever comes later.
func TestCtrlCAfterTheEnd(t *testing.T) {
	m := &memTarget{env: "sim"}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	opts := RunOptions{Parallel: 1, Progress: func(p Progress) {
		if p.Phase == "checks" {
			cancel()
		}
	}}
	out, err := Run(ctx, loaded(t, m, memExperiment, LoadOptions{}), memCatalogue(m), nil, opts)
	if err != nil || out.Stopped || out.Exit != ExitExpected {
		t.Errorf("stopped %t, exit %d, %v", out.Stopped, out.Exit, err)
	}
}
