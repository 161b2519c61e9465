package agent

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
)

// sweepRounds bounds a sweep against processes that are born faster than we walk.
const sweepRounds = 8

// sweep does something to every process, once. Processes are born meanwhile, of parents that were not done
// yet, so it looks again until there is none left that is not known. One that refuses, but is gone in the
// next list, has not refused. It returns the processes that are done and still there, in order.
func sweep(list func() ([]int, error), do func(pid int) error) ([]int, error) {
	met := map[int]error{} // what came of each
	for range sweepRounds {
		pids, err := list()
		if err != nil {
			return nil, fmt.Errorf("the processes cannot be listed: %w", err)
		}
		maps.DeleteFunc(met, func(pid int, _ error) bool { return !slices.Contains(pids, pid) })
		fresh := false
		for _, pid := range pids {
			if _, known := met[pid]; !known {
				met[pid] = do(pid)
				fresh = true
			}
		}
		if !fresh {
			break
		}
	}
	var done []int
	var errs []error
	for _, pid := range slices.Sorted(maps.Keys(met)) {
		switch err := met[pid]; {
		case err == nil:
			done = append(done, pid)
		case !errors.Is(err, os.ErrProcessDone):
			errs = append(errs, fmt.Errorf("process %d: %w", pid, err))
		}
	}
	return done, errors.Join(errs...)
}
