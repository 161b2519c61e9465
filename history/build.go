package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Build pairs the events of a run to its history. A nil header is an empty one. Events are numbered by
// their place in the slice. See Builder.History for the order of operations.
func Build(header *Header, events []Event) *History {
	b := NewBuilder(header)
	b.Grow(len(events))
	for i := range events {
		b.Add(&events[i])
	}
	return b.History()
}

// FromOps returns the history of the given operations, without events, ordered by Call. It is for tests
// and for parts of a history: Invoked and Done stay what they are.
func FromOps(ops []Op) *History {
	b := NewBuilder(nil)
	for i := range ops {
		b.addOp(&ops[i])
	}
	return b.History()
}

// Builder pairs the events of a run one by one, as they come.
type Builder struct {
	h       *History
	open    map[int32]int32 // by process: the place of its open operation, plus one
	actors  map[int32]int32 // by process: the number of its latest actor, plus one
	faults  map[string]int
	ordered bool // operations by Call so far
}

// NewBuilder returns a builder without events. A nil header is an empty one.
func NewBuilder(header *Header) *Builder {
	b := &Builder{h: &History{Header: Header{Version: FormatVersion}}, open: map[int32]int32{},
		actors: map[int32]int32{}, faults: map[string]int{}, ordered: true}
	if header != nil {
		b.h.Header = *header
	}
	c := &b.h.cols
	c.nodes.number("")
	c.errors.number(Error{})
	return b
}

// Grow makes room for n more events.
func (b *Builder) Grow(n int) { b.h.cols.reserve((max(n, 0) + 1) / 2) }

// Len returns the number of events.
func (b *Builder) Len() int { return len(b.h.cols.events) }

// Add adds an event: the next by its index. It keeps no reference to ev. What cannot be paired (a
// completion without its invoke, an invoke while the process has an operation open) is told in the history's
// Warns: the completion is left out, the older operation stays open.
func (b *Builder) Add(ev *Event) {
	h := b.h
	switch {
	case ev.Process == Nemesis:
		h.addFault(b.faults, b.other(ev))
	case ev.Process < 0:
		h.addPhase(b.other(ev))
	case ev.Type == Invoke:
		b.invoke(ev)
	default:
		b.complete(ev)
	}
}

// other keeps an event that belongs to no operation.
func (b *Builder) other(ev *Event) *Event {
	c := &b.h.cols
	kept := *ev
	kept.Index, kept.Ev = len(c.events), ev.Ev.clone()
	c.others = append(c.others, kept)
	c.events = append(c.events, -int32(len(c.others)))
	return &c.others[len(c.others)-1]
}

func (h *History) warn(format string, args ...any) {
	h.Warns = append(h.Warns, fmt.Sprintf(format, args...))
}

// invoke opens an operation.
func (b *Builder) invoke(ev *Event) {
	c := &b.h.cols
	event, op := len(c.events), int32(len(c.call))
	if i := b.open[ev.Process]; i > 0 {
		b.h.warn("event %d: process %d invokes %s while its operation of event %d is open", event, ev.Process,
			ev.F, c.invoked[i-1])
	}
	b.ordered = b.ordered && (op == 0 || c.call[op-1] <= ev.Time)
	c.call, c.ret, c.kind = append(c.call, ev.Time), append(c.ret, Never), append(c.kind, Info)
	c.actor = append(c.actor, b.actor(ev))
	c.f = append(c.f, c.functions.number(ev.F))
	c.key = append(c.key, c.keyOf(ev))
	c.store.add(&c.arg, &ev.Value)
	c.result.kinds, c.result.nums = append(c.result.kinds, 0), append(c.result.nums, 0)
	c.node, c.served = append(c.node, c.nodes.number(ev.Node)), append(c.served, 0)
	c.id = append(c.id, ev.Op)
	c.invoked, c.done = append(c.invoked, int32(event)), append(c.done, -1)
	c.err, c.ev = append(c.err, 0), append(c.ev, -1)
	c.events = append(c.events, 2*op)
	b.open[ev.Process] = op + 1
}

// actor returns the number of who carries ev out. A process seldom changes its session.
func (b *Builder) actor(ev *Event) int32 {
	c := &b.h.cols
	if n := b.actors[ev.Process]; n > 0 {
		who := c.actors.list[n-1]
		if c.sessions.list[who.session] == ev.Session && c.devices.list[who.device] == ev.Device {
			return n - 1
		}
	}
	n := c.actors.number(actor{ev.Process, c.sessions.number(ev.Session), c.devices.number(ev.Device)})
	b.actors[ev.Process] = n + 1
	return n
}

// keyOf returns the key of ev as columns hold it.
func (c *columns) keyOf(ev *Event) int32 {
	if len(ev.Keys) == 0 {
		return c.keys.number(ev.Key)
	}
	keys := make([]int32, len(ev.Keys))
	for i, key := range ev.Keys {
		keys[i] = c.keys.number(key)
	}
	c.several = append(c.several, keys)
	return -int32(len(c.several))
}

// complete closes the open operation of a process.
func (b *Builder) complete(ev *Event) {
	c := &b.h.cols
	event := int32(len(c.events))
	i := b.open[ev.Process]
	if i == 0 {
		b.h.warn("event %d: process %d completes %s without having invoked it", event, ev.Process, ev.F)
		b.other(ev)
		return
	}
	b.open[ev.Process] = 0
	op := int(i - 1)
	c.done[op], c.kind[op] = event, ev.Type
	if ev.Type != Info {
		c.ret[op] = ev.Time
	} else {
		if c.infoTimes == nil {
			c.infoTimes = map[int32]int64{}
		}
		c.infoTimes[event] = ev.Time
	}
	c.store.put(&c.result, op, &ev.Value)
	c.served[op] = c.nodes.number(ev.Node)
	c.err[op] = c.errors.number(ev.Err)
	c.ev[op] = c.evidence.add(c, ev.Ev)
	c.events = append(c.events, 2*(i-1)+1)
	if !c.asInvoked(op, ev) {
		b.keepOdd(event, ev)
	}
}

// asInvoked reports whether a completion says of its operation what the invocation said.
func (c *columns) asInvoked(op int, ev *Event) bool {
	who := c.actors.list[c.actor[op]]
	if ev.F != c.functions.list[c.f[op]] || ev.Session != c.sessions.list[who.session] ||
		ev.Device != c.devices.list[who.device] || ev.Op != c.id[op] || ev.Fault != "" {
		return false
	}
	if c.key[op] >= 0 {
		return len(ev.Keys) == 0 && ev.Key == c.keys.list[c.key[op]]
	}
	several := c.several[-1-c.key[op]]
	return slices.EqualFunc(several, ev.Keys, func(k int32, name string) bool {
		return c.keys.list[k] == name
	})
}

// keepOdd keeps a completion as it is.
func (b *Builder) keepOdd(event int32, ev *Event) {
	c := &b.h.cols
	if c.odd == nil {
		c.odd = map[int32]Event{}
	}
	kept := *ev
	kept.Index, kept.Ev = int(event), ev.Ev.clone()
	c.odd[event] = kept
}

// addOp adds an operation without its events.
func (b *Builder) addOp(op *Op) {
	c := &b.h.cols
	ev := Event{Time: op.Call, Type: Invoke, Process: op.Process, Session: op.Session, Device: op.Device,
		F: op.F, Key: op.Key, Keys: op.Keys, Value: op.Arg, Node: op.Node, Op: op.ID}
	b.invoke(&ev)
	i := len(c.call) - 1
	b.open[op.Process] = 0
	c.events = c.events[:0]
	c.invoked[i], c.done[i], c.kind[i] = int32(op.Invoked), int32(op.Done), op.Type
	if op.Type == Ok || op.Type == Fail {
		c.ret[i] = op.Return
	}
	if op.Type == Ok {
		c.store.put(&c.result, i, &op.Result)
	}
	c.err[i], c.ev[i] = c.errors.number(op.Err), c.evidence.add(c, op.Ev)
}

// History returns the history of the events so far. It is ordered by Call; of operations called at the
// same time the first recorded comes first. An operation without completion is Info and returns Never, as
// one that completed with Info does. The builder must not be used afterwards.
func (b *Builder) History() *History {
	if !b.ordered {
		b.h.order()
	}
	return b.h
}

// order orders the operations by Call.
func (h *History) order() {
	c := &h.cols
	places := make([]int32, len(c.call))
	for i := range places {
		places[i] = int32(i)
	}
	slices.SortStableFunc(places, func(a, b int32) int { return cmp.Compare(c.call[a], c.call[b]) })
	*c = c.picked(places)
	at := make([]int32, len(places))
	for to, from := range places {
		at[from] = int32(to)
	}
	for i, ref := range c.events {
		if ref >= 0 {
			c.events[i] = 2*at[ref>>1] + ref&1
		}
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

// Filter returns the history of the operations that keep accepts, by place. Header, events, faults and
// phases are shared with h; the operations are renumbered, while Op.Invoked and Op.Done still are indices
// of events. When all are kept it is h itself.
func (h *History) Filter(keep func(i int) bool) *History {
	var kept []int32
	for i := range h.Len() {
		if keep(i) {
			kept = append(kept, int32(i))
		}
	}
	if len(kept) == h.Len() {
		return h
	}
	sub := *h
	sub.cols = h.cols.picked(kept)
	sub.whole = h.wholeColumns()
	return &sub
}

// wholeColumns returns the columns that events refer to.
func (h *History) wholeColumns() *columns {
	if h.whole != nil {
		return h.whole
	}
	return &h.cols
}

// ForPrefix returns the history of the operations whose session's name begins with prefix: those of one
// workload of several that ran side by side.
func (h *History) ForPrefix(prefix string) *History {
	matches := make([]bool, h.SessionCount())
	for s := range matches {
		matches[s] = strings.HasPrefix(h.SessionName(int32(s)), prefix)
	}
	return h.Filter(func(i int) bool { return matches[h.Session(i)] })
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
