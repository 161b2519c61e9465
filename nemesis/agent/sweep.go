package agent

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// sweepRounds bounds a sweep: against a process that forks faster than we walk, and for those that refuse.
const sweepRounds = 8

// sweep does something to every process. Processes are born meanwhile, of parents that were not done yet, so
// it looks again until there is none left that is not done. One that refuses is tried in each round; one that
// is gone in the next list has not refused. It returns the processes that are done and still there, in order.
func sweep(list func() ([]int, error), do func(pid int) error) ([]int, error) {
	done := map[int]bool{}
	refused := map[int]error{}
	for range sweepRounds {
		pids, err := list()
		if err != nil {
			return nil, fmt.Errorf("the processes cannot be listed: %w", err)
		}
		clear(refused)
		maps.DeleteFunc(done, func(pid int, _ bool) bool { return !slices.Contains(pids, pid) })
		fresh := false
		for _, pid := range pids {
			if done[pid] {
				continue
			}
			fresh = true
			if err := do(pid); err != nil {
				refused[pid] = err
				continue
			}
			done[pid] = true
		}
		if !fresh {
			break
		}
	}
	return slices.Sorted(maps.Keys(done)), joinRefusals(refused)
}

// joinRefusals makes one error of those of the processes.
func joinRefusals(refused map[int]error) error {
	var errs []error
	for _, pid := range slices.Sorted(maps.Keys(refused)) {
		errs = append(errs, fmt.Errorf("process %d: %w", pid, refused[pid]))
	}
	return errors.Join(errs...)
}
