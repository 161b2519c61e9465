package harness

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/targets"
)

// odd is a cluster whose clients do something odd with one operation, the so-many-th of the workload, in
// place of passing it on.
type odd struct {
	*memCluster
	at     int
	mu     sync.Mutex
	ops    int
	submit func(inner targets.Client, inv *history.Event, done func(targets.Completion))
}

func (c *odd) Client(session, device string) targets.Client {
	inner := c.memCluster.Client(session, device)
	if session == probeSession {
		return inner
	}
	return oddClient{c, inner}
}

type oddClient struct {
	c     *odd
	inner targets.Client
}

func (o oddClient) Submit(inv *history.Event, done func(targets.Completion)) {
	o.c.mu.Lock()
	o.c.ops++
	now := o.c.ops == o.c.at
	o.c.mu.Unlock()
	if now {
		o.c.submit(o.inner, inv, done)
	} else {
		o.inner.Submit(inv, done)
	}
}

// runOdd runs the experiment in wall time for 150 s, with an odd operation.
func runOdd(t *testing.T, submit func(targets.Client, *history.Event, func(targets.Completion))) (SeedOutcome,
	*history.History) {
	t.Helper()
	m, file := &memTarget{env: "wall"}, &bytes.Buffer{}
	text := strings.Replace(memExperiment, "time: 10s", "time: 150s\ncheckers: availability", 1)
	exp, cat := loaded(t, m, text, LoadOptions{})[0], memCatalogue(m)
	cat.Targets = []targets.Target{badTarget{m, func(c targets.Cluster) targets.Cluster {
		return &odd{memCluster: c.(*memCluster), at: 100, submit: submit}
	}}}
	out := RunSeed(t.Context(), exp, 1, cat, file)
	h, err := history.Read(file)
	if err != nil || len(h.Warns) > 0 {
		t.Fatal(err, h.Warns)
	}
	return out, h
}

// timedOut returns the one operation that timed out, and how many its thread ran after it.
func timedOut(t *testing.T, h *history.History) (op *history.Op, after int) {
	t.Helper()
	for i := range h.Len() {
		if h.Op(i).Err.Code == history.Timeout {
			if op != nil {
				t.Fatalf("operations %v and %v timed out", op.ID, h.Op(i).ID)
			}
			op = &h.Ops()[i]
		}
	}
	if op == nil {
		t.Fatal("no operation timed out")
	}
	for i := range h.Len() {
		if h.Op(i).Process == op.Process+4 {
			after++
		}
	}
	return op, after
}

// TestOperationsThatAreNotAnswered: whether the client never answers, answers too late, or does not even
// come back, the operation times out, its process retires, and its thread goes on.
func TestOperationsThatAreNotAnswered(t *testing.T) {
	for _, how := range []string{"never", "late", "stuck"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				out, h := runOdd(t, func(_ targets.Client, inv *history.Event,
					done func(targets.Completion)) {
					switch how {
					case "late":
						time.AfterFunc(answerLimit+30*time.Second, func() {
							done(targets.Completion{Value: history.IntValue(-1)})
						})
					case "stuck":
						key := inv.Key
						<-release
						if inv.Key != key {
							t.Error("the invocation changed while the client had it")
						}
						done(targets.Completion{Value: history.IntValue(-1)})
					}
				})
				if out.Failure != "" {
					t.Fatal(out.Failure)
				}
				op, after := timedOut(t, h)
				ev := h.Event(op.Done)
				const text = "the client gave no answer within 1m0s"
				if lasted := time.Duration(ev.Time - op.Call); lasted < answerLimit ||
					lasted > answerLimit+watchEvery || ev.Err.Text != text {
					t.Errorf("it lasted %v: %q", lasted, ev.Err.Text)
				}
				if after < 100 {
					t.Errorf("the thread ran %d operations afterwards", after)
				}
				close(release)
			})
		})
	}
}

// TestAnswersThatComeTwice are a defect of the client.
func TestAnswersThatComeTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out, _ := runOdd(t, func(inner targets.Client, inv *history.Event, done func(targets.Completion)) {
			inner.Submit(inv, func(c targets.Completion) {
				done(c)
				done(c)
			})
		})
		if !strings.HasPrefix(out.Failure, "the client answered operation") {
			t.Errorf("failure %q", out.Failure)
		}
	})
}

// slowNemesis takes its time to cut a link.
type slowNemesis struct {
	*memCluster
	takes time.Duration
}

func (c slowNemesis) Cut(id string, l []targets.Link) error {
	<-time.After(c.takes)
	return c.memCluster.Cut(id, l)
}

// runSlow runs an experiment with faults, given in YAML, that take their time.
func runSlow(t *testing.T, faults string, takes time.Duration) *history.History {
	t.Helper()
	m, file := &memTarget{env: "wall"}, &bytes.Buffer{}
	text := strings.Replace(memExperiment, "partition: {shape: halves, every: 2s..3s, for: 1s}", faults, 1)
	exp, cat := loaded(t, m, text, LoadOptions{})[0], memCatalogue(m)
	cat.Targets = []targets.Target{badTarget{m, func(c targets.Cluster) targets.Cluster {
		return slowNemesis{c.(*memCluster), takes}
	}}}
	out := RunSeed(t.Context(), exp, 1, cat, file)
	h, err := history.Read(file)
	if err != nil || out.Failure != "" {
		t.Fatal(err, out.Failure)
	}
	return h
}

// TestLoadGoesOnDuringInjection: the workload does not wait for a fault that takes its time.
func TestLoadGoesOnDuringInjection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := runSlow(t, "partition: {shape: halves, every: 2s..3s, for: 1s}", 2*time.Second)
		asked, began, during := int64(-1), 0, 0
		for i := range h.EventCount() {
			switch ev := h.Event(i); {
			case ev.Process == history.Nemesis && asked < 0:
				asked, began = ev.Time, i
			case ev.Process == history.Nemesis && during == 0:
				if took := time.Duration(ev.Time - asked); took != 2*time.Second {
					t.Fatalf("the fault took %v to install", took)
				}
				during = i - began
			}
		}
		if during < 100 { // 50 operations a second, of two events each, for two seconds
			t.Errorf("%d events while the fault was being installed", during)
		}
	})
}

// TestFaultsThatAreTooLate: a fault whose turn would have come while another one was being installed is not
// injected when its phase is over.
func TestFaultsThatAreTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := runSlow(t, "partition: {shape: halves, every: 2s..3s, for: 1s}\n"+
			"  - partition: {shape: isolate-one, every: 1s..2s, for: 1s}", 20*time.Second)
		if len(h.Faults) != 1 || h.Faults[0].To > h.FinalFrom() {
			t.Errorf("faults %+v, final reads from %d", h.Faults, h.FinalFrom())
		}
	})
}

// TestTheEndIsNotWaitedFor: a plan that is done ends its phase, and so the run, at once.
func TestTheEndIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memTarget{env: "wall"}
		began := time.Now() // in the bubble's time
		out, _ := recorded(t.Context(), loaded(t, m, memExperiment, LoadOptions{})[0], m)
		if after := time.Since(began) - time.Duration(out.Took); after > 10*time.Millisecond {
			t.Errorf("the run went on for %v after its last event", after)
		}
	})
}

// watchedFile notes when it is written to.
type watchedFile struct {
	mu    sync.Mutex
	lines int
	fail  error
}

func (f *watchedFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines += bytes.Count(p, []byte("\n"))
	if f.lines > 1 && f.fail != nil {
		return 0, f.fail
	}
	return len(p), nil
}

func (f *watchedFile) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lines
}

// TestWhatWasRecordedIsWritten: soon, also when little comes; a run whose history cannot be written does not
// go on.
func TestWhatWasRecordedIsWritten(t *testing.T) {
	for _, fail := range []error{nil, errors.New("no space left")} {
		synctest.Test(t, func(t *testing.T) {
			m, file := &memTarget{env: "wall"}, &watchedFile{fail: fail}
			early := 0
			time.AfterFunc(time.Second, func() { early = file.count() })
			began := time.Now() // in the bubble's time
			exp := loaded(t, m, memExperiment, LoadOptions{})[0]
			out := RunSeed(t.Context(), exp, 1, memCatalogue(m), file)
			switch took := time.Since(began); {
			case fail == nil && (out.Failure != "" || early < 50 || file.count() != out.Events+1):
				t.Errorf("%q; %d lines in the first second, %d of %d events", out.Failure, early,
					file.count(), out.Events)
			case fail != nil && (out.Failure != "write the history: no space left" || took > time.Second):
				t.Errorf("%q after %v", out.Failure, took)
			}
		})
	}
}

// TestFullSpeed: 20 clients that are answered at once, for a moment of real time. However they get into each
// other's way, the history is whole and in order, what is on disk is what is in memory, and nothing that was
// planned is done twice or left out.
func TestFullSpeed(t *testing.T) {
	m, path := &memTarget{env: "wall"}, filepath.Join(t.TempDir(), "history.jsonl")
	text := strings.Replace(benchExperiment, "time: 2s", "time: 200ms\nwarm-up: 50ms\n"+
		"checkers: availability", 1)
	exp, cat := loaded(t, m, text, LoadOptions{})[0], quickCatalogue(m)
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	out := RunSeed(t.Context(), exp, 1, cat, file)
	if err := file.Close(); err != nil || out.Failure != "" {
		t.Fatal(err, out.Failure)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	h, err := history.Read(bytes.NewReader(data))
	if err != nil || len(h.Warns) > 0 || h.EventCount() != out.Events || h.Len() != out.Ops {
		t.Fatalf("%v; %q; %d of %d events, %d of %d operations", err, h.Warns, h.EventCount(), out.Events,
			h.Len(), out.Ops)
	}
	next := map[int32]int32{}
	last := int64(0)
	for i := range h.EventCount() {
		ev := h.Event(i)
		if ev.Index != i || ev.Time < last {
			t.Fatalf("event %d has index %d and time %d after %d", i, ev.Index, ev.Time, last)
		}
		last = ev.Time
		if ev.Process < 0 || ev.Type != history.Invoke {
			continue
		}
		if next[ev.Op.Thread]++; ev.Op.N != next[ev.Op.Thread] {
			t.Fatalf("thread %d runs operation %d, want %d", ev.Op.Thread, ev.Op.N, next[ev.Op.Thread])
		}
	}
	if h.Len() < 400 || len(next) != 20 {
		t.Errorf("%d operations in %d threads", h.Len(), len(next))
	}
	for i := range h.Len() {
		if h.Op(i).Type != history.Ok {
			t.Fatalf("operation %v is %v", h.Op(i).ID, h.Op(i).Type)
		}
	}
}
