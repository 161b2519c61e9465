package sim

import (
	"fmt"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
)

// Unsynced says what a crash makes of writes that were not yet synced.
type Unsynced uint8

// What can become of unsynced writes. A log is read up to its first bad record, so a write that is lost
// or torn takes all later ones with it.
const (
	KeepUnsynced Unsynced = iota // the process died, the page cache lives on
	LoseUnsynced                 // all are gone, as after a power loss
	TearUnsynced                 // each is kept, dropped or torn (its first records are kept), by the seed
	WipeDisk                     // the disk comes back empty
)

// String returns keep, lose, tear or wipe.
func (u Unsynced) String() string { return [...]string{"keep", "lose", "tear", "wipe", "?"}[min(u, 4)] }

// check returns an error that speaks of node id when u is no value of Unsynced.
func (u Unsynced) check(id refimpl.Addr) error {
	if u > WipeDisk {
		return fmt.Errorf("cannot crash n%d: %d is none of keep, lose, tear, wipe", id+1, u)
	}
	return nil
}

// disk is a node's log on disk. A sync that completes makes all records before it durable; syncs complete
// in the order in which they were asked for.
type disk struct {
	key     keyed.Key
	records recordLog
	durable int   // the first durable records survive any crash
	ends    []int // ends[endsHead:] are the ends of the writes above durable
	head    int   // of ends
	bad     int   // records from here on cannot be read back; never read back beyond
	syncs   []pendingSync
	first   int    // syncs[first:] are under way
	count   uint64 // all syncs so far
	lastEnd int64  // when the last sync asked for completes
	parked  int    // syncs that would be complete, were the disk not stalled
	used    bool   // the node may have acted on something that it wrote here
	slow    int64  // factor of the sync time
	stalled bool
	eio     bool
	full    bool
	lying   bool
}

// pendingSync is a sync under way.
type pendingSync struct {
	token   uint64
	upto    int
	refused bool // the disk was full: nothing was written
}

// intact is the value of disk.bad when everything can be read back.
const intact = int(^uint(0) >> 1)

// newDisk returns an empty disk with luck k.
func newDisk(k keyed.Key) disk { return disk{key: k, bad: intact, slow: 1} }

// fresh reports whether the disk is as new: the node never was told that anything is durable on it, nor
// wrote anything without asking for durability.
func (d *disk) fresh() bool { return !d.used && d.records.len == 0 }

// write hands a write of node id to its disk at the end of the service time.
func (w *World) write(id int, n *node, wr *refimpl.Write) {
	d := &n.disk
	w.traceWrite(id, wr)
	if d.full {
		w.startSync(id, n, pendingSync{token: wr.Token, refused: true})
		return
	}
	before := d.records.len
	for i := range wr.Records {
		if wr.Records[i].Kind != refimpl.RecSync {
			d.records.append(&wr.Records[i])
		}
	}
	if d.records.len > before {
		d.ends = append(d.ends, d.records.len)
	}
	if !wr.Sync {
		d.used = true
		return
	}
	w.startSync(id, n, pendingSync{token: wr.Token, upto: d.records.len})
}

// startSync has s complete after the disk's latency, and after all syncs before it.
func (w *World) startSync(id int, n *node, s pendingSync) {
	d := &n.disk
	d.count++
	lasts := w.cfg.Disk.Sync.draw(d.key.With(d.count)) * d.slow
	d.lastEnd = max(n.busyUntil+lasts, d.lastEnd+1)
	d.syncs = append(d.syncs, s)
	w.schedule(d.lastEnd, evSync, id, n.incarnation, 0)
}

// finishSync completes the oldest sync of a disk.
func (w *World) finishSync(s int32, e *event) {
	n := &w.nodes[e.to]
	d := &n.disk
	if n.machine == nil || e.gen != n.incarnation {
		w.queue.release(s)
		return
	}
	if d.stalled {
		d.parked++
		w.queue.release(s)
		return
	}
	sync := d.syncs[d.first]
	if d.first++; d.first == len(d.syncs) {
		d.syncs, d.first = d.syncs[:0], 0
	}
	e.kind, e.arg = evWriteDone, sync.token
	switch {
	case sync.refused:
		e.kind = evWriteFailed
	case d.eio:
		e.kind = evWriteFailed
		d.spoil(sync.upto)
	case d.lying:
		d.used = true
	default:
		d.used = true
		d.settle(sync.upto)
	}
	w.arrive(s, e)
}

// settle makes the first upto records durable.
func (d *disk) settle(upto int) {
	d.durable = max(d.durable, upto)
	for d.head < len(d.ends) && d.ends[d.head] <= d.durable {
		d.head++
	}
	if d.head == len(d.ends) {
		d.ends, d.head = d.ends[:0], 0
	}
}

// spoil is a failed sync of the first upto records: of those that were not durable, the disk wrote some
// and dropped the rest. Later syncs do not bring the dropped ones back.
func (d *disk) spoil(upto int) {
	cut := d.durable + d.key.Named("eio").With(d.count).N(upto-d.durable+1)
	if cut < upto {
		d.bad = min(d.bad, cut)
	}
}

// crash ends all that is under way; what was not synced becomes what unsynced says.
func (d *disk) crash(unsynced Unsynced, incarnation uint32) {
	d.syncs, d.first, d.parked, d.lastEnd = d.syncs[:0], 0, 0, 0
	keep := d.records.len
	switch unsynced {
	case KeepUnsynced:
		return
	case LoseUnsynced:
		keep = d.durable
	case TearUnsynced:
		keep = d.tear(d.key.Named("tear").With(uint64(incarnation)))
	case WipeDisk:
		keep, d.durable, d.bad, d.used = 0, 0, intact, true
	}
	d.records.truncate(keep)
	d.settleAll()
}

// tear returns how many records survive when each unsynced write is kept, dropped or torn by the luck k.
func (d *disk) tear(k keyed.Key) int {
	keep := d.durable
	for i, end := range d.ends[d.head:] {
		luck := k.With(uint64(i))
		if luck.N(3) == 0 {
			keep = end
			continue
		}
		if luck.N(3) == 1 {
			keep += luck.With(1).N(end - keep)
		}
		break
	}
	return keep
}

// settleAll makes all records durable.
func (d *disk) settleAll() {
	d.durable = d.records.len
	d.ends, d.head = d.ends[:0], 0
}

// recover returns what can be read back when the process starts, a copy, and syncs it.
func (d *disk) recover() []refimpl.Record {
	d.records.truncate(min(d.bad, d.records.len))
	d.bad = intact
	d.settleAll()
	return d.records.all()
}
