package sim

import (
	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
)

// The draws that decide about one packet, as names under its luck.
const (
	serviceDraw uint64 = iota
	lossDraw
	duplicateDraw
	jitterDraw
	reorderDraw
	copyDraw
)

// link is a directed connection between two endpoints. The first fields are those of the hot path.
type link struct {
	key     keyed.Key // of the luck of its packets
	sent    uint64    // packets so far
	last    int64     // when the last packet that keeps the order arrives
	delay   int64     // added to every latency
	latency *Quantiles
	shape   *LinkShape // what all active shapes come to; nil when there is none
	clogged int64      // packets arrive at this time at the earliest
	cuts    int32      // how many active cuts hold it
	free    int64      // when the last packet has left, under a limited bandwidth
}

// LinkShape is what a fault does to the packets of a link. Shapes add up: delays and jitter are summed,
// the chances of loss, duplication and reordering are independent, the lowest bandwidth counts.
type LinkShape struct {
	Delay        int64 // added to every packet, nanoseconds
	Jitter       int64 // a further delay, uniform in [0, Jitter] a packet, nanoseconds; breaks the order
	LossPPM      int64 // parts in a million that are lost
	DuplicatePPM int64 // parts in a million that arrive twice, at different times
	BytesPerSec  int64 // bandwidth; packets wait for the ones before; 0 for unlimited
	ReorderPPM   int64 // parts in a million held back by Jitter more, while later ones overtake
}

// Verdict is what a rule decides about a packet. The zero Verdict lets the network have its way.
type Verdict struct {
	Action VerdictAction
	Delay  int64 // of Deliver: how long the packet takes, exactly, nanoseconds
}

// VerdictAction is the kind of a Verdict.
type VerdictAction uint8

// The kinds of verdicts. Cuts hold whatever a rule says.
const (
	Pass    VerdictAction = iota // latency, shapes and luck as usual
	Deliver                      // it arrives after Verdict.Delay, whatever shapes and luck say
	Drop
)

// OnPacket sets the rule that is asked about every packet that no cut drops, as it is sent; nil for none.
// The rule must not keep or change the message.
func (w *World) OnPacket(rule func(from, to refimpl.Addr, msg *refimpl.Message) Verdict) {
	w.rule = rule
}

// newLink returns the link between two endpoints without faults.
func (w *World) newLink(from, to int) link {
	l := link{key: w.cfg.Seed.Named("link").With2(uint64(from), uint64(to)), latency: w.cfg.Net.Latency}
	l.addShape(&w.cfg.Net.Shape)
	if w.cfg.Net.Delay != nil {
		l.delay = w.cfg.Net.Delay(refimpl.Addr(from), refimpl.Addr(to))
	}
	return l
}

// send puts a message on its way at time at.
func (w *World) send(from int, m *refimpl.Send, at int64) {
	w.stats.Sent++
	row := w.links[from]
	if uint(m.To) >= uint(len(row)) {
		w.stats.Misdirect++
		return
	}
	l := &row[m.To]
	luck := l.key.With(l.sent)
	l.sent++
	if l.cuts > 0 {
		w.stats.Cut++
		w.tracePacket("cut", from, int(m.To), &m.Msg)
		return
	}
	if w.rule != nil || l.shape != nil {
		w.sendShaped(from, m, l, at, luck)
		return
	}
	at += l.delay + l.latency.draw(luck)
	if !w.cfg.Net.Unordered {
		at = max(at, l.last)
		l.last = at
	}
	w.deliverAt(from, m, at, luck)
}

// deliverAt has a message arrive at time at.
func (w *World) deliverAt(from int, m *refimpl.Send, at int64, luck keyed.Key) {
	s := w.queue.alloc()
	e := &w.queue.slab[s]
	e.kind, e.from, e.to, e.arg, e.msg = evMessage, int32(from), int32(m.To), uint64(luck), m.Msg
	w.queue.push(at, s)
}

// sendShaped is send for links under rules and shapes.
func (w *World) sendShaped(from int, m *refimpl.Send, l *link, at int64, luck keyed.Key) {
	if w.rule != nil {
		switch v := w.rule(refimpl.Addr(from), m.To, &m.Msg); v.Action {
		case Drop:
			w.lose(from, m)
			return
		case Deliver:
			w.deliverAt(from, m, max(at+v.Delay, w.now), luck)
			return
		}
	}
	var sh LinkShape
	if l.shape != nil {
		sh = *l.shape
	}
	if luck.With(lossDraw).PPM(sh.LossPPM) {
		w.lose(from, m)
		return
	}
	if sh.BytesPerSec > 0 {
		l.free = max(at, l.free) + int64(m.Msg.Size())*1_000_000_000/sh.BytesPerSec
		at = l.free
	}
	if luck.With(duplicateDraw).PPM(sh.DuplicatePPM) {
		w.stats.Duplicated++
		again := luck.With(copyDraw)
		w.deliverAt(from, m, at+l.delay+l.latency.draw(again)+sh.extra(again), again)
	}
	arrives := at + l.delay + l.latency.draw(luck) + sh.extra(luck)
	if held := luck.With(reorderDraw).PPM(sh.ReorderPPM); held {
		arrives += sh.Jitter
	} else if sh.Jitter == 0 && !w.cfg.Net.Unordered {
		arrives = max(arrives, l.last)
		l.last = arrives
	}
	w.deliverAt(from, m, arrives, luck)
}

// lose counts a packet that does not arrive.
func (w *World) lose(from int, m *refimpl.Send) {
	w.stats.Lost++
	w.tracePacket("lost", from, int(m.To), &m.Msg)
}

// extra returns the delay that a shape adds to a packet with the given luck.
func (s *LinkShape) extra(luck keyed.Key) int64 {
	return s.Delay + luck.With(jitterDraw).Between(0, s.Jitter)
}

// arriveMessage hands a packet to its endpoint, unless a cut or a clog is in its way. A cut also drops
// what was on its way when it began.
func (w *World) arriveMessage(s int32, e *event) {
	from, to := int(e.from), int(e.to)
	l := &w.links[from][to]
	switch {
	case l.cuts > 0:
		w.stats.Cut++
		w.tracePacket("cut", from, to, &e.msg)
		w.queue.release(s)
	case l.clogged > w.now:
		w.parked = append(w.parked, s)
	case to >= len(w.nodes):
		w.stats.Delivered++
		w.tracePacket("message", from, to, &e.msg)
		w.cin = client.Input{Kind: client.InMessage, From: refimpl.Addr(from), Mono: w.now,
			Wall: epochWall + w.now, Msg: &e.msg}
		w.stepClient(to, s)
	case w.nodes[to].machine == nil:
		w.stats.Refused++
		w.tracePacket("refused", from, to, &e.msg)
		w.queue.release(s)
	default:
		w.tracePacket("message", from, to, &e.msg)
		w.arrive(s, e)
	}
}

// unpark lets the packets go on that no clog holds any more, in their order of arrival.
func (w *World) unpark() {
	rest := w.parked[:0]
	for _, s := range w.parked {
		e := &w.queue.slab[s]
		if w.links[e.from][e.to].clogged > w.now {
			rest = append(rest, s)
			continue
		}
		w.queue.push(w.now, s)
	}
	w.parked = rest
}
