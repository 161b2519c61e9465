package harness

import (
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/rashomon-harness/rashomon/harness/schedule"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/plan"
	"github.com/rashomon-harness/rashomon/targets"
)

const (
	// answerLimit is the deadline of the driver's own for one operation. It lies far beyond those of
	// targets, and only keeps a client that never answers from stopping its thread for ever.
	answerLimit = 60 * time.Second
	// watchEvery is how often operations are held against answerLimit.
	watchEvery = time.Second
	// stopLimit is how long the end of a run waits for clients that do not return from Submit.
	stopLimit = 5 * time.Second
	// spinLimit is how far ahead the next turn may be to wait for it without a timer.
	spinLimit  = 50 * time.Microsecond
	spinRounds = 1000
	// never is a time that does not come.
	never int64 = math.MaxInt64
)

// wallDriver runs a worker a thread in real time. There is no dispatcher that all operations go through:
// whoever has nothing to do asks the scheduler, under the run's lock, and hands the answer to whom it
// concerns, which most often is the one who asked. One goroutine, the timekeeper, asks when the scheduler
// wants to be asked though nobody is there to do it. Operations go on while a fault is being injected, which
// may take seconds.
type wallDriver struct {
	run    *run
	start  time.Time
	news   chan struct{}  // for the goroutine that drives the run: a fault, or the plan is done
	sooner chan struct{}  // for the timekeeper: the scheduler is to be asked sooner than it was told
	quit   chan struct{}  // closed when the run is over
	staff  sync.WaitGroup // the workers and the timekeeper

	// Guarded by the run's lock:
	workers []*worker // by thread
	end     int64     // the scheduler is not asked from then on
	act     schedule.Action
	faults  []plan.Fault // to be injected
	done    bool         // the plan is
	due     int64        // when the scheduler is to be asked again
	armed   int64        // when the timekeeper will ask
	stopped bool
}

func newWallDriver(r *run) *wallDriver {
	d := &wallDriver{run: r, start: time.Now(), news: make(chan struct{}, 1), sooner: make(chan struct{}, 1),
		quit: make(chan struct{}), due: never, armed: never}
	d.workers = make([]*worker, r.exp.threads())
	for thread := range d.workers {
		d.hire(thread)
	}
	d.staff.Go(func() { r.guard("the workload", d.keepTime) })
	return d
}

// hire gives a thread a new worker.
func (d *wallDriver) hire(thread int) {
	w := &worker{d: d, thread: thread, wake: make(chan struct{}, 1)}
	d.workers[thread] = w
	d.staff.Go(func() { d.run.guard("a client", w.work) })
}

// nudge tells somebody to look again. It never waits.
func nudge(who chan<- struct{}) {
	select {
	case who <- struct{}{}:
	default: // it was told already
	}
}

func (d *wallDriver) now() int64 { return int64(time.Since(d.start)) }

func (d *wallDriver) open(end int64) {
	d.run.mu.Lock()
	defer d.run.mu.Unlock()
	d.end, d.faults, d.done = end, nil, false
}

// proceed leaves the operations to the workers and comes back with a fault, or at the end of the plan.
func (d *wallDriver) proceed(until int64, act *schedule.Action) {
	if d.look(act); act.Kind == schedule.Wait {
		d.wait(min(until, d.run.told+tellEvery))
	}
}

// look says what there is for the goroutine that drives the run: Inject, Done, or Wait.
func (d *wallDriver) look(act *schedule.Action) {
	d.run.mu.Lock()
	defer d.run.mu.Unlock()
	d.turn(nil)
	switch {
	case len(d.faults) > 0:
		act.Kind, act.Fault = schedule.Inject, d.faults[0]
		d.faults = d.faults[1:]
	case d.done:
		act.Kind = schedule.Done
	default:
		act.Kind = schedule.Wait
	}
}

// turn asks the scheduler until there is nothing left to be done now, and hands out what there is. self is
// the worker that asks, nil for nobody. The run's lock is held.
func (d *wallDriver) turn(self *worker) {
	d.due = never
	for now := d.now(); now < d.end && d.run.failure == ""; {
		if err := d.run.sched.Next(now, &d.act); err != nil {
			d.run.failLocked("%v", err)
			return
		}
		switch d.act.Kind {
		case schedule.Dispatch:
			w := d.workers[d.act.Op.ID.Thread]
			w.act, w.ready = d.act, true
			if w != self {
				nudge(w.wake)
			}
		case schedule.Inject:
			d.faults = append(d.faults, d.act.Fault)
			nudge(d.news)
		default:
			d.rest()
			return
		}
	}
}

// rest notes when the scheduler, which has nothing to do now, is to be asked again.
func (d *wallDriver) rest() {
	if d.act.Kind == schedule.Wait {
		d.due = d.act.Until
	}
	if d.due < d.armed {
		d.armed = d.due
		nudge(d.sooner)
	}
	if done := d.act.Kind == schedule.Done; done != d.done {
		d.done = done
		nudge(d.news)
	}
}

// keepTime is the timekeeper's life.
func (d *wallDriver) keepTime() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	watch := time.NewTicker(watchEvery)
	defer watch.Stop()
	for {
		select {
		case <-d.quit:
			return
		case <-watch.C:
			d.timeOut()
			continue
		case <-d.sooner:
		case <-timer.C:
		}
		if due := d.takeTurn(); due < never {
			d.spin(due)
			timer.Reset(time.Duration(due - d.now()))
		}
	}
}

// spin lets others run until due, when that is near. Timers are up to a millisecond late, a time in which a
// workload of a high rate loses many operations. The number of rounds is bounded for the sake of clocks that
// stand still while somebody runs.
func (d *wallDriver) spin(due int64) {
	for round := 0; round < spinRounds; round++ {
		if left := due - d.now(); left <= 0 || left > int64(spinLimit) {
			return
		}
		runtime.Gosched()
	}
}

// takeTurn is turn for the timekeeper. It returns when the next one is due.
func (d *wallDriver) takeTurn() int64 {
	d.run.mu.Lock()
	defer d.run.mu.Unlock()
	d.armed = 0 // the timekeeper itself need not be told
	d.turn(nil)
	d.armed = d.due
	return d.due
}

// timeOut ends operations that were not answered in time. A worker that has not even come back from its
// client is left to itself, and another one takes its thread.
func (d *wallDriver) timeOut() {
	d.run.mu.Lock()
	defer d.run.mu.Unlock()
	now := d.now()
	for thread, w := range d.workers {
		inv := &d.run.open[thread]
		if d.stopped || inv.Op.N == 0 || now < inv.Time+int64(answerLimit) {
			continue
		}
		d.run.completeLocked(inv, &targets.Completion{Err: history.Error{Code: history.Timeout,
			Text: "the client gave no answer within " + answerLimit.String()}}, now)
		if w.inside {
			w.gone = true
			d.hire(thread)
		}
		nudge(w.wake)
	}
}

func (d *wallDriver) wait(t int64) {
	timer := time.NewTimer(time.Duration(t - d.now()))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-d.news:
	case <-d.run.broken:
	case <-d.run.ctx.Done():
	}
}

func (d *wallDriver) ask(client targets.Client, inv *history.Event, limit int64) (targets.Completion, bool) {
	answers := make(chan targets.Completion, 1)
	asked := *inv
	go d.run.guard("a client", func() {
		client.Submit(&asked, func(c targets.Completion) {
			select {
			case answers <- c:
			default: // the second answer goes nowhere
			}
		})
	})
	timer := time.NewTimer(time.Duration(limit - d.now()))
	defer timer.Stop()
	select {
	case c := <-answers:
		return c, true
	case <-timer.C:
	case <-d.run.broken:
	case <-d.run.ctx.Done():
	}
	return targets.Completion{}, false
}

func (d *wallDriver) stop() {
	d.run.mu.Lock()
	d.stopped = true
	d.run.mu.Unlock()
	close(d.quit)
	gone := make(chan struct{})
	go func() {
		d.staff.Wait()
		close(gone)
	}()
	timer := time.NewTimer(stopLimit)
	defer timer.Stop()
	select {
	case <-gone:
	case <-timer.C:
	}
}
