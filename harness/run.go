package harness

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/harness/schedule"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/nemesis/inject"
	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/workloads"
)

// driver moves time and carries operations to the cluster. There is one in virtual time and one in wall
// time; everything else about a run is the same code.
type driver interface {
	// now returns the time, nanoseconds since the start of the run.
	now() int64
	// open allows operations to be dispatched before end; 0 forbids it.
	open(end int64)
	// proceed goes on with the plan for a while, until a time at the latest, and carries operations to the
	// cluster. act.Kind says what it leaves to the caller: Inject, or Done, which is nothing any more.
	proceed(until int64, act *schedule.Action)
	// wait lets time pass until t, or less: until there is something new, or the run must stop.
	wait(t int64)
	// ask runs one operation that is no part of the history, and waits for its end until limit.
	ask(client targets.Client, inv *history.Event, limit int64) (c targets.Completion, answered bool)
	// stop ends all waiting. No operation completes after it.
	stop()
}

// run is one run of an experiment under way.
type run struct {
	exp     *Experiment
	cat     *Catalogue
	seed    uint64
	ctx     context.Context // ended by Ctrl-C and deadlines
	report  func(Progress)
	search  checkers.Runner // nil for the checkers' own
	works   []workloads.Workload
	cluster targets.Cluster
	drv     driver
	exec    *inject.Executor
	healed  bool  // everything, for good
	ended   bool  // all phases were gone through
	begin   int64 // when the warm-up began
	told    int64 // when the progress was told last
	steps   int64 // events of the simulated world
	marks   map[string]int64
	phase   string
	hung    bool // a call of the cluster did not return in time
	// keep says that the cluster is not to be ended by execute: endOrKeep does it, after the checks.
	keep bool
	kept bool   // the cluster is left as it is
	left string // why the cluster could not be ended, "" when it was
	// saveLog is where the logs of nodes go, nil for nowhere.
	saveLog func(node string, data []byte) error
	logErr  error         // of saveLog
	broken  chan struct{} // closed by the first failure

	mu      sync.Mutex // guards what follows: workers in wall time share it
	sched   *schedule.Scheduler
	rec     *history.Recorder
	tape    *tape           // to rec, in wall time; nil when events go there directly
	events  int             // recorded
	open    []history.Event // by thread: the invocation under way; its Op is zero when there is none
	last    int64           // time of the last event
	ops, ok int
	failure string // why the run could not do what was asked, "" while it could
	closed  bool   // nothing is recorded any more
}

// newRun prepares a run. w is where the history is written, nil for nowhere.
func newRun(ctx context.Context, exp *Experiment, seed uint64, cat *Catalogue, w io.Writer) (*run, error) {
	r := &run{exp: exp, cat: cat, seed: seed, ctx: ctx, report: func(Progress) {},
		broken: make(chan struct{})}
	header := history.Header{Experiment: exp.Name, Row: exp.Row, Seed: seed, Env: exp.Env, Nodes: exp.Nodes,
		Build: BuildName(), Time: time.Now().UTC().Format(time.RFC3339)}
	var err error
	if r.rec, err = history.NewRecorder(w, &header); err != nil {
		return nil, err
	}
	if r.works, err = exp.build(cat, seed); err != nil {
		return nil, err
	}
	r.sched = schedule.New(exp.threads())
	r.open = make([]history.Event, exp.threads())
	return r, nil
}

// BuildName names the build: the module's version, or the revision it was built from.
func BuildName() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return cmp.Or(strings.Trim(info.Main.Version, "()"), "unknown")
}

// fail notes the first reason for which the run cannot do what was asked.
func (r *run) fail(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failLocked(format, args...)
}

// failToo notes a reason beside the first, in a line of its own: something is left behind that somebody has
// to see to.
func (r *run) failToo(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure != "" {
		r.failure += "\n" + reason
	}
	r.failLocked("%s", reason)
}

func (r *run) failLocked(format string, args ...any) {
	if r.failure == "" {
		r.failure = fmt.Sprintf(format, args...)
		close(r.broken)
	}
}

// halted reports whether the run must not go on: it was stopped, or it failed.
func (r *run) halted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failure != "" || r.ctx.Err() != nil
}

// record takes down an event of nemesis or harness, now, and tells the sources of it.
func (r *run) record(ev history.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recordLocked(&ev, r.drv.now())
	r.sched.Tell(&ev)
}

// recordLocked takes down an event of time t. Events stand in the record in the order of their times: a
// client that measured t and then had to wait for its turn gets the time of the event before it, which
// only makes its operation's interval longer, and so no verdict unsound.
func (r *run) recordLocked(ev *history.Event, t int64) {
	if r.closed {
		return
	}
	r.last = max(r.last, t)
	ev.Time, ev.Index = r.last, r.events
	r.events++
	if r.tape != nil {
		r.tape.add(ev)
		return
	}
	if _, err := r.rec.Record(*ev); err != nil {
		r.failLocked("an event cannot be recorded: %v", err)
	}
}

// invoke takes down the invocation of an operation that is about to be sent, and returns it.
func (r *run) invoke(act *schedule.Action) history.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return *r.invokeLocked(act)
}

func (r *run) invokeLocked(act *schedule.Action) *history.Event {
	op := &act.Op
	ev := &r.open[op.ID.Thread]
	*ev = history.Event{Type: history.Invoke, Process: act.Process, Session: op.Session, Device: op.Device,
		F: op.F, Key: op.Key, Keys: op.Keys, Value: op.Value, Node: op.Node, Op: op.ID}
	r.recordLocked(ev, r.drv.now())
	r.ops++
	r.sched.Tell(ev)
	return ev
}

// complete takes down how the operation under id ended, at t. An answer to an operation that has ended
// already is a defect of the client: the run fails.
func (r *run) complete(id history.OpID, c *targets.Completion, t int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	inv := &r.open[id.Thread]
	if inv.Op != id {
		r.failLocked("the client answered operation %v twice", id)
		return
	}
	r.completeLocked(inv, c, t)
}

func (r *run) completeLocked(inv *history.Event, c *targets.Completion, t int64) {
	ev := *inv
	ev.Type = history.CompletionType(inv.F, c.Err.Code)
	ev.Node, ev.Err, ev.Ev = c.Node, c.Err, c.Ev
	if ev.Type == history.Ok {
		ev.Value = c.Value
		r.ok++
	}
	inv.Op = history.OpID{}
	r.recordLocked(&ev, t)
	r.sched.Complete(int(ev.Op.Thread), &ev)
}

// enter begins a phase.
func (r *run) enter(phase string) {
	r.phase = phase
	r.record(history.Event{Type: history.Info, Process: history.Harness, F: history.FPhase,
		Value: history.StringValue(phase)})
	r.tell()
}

// tell reports the progress.
func (r *run) tell() {
	p := Progress{Experiment: r.exp, Seed: r.seed, Phase: r.phase}
	if r.drv != nil {
		p.Now = r.drv.now()
		r.told = p.Now
	}
	if r.exec != nil {
		p.Faults = len(r.exec.Active())
	}
	r.mu.Lock()
	p.Ops = r.ops
	r.mu.Unlock()
	r.report(p)
}
