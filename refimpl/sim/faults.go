package sim

import (
	"fmt"
	"slices"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// faultKind is the kind of a fault that lasts.
type faultKind uint8

const (
	cutFault faultKind = iota
	shapeFault
	clogFault
	slowNodeFault
	slowDiskFault
	failDiskFault
	stepFault
	driftFault
	freezeFault
	slewFault
)

// fault is one active fault. What the faults come to is always computed from all that are active, so
// that they add up, and each can be taken away alone.
type fault struct {
	kind   faultKind
	id     string
	node   refimpl.Addr      // of faults of a node
	links  [][2]refimpl.Addr // of faults of links
	shape  LinkShape
	amount int64 // the kind's quantity: a factor, nanoseconds, ppm, the time a clog ends, a DiskFailure
	since  int64
	over   int64 // slewFault: how long the slew takes, nanoseconds
}

// DiskFailure is a way in which a disk fails.
type DiskFailure uint8

// The ways in which a disk fails.
const (
	// FailEIO: syncs answer InWriteFailed. Of what they should have made durable some is lost, and a
	// later sync that succeeds does not bring it back.
	FailEIO DiskFailure = iota
	// FailFull: writes answer InWriteFailed, and nothing of them is written.
	FailFull
	// FailLying: syncs answer that all is durable, while it is not. The world is labelled for good.
	FailLying
)

// remove takes away the faults for which match holds, and reports how many there were.
func (w *World) remove(match func(f *fault) bool) int {
	before := len(w.faults)
	w.faults = slices.DeleteFunc(w.faults, func(f fault) bool { return match(&f) })
	if len(w.faults) < before {
		w.healed = w.now
	}
	return before - len(w.faults)
}

// Cut cuts links, each one way from its first end to its second: no packet arrives any more, not even one
// that is on its way. A link is open again when every cut that holds it is undone.
func (w *World) Cut(id string, links [][2]refimpl.Addr) error {
	return w.addLinks(fault{kind: cutFault, id: id, links: links})
}

// Uncut undoes the cuts of that id.
func (w *World) Uncut(id string) error { return w.removeLinks(cutFault, id) }

// Shape shapes links, each one way.
func (w *World) Shape(id string, links [][2]refimpl.Addr, s LinkShape) error {
	if min(s.Delay, s.Jitter, s.LossPPM, s.DuplicatePPM, s.BytesPerSec, s.ReorderPPM) < 0 {
		return fmt.Errorf("cannot shape links for %s: %+v has a negative part", id, s)
	}
	return w.addLinks(fault{kind: shapeFault, id: id, links: links, shape: s})
}

// Unshape undoes the shapes of that id.
func (w *World) Unshape(id string) error { return w.removeLinks(shapeFault, id) }

// Clog holds up what arrives on links until the time until, when it arrives in a burst.
func (w *World) Clog(id string, links [][2]refimpl.Addr, until int64) error {
	err := w.addLinks(fault{kind: clogFault, id: id, links: links, amount: until})
	if err == nil {
		w.schedule(max(until, w.now), evUnclog, 0, 0, 0)
	}
	return err
}

// Unclog undoes the clogs of that id, ended or not.
func (w *World) Unclog(id string) error {
	err := w.removeLinks(clogFault, id)
	w.unpark()
	return err
}

// addLinks makes a fault of links active.
func (w *World) addLinks(f fault) error {
	for _, l := range f.links {
		if l[0] < 0 || int(l[0]) >= len(w.links) || l[1] < 0 || int(l[1]) >= len(w.links[l[0]]) {
			return fmt.Errorf("cannot install %s: there is no link from %d to %d", f.id, l[0], l[1])
		}
	}
	f.links, f.since = slices.Clone(f.links), w.now
	w.faults = append(w.faults, f)
	w.refreshLinks()
	return nil
}

// removeLinks undoes the faults of links with that kind and id.
func (w *World) removeLinks(kind faultKind, id string) error {
	if w.remove(func(f *fault) bool { return f.kind == kind && f.id == id }) == 0 {
		return fmt.Errorf("cannot undo %s: it is not active", id)
	}
	w.refreshLinks()
	return nil
}

// refreshLinks computes the state of all links from the active faults.
func (w *World) refreshLinks() {
	for from := range w.links {
		for to := range w.links[from] {
			l := &w.links[from][to]
			l.cuts, l.clogged, l.shape = 0, 0, nil
			l.addShape(&w.cfg.Net.Shape)
		}
	}
	for i := range w.faults {
		f := &w.faults[i]
		for _, ends := range f.links {
			l := &w.links[ends[0]][ends[1]]
			switch f.kind {
			case cutFault:
				l.cuts++
			case clogFault:
				l.clogged = max(l.clogged, f.amount)
			case shapeFault:
				l.addShape(&f.shape)
			}
		}
	}
}

// addShape adds what s does to what the link's shape does.
func (l *link) addShape(s *LinkShape) {
	if *s == (LinkShape{}) {
		return
	}
	sh := &LinkShape{}
	if l.shape != nil {
		*sh = *l.shape
	}
	l.shape = sh
	sh.Delay += s.Delay
	sh.Jitter += s.Jitter
	sh.LossPPM = either(sh.LossPPM, s.LossPPM)
	sh.DuplicatePPM = either(sh.DuplicatePPM, s.DuplicatePPM)
	sh.ReorderPPM = either(sh.ReorderPPM, s.ReorderPPM)
	if s.BytesPerSec > 0 && (sh.BytesPerSec == 0 || s.BytesPerSec < sh.BytesPerSec) {
		sh.BytesPerSec = s.BytesPerSec
	}
}

// either returns the chance, in ppm, that at least one of two independent things happens.
func either(a, b int64) int64 {
	a, b = min(a, million), min(b, million)
	return a + b - a*b/million
}

// SlowNode multiplies a node's service times by factor.
func (w *World) SlowNode(id string, node refimpl.Addr, factor int64) error {
	if factor < 1 {
		return fmt.Errorf("cannot slow n%d by %d: allowed: 1 or more", node+1, factor)
	}
	return w.addNode(fault{kind: slowNodeFault, id: id, node: node, amount: factor})
}

// UnslowNode undoes the SlowNode of that id.
func (w *World) UnslowNode(id string, node refimpl.Addr) error {
	return w.removeNode(id, node, slowNodeFault, slowNodeFault)
}

// SlowDisk multiplies the time of every sync that a node asks for from now on by factor; with 0 no sync
// completes until healed.
func (w *World) SlowDisk(id string, node refimpl.Addr, factor int64) error {
	if factor < 0 {
		return fmt.Errorf("cannot slow the disk of n%d by %d: allowed: 0 or more", node+1, factor)
	}
	return w.addNode(fault{kind: slowDiskFault, id: id, node: node, amount: factor})
}

// FailDisk makes a node's disk fail.
func (w *World) FailDisk(id string, node refimpl.Addr, how DiskFailure) error {
	if how > FailLying {
		return fmt.Errorf("cannot fail the disk of n%d by %d: no such failure", node+1, how)
	}
	err := w.addNode(fault{kind: failDiskFault, id: id, node: node, amount: int64(how)})
	if err == nil && how == FailLying && !slices.Contains(w.labels, "lying-fsync") {
		w.labels = append(w.labels, "lying-fsync")
	}
	return err
}

// HealDisk undoes the SlowDisk and FailDisk of that id.
func (w *World) HealDisk(id string, node refimpl.Addr) error {
	return w.removeNode(id, node, slowDiskFault, failDiskFault)
}

// StepClock moves a node's wall clock by nanos.
func (w *World) StepClock(id string, node refimpl.Addr, nanos int64) error {
	return w.addNode(fault{kind: stepFault, id: id, node: node, amount: nanos})
}

// DriftClock makes both clocks of a node run fast, or slow, by parts per million.
func (w *World) DriftClock(id string, node refimpl.Addr, ppm int64) error {
	if ppm < -maxDrift || ppm > maxDrift {
		return fmt.Errorf("cannot let the clock of n%d drift by %d ppm: allowed: ±%d", node+1, ppm, maxDrift)
	}
	return w.addNode(fault{kind: driftFault, id: id, node: node, amount: ppm})
}

// maxDrift bounds a drift, parts per million.
const maxDrift = 100_000

// minRate is the slowest that clocks run, however many drifts come together, millionths.
const minRate = 100_000

// FreezeClock stops a node's wall clock.
func (w *World) FreezeClock(id string, node refimpl.Addr) error {
	return w.addNode(fault{kind: freezeFault, id: id, node: node})
}

// SlewClock moves a node's wall clock by nanos, evenly during the time over (nanoseconds).
func (w *World) SlewClock(id string, node refimpl.Addr, nanos, over int64) error {
	if over < 1 {
		return fmt.Errorf("cannot slew the clock of n%d over %d ns: allowed: 1 or more", node+1, over)
	}
	return w.addNode(fault{kind: slewFault, id: id, node: node, amount: nanos, over: over})
}

// Unskew undoes what that id does to a node's clocks, as a time daemon would that found the right time
// again: the wall clock loses the error that came from it. The monotonic clock never runs backwards; what
// a drift made of it stays.
func (w *World) Unskew(id string, node refimpl.Addr) error {
	n, err := w.node(node)
	if err != nil {
		return err
	}
	for i := range w.faults {
		if f := &w.faults[i]; f.kind == driftFault && f.id == id && f.node == node {
			n.clock.wall -= drifted(f, w.now)
		}
	}
	return w.removeNode(id, node, stepFault, slewFault)
}

// drifted returns how far a drift has taken the clocks by now.
func drifted(f *fault, now int64) int64 {
	return (now-f.since)/million*f.amount + (now-f.since)%million*f.amount/million
}

// addNode makes a fault of a node active.
func (w *World) addNode(f fault) error {
	if _, err := w.node(f.node); err != nil {
		return err
	}
	f.since = w.now
	w.faults = append(w.faults, f)
	w.refreshNode(int(f.node))
	return nil
}

// removeNode undoes the faults of a node with that id and a kind in [lo, hi].
func (w *World) removeNode(id string, node refimpl.Addr, lo, hi faultKind) error {
	if _, err := w.node(node); err != nil {
		return err
	}
	match := func(f *fault) bool { return f.id == id && f.node == node && f.kind >= lo && f.kind <= hi }
	if w.remove(match) == 0 {
		return fmt.Errorf("cannot undo %s at n%d: it is not active", id, node+1)
	}
	w.refreshNode(int(node))
	return nil
}

// refreshNode computes the state of a node's process, disk and clocks from the active faults.
func (w *World) refreshNode(id int) {
	n := &w.nodes[id]
	d, c := &n.disk, &n.clock
	stalled, frozen, rate := false, false, c.natural
	n.slow, d.slow, d.eio, d.full, d.lying = 1, 1, false, false, false
	c.steps, c.slews = 0, c.slews[:0]
	for i := range w.faults {
		f := &w.faults[i]
		if int(f.node) != id {
			continue
		}
		switch f.kind {
		case slowNodeFault:
			n.slow *= f.amount
		case slowDiskFault:
			stalled = stalled || f.amount == 0
			d.slow *= max(f.amount, 1)
		case failDiskFault:
			d.eio = d.eio || DiskFailure(f.amount) == FailEIO
			d.full = d.full || DiskFailure(f.amount) == FailFull
			d.lying = d.lying || DiskFailure(f.amount) == FailLying
		case stepFault:
			c.steps += f.amount
		case driftFault:
			rate += f.amount
		case freezeFault:
			frozen = true
		case slewFault:
			c.slews = append(c.slews, slew{f.since, f.over, f.amount})
		}
	}
	w.setClock(id, rate, frozen)
	w.setStalled(id, stalled)
}

// setClock changes the rate of a node's clocks, and whether its wall clock stands still.
func (w *World) setClock(id int, rate int64, frozen bool) {
	n := &w.nodes[id]
	c := &n.clock
	if frozen {
		c.stands = c.wallAt(w.now, c.monoAt(w.now)) - c.steps
	}
	c.frozen = frozen
	if rate = max(rate, minRate); rate == c.rate {
		return
	}
	c.setRate(w.now, rate)
	n.timer.pending = never
	w.setWake(id, &n.timer, n.timer.wake)
}

// setStalled stalls a node's disk, or lets the syncs complete that waited.
func (w *World) setStalled(id int, stalled bool) {
	n := &w.nodes[id]
	n.disk.stalled = stalled
	for ; !stalled && n.disk.parked > 0; n.disk.parked-- {
		w.schedule(w.now, evSync, id, n.incarnation, 0)
	}
}
