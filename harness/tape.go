package harness

import (
	"time"

	"github.com/rashomon-harness/rashomon/history"
)

const (
	// tapeBatch is how many events are handed to the recorder at a time.
	tapeBatch = 256
	// tapeSpare is how many empty batches are kept for later.
	tapeSpare = 64
	// tapeRoom is the most events that memory is taken for before they are there. It is moved when it is
	// not enough, which may hold up everybody: a move that is under way holds up the garbage collector.
	tapeRoom = 1 << 20
	// flushEvery is how much of a run in wall time may be lost when the harness dies.
	flushEvery = 100 * time.Millisecond
)

// tape carries events from those who share the run's lock to the recorder. Under the lock an event is only
// copied; to check, encode, hash and write it is the work of one goroutine beside, so that nobody who
// measures waits for the disk, or for the record's memory to grow. There is no limit to how far the recorder
// may be behind: all events are kept in memory anyway, and to make workers wait would falsify times.
type tape struct {
	run  *run
	more chan struct{} // there are full batches
	quit chan struct{}
	gone chan struct{}

	// Guarded by the run's lock:
	filling []history.Event
	full    [][]history.Event
	spare   [][]history.Event
}

// newTape returns a tape to the run's recorder, which nobody else may use until it is closed.
func newTape(r *run) *tape {
	t := &tape{run: r, more: make(chan struct{}, 1), quit: make(chan struct{}), gone: make(chan struct{}),
		filling: make([]history.Event, 0, tapeBatch)}
	r.rec.Grow(min(r.exp.expectedEvents(), tapeRoom))
	go t.roll()
	return t
}

// add copies an event to the tape. The run's lock is held.
func (t *tape) add(ev *history.Event) {
	t.filling = append(t.filling, *ev)
	if len(t.filling) < tapeBatch {
		return
	}
	t.full = append(t.full, t.filling)
	if last := len(t.spare) - 1; last >= 0 {
		t.filling, t.spare = t.spare[last], t.spare[:last]
	} else {
		t.filling = make([]history.Event, 0, tapeBatch)
	}
	nudge(t.more)
}

// close returns when everything is recorded. Nothing may be added any more.
func (t *tape) close() {
	close(t.quit)
	<-t.gone
}

// roll records batches as they become full, and once in a while everything there is.
func (t *tape) roll() {
	defer close(t.gone)
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	for last := false; !last; {
		all := true
		select {
		case <-t.more:
			all = false
		case <-ticker.C:
		case <-t.quit:
			last = true
		}
		batches := t.take(all)
		for _, events := range batches {
			t.record(events)
		}
		t.give(batches)
		if all {
			if err := t.run.rec.Flush(); err != nil {
				t.run.fail("%v", err)
			}
		}
	}
}

// take takes the full batches off the tape, and the one that is being filled too when all is true.
func (t *tape) take(all bool) [][]history.Event {
	t.run.mu.Lock()
	defer t.run.mu.Unlock()
	batches := t.full
	t.full = nil
	if all && len(t.filling) > 0 {
		batches = append(batches, t.filling)
		t.filling = make([]history.Event, 0, tapeBatch)
	}
	return batches
}

// give puts recorded batches back to be filled again.
func (t *tape) give(batches [][]history.Event) {
	t.run.mu.Lock()
	defer t.run.mu.Unlock()
	for _, events := range batches {
		if len(t.spare) < tapeSpare {
			t.spare = append(t.spare, events[:0])
		}
	}
}

func (t *tape) record(events []history.Event) {
	for i := range events {
		if _, err := t.run.rec.Record(events[i]); err != nil {
			t.run.fail("an event cannot be recorded: %v", err)
		}
	}
}
