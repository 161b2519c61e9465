// Package sim is the simulated world: it runs the nodes and clients of the reference store in virtual
// time, on one goroutine, and breaks their network, disks, clocks and processes on demand.
//
// Everything is decided by the configuration, the seed and the order of calls. Luck is keyed: what
// happens to the n-th packet of a link, or the n-th sync of a disk, depends on the seed and on these names
// alone, so that a client that stays away does not change the luck of the others.
//
// A step of a node takes no time; its writes and messages leave after the service time, during which
// further inputs queue up. A crash in that span does not take them back.
package sim

import (
	"math"
	"slices"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
)

// never is the time of what does not happen.
const never int64 = math.MaxInt64

// World is a cluster, its clients, and what is between them. It is not safe for concurrent use.
type World struct {
	cfg     Config
	now     int64
	steps   int64
	hash    keyed.Key
	queue   queue
	nodes   []node
	clients []clientEnd
	links   [][]link // links[from][to]; clients have links to nodes only
	rule    func(from, to refimpl.Addr, msg *refimpl.Message) Verdict
	trace   func(line string)
	faults  []fault  // all that are active
	healed  int64    // when the last fault ended
	parked  []int32  // packets that wait behind a clog, in their order of arrival
	done    []ending // calls that ended and whose callers are not told yet
	result  client.Result
	marks   [refimpl.NumMarks]int64
	labels  []string
	stats   Stats

	in  refimpl.Input
	fx  refimpl.Effects
	cin client.Input
	cfx client.Effects
}

// clientEnd is a client and its endpoint.
type clientEnd struct {
	machine client.Machine
	timer   timer
	handle  uint64
	done    func(*client.Result) // of the call under way, nil when there is none
}

// ending is a call that ended.
type ending struct {
	done   func(*client.Result)
	result client.Result
}

// Stats counts what happened to packets.
type Stats struct {
	Sent       int64 // handed to the network
	Delivered  int64 // processed by an endpoint
	Lost       int64 // by a shape's loss, or dropped by a rule
	Cut        int64 // dropped by a cut, at either end of their way
	Duplicated int64 // delivered a second time
	Refused    int64 // found the node down, or its queue full
	Misdirect  int64 // sent to an address that is none, or from client to client
}

// New returns the world of cfg at time 0: all nodes are up, and start with the first event.
func New(cfg Config) *World {
	w := &World{cfg: cfg.withDefaults(), queue: queue{free: none}}
	w.nodes = make([]node, w.cfg.Nodes)
	for from := range w.cfg.Nodes {
		row := make([]link, w.cfg.Nodes)
		for to := range row {
			row[to] = w.newLink(from, to)
		}
		w.links = append(w.links, row)
	}
	for id := range w.nodes {
		w.initNode(id)
	}
	return w
}

// AddClient adds a client and returns its address: nodes, nodes+1, ..
func (w *World) AddClient(m client.Machine) refimpl.Addr {
	addr := len(w.links)
	for id := range w.nodes {
		w.links[id] = append(w.links[id], w.newLink(id, addr))
	}
	row := make([]link, len(w.nodes))
	for to := range row {
		row[to] = w.newLink(addr, to)
	}
	w.links = append(w.links, row)
	w.clients = append(w.clients, clientEnd{machine: m, timer: newTimer()})
	return refimpl.Addr(addr)
}

// Call asks the client at addr to carry out call, now. done is called once, from RunUntil, when the call
// ended; never, when another Call to the same client comes first. The result is only valid during done.
// The client keeps call; it must not be changed.
func (w *World) Call(addr refimpl.Addr, call *client.Call, done func(*client.Result)) {
	c := &w.clients[int(addr)-len(w.nodes)]
	c.handle, c.done = call.Handle, done
	w.cin = client.Input{Kind: client.InCall, Mono: w.now, Wall: epochWall + w.now, Call: call}
	w.stepClient(int(addr), none)
}

// Now returns the virtual time, nanoseconds since the start of the run.
func (w *World) Now() int64 { return w.now }

// Steps returns the number of events that happened.
func (w *World) Steps() int64 { return w.steps }

// Hash returns a digest of all events so far: equal runs have equal digests.
func (w *World) Hash() uint64 { return uint64(w.hash) }

// Stats returns what happened to packets so far.
func (w *World) Stats() Stats { return w.stats }

// Marks returns how often the nodes reported each mark.
func (w *World) Marks() [refimpl.NumMarks]int64 { return w.marks }

// Labels returns what a result of this world must carry beside it, because the world broke a promise
// that stores build on: "lying-fsync".
func (w *World) Labels() []string { return slices.Clone(w.labels) }

// SetTrace has every event told in a line, for people and for golden transcripts; nil for none.
func (w *World) SetTrace(f func(line string)) { w.trace = f }

// RunUntil lets time pass up to t. It returns early, at the time of the completion, after telling the
// callers of any calls that ended.
func (w *World) RunUntil(t int64) {
	for {
		if len(w.done) > 0 {
			w.tellCallers()
			return
		}
		if len(w.queue.heap) == 0 || w.queue.heap[0].at > t {
			w.now = max(w.now, t)
			return
		}
		it := w.queue.pop()
		w.now = it.at
		w.steps++
		w.happen(it.slot())
	}
}

// tellCallers calls the done function of every call that ended.
func (w *World) tellCallers() {
	for i := 0; i < len(w.done); i++ {
		w.result = w.done[i].result
		w.done[i].done(&w.result)
	}
	clear(w.done)
	w.done = w.done[:0]
}

// happen lets the event in slot s happen, and releases or re-uses the slot.
func (w *World) happen(s int32) {
	e := &w.queue.slab[s]
	w.hash = w.hash.With(e.digest() ^ uint64(w.now))
	switch e.kind {
	case evMessage:
		w.arriveMessage(s, e)
	case evTimer:
		w.arriveTimer(s, e)
	case evSync:
		w.finishSync(s, e)
	case evDrain:
		w.drain(s, e)
	case evUnclog:
		w.queue.release(s)
		w.unpark()
	case evStart, evPromote:
		if w.nodes[e.to].incarnation != e.gen {
			w.queue.release(s)
			return
		}
		w.arrive(s, e)
	default:
		w.arrive(s, e)
	}
}

// schedule has an event of the given kind happen to endpoint to at time at.
func (w *World) schedule(at int64, kind eventKind, to int, gen uint32, arg uint64) {
	s := w.queue.alloc()
	e := &w.queue.slab[s]
	e.kind, e.to, e.from, e.gen, e.arg = kind, int32(to), 0, gen, arg
	w.queue.push(at, s)
}

// timer is an endpoint's timer. At most one event is pending that counts: a deadline that moves later
// leaves it where it is, and when it fires early, it is scheduled anew.
type timer struct {
	wake    int64 // when the endpoint wants to be woken, on its clock; 0 for not at all
	pending int64 // the deadline that the pending event was made for; never when there is none
	gen     uint32
}

// newTimer returns a timer that is not set.
func newTimer() timer { return timer{pending: never} }

// setWake sets endpoint id's timer t to what its last step asked for.
func (w *World) setWake(id int, t *timer, wake int64) {
	t.wake = wake
	if wake != 0 && wake < t.pending {
		w.armTimer(id, t)
	}
}

// armTimer schedules the event of endpoint id's timer t, which is set. A deadline that has passed
// already fires a nanosecond later, so that time goes on whatever a machine asks for.
func (w *World) armTimer(id int, t *timer) {
	at := t.wake
	if id < len(w.nodes) {
		at = w.nodes[id].clock.when(at)
	}
	t.pending = t.wake
	t.gen++
	w.schedule(max(at, w.now+1), evTimer, id, t.gen, 0)
}

// arriveTimer handles the firing of a timer.
func (w *World) arriveTimer(s int32, e *event) {
	id := int(e.to)
	t, mono := w.timerOf(id)
	if e.gen != t.gen {
		w.queue.release(s)
		return
	}
	t.pending = never
	if t.wake == 0 || mono < t.wake {
		w.queue.release(s)
		w.setWake(id, t, t.wake)
		return
	}
	if id < len(w.nodes) {
		w.arrive(s, e)
		return
	}
	t.wake = 0
	w.traceEvent("timer", id)
	w.cin = client.Input{Kind: client.InTimer, Mono: w.now, Wall: epochWall + w.now}
	w.stepClient(id, s)
}

// timerOf returns the timer of endpoint id, and what its clock shows now.
func (w *World) timerOf(id int) (*timer, int64) {
	if id < len(w.nodes) {
		n := &w.nodes[id]
		return &n.timer, n.clock.monoAt(w.now)
	}
	return &w.clients[id-len(w.nodes)].timer, w.now
}

// stepClient gives w.cin, which comes from the event in slot s or from none, to the client at address id and
// performs what follows.
func (w *World) stepClient(id int, s int32) {
	c := &w.clients[id-len(w.nodes)]
	fx := &w.cfx
	fx.Reset()
	c.machine.Step(&w.cin, fx)
	if s != none {
		w.queue.release(s)
	}
	for i := range fx.Sends {
		w.send(id, &fx.Sends[i], w.now)
	}
	w.setWake(id, &c.timer, fx.Wake)
	for i := range fx.Done {
		if c.done != nil && fx.Done[i].Handle == c.handle {
			w.done = append(w.done, ending{c.done, fx.Done[i]})
			c.done = nil
		}
	}
}
