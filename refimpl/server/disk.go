package server

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// disk is a node's log on disk. Records are written at once, into the page cache; a goroutine of its own
// syncs, many writes at a time. When a log has grown large, another begins, and what the old ones amount to
// becomes a snapshot in the background.
type disk struct {
	dir   string
	limit int64 // of a log's size before another begins, bytes
	log   *slog.Logger
	told  func(refimpl.Input) // is told InWriteDone and InWriteFailed, from the syncing goroutine
	buf   []byte
	file  *os.File
	at    mark // where the next record goes
	mark  *os.File

	mu      sync.Mutex
	wake    *sync.Cond
	wanted  []wantedSync
	faults  map[string]DiskFault
	failed  bool // something was refused: what the disk holds now is unknown, and nothing more is written
	closing bool
	done    sync.WaitGroup

	snapshots sync.Mutex // held while one is made
}

// wantedSync asks that everything before at be durable.
type wantedSync struct {
	token uint64
	at    mark
	file  *os.File
	last  bool // nothing is written to the file any more
}

// DiskFault makes a disk misbehave.
type DiskFault struct {
	Slow int64 `json:"slow,omitempty"` // factor of the time of every sync
	// stall: syncs wait until it is over; eio: they fail; full: writes fail
	Fail string `json:"fail,omitempty"`
}

// check returns an error when the fault is none.
func (f DiskFault) check() error {
	switch {
	case f.Fail == "" && f.Slow >= 1, f.Slow == 0 && (f.Fail == "stall" || f.Fail == "eio" ||
		f.Fail == "full"):
		return nil
	}
	return errors.New("a disk fault is {\"slow\": factor} or {\"fail\": \"stall\", \"eio\" or \"full\"}")
}

// openDisk continues the log of a data directory that was just recovered.
func openDisk(dir string, r *recovered, limit int64, log *slog.Logger, told func(refimpl.Input)) (*disk,
	error) {
	d := &disk{dir: dir, limit: limit, log: log, told: told, faults: map[string]DiskFault{}}
	d.wake = sync.NewCond(&d.mu)
	var err error
	if d.mark, err = os.OpenFile(filepath.Join(dir, syncedName), os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if r.generation == 0 {
		err = d.begin(1)
	} else {
		err = d.resume(r)
	}
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	// Recovery synced it. The note has to be there from the first record on.
	if err := errors.Join(d.markSynced(d.at), d.mark.Sync(), syncDir(dir)); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	d.done.Go(d.syncing)
	return d, nil
}

// resume opens the last log for more. When a snapshot was made and nothing after it, another log begins.
func (d *disk) resume(r *recovered) error {
	path := filepath.Join(d.dir, fmt.Sprintf(logName, r.generation))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return d.begin(r.generation + 1)
	}
	if err != nil {
		return err
	}
	d.file, d.at = f, mark{r.generation, r.size}
	if r.size == 0 {
		d.at.offset = headerSize
		return writeHeader(f, r.generation)
	}
	_, err = f.Seek(r.size, 0)
	return err
}

// begin begins the log of generation g. Before it has a header and a name that are durable nothing goes
// there.
func (d *disk) begin(g uint64) error {
	f, err := os.Create(filepath.Join(d.dir, fmt.Sprintf(logName, g)))
	if err != nil {
		return err
	}
	if err := errors.Join(writeHeader(f, g), syncDir(d.dir)); err != nil {
		return errors.Join(err, f.Close())
	}
	d.file, d.at = f, mark{g, headerSize}
	return nil
}

// writeHeader makes a file an empty log.
func writeHeader(f *os.File, g uint64) error {
	if _, err := f.WriteAt(header(logMagic, g, 0), 0); err != nil {
		return err
	}
	if _, err := f.Seek(headerSize, 0); err != nil {
		return err
	}
	return f.Sync()
}

// write writes records, and asks for their durability when that is wanted.
func (d *disk) write(w *refimpl.Write) {
	err := d.append(w.Records)
	if err != nil {
		d.log.Error("the disk refused a write", "error", err)
		d.ask(wantedSync{token: w.Token})
		return
	}
	if w.Sync {
		d.ask(wantedSync{token: w.Token, at: d.at, file: d.file})
	}
	if d.at.offset <= d.limit {
		return
	}
	if err := d.rotate(); err != nil {
		d.log.Error("another log cannot be begun", "error", err)
		d.fail()
		d.ask(wantedSync{})
	}
}

// fail has everything refused from now on.
func (d *disk) fail() {
	d.mu.Lock()
	d.failed = true
	d.mu.Unlock()
}

func (d *disk) hasFailed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failed
}

func (d *disk) append(records []refimpl.Record) error {
	switch {
	case d.hasFailed():
		return errFailed
	case d.has(func(f DiskFault) bool { return f.Fail == "full" }):
		d.fail()
		return errors.New("no space left on device (injected)")
	}
	d.buf = d.buf[:0]
	for i := range records {
		if records[i].Kind != refimpl.RecSync {
			d.buf = appendFrame(d.buf, &records[i])
		}
	}
	if _, err := d.file.Write(d.buf); err != nil {
		d.fail()
		return err
	}
	d.at.offset += int64(len(d.buf))
	return nil
}

var errFailed = errors.New("the disk has failed before")

// rotate begins another log and has a snapshot made of the old ones.
func (d *disk) rotate() error {
	old := d.at.generation
	d.ask(wantedSync{at: d.at, file: d.file, last: true})
	if err := d.begin(old + 1); err != nil {
		return err
	}
	d.done.Go(func() {
		d.snapshots.Lock()
		defer d.snapshots.Unlock()
		if err := snapshot(d.dir, old); err != nil {
			d.log.Error("no snapshot was made", "generation", old, "error", err)
		}
	})
	return nil
}

// snapshot makes the snapshot of the logs up to generation g, which nobody writes to any more, and removes
// them.
func snapshot(dir string, g uint64) error {
	var r recovered
	snapshots, err := generations(dir, snapshotName)
	if err != nil {
		return err
	}
	base := uint64(0)
	if len(snapshots) > 0 {
		base = snapshots[len(snapshots)-1]
		if base >= g {
			return nil
		}
		if r.records, err = readSnapshot(dir, base); err != nil {
			return err
		}
	}
	for next := base + 1; next <= g; next++ {
		if err := r.readLog(dir, next, false); err != nil {
			return err
		}
	}
	if err := writeSnapshot(dir, g, r.records); err != nil {
		return err
	}
	return prune(dir, g)
}

// ask puts a sync in the queue. One without a file has failed already.
func (d *disk) ask(w wantedSync) {
	d.mu.Lock()
	d.wanted = append(d.wanted, w)
	d.mu.Unlock()
	d.wake.Broadcast()
}

// syncing syncs what is asked for, everything that waits at a time, until the disk is closed.
func (d *disk) syncing() {
	for {
		d.mu.Lock()
		for len(d.wanted) == 0 && !d.closing || d.stalledLocked() && !d.closing {
			d.wake.Wait()
		}
		batch := d.wanted
		d.wanted = nil
		d.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		d.syncBatch(batch)
	}
}

func (d *disk) stalledLocked() bool {
	for _, f := range d.faults {
		if f.Fail == "stall" {
			return true
		}
	}
	return false
}

// syncBatch syncs each file of a batch once, and tells what came of it.
func (d *disk) syncBatch(batch []wantedSync) {
	for len(batch) > 0 {
		n := 1
		for n < len(batch) && batch[n].file == batch[0].file {
			n++
		}
		err := d.syncFile(batch[n-1])
		for _, w := range batch[:n] {
			kind := refimpl.InWriteDone
			if err != nil {
				kind = refimpl.InWriteFailed
			}
			if w.token != 0 || err != nil {
				d.told(refimpl.Input{Kind: kind, Token: w.token})
			}
		}
		if batch[n-1].last {
			_ = batch[n-1].file.Close() // it was synced, or the disk has failed
		}
		batch = batch[n:]
	}
}

// syncFile makes a log durable up to where w says, and notes that.
func (d *disk) syncFile(w wantedSync) (err error) {
	defer func() {
		if err != nil {
			d.log.Error("the disk refused a sync", "error", err)
			d.fail() // a later sync that succeeds would prove nothing about this one's writes
		}
	}()
	switch {
	case w.file == nil:
		return errors.New("it was not written")
	case d.hasFailed():
		return errFailed
	case d.has(func(f DiskFault) bool { return f.Fail == "eio" }):
		return errors.New("input/output error (injected)")
	}
	began := time.Now()
	if err := w.file.Sync(); err != nil {
		return err
	}
	d.linger(began, time.Since(began))
	return d.markSynced(w.at)
}

// lingerStep is how soon a slow sync notices that its fault is over.
const lingerStep = 5 * time.Millisecond

// linger makes a sync that took so long as slow as the faults ask.
func (d *disk) linger(began time.Time, took time.Duration) {
	for {
		d.mu.Lock()
		factor := int64(1)
		for _, f := range d.faults {
			factor *= min(max(f.Slow, 1), 1000)
		}
		over := d.closing || factor == 1
		d.mu.Unlock()
		left := max(took, time.Millisecond)*time.Duration(min(factor, 1000)) - time.Since(began)
		if over || left <= 0 {
			return
		}
		time.Sleep(min(left, lingerStep))
	}
}

// markSynced notes that everything before m is durable. The note itself need not be: it tells the next start
// what a power loss would have left, were there one.
func (d *disk) markSynced(m mark) error {
	_, err := d.mark.WriteAt(m.bytes(), 0)
	return err
}

func (d *disk) has(match func(DiskFault) bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.faults {
		if match(f) {
			return true
		}
	}
	return false
}

// setFault makes the disk misbehave until the fault of that id is cleared.
func (d *disk) setFault(id string, f DiskFault) {
	d.mu.Lock()
	d.faults[id] = f
	d.mu.Unlock()
	d.wake.Broadcast()
}

// clearFault ends a fault; one that is not there changes nothing.
func (d *disk) clearFault(id string) {
	d.mu.Lock()
	delete(d.faults, id)
	d.mu.Unlock()
	d.wake.Broadcast()
}

// close syncs what is written and ends the syncing. Nothing may be written any more.
func (d *disk) close() error {
	d.ask(wantedSync{at: d.at, file: d.file})
	d.mu.Lock()
	d.closing = true
	d.mu.Unlock()
	d.wake.Broadcast()
	d.done.Wait()
	return errors.Join(d.file.Close(), d.mark.Close())
}
