package harness

import (
	"sync"
	"time"

	"github.com/rashomon-harness/rashomon/harness/schedule"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/targets"
)

const (
	// answerLimit is the deadline of the driver's own for one operation. It lies far beyond those of
	// targets, and only keeps a client that never answers from stopping its thread for ever.
	answerLimit = 60 * time.Second
	// stopLimit is how long the end of a run waits for clients that do not return from Submit.
	stopLimit = 5 * time.Second
)

// wallDriver runs a worker a thread in real time. All scheduling stays with the goroutine that drives the
// run; a worker measures and records its own operation, so that intervals are as tight as they can be.
type wallDriver struct {
	run     *run
	start   time.Time
	jobs    []chan schedule.Action // by thread
	wake    chan struct{}          // an operation has completed
	quit    chan struct{}          // closed when the run is over
	workers sync.WaitGroup
}

func newWallDriver(r *run) *wallDriver {
	d := &wallDriver{run: r, start: time.Now(), wake: make(chan struct{}, 1), quit: make(chan struct{})}
	d.jobs = make([]chan schedule.Action, r.exp.threads())
	for i := range d.jobs {
		d.jobs[i] = make(chan schedule.Action, 1)
		d.workers.Go(func() { d.work(d.jobs[i]) })
	}
	return d
}

func (d *wallDriver) now() int64 { return int64(time.Since(d.start)) }

// dispatch never waits: a thread is given an operation only when it has none.
func (d *wallDriver) dispatch(act *schedule.Action) { d.jobs[act.Op.ID.Thread] <- *act }

// work is a worker's life.
func (d *wallDriver) work(jobs <-chan schedule.Action) {
	for {
		select {
		case <-d.quit:
			return
		case act := <-jobs:
			d.run.guard("a client", func() { d.perform(&act) })
			select {
			case d.wake <- struct{}{}:
			default: // the driver will look anyway
			}
		}
	}
}

// perform runs one operation from invocation to completion.
func (d *wallDriver) perform(act *schedule.Action) {
	client := d.run.cluster.Client(act.Op.Session, act.Op.Device)
	inv := d.run.invoke(act)
	c, end := d.await(client, &inv, answerLimit, d.quit)
	switch end {
	case endLimit:
		c.Err = history.Error{Code: history.Timeout, Text: "the client gave no answer within " +
			answerLimit.String()}
	case endQuit:
		return // the run records it as interrupted
	}
	d.run.complete(act.Op.ID, &c.Completion, c.at)
}

// end is why the waiting for an answer was over.
type end uint8

const (
	endAnswer end = iota
	endLimit
	endQuit
)

// answer is a completion and when it was there.
type answer struct {
	targets.Completion
	at int64
}

// await submits an operation and waits for its answer, until limit is over or quit is closed. An answer
// that comes later goes nowhere.
func (d *wallDriver) await(client targets.Client, inv *history.Event, limit time.Duration,
	quit <-chan struct{}) (answer, end) {
	answers := make(chan answer, 1)
	client.Submit(inv, func(c targets.Completion) {
		select {
		case answers <- answer{c, d.now()}:
		default:
		}
	})
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case a := <-answers:
		return a, endAnswer
	case <-timer.C:
		return answer{at: d.now()}, endLimit
	case <-quit:
		return answer{}, endQuit
	}
}

func (d *wallDriver) wait(t int64) {
	timer := time.NewTimer(time.Duration(t - d.now()))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-d.wake:
	case <-d.run.ctx.Done():
	}
}

func (d *wallDriver) ask(client targets.Client, inv *history.Event, limit int64) (targets.Completion, bool) {
	a, end := d.await(client, inv, time.Duration(limit-d.now()), d.run.ctx.Done())
	return a.Completion, end == endAnswer
}

func (d *wallDriver) stop() {
	close(d.quit)
	gone := make(chan struct{})
	go func() {
		d.workers.Wait()
		close(gone)
	}()
	timer := time.NewTimer(stopLimit)
	defer timer.Stop()
	select {
	case <-gone:
	case <-timer.C:
	}
}
