package targettest

import (
	"errors"
	"fmt"
	"time"

	"github.com/rashomon-harness/rashomon/targets"
)

var clockChecks = []Check{
	{"clock: 30 s forward", "the node's own answer for the time, not the monotonic one; also after a restart",
		func(r *Rig) error { return step(r, 30*time.Second) }},
	{"clock: 30 s back", "likewise", func(r *Rig) error { return step(r, -30*time.Second) }},
	{"clock: drift", "the clock runs fast", drift},
	{"clock: freeze", "the clock stands still", freeze},
}

// clocks returns the capabilities that checks of clocks need, a node to try them on, and the leader, whose
// clock is right.
func (r *Rig) clocks() (skewer targets.ClockSkewer, reader targets.ClockReader, node, other string,
	err error) {
	skewer, ok := r.Cluster.(targets.ClockSkewer)
	if !ok {
		return nil, nil, "", "", lacks("ClockSkewer")
	}
	reader, ok = r.Cluster.(targets.ClockReader)
	if !ok {
		return nil, nil, "", "", lacks("ClockReader")
	}
	node, other, err = r.follower()
	return skewer, reader, node, other, err
}

// ahead returns how far the wall clock of one node is ahead of another's.
func ahead(reader targets.ClockReader, node, other string) (wall time.Duration, err error) {
	a, err := reader.Clock(node)
	if err != nil {
		return 0, err
	}
	b, err := reader.Clock(other)
	return time.Duration(a.Wall - b.Wall), err
}

// about reports whether a difference is what it shall be, for clocks that are asked one after the other and
// may tell whole seconds only.
func about(got, want time.Duration) bool { return (got - want).Abs() < 3*time.Second }

// isAhead waits until the wall clock of a node is ahead of another's by so much.
func (r *Rig) isAhead(reader targets.ClockReader, node, other string, want time.Duration) error {
	return r.Until(5*time.Second, func() error {
		got, err := ahead(reader, node, other)
		if err == nil && !about(got, want) {
			err = fmt.Errorf("the clock of %s is ahead of %s by %v, want %v", node, other, got, want)
		}
		return err
	})
}

func step(r *Rig, by time.Duration) error {
	skewer, reader, node, other, err := r.clocks()
	if err != nil {
		return err
	}
	before, err := reader.Clock(node)
	if err != nil {
		return err
	}
	began := r.Now()
	if err := skewer.Step("step", node, int64(by)); err != nil {
		return err
	}
	err = r.isAhead(reader, node, other, by)
	if after, readErr := reader.Clock(node); err == nil && before.Mono != 0 {
		err = readErr
		if ran := time.Duration(after.Mono - before.Mono); err == nil && !about(ran, r.Now()-began) {
			err = fmt.Errorf("the monotonic clock of %s ran %v in %v", node, ran, r.Now()-began)
		}
	}
	if killer, ok := r.Cluster.(targets.Killer); ok && err == nil {
		err = errors.Join(killer.Kill(node, targets.KeepUnsynced), killer.Start(node))
		if err == nil {
			err = r.isAhead(reader, node, other, by)
		}
	}
	if err = errors.Join(err, skewer.Unskew("step", node)); err != nil {
		return err
	}
	return r.isAhead(reader, node, other, 0)
}

func drift(r *Rig) error {
	skewer, reader, node, other, err := r.clocks()
	if err != nil {
		return err
	}
	if err := skewer.Drift("drift", node, 100_000); err != nil {
		return err
	}
	first, err := ahead(reader, node, other)
	r.Pass(2 * time.Second)
	second, err2 := ahead(reader, node, other)
	if err = errors.Join(err, err2, skewer.Unskew("drift", node)); err != nil {
		return err
	}
	if gained := second - first; gained < 100*time.Millisecond || gained > 2*time.Second {
		return fmt.Errorf("a clock that is fast by 10%% gained %v in two seconds", gained)
	}
	return r.isAhead(reader, node, other, 0)
}

func freeze(r *Rig) error {
	skewer, reader, node, other, err := r.clocks()
	if err != nil {
		return err
	}
	if err := skewer.Freeze("freeze", node); err != nil {
		return err
	}
	first, err := reader.Clock(node)
	r.Pass(500 * time.Millisecond)
	second, err2 := reader.Clock(node)
	if err = errors.Join(err, err2, skewer.Unskew("freeze", node)); err != nil {
		return err
	}
	if first.Wall != second.Wall {
		return fmt.Errorf("the frozen clock of %s went on by %v", node, time.Duration(second.Wall-first.Wall))
	}
	return r.isAhead(reader, node, other, 0)
}

var diskChecks = []Check{
	{"disk: slow", "writes go on", func(r *Rig) error { return slowDisk(r, 50) }},
	{"disk: stalled", "the node misses a write and gets it after healing", func(r *Rig) error {
		return slowDisk(r, 0)
	}},
	{"disk: failing", "the node stops, and comes back with a whole disk", func(r *Rig) error {
		return failDisk(r, "eio")
	}},
	{"disk: full", "likewise", func(r *Rig) error { return failDisk(r, "full") }},
	{"crash: wiped disk", "a node that lost everything gets it again", wiped}, // last: it may count no more
}

func slowDisk(r *Rig, factor int64) error {
	disks, node, err := onFollower[targets.DiskFaulter](r, "DiskFaulter")
	if err != nil {
		return err
	}
	k := r.Key()
	if err := disks.SlowDisk("slow", node, factor); err != nil {
		return err
	}
	if err := errors.Join(r.write(k, 1), disks.HealDisk("slow", node)); err != nil {
		return err
	}
	return r.holds(node, k, 1)
}

func failDisk(r *Rig, how string) error {
	disks, ok := r.Cluster.(targets.DiskFaulter)
	killer, ok2 := r.Cluster.(targets.Killer)
	reader, ok3 := r.Cluster.(targets.StatusReader)
	if !ok || !ok2 || !ok3 {
		return lacks("DiskFaulter, Killer and StatusReader")
	}
	node, _, err := r.follower()
	if err != nil {
		return err
	}
	if err := disks.FailDisk("fail", node, how); err != nil {
		return err
	}
	k := r.Key()
	err = r.write(k, 1)
	if err == nil {
		err = r.Until(r.opts.Settle, func() error {
			for _, s := range reader.Status() {
				if s.Node == node && s.Up {
					return fmt.Errorf("the disk of %s fails, and it goes on", node)
				}
			}
			return nil
		})
	}
	if err = errors.Join(err, disks.HealDisk("fail", node), killer.Start(node)); err != nil {
		return err
	}
	return r.holds(node, k, 1)
}

func wiped(r *Rig) error {
	killer, node, err := onFollower[targets.Killer](r, "Killer")
	if err != nil {
		return err
	}
	k := r.Key()
	if err := r.write(k, 1); err != nil {
		return err
	}
	if err := killer.Kill(node, targets.WipeDisk); err != nil {
		return err
	}
	if err := killer.Start(node); err != nil {
		return err
	}
	if err := r.holds(node, k, 1); err != nil {
		return err
	}
	return r.Want(r.User(), Read(k), num(1))
}
