package agent

import (
	"maps"
	"slices"
	"time"
)

// skew is the wish that the wall clocks of all processes be off, those to come included: a database that is
// started again, or that starts another program in its place, begins with the true time. It is looked for
// every skewPoll; until then such a process has the true time.
type skew struct {
	offset  time.Duration // 0: nothing is wished
	patched map[int]bool
	refused map[int]*refusal
	next    time.Time // when to look again
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
	set := func(pid int) error { return k.parts.clocks.Set(pid, offset) }
	done, err := sweep(k.parts.clocks.Processes, set)
	if err != nil {
		return nil, undone("not all clocks could be set", err, k.mendOnly(wallClocks))
	}
	k.skew = skew{offset: offset, patched: map[int]bool{}, refused: map[int]*refusal{},
		next: time.Now().Add(skewPoll)}
	for _, pid := range done {
		k.skew.patched[pid] = true
	}
	k.log.Info("clocks are off", "offset", offset, "pids", done)
	return done, nil
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
	} else {
		k.log.Error("the processes cannot be listed", "error", err)
	}
	s.next = time.Now().Add(skewPoll)
}

// followOne sees to it that the clock of one process is off.
func (k *keeper) followOne(pid int) {
	s := &k.skew
	r := s.refused[pid]
	if r != nil && time.Now().Before(r.next) {
		return
	}
	have, patched, err := k.parts.clocks.Offset(pid)
	set := err != nil || !patched || have != s.offset
	if set {
		err = k.parts.clocks.Set(pid, s.offset)
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
	if r.tries == 1 { // the first time it may just be on its way out
		k.log.Error("clock of another process cannot be set", "pid", pid, "error", err)
	}
	r.err, r.next = err, time.Now().Add(min(skewPoll<<min(r.tries, 10), refusalRetry))
	r.tries++
}

// sortedKeys returns the pids that a map has, in order; nil for none.
func sortedKeys[V any](m map[int]V) []int { return slices.Sorted(maps.Keys(m)) }
