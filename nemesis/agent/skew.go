package agent

import (
	"errors"
	"maps"
	"os"
	"slices"
	"time"
)

// skew is the wish that the wall clocks of all processes be off, those to come included: a database that is
// started again, or that starts another program in its place, begins with the true time. It is looked for
// every skewPoll; until then such a process has the true time.
type skew struct {
	offset  time.Duration // 0: nothing is wished
	patched map[int]bool  // whose clocks are off; while healing fails, those that may still be
	refused map[int]*refusal
	next    time.Time // when to look again
	blind   bool      // the last look failed
}

// refusal is a process whose clock could not be set.
type refusal struct {
	err   error
	tries int
	next  time.Time // when to try again
}

// How often new processes are looked for, and how often one that refuses is bothered at the least.
const (
	skewPoll     = 20 * time.Millisecond
	refusalRetry = time.Second
)

// due reports whether it is time to look for new processes.
func (s *skew) due(now time.Time) bool { return s.offset != 0 && !now.Before(s.next) }

// patchedPIDs returns the processes whose clocks are off, in order; nil for none.
func (s *skew) patchedPIDs() []int { return sortedKeys(s.patched) }

// unpatched returns the processes that refuse, in order; nil for none.
func (s *skew) unpatched() []Unpatched {
	var out []Unpatched
	for _, pid := range sortedKeys(s.refused) {
		out = append(out, Unpatched{PID: pid, Reason: s.refused[pid].err.Error()})
	}
	return out
}

// skewAll sets all clocks and keeps the wish. When a process refuses, all get their true time back. Hold is
// held.
func (k *keeper) skewAll(offset time.Duration) ([]int, error) {
	s := &k.skew
	if s.patched == nil {
		s.patched = map[int]bool{}
	}
	done, err := sweep(k.parts.clocks.Processes, func(pid int) error {
		err := k.parts.clocks.Set(pid, offset)
		if err == nil {
			s.patched[pid] = true
		}
		return err
	})
	if err != nil {
		return nil, undone("not all clocks could be set", err, k.mendOnly(wallClocks))
	}
	s.offset, s.next = offset, time.Now().Add(skewPoll)
	s.refused = map[int]*refusal{}
	maps.DeleteFunc(s.patched, func(pid int, _ bool) bool { return !slices.Contains(done, pid) })
	k.log.Info("clocks are off", "offset", offset, "pids", done)
	return done, nil
}

// straighten ends the wish and gives all processes their true time back, those too that the agent does not
// know of: a process inherits the clock of the one that started it. Hold is held.
func (k *keeper) straighten() error {
	s := &k.skew
	s.offset, s.refused = 0, nil // nobody else shall be patched, whatever becomes of those that are
	if _, err := sweep(k.parts.clocks.Processes, k.straightenOne); err != nil {
		return err
	}
	s.patched = nil
	return nil
}

// straightenOne gives one process its true time back. That it cannot be done is no error for a process that
// needs it not: it has the true time, or it is of a kind whose clock was never set.
func (k *keeper) straightenOne(pid int) error {
	err := k.parts.clocks.Restore(pid)
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		offset, _, unknown := k.parts.clocks.Offset(pid)
		if unknown == nil && offset != 0 || unknown != nil && k.skew.patched[pid] {
			return err
		}
		k.log.Warn("a process that has the true time cannot be restored", "pid", pid, "error", err)
	}
	delete(k.skew.patched, pid)
	return nil
}

// follow sets the clocks of processes that have appeared, or have become another program, since the last
// look. Hold is held.
func (k *keeper) follow() {
	s := &k.skew
	pids, err := k.parts.clocks.Processes()
	if err == nil {
		gone := func(pid int) bool { return !slices.Contains(pids, pid) }
		maps.DeleteFunc(s.patched, func(pid int, _ bool) bool { return gone(pid) })
		maps.DeleteFunc(s.refused, func(pid int, _ *refusal) bool { return gone(pid) })
		for _, pid := range pids {
			k.followOne(pid)
		}
	} else if !s.blind {
		k.log.Error("the processes cannot be listed, and clocks of others not set until they can",
			"error", err)
	}
	s.blind = err != nil
	s.next = time.Now().Add(skewPoll)
}

// followOne sees to it that the clock of one process is off.
func (k *keeper) followOne(pid int) {
	s, began := &k.skew, time.Now()
	r := s.refused[pid]
	if r != nil && began.Before(r.next) {
		return
	}
	have, patched, err := k.parts.clocks.Offset(pid)
	set := err != nil || !patched || have != s.offset
	if set {
		err = k.parts.clocks.Set(pid, s.offset)
	}
	if errors.Is(err, os.ErrProcessDone) {
		return // the next list is without it
	}
	if err == nil {
		s.patched[pid] = true
		delete(s.refused, pid)
		if set {
			k.log.Info("clock of another process is off", "pid", pid, "offset", s.offset)
		}
		return
	}
	delete(s.patched, pid)
	if r == nil {
		r = &refusal{}
		s.refused[pid] = r
	}
	if r.tries == 1 { // the first time it may be in the midst of something
		k.log.Error("clock of another process cannot be set", "pid", pid, "error", err)
	}
	// A process that is slow to refuse must not keep others from the pod.
	wait := max(min(skewPoll<<min(r.tries, 10), refusalRetry), 4*time.Since(began))
	r.err, r.next = err, time.Now().Add(wait)
	r.tries++
}

// sortedKeys returns the pids that a map has, in order; nil for none.
func sortedKeys[V any](m map[int]V) []int { return slices.Sorted(maps.Keys(m)) }
