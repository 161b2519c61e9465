package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Build pairs the events of a run to its history. A nil header is an empty one. Events are numbered by
// their place in the slice; the slice belongs to the history afterwards.
//
// Ops are ordered by Call; of those called at the same time the first recorded comes first. An
// operation without completion is Info and returns Never, as one that completed with Info does. What
// cannot be paired (a completion without its invoke, an invoke while the process has an operation open)
// is told in Warns: the completion is left out, the older operation stays open.
func Build(header *Header, events []Event) *History {
	h := &History{Header: Header{Version: FormatVersion}, Events: events}
	if header != nil {
		h.Header = *header
	}
	invokes := 0
	for i := range events {
		events[i].Index = i
		if events[i].Type == Invoke && events[i].Process >= 0 {
			invokes++
		}
	}
	h.Ops = make([]Op, 0, invokes)
	open := map[int32]int{}
	faults := map[string]int{}
	for i := range events {
		switch ev := &events[i]; {
		case ev.Process == Nemesis:
			h.addFault(faults, ev)
		case ev.Process < 0:
			h.addPhase(ev)
		case ev.Type == Invoke:
			h.invoke(open, ev)
		default:
			h.complete(open, ev)
		}
	}
	byCall := func(a, b Op) int { return cmp.Compare(a.Call, b.Call) }
	if !slices.IsSortedFunc(h.Ops, byCall) {
		slices.SortStableFunc(h.Ops, byCall)
	}
	number(h.Ops)
	return h
}

func number(ops []Op) {
	for i := range ops {
		ops[i].Index = i
	}
}

func (h *History) warn(format string, args ...any) {
	h.Warns = append(h.Warns, fmt.Sprintf(format, args...))
}

// invoke opens an operation. open has, for each process with an operation open, its place in h.Ops + 1.
func (h *History) invoke(open map[int32]int, ev *Event) {
	if i := open[ev.Process]; i > 0 {
		h.warn("event %d: process %d invokes %s while its operation of event %d is open", ev.Index,
			ev.Process, ev.F, h.Ops[i-1].Invoked)
	}
	h.Ops = append(h.Ops, Op{
		Invoked: ev.Index, Done: -1,
		Process: ev.Process, Session: ev.Session, Device: ev.Device,
		F: ev.F, Key: ev.Key, Keys: ev.Keys, Arg: ev.Value,
		Call: ev.Time, Return: Never, Type: Info, Node: ev.Node, ID: ev.Op,
	})
	open[ev.Process] = len(h.Ops)
}

func (h *History) complete(open map[int32]int, ev *Event) {
	i := open[ev.Process]
	if i == 0 {
		h.warn("event %d: process %d completes %s without having invoked it", ev.Index, ev.Process, ev.F)
		return
	}
	open[ev.Process] = 0
	op := &h.Ops[i-1]
	op.Done, op.Type, op.Err, op.Ev = ev.Index, ev.Type, ev.Err, ev.Ev
	op.Node = cmp.Or(ev.Node, op.Node)
	if ev.Type != Info {
		op.Return = ev.Time
	}
	if ev.Type == Ok {
		op.Result = ev.Value
	}
}

// healed is the value of the last of a fault's three events.
const healed = "healed"

// addFault enters a nemesis event into its fault: the first with an id is what was asked, the one with
// the value "healed" ends it, any other is the outcome.
func (h *History) addFault(places map[string]int, ev *Event) {
	i := places[ev.Fault]
	if i == 0 {
		h.Faults = append(h.Faults,
			Fault{ID: ev.Fault, Family: ev.F, What: ev.Value, From: ev.Time, To: Never})
		places[ev.Fault] = len(h.Faults)
		return
	}
	f := &h.Faults[i-1]
	switch text, _ := ev.Value.AsString(); {
	case text == healed:
		f.To = ev.Time
	case f.Outcome == "":
		f.Outcome, f.From = text, ev.Time
	default:
		h.warn("event %d: fault %s has an outcome already, %q", ev.Index, ev.Fault, f.Outcome)
	}
}

func (h *History) addPhase(ev *Event) {
	if ev.F != FPhase {
		return
	}
	name, _ := ev.Value.AsString()
	if n := len(h.Phases); n > 0 {
		h.Phases[n-1].To = ev.Time
	}
	h.Phases = append(h.Phases, Phase{Name: name, From: ev.Time, To: Never})
}

// InEffect reports whether the fault may have had an effect: it was not skipped.
func (f *Fault) InEffect() bool { return !strings.HasPrefix(f.Outcome, "skipped") }

// FinalFrom returns the time at which the final reads begin, or Never when the run did not come to them.
func (h *History) FinalFrom() int64 {
	for i := range h.Phases {
		if h.Phases[i].Name == PhaseFinal {
			return h.Phases[i].From
		}
	}
	return Never
}

// Final reports whether op is one of the final reads: called in the phase in which nothing is written
// any more.
func (h *History) Final(op *Op) bool { return op.Call >= h.FinalFrom() }

// Filter returns the history of the operations that keep accepts. Header, events, faults and phases are
// shared with h; the operations are renumbered, so that Ops[i].Index is i, while Invoked and Done still
// are indices into Events. When all are kept it is h itself.
func (h *History) Filter(keep func(*Op) bool) *History {
	kept := 0
	for i := range h.Ops {
		if keep(&h.Ops[i]) {
			kept++
		}
	}
	if kept == len(h.Ops) {
		return h
	}
	sub := *h
	sub.Ops = make([]Op, 0, kept)
	for i := range h.Ops {
		if keep(&h.Ops[i]) {
			sub.Ops = append(sub.Ops, h.Ops[i])
		}
	}
	number(sub.Ops)
	return &sub
}

// ForPrefix returns the history of the operations whose session's name begins with prefix: those of one
// workload of several that ran side by side.
func (h *History) ForPrefix(prefix string) *History {
	return h.Filter(func(op *Op) bool { return strings.HasPrefix(op.Session, prefix) })
}

// FaultsDuring returns the faults that may have had an effect somewhere in [from, to], nanoseconds.
func (h *History) FaultsDuring(from, to int64) []Fault {
	var during []Fault
	for i := range h.Faults {
		if f := &h.Faults[i]; f.InEffect() && f.From <= to && f.To >= from {
			during = append(during, *f)
		}
	}
	return during
}
