package reference

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl/server"
	"github.com/rashomon-harness/rashomon/targets"
)

// wishes is what a node shall be told besides its configuration.
type wishes struct {
	stopped bool      // its process stands still and cannot be told anything
	unsent  []message // for when it goes on
	note    string    // what is to become of its unsynced writes at its start
	// What outlives its process: its clocks and its disk. Where they are bent by the store itself, a process
	// that starts is told; until then, for some milliseconds, they are right.
	skews map[string]server.Skew
	disks map[string]server.DiskFault
}

// message tells a process something.
type message func(ctx context.Context) error

// wishesOf returns the wishes of a node. The fleet's lock is held.
func (f *Fleet) wishesOf(node string) *wishes {
	w := f.wishes[node]
	if w == nil {
		w = &wishes{skews: map[string]server.Skew{}, disks: map[string]server.DiskFault{}}
		f.wishes[node] = w
	}
	return w
}

// Crashed notes that a node's process is gone, and what is to become of its unsynced writes (see CrashNote).
// It returns the note that is to hold: a disk that is to be wiped is not spared by another crash before the
// start.
func (f *Fleet) Crashed(node, note string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.wishesOf(node)
	w.stopped, w.unsent = false, nil
	if note != "" && w.note != wipeNote {
		w.note = note
	}
	return w.note
}

// Started tells a process that has just started what is wrong with its clocks and its disk.
func (f *Fleet) Started(ctx context.Context, node string) error {
	f.mu.Lock()
	w := f.wishesOf(node)
	w.stopped, w.unsent, w.note = false, nil, ""
	skews, disks := maps.Clone(w.skews), maps.Clone(w.disks)
	f.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(skews)) {
		if err := f.admin.Skew(ctx, node, id, skews[id]); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(disks)) {
		if err := f.admin.BreakDisk(ctx, node, id, disks[id]); err != nil {
			return err
		}
	}
	return nil
}

// Paused notes that a node's process stands still.
func (f *Fleet) Paused(node string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wishesOf(node).stopped = true
}

// Resumed tells a process that goes on again what it could not be told before.
func (f *Fleet) Resumed(ctx context.Context, node string) error {
	f.mu.Lock()
	w := f.wishesOf(node)
	unsent := w.unsent
	w.stopped, w.unsent = false, nil
	f.mu.Unlock()
	for i, send := range unsent {
		if err := send(ctx); err != nil {
			f.mu.Lock()
			w.stopped, w.unsent = true, append(unsent[i:], w.unsent...) // so that it can be tried again
			f.mu.Unlock()
			return err
		}
	}
	return nil
}

// tell tells a process something that it takes in when it starts: nothing has to be done for one that is
// down, and one that stands still is told when it goes on.
func (f *Fleet) tell(node string, send message) error {
	up, err := f.up(node)
	if err != nil {
		return err
	}
	f.mu.Lock()
	w := f.wishesOf(node)
	later := up && w.stopped
	if later {
		w.unsent = append(w.unsent, send)
	}
	f.mu.Unlock()
	if !up || later {
		return nil
	}
	if err := send(context.Background()); err != nil {
		if up, lost := f.up(node); up || lost != nil {
			return err
		}
	}
	return nil
}

// Skew bends the clocks of a node by the store's own means. Its clocks outlive its process: one that is down
// starts with it.
func (f *Fleet) Skew(id, node string, s server.Skew) error {
	f.mu.Lock()
	f.wishesOf(node).skews[id] = s
	f.mu.Unlock()
	return f.tell(node, func(ctx context.Context) error { return f.admin.Skew(ctx, node, id, s) })
}

// Unskew takes a skew away.
func (f *Fleet) Unskew(id, node string) error {
	f.mu.Lock()
	delete(f.wishesOf(node).skews, id)
	f.mu.Unlock()
	return f.tell(node, func(ctx context.Context) error { return f.admin.Unskew(ctx, node, id) })
}

// SlowDisk multiplies the time of every sync of a node by factor; 0 stalls them.
func (f *Fleet) SlowDisk(id, node string, factor int64) error {
	if factor == 0 {
		return f.breakDisk(id, node, server.DiskFault{Fail: "stall"})
	}
	return f.breakDisk(id, node, server.DiskFault{Slow: factor})
}

// FailDisk makes a node's disk refuse: "eio" or "full".
func (f *Fleet) FailDisk(id, node, how string) error {
	if how != "eio" && how != "full" {
		return fmt.Errorf("the disk of %s cannot fail by %q; allowed: eio, full", node, how)
	}
	return f.breakDisk(id, node, server.DiskFault{Fail: how})
}

func (f *Fleet) breakDisk(id, node string, fault server.DiskFault) error {
	f.mu.Lock()
	f.wishesOf(node).disks[id] = fault
	f.mu.Unlock()
	return f.tell(node, func(ctx context.Context) error { return f.admin.BreakDisk(ctx, node, id, fault) })
}

// HealDisk makes a node's disk whole again.
func (f *Fleet) HealDisk(id, node string) error {
	f.mu.Lock()
	delete(f.wishesOf(node).disks, id)
	f.mu.Unlock()
	return f.tell(node, func(ctx context.Context) error { return f.admin.HealDisk(ctx, node, id) })
}

// Promote orders a node to become leader of every shard.
func (f *Fleet) Promote(node string) error {
	if up, err := f.up(node); !up {
		return errors.Join(fmt.Errorf("%s cannot be promoted: it is down", node), err)
	}
	return f.tell(node, func(ctx context.Context) error { return f.admin.Promote(ctx, node) })
}

// wipeNote is the note of a disk that comes back empty.
const wipeNote = "wipe"

// CrashNote returns what server.CrashFile shall hold for a crash that makes that of unsynced writes, "" for
// no such file.
func CrashNote(node string, unsynced targets.Unsynced) (string, error) {
	switch unsynced {
	case targets.KeepUnsynced:
		return "", nil
	case targets.LoseUnsynced:
		return "lose", nil
	case targets.TearUnsynced:
		return fmt.Sprint("tear ", keyed.New(uint64(time.Now().UnixNano())).Uint64()), nil
	case targets.WipeDisk:
		return wipeNote, nil
	}
	return "", fmt.Errorf("cannot crash %s: %q is none of keep, lose, tear, wipe", node, unsynced)
}
