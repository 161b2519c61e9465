package sim

import (
	"fmt"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
)

// node is a node's process and its host: clocks and disk outlive the process.
type node struct {
	machine     refimpl.Node // nil while the process is down
	incarnation uint32
	pauses      int // the process stands still while positive
	halted      string
	busyUntil   int64
	slow        int64 // factor of the service time
	head, tail  int32 // the inputs that wait, in their order of arrival
	queued      int
	draining    bool // an evDrain is pending
	timer       timer
	clock       clock
	disk        disk
	trap        *trap
	key         keyed.Key
	inner       uint64 // inputs so far that were no messages
	heard       int64  // when the last message from another node was processed, -1 before
	reached     int64  // when the last message to another node was processed there, -1 before
}

// trap crashes a node at one of its next writes or sends.
type trap struct {
	writes, sends int // count down; the trap closes at the step to 0, so one that begins at 0 never does
	unsynced      Unsynced
}

// initNode brings up node id for the first time.
func (w *World) initNode(id int) {
	n := &w.nodes[id]
	n.key = w.cfg.Seed.Named("node").With(uint64(id))
	n.clock = newClock(w.cfg.Clock, n.key.Named("clock"))
	n.disk = newDisk(n.key.Named("disk"))
	n.slow, n.head, n.tail, n.timer = 1, none, none, newTimer()
	n.heard, n.reached = -1, -1
	w.boot(id)
}

// boot starts the process of node id from what its disk holds.
func (w *World) boot(id int) {
	n := &w.nodes[id]
	mono := n.clock.monoAt(w.now)
	boot := &refimpl.Boot{Records: n.disk.recover(), Fresh: n.disk.fresh(), Incarnation: n.incarnation,
		Mono: mono, Wall: n.clock.wallAt(w.now, mono), Key: n.key.Named("boot").With(uint64(n.incarnation))}
	n.halted, n.busyUntil = "", w.now
	n.machine = w.cfg.NewNode(refimpl.Addr(id), boot)
	w.traceBoot(id, boot)
	w.schedule(w.now, evStart, id, n.incarnation, 0)
}

// arrive gives the input in slot s to its node, at once when the node is idle.
func (w *World) arrive(s int32, e *event) {
	n := &w.nodes[e.to]
	switch {
	case n.machine == nil:
		w.queue.release(s)
	case n.busyUntil > w.now || n.head != none || n.pauses > 0:
		w.enqueue(s, e, n)
	default:
		w.serve(s, e, n)
	}
}

// enqueue puts the input in slot s at the end of the node's queue.
func (w *World) enqueue(s int32, e *event, n *node) {
	if e.kind == evMessage && w.cfg.Proc.Queue > 0 && n.queued >= w.cfg.Proc.Queue {
		w.stats.Refused++
		w.queue.release(s)
		return
	}
	e.next = none
	if n.head == none {
		n.head = s
	} else {
		w.queue.slab[n.tail].next = s
	}
	n.tail = s
	n.queued++
	w.wakeQueue(int(e.to), n)
}

// wakeQueue sees to it that a queue that is not empty goes on when the node is free.
func (w *World) wakeQueue(id int, n *node) {
	if n.head != none && !n.draining && n.pauses == 0 {
		n.draining = true
		w.schedule(max(n.busyUntil, w.now), evDrain, id, 0, 0)
	}
}

// drain serves the first input of a node's queue.
func (w *World) drain(s int32, e *event) {
	id := int(e.to)
	n := &w.nodes[id]
	w.queue.release(s)
	n.draining = false
	if n.pauses == 0 && n.busyUntil <= w.now && n.head != none {
		first := n.head
		fe := &w.queue.slab[first]
		n.head = fe.next
		n.queued--
		w.serve(first, fe, n)
	}
	w.wakeQueue(id, n)
}

// serve lets a node that is up and idle process the input in slot s.
func (w *World) serve(s int32, e *event, n *node) {
	id := int(e.to)
	mono := n.clock.monoAt(w.now)
	if e.kind == evTimer && (n.timer.wake == 0 || mono < n.timer.wake) {
		w.queue.release(s)
		w.setWake(id, &n.timer, n.timer.wake)
		return
	}
	w.in = refimpl.Input{Mono: mono, Wall: n.clock.wallAt(w.now, mono)}
	lasts := w.takeInput(e, n)
	w.fx.Reset()
	n.machine.Step(&w.in, &w.fx)
	n.busyUntil = w.now + lasts*n.slow
	w.queue.release(s)
	w.perform(id, n)
}

// takeInput fills w.in from an event and returns how long the node is busy with it.
func (w *World) takeInput(e *event, n *node) int64 {
	in, proc := &w.in, &w.cfg.Proc
	switch e.kind {
	case evMessage:
		in.Kind, in.From, in.Msg = refimpl.InMessage, refimpl.Addr(e.from), &e.msg
		w.stats.Delivered++
		luck := keyed.Key(e.arg).With(serviceDraw)
		if int(e.from) >= len(w.nodes) {
			return proc.Request.draw(luck)
		}
		n.heard, w.nodes[e.from].reached = w.now, w.now
		return proc.Message.draw(luck)
	case evTimer:
		n.timer.wake = 0
		w.traceEvent("timer", int(e.to))
	case evWriteDone:
		in.Kind, in.Token = refimpl.InWriteDone, e.arg
		w.traceToken("write-done", int(e.to), e.arg)
	case evWriteFailed:
		in.Kind, in.Token = refimpl.InWriteFailed, e.arg
		w.traceToken("write-failed", int(e.to), e.arg)
	case evPromote:
		in.Kind = refimpl.InPromote
		w.traceEvent("promote", int(e.to))
	}
	n.inner++
	return proc.Internal.draw(n.key.With(n.inner))
}

// perform does what w.fx of node id asks for: writes, then sends, both when the service time is over.
func (w *World) perform(id int, n *node) {
	fx := &w.fx
	for _, m := range fx.Marks {
		w.marks[m]++
	}
	for i := range fx.Writes {
		w.write(id, n, &fx.Writes[i])
		if n.trap != nil && n.trap.afterWrite() {
			w.crash(id, n, n.trap.unsynced)
			return
		}
	}
	for i := range fx.Sends {
		if n.trap != nil && n.trap.beforeSend() {
			w.crash(id, n, n.trap.unsynced)
			return
		}
		w.send(id, &fx.Sends[i], n.busyUntil)
	}
	w.setWake(id, &n.timer, fx.Wake)
	if fx.Halt != "" {
		reason := fx.Halt
		w.crash(id, n, KeepUnsynced)
		n.halted = reason
	}
}

// afterWrite counts a write and reports whether the trap closes.
func (t *trap) afterWrite() bool {
	t.writes--
	return t.writes == 0
}

// beforeSend counts a send and reports whether the trap closes.
func (t *trap) beforeSend() bool {
	t.sends--
	return t.sends == 0
}

// crash ends the process of node id, and its disk keeps what unsynced says.
func (w *World) crash(id int, n *node, unsynced Unsynced) {
	w.traceCrash(id, unsynced)
	for s := n.head; s != none; {
		next := w.queue.slab[s].next
		w.queue.release(s)
		s = next
	}
	n.head, n.tail, n.queued, n.draining = none, none, 0, false
	n.machine, n.trap, n.pauses, n.halted = nil, nil, 0, ""
	n.timer.wake = 0
	n.disk.crash(unsynced, n.incarnation)
	n.incarnation++
}

// Kill ends the process of a node. On a node that is down already only its disk is touched, as by a
// power loss: what a dead process left unsynced is in the page cache until then.
func (w *World) Kill(id refimpl.Addr, unsynced Unsynced) error {
	n, err := w.node(id)
	if err != nil {
		return err
	}
	if err := unsynced.check(id); err != nil {
		return err
	}
	if n.machine == nil {
		n.disk.crash(unsynced, n.incarnation)
		return nil
	}
	w.crash(int(id), n, unsynced)
	return nil
}

// Start starts a node that is down, from what its disk holds. The start syncs the disk: what it hands to
// the node in Boot.Records is durable. Starting a node that is up changes nothing.
func (w *World) Start(id refimpl.Addr) error {
	n, err := w.node(id)
	if err != nil || n.machine != nil {
		return err
	}
	w.boot(int(id))
	w.healed = w.now
	return nil
}

// CrashAfterWrite crashes a node once, right after it hands its k-th write from now (1 is the next) to
// the disk: what it would do after is not done.
func (w *World) CrashAfterWrite(id refimpl.Addr, k int, unsynced Unsynced) error {
	return w.setTrap(id, k, trap{writes: k, unsynced: unsynced})
}

// CrashBeforeSend crashes a node once, right before its k-th message from now (1 is the next) leaves.
func (w *World) CrashBeforeSend(id refimpl.Addr, k int, unsynced Unsynced) error {
	return w.setTrap(id, k, trap{sends: k, unsynced: unsynced})
}

// Disarm takes a trap away that CrashAfterWrite or CrashBeforeSend set and that was not sprung yet. A
// node has one trap at a time: a later one replaces the one before.
func (w *World) Disarm(id refimpl.Addr) error {
	n, err := w.node(id)
	if err == nil {
		n.trap = nil
	}
	return err
}

// setTrap arms t at a node that is up.
func (w *World) setTrap(id refimpl.Addr, k int, t trap) error {
	n, err := w.node(id)
	switch {
	case err != nil:
		return err
	case k < 1:
		return fmt.Errorf("cannot crash n%d at the %d-th: counting begins at 1", id+1, k)
	case n.machine == nil:
		return fmt.Errorf("cannot crash n%d: it is down", id+1)
	}
	if err = t.unsynced.check(id); err == nil {
		n.trap = &t
	}
	return err
}

// Pause lets the process of a node stand still. What arrives queues up; clocks go on. Pauses add up. A
// crash ends them all.
func (w *World) Pause(id refimpl.Addr) error {
	n, err := w.node(id)
	switch {
	case err != nil:
		return err
	case n.machine == nil:
		return fmt.Errorf("cannot pause n%d: it is down", id+1)
	}
	n.pauses++
	return nil
}

// Resume ends one Pause. When it was the last, the node meets all that queued up, in a burst. Without a
// pause nothing changes.
func (w *World) Resume(id refimpl.Addr) error {
	n, err := w.node(id)
	if err != nil || n.pauses == 0 {
		return err
	}
	n.pauses--
	w.wakeQueue(int(id), n)
	w.healed = w.now
	return nil
}

// Promote orders a node to become leader.
func (w *World) Promote(id refimpl.Addr) error {
	n, err := w.node(id)
	switch {
	case err != nil:
		return err
	case n.machine == nil:
		return fmt.Errorf("cannot promote n%d: it is down", id+1)
	}
	w.schedule(w.now, evPromote, int(id), n.incarnation, 0)
	return nil
}

// Status returns what a node says about itself, and whether it is up.
func (w *World) Status(id refimpl.Addr) (refimpl.Status, bool) {
	n, err := w.node(id)
	if err != nil || n.machine == nil {
		return refimpl.Status{Leader: refimpl.Nobody}, false
	}
	return n.machine.Status(), true
}

// Halted returns why a node stopped itself, "" when it did not, or is up again.
func (w *World) Halted(id refimpl.Addr) string {
	n, err := w.node(id)
	if err != nil {
		return ""
	}
	return n.halted
}

// Clock returns what a node's monotonic and wall clock show, nanoseconds; zeros for no node.
func (w *World) Clock(id refimpl.Addr) (mono, wall int64) {
	n, err := w.node(id)
	if err != nil {
		return 0, 0
	}
	mono = n.clock.monoAt(w.now)
	return mono, n.clock.wallAt(w.now, mono)
}

// node returns the node of that address.
func (w *World) node(id refimpl.Addr) (*node, error) {
	if id < 0 || int(id) >= len(w.nodes) {
		return nil, fmt.Errorf("there is no node with address %d: the nodes are 0..%d", id, len(w.nodes)-1)
	}
	return &w.nodes[id], nil
}
