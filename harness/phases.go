package harness

import (
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/rashomon-harness/rashomon/harness/schedule"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/nemesis"
	"github.com/rashomon-harness/rashomon/plan"
	"github.com/rashomon-harness/rashomon/targets"
)

// How long the harness waits, in the environment's time, before it says that it cannot do what was asked.
const (
	emptyLimit  = int64(30 * time.Second)  // for each node to answer, before the run
	settleLimit = int64(60 * time.Second)  // for the nodes to talk again, beyond the quiet asked for
	finalLimit  = int64(600 * time.Second) // for the final reads
	settlePoll  = int64(50 * time.Millisecond)
	probePause  = int64(100 * time.Millisecond)
	tellEvery   = int64(time.Second)
)

// probeSession is the session of the reads that prove the cluster empty. They are not in the history.
const probeSession = "probe"

// execute runs all phases. Whatever happens, everything is healed and released when it returns.
func (r *run) execute() {
	defer r.release()
	r.guard("the run", func() {
		for _, phase := range []func(){
			r.deploy, r.proveEmpty, r.warmUp, r.letFaults, r.heal, r.quiesce, r.finalReads,
		} {
			if r.halted() {
				return
			}
			phase()
		}
		r.ended = !r.halted()
	})
}

// guard runs do and makes a panic in it the run's failure.
func (r *run) guard(what string, do func()) {
	defer func() {
		if p := recover(); p != nil {
			r.fail("%s panicked: %v, at %s", what, p, panicPlace(string(debug.Stack())))
		}
	}()
	do()
}

// panicPlace finds in a stack trace where the panic was: the first place below the call of panic.
func panicPlace(stack string) string {
	_, below, found := strings.Cut(stack, "\npanic(")
	if !found {
		return "an unknown place"
	}
	lines := strings.Split(below, "\n")
	for i := 2; i+1 < len(lines); i += 2 {
		if place := strings.TrimSpace(lines[i+1]); !strings.Contains(place, "/src/runtime/") {
			file, _, _ := strings.Cut(place, " +")
			return file
		}
	}
	return "an unknown place"
}

// sessions returns the names of the sessions that the workloads' threads begin with.
func (r *run) sessions() []string {
	var names []string
	for i, w := range r.exp.Workloads {
		for n := range w.Concurrency {
			names = append(names, fmt.Sprintf("%ss%d", r.exp.prefix(i), n+1))
		}
	}
	return names
}

// proveEmpty asks each node for a key of each workload: a cluster that holds something already would
// make the checkers judge what this run did not do.
func (r *run) proveEmpty() {
	for i := range r.exp.Workloads {
		key := r.exp.prefix(i) + "1"
		for _, node := range r.cluster.Nodes() {
			if !r.halted() {
				r.proveAbsent(key, node)
			}
		}
	}
}

func (r *run) proveAbsent(key, node string) {
	client, err := bounded(r, callLimit, "making a client", func() (targets.Client, error) {
		return r.cluster.Client(probeSession, ""), nil
	})
	if err != nil {
		return
	}
	inv := history.Event{Type: history.Invoke, Session: probeSession, F: history.FPeek, Key: key, Node: node}
	var c targets.Completion
	limit := r.drv.now() + emptyLimit
	for now := r.drv.now(); now < limit && !r.halted(); now = r.drv.now() {
		var answered bool
		c, answered = r.drv.ask(client, &inv, limit)
		switch {
		case answered && c.Err.Code == history.NoError && c.Value.IsNull():
			return
		case answered && c.Err.Code == history.NoError:
			r.fail("the cluster is not empty: %s holds %s = %v", node, key, c.Value)
			return
		}
		r.drv.wait(min(limit, r.drv.now()+probePause))
	}
	r.fail("%s cannot be proved empty: no answer within %v: %v %s", node, time.Duration(emptyLimit),
		c.Err.Code, c.Err.Text)
}

// warmUp lets the workloads loose.
func (r *run) warmUp() {
	r.begin = r.drv.now()
	end := r.begin + r.exp.Time
	var sources []plan.Source
	for _, w := range r.works {
		sources = append(sources, plan.Until(end, w))
	}
	r.mu.Lock()
	r.sched.Use(sources...)
	r.mu.Unlock()
	r.enter(history.PhaseWarmUp)
	r.drive(r.begin + r.exp.WarmUp)
}

// letFaults lets the nemesis loose too.
func (r *run) letFaults() {
	begin, end := r.begin+r.exp.WarmUp, r.begin+r.exp.Time
	r.mu.Lock()
	r.sched.Add(plan.Until(end, nemesis.Source(r.exp.faults(r.seed), begin)))
	r.mu.Unlock()
	r.enter(history.PhaseFaults)
	r.drive(end)
}

// faults returns the entries of the nemesis with their seed.
func (e *Experiment) faults(seed uint64) []nemesis.Params {
	out := make([]nemesis.Params, len(e.Faults))
	for i, p := range e.Faults {
		p.Seed = keyed.New(seed).Named("nemesis")
		out[i] = p
	}
	return out
}

// heal ends all faults.
func (r *run) heal() {
	r.enter(history.PhaseHeal)
	if err := r.exec.HealAll(); err != nil {
		r.fail("healing: %v", err)
	}
	r.healed = true
}

// quiesce waits until no operation is under way, the nodes talk to each other, and it has been quiet as
// long as was asked.
func (r *run) quiesce() {
	r.enter(history.PhaseQuiesce)
	begin := r.drv.now()
	for !r.halted() {
		now := r.drv.now()
		settled, missing := r.settled()
		if busy := r.busy(); settled && busy > 0 {
			settled, missing = false, fmt.Sprintf("%d operations are still under way", busy)
		}
		quiet := begin + r.exp.Quiesce
		switch {
		case settled && now >= quiet:
			return
		case now >= quiet+settleLimit:
			r.fail("the cluster did not settle within %v after healing: %s",
				time.Duration(r.exp.Quiesce+settleLimit), missing)
			return
		case settled:
			r.drv.wait(quiet)
		default:
			r.drv.wait(min(now+settlePoll, quiet+settleLimit))
		}
	}
}

// settled asks the cluster whether it has settled, and what is missing otherwise.
func (r *run) settled() (bool, string) {
	type said struct {
		ok      bool
		missing string
	}
	s, err := bounded(r, callLimit, "asking whether the nodes talk to each other", func() (said, error) {
		ok, missing := r.cluster.Settled()
		return said{ok, missing}, nil
	})
	return err == nil && s.ok, s.missing
}

func (r *run) busy() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sched.Busy()
}

// finalReads reads everything, through the sessions and at each node.
func (r *run) finalReads() {
	var sources []plan.Source
	for _, w := range r.works {
		sources = append(sources, w.Final())
	}
	r.mu.Lock()
	r.sched.Use(sources...)
	r.mu.Unlock()
	r.enter(history.PhaseFinal)
	if done := r.drive(r.drv.now() + finalLimit); !done && !r.halted() {
		r.fail("the final reads did not end within %v", time.Duration(finalLimit))
	}
}

// drive lets happen what the scheduler plans, and heals faults that are due, until end. It returns before
// when the run must stop, or when the plan is done and no fault is left to heal; done says whether the
// plan is done.
func (r *run) drive(end int64) (done bool) {
	r.drv.open(end)
	defer r.drv.open(0)
	var act schedule.Action
	for {
		now := r.drv.now()
		if now >= r.told+tellEvery {
			r.tell()
		}
		if err := r.exec.HealDue(now); err != nil {
			r.fail("%v", err)
		}
		if now >= end || r.halted() {
			return false
		}
		until := end
		heal, faulty := r.exec.NextHeal()
		if faulty {
			until = min(until, heal)
		}
		act.Kind = schedule.Wait
		r.drv.proceed(until, &act)
		switch act.Kind {
		case schedule.Inject:
			_ = r.exec.Inject(&act.Fault, r.drv.now()) // the record says how it ended
		case schedule.Done:
			if !faulty {
				return true
			}
			r.drv.wait(until)
		}
	}
}

// release heals what is not healed, interrupts what is under way, and ends the cluster unless that is left to
// somebody else.
func (r *run) release() {
	if r.cluster == nil {
		return
	}
	if !r.healed {
		r.guard("healing", r.heal)
	}
	r.guard("stopping the clients", r.drv.stop)
	r.interrupt()
	if r.tape != nil {
		r.tape.close()
	}
	if err := r.rec.Flush(); err != nil {
		r.fail("%v", err)
	}
	r.guard("measuring", r.measure)
	r.guard("reading the logs", r.gatherLogs)
	if !r.keep {
		r.end()
	}
}

// end ends the cluster. That it cannot be ended is told beside whatever else went wrong.
func (r *run) end() {
	const what = "ending the cluster"
	r.guard(what, func() {
		before := r.failure
		err := r.callWithin(closeLimit, what, r.cluster.Close)
		if err == nil {
			return
		}
		r.left = fmt.Sprintf("%s: %v", what, err)
		if r.failure == before { // else the failure is that of this very call
			r.failToo(r.left)
		}
	})
}

// interrupt completes what is still under way as interrupted and closes the record.
func (r *run) interrupt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.drv.now()
	for i := range r.open {
		if inv := &r.open[i]; inv.Op.N != 0 {
			r.completeLocked(inv, &targets.Completion{Err: history.Error{Code: history.Interrupted}}, now)
		}
	}
	r.closed = true
}
