package harness

import (
	"github.com/rashomon-harness/rashomon/harness/schedule"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/targets"
)

// virtualDriver alternates between scheduler and world on one thread, in the world's time: whoever runs
// the same experiment with the same seed gets the same history, byte for byte.
type virtualDriver struct {
	run     *run
	time    targets.Stepper
	answers int           // client operations that ended
	inv     history.Event // the invocation being submitted
}

func (d *virtualDriver) now() int64 { return d.time.Now() }

func (d *virtualDriver) open(int64) {}

// proceed takes one step of the plan.
func (d *virtualDriver) proceed(until int64, act *schedule.Action) {
	err := d.next(act)
	switch {
	case err != nil:
		d.run.fail("%v", err)
	case act.Kind == schedule.Dispatch:
		d.dispatch(act)
	case act.Kind == schedule.Wait:
		d.wait(min(until, act.Until))
	case act.Kind == schedule.WaitCompletion:
		d.wait(until)
	}
}

func (d *virtualDriver) next(act *schedule.Action) error {
	d.run.mu.Lock()
	defer d.run.mu.Unlock()
	return d.run.sched.Next(d.time.Now(), act)
}

func (d *virtualDriver) dispatch(act *schedule.Action) {
	d.inv = d.run.invoke(act)
	id := act.Op.ID
	d.run.cluster.Client(act.Op.Session, act.Op.Device).Submit(&d.inv, func(c targets.Completion) {
		d.answers++
		d.run.complete(id, &c, d.time.Now())
	})
}

// wait fails the run when time stands still, which would otherwise go on for ever.
func (d *virtualDriver) wait(t int64) {
	before, answers := d.time.Now(), d.answers
	d.time.RunUntil(t)
	if d.time.Now() == before && d.answers == answers && t > before {
		d.run.fail("the world's time stands still at %d ns", before)
	}
}

func (d *virtualDriver) ask(client targets.Client, inv *history.Event, limit int64) (targets.Completion,
	bool) {
	var got targets.Completion
	answered := false
	client.Submit(inv, func(c targets.Completion) {
		d.answers++
		got, answered = c, true
	})
	for !answered && d.time.Now() < limit && !d.run.halted() {
		d.wait(limit)
	}
	return got, answered
}

func (d *virtualDriver) stop() {}
