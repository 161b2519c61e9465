package history

import (
	"errors"
	"fmt"
	"strings"
)

// ErrOrder is wrapped by the errors about events that no process can have produced in that order.
var ErrOrder = errors.New("impossible event order")

// processState is what the order rules remember of a process.
type processState struct {
	last    int64 // time of its last event
	open    bool  // it has invoked an operation that has not completed
	retired bool  // its last operation ended with Info
}

// orderRules holds a stream of events to what a single-threaded process can do. The recorder applies
// them to what is recorded, the reader to what is read.
type orderRules struct {
	processes map[int32]*processState
}

func newOrderRules() orderRules { return orderRules{processes: map[int32]*processState{}} }

// admit takes note of ev, or says what is wrong with it and changes nothing.
func (o *orderRules) admit(ev *Event) error {
	p := o.processes[ev.Process]
	if p == nil {
		if ev.Process < Harness {
			return fmt.Errorf("%w: process %d: allowed: 0 and more, nemesis, harness", ErrOrder, ev.Process)
		}
		p = &processState{last: ev.Time}
	}
	if ev.Time < p.last {
		return p.refuse(ev, fmt.Sprintf("its time %d is before its previous event's, %d", ev.Time, p.last))
	}
	switch {
	case ev.Process < 0:
		if ev.Type != Info {
			return p.refuse(ev, "nemesis and harness events are of type info")
		}
	case ev.Type == Invoke:
		if p.open {
			return p.refuse(ev, "the process has an operation open")
		}
		if p.retired {
			return p.refuse(ev, "the process retired with its info completion")
		}
		p.open = true
	default:
		if !p.open {
			return p.refuse(ev, "the process has no operation open")
		}
		p.open, p.retired = false, ev.Type == Info
	}
	p.last = ev.Time
	o.processes[ev.Process] = p
	return nil
}

func (p *processState) refuse(ev *Event, why string) error {
	name := strings.Trim(string(appendProcess(nil, ev.Process)), `"`)
	return fmt.Errorf("%w: %s %s of process %s at %d ns: %s", ErrOrder, ev.Type, ev.F, name, ev.Time, why)
}
