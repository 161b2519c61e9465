package sim

import (
	"fmt"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// tell formats a line of the trace: the time in microseconds, then what happened.
func (w *World) tell(format string, args ...any) {
	w.trace(fmt.Sprintf("%d.%03d ", w.now/1000, w.now%1000) + fmt.Sprintf(format, args...))
}

// name returns the name of an endpoint: n1, n2, .. for nodes, c1, c2, .. for clients.
func (w *World) name(id int) string {
	if id < len(w.nodes) {
		return fmt.Sprintf("n%d", id+1)
	}
	return fmt.Sprintf("c%d", id-len(w.nodes)+1)
}

// traceEvent tells that something happened to an endpoint.
func (w *World) traceEvent(what string, id int) {
	if w.trace != nil {
		w.tell("%s %s", w.name(id), what)
	}
}

// traceToken tells how a write of a node ended.
func (w *World) traceToken(what string, id int, token uint64) {
	if w.trace != nil {
		w.tell("%s %s %d", w.name(id), what, token)
	}
}

// tracePacket tells what became of a packet.
func (w *World) tracePacket(what string, from, to int, m *refimpl.Message) {
	if w.trace != nil {
		w.tell("%s>%s %s kind %d seq %d", w.name(from), w.name(to), what, m.Kind, m.Seq)
	}
}

// traceWrite tells that a node hands a write to its disk.
func (w *World) traceWrite(id int, wr *refimpl.Write) {
	if w.trace != nil {
		w.tell("%s write %d: %d records, sync %t", w.name(id), wr.Token, len(wr.Records), wr.Sync)
	}
}

// traceBoot tells that a node starts.
func (w *World) traceBoot(id int, b *refimpl.Boot) {
	if w.trace != nil {
		w.tell("%s boot %d: %d records, fresh %t", w.name(id), b.Incarnation, len(b.Records), b.Fresh)
	}
}

// traceCrash tells that a node's process ends.
func (w *World) traceCrash(id int, unsynced Unsynced) {
	if w.trace != nil {
		w.tell("%s crash, unsynced %s", w.name(id), unsynced)
	}
}
