package harness

import (
	"github.com/rashomon-harness/rashomon/harness/schedule"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/targets"
)

// worker runs the operations of one thread in wall time, one after the other. It takes the time of an
// invocation as the last thing before the request leaves; that of the completion is taken by whoever brings
// the answer, before anything else, so that intervals are as tight as they can be.
type worker struct {
	d      *wallDriver
	thread int
	wake   chan struct{} // there may be something to do
	inv    history.Event // being submitted

	client          targets.Client // of the session on the device, nil for none yet
	session, device string

	// Guarded by the run's lock:
	act    schedule.Action
	ready  bool // act is to be done
	inside bool // it has not come back from the client yet
	gone   bool // another worker has the thread
}

// next is what a worker does next.
type next uint8

const (
	nextWait   next = iota // until it is woken
	nextMeet               // get the client of the operation
	nextSubmit             // the operation, which is invoked
	nextLeave              // for good
)

// work is a worker's life.
func (w *worker) work() {
	for {
		switch w.next() {
		case nextWait:
			select {
			case <-w.wake:
			case <-w.d.quit:
				return
			}
		case nextMeet:
			op := &w.act.Op // nobody changes it while the thread is busy
			w.client = w.d.run.cluster.Client(op.Session, op.Device)
			w.session, w.device = op.Session, op.Device
		case nextSubmit:
			f := &flight{worker: w, id: w.inv.Op}
			w.client.Submit(&w.inv, f.answer)
		case nextLeave:
			return
		}
	}
}

// next decides what to do next, and invokes the operation when that is to be submitted.
func (w *worker) next() next {
	r := w.d.run
	r.mu.Lock()
	defer r.mu.Unlock()
	w.inside = false
	if w.gone || w.d.stopped {
		return nextLeave
	}
	if busy := r.open[w.thread].Op.N != 0; !busy && !w.ready {
		w.d.turn(w)
	}
	switch op := &w.act.Op; {
	case !w.ready:
		return nextWait
	case w.client == nil || w.session != op.Session || w.device != op.Device:
		return nextMeet
	}
	w.ready, w.inside = false, true
	w.inv = *r.invokeLocked(&w.act)
	return nextSubmit
}

// flight is an operation under way, as its client knows it.
type flight struct {
	worker   *worker
	id       history.OpID
	answered bool // guarded by the run's lock
}

// answer takes down the operation's completion, from any goroutine.
func (f *flight) answer(c targets.Completion) {
	at := f.worker.d.now()
	f.worker.d.run.guard("the workload", func() { f.land(&c, at) })
	nudge(f.worker.wake)
}

// land completes the operation at a time that has just been. An answer that comes after the operation was
// given up goes nowhere; a second one is a defect of the client: the run fails.
func (f *flight) land(c *targets.Completion, at int64) {
	r := f.worker.d.run
	r.mu.Lock()
	defer r.mu.Unlock()
	switch inv := &r.open[f.id.Thread]; {
	case r.closed:
	case f.answered:
		r.failLocked("the client answered operation %v twice", f.id)
	case inv.Op == f.id:
		r.completeLocked(inv, c, at)
	}
	f.answered = true
}
