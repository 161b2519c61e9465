package history

import (
	"math"
	"slices"
)

// columns holds the operations and events of a run, an attribute a slice. None of the long slices has
// pointers: ten million operations take about one gigabyte, and the garbage collector does not look at it.
type columns struct {
	// by operation
	call    []int64
	ret     []int64
	actor   []int32 // number in actors
	f       []int32 // number in functions
	key     []int32 // number in keys; -1-n for the n-th of several
	kind    []Type
	arg     cells
	result  cells   // of the completion, whatever its type
	node    []int32 // of the invocation, number in nodes
	served  []int32 // of the completion, number in nodes
	id      []OpID
	invoked []int32 // event
	done    []int32 // event, -1 for none
	err     []int32 // number in errors
	ev      []int32 // place in evidence, -1 for none

	// by event
	events []int32 // 2·operation for its invocation, 2·operation + 1 for its completion, -1-n for others[n]
	others []Event

	actors    table[actor]
	functions names
	keys      names
	sessions  names
	devices   names
	nodes     names
	errors    table[Error]
	several   [][]int32 // keys of the operations that have several
	store     valueStore
	evidence  evidenceColumns
	infoTimes map[int32]int64 // by event: when an operation completed with Info
	odd       map[int32]Event // by event: completions that are not what was invoked
}

// actor is who carries out operations: a process, which belongs to a session on a device.
type actor struct{ process, session, device int32 }

// table numbers things in the order of their first use.
type table[T comparable] struct {
	list []T
	ids  map[T]int32
}

// number returns the number of x, a new one when x was not seen before.
func (t *table[T]) number(x T) int32 {
	if n, known := t.ids[x]; known {
		return n
	}
	if t.ids == nil {
		t.ids = map[T]int32{}
	}
	n := int32(len(t.list))
	t.list = append(t.list, x)
	t.ids[x] = n
	return n
}

// Len returns the number of operations.
func (h *History) Len() int { return len(h.cols.call) }

// Call returns when operation i was called, nanoseconds.
func (h *History) Call(i int) int64 { return h.cols.call[i] }

// Return returns when operation i returned, nanoseconds; Never unless it is Ok or Fail.
func (h *History) Return(i int) int64 { return h.cols.ret[i] }

// Type returns how operation i ended: Ok, Fail or Info.
func (h *History) Type(i int) Type { return h.cols.kind[i] }

// F returns the function of operation i.
func (h *History) F(i int) string { return h.cols.functions.list[h.cols.f[i]] }

// Functions returns the functions that operations have, in the order of their first use. The caller must
// not change the list.
func (h *History) Functions() []string { return h.cols.functions.list }

// Process returns the process of operation i.
func (h *History) Process(i int) int32 { return h.cols.actors.list[h.cols.actor[i]].process }

// Session returns the number of operation i's session. Sessions are numbered in the order of their first
// use.
func (h *History) Session(i int) int32 { return h.cols.actors.list[h.cols.actor[i]].session }

// SessionName returns the name of the session with that number.
func (h *History) SessionName(session int32) string { return h.cols.sessions.list[session] }

// SessionCount returns the number of sessions.
func (h *History) SessionCount() int { return len(h.cols.sessions.list) }

// Actor returns the number of the process, session and device that carried operation i out. Actors are
// numbered in the order of their first use.
func (h *History) Actor(i int) int32 { return h.cols.actor[i] }

// ActorCount returns the number of actors.
func (h *History) ActorCount() int { return len(h.cols.actors.list) }

// Key returns the number of operation i's key, -1 when it has several. Keys are numbered in the order of
// their first use; an operation without a key has the key "".
func (h *History) Key(i int) int32 { return max(h.cols.key[i], -1) }

// Keys returns the numbers of the keys of an operation over several, nil for any other.
func (h *History) Keys(i int) []int32 {
	if k := h.cols.key[i]; k < 0 {
		return h.cols.several[-1-k]
	}
	return nil
}

// KeyName returns the name of the key with that number.
func (h *History) KeyName(key int32) string { return h.cols.keys.list[key] }

// KeyCount returns the number of keys.
func (h *History) KeyCount() int { return len(h.cols.keys.list) }

// NodeName returns the node that served operation i, or was asked when it is not known which served it.
func (h *History) NodeName(i int) string {
	c := &h.cols
	if c.done[i] >= 0 && c.served[i] != 0 {
		return c.nodes.list[c.served[i]]
	}
	return c.nodes.list[c.node[i]]
}

// Arg returns the value that operation i was invoked with.
func (h *History) Arg(i int) Value { return h.cols.store.value(&h.cols.arg, i) }

// Result returns the value that operation i completed with, null unless it is Ok.
func (h *History) Result(i int) Value {
	if h.cols.kind[i] != Ok {
		return Value{}
	}
	return h.cols.store.value(&h.cols.result, i)
}

// ArgKind returns the kind of the value that operation i was invoked with.
func (h *History) ArgKind(i int) Kind { return h.cols.arg.kindOf(i) }

// ResultKind returns the kind of the value that operation i completed with, Null unless it is Ok.
func (h *History) ResultKind(i int) Kind {
	if h.cols.kind[i] != Ok {
		return Null
	}
	return h.cols.result.kindOf(i)
}

// ArgInt returns the integer that operation i was invoked with, and whether it was one.
func (h *History) ArgInt(i int) (int64, bool) { return h.cols.arg.integer(i) }

// ResultInt returns the integer that operation i completed with, and whether it is Ok and that is one.
func (h *History) ResultInt(i int) (int64, bool) {
	n, ok := h.cols.result.integer(i)
	return n, ok && h.cols.kind[i] == Ok
}

// ArgInts returns the list of integers that operation i was invoked with, and whether it was one: never
// for an empty list. The caller must not change it.
func (h *History) ArgInts(i int) ([]int64, bool) { return h.cols.store.integers(&h.cols.arg, i) }

// ResultInts returns the list of integers that operation i completed with, and whether it is Ok and that
// is one: never for an empty list. The caller must not change it.
func (h *History) ResultInts(i int) ([]int64, bool) {
	if h.cols.kind[i] != Ok {
		return nil, false
	}
	return h.cols.store.integers(&h.cols.result, i)
}

// Op returns operation i as a row.
func (h *History) Op(i int) Op {
	c := &h.cols
	who := c.actors.list[c.actor[i]]
	op := Op{Index: i, Invoked: int(c.invoked[i]), Done: int(c.done[i]), Process: who.process,
		Session: c.sessions.list[who.session], Device: c.devices.list[who.device],
		F: c.functions.list[c.f[i]], Arg: h.Arg(i), Result: h.Result(i), Call: c.call[i], Return: c.ret[i],
		Type: c.kind[i], Node: h.NodeName(i), Err: c.errors.list[c.err[i]], Ev: h.Ev(i), ID: c.id[i]}
	op.Key, op.Keys = c.keyNames(i)
	return op
}

// keyNames returns the key, or the keys, of operation i.
func (c *columns) keyNames(i int) (key string, keys []string) {
	if c.key[i] >= 0 {
		return c.keys.list[c.key[i]], nil
	}
	for _, k := range c.several[-1-c.key[i]] {
		keys = append(keys, c.keys.list[k])
	}
	return "", keys
}

// Ops returns all operations as rows, which takes several times the memory of the history itself.
func (h *History) Ops() []Op {
	ops := make([]Op, h.Len())
	for i := range ops {
		ops[i] = h.Op(i)
	}
	return ops
}

// EventCount returns the number of events.
func (h *History) EventCount() int { return len(h.wholeColumns().events) }

// EventTime returns when event i was, nanoseconds.
func (h *History) EventTime(i int) int64 { return h.wholeColumns().eventTime(i) }

func (c *columns) eventTime(i int) int64 {
	ref := c.events[i]
	if ref < 0 {
		return c.others[-1-ref].Time
	}
	op := ref >> 1
	if ref&1 == 0 {
		return c.call[op]
	}
	if c.kind[op] == Info {
		return c.infoTimes[int32(i)]
	}
	return c.ret[op]
}

// Event returns event i as it was recorded.
func (h *History) Event(i int) Event { return h.wholeColumns().event(i) }

func (c *columns) event(i int) Event {
	ref := c.events[i]
	if ref < 0 {
		return c.others[-1-ref]
	}
	if ev, isOdd := c.odd[int32(i)]; isOdd {
		return ev
	}
	op := int(ref >> 1)
	who := c.actors.list[c.actor[op]]
	ev := Event{Index: i, Time: c.eventTime(i), Process: who.process, Session: c.sessions.list[who.session],
		Device: c.devices.list[who.device], F: c.functions.list[c.f[op]], Op: c.id[op]}
	ev.Key, ev.Keys = c.keyNames(op)
	if ref&1 == 0 {
		ev.Type, ev.Value, ev.Node = Invoke, c.store.value(&c.arg, op), c.nodes.list[c.node[op]]
		return ev
	}
	ev.Type, ev.Value, ev.Node = c.kind[op], c.store.value(&c.result, op), c.nodes.list[c.served[op]]
	ev.Err, ev.Ev = c.errors.list[c.err[op]], c.evidence.at(c, c.ev[op])
	return ev
}

// reserve makes room for n more operations.
func (c *columns) reserve(n int) {
	for _, s := range []*[]int64{&c.call, &c.ret, &c.arg.nums, &c.result.nums} {
		*s = slices.Grow(*s, n)
	}
	for _, s := range []*[]int32{&c.actor, &c.f, &c.key, &c.node, &c.served, &c.invoked, &c.done, &c.err,
		&c.ev} {
		*s = slices.Grow(*s, n)
	}
	c.kind = slices.Grow(c.kind, n)
	c.arg.kinds, c.result.kinds = slices.Grow(c.arg.kinds, n), slices.Grow(c.result.kinds, n)
	c.id = slices.Grow(c.id, n)
	c.events = slices.Grow(c.events, 2*n)
}

// mostEvents is the most events that columns hold.
const mostEvents = math.MaxInt32 / 2

// picked returns the columns with the operations at the given places, in that order. Events are shared,
// and their references to operations are void unless all operations are there, in another order.
func (c *columns) picked(places []int32) columns {
	out := *c
	out.call, out.ret = pick(c.call, places), pick(c.ret, places)
	out.actor, out.f, out.key = pick(c.actor, places), pick(c.f, places), pick(c.key, places)
	out.kind = pick(c.kind, places)
	out.arg = cells{pick(c.arg.kinds, places), pick(c.arg.nums, places)}
	out.result = cells{pick(c.result.kinds, places), pick(c.result.nums, places)}
	out.node, out.served, out.id = pick(c.node, places), pick(c.served, places), pick(c.id, places)
	out.invoked, out.done = pick(c.invoked, places), pick(c.done, places)
	out.err, out.ev = pick(c.err, places), pick(c.ev, places)
	return out
}

func pick[T any](column []T, places []int32) []T {
	out := make([]T, len(places))
	for at, place := range places {
		out[at] = column[place]
	}
	return out
}
