package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/rashomon-harness/rashomon/internal/mutate/schemata"
)

// timed is one test of the suite, as it ran with no mutant in force.
type timed struct {
	name    string
	took    time.Duration
	reaches map[int32]bool // points
}

// baselineMost is how long a test may take with no mutant in force.
const baselineMost = 30 * time.Minute

// baseline runs each of the tests alone, with no mutant in force, and takes down which points it reaches. The
// result is sorted, the fastest first. A test that fails is an error.
func baseline(ctx context.Context, s *suite, work string, names []string) ([]timed, error) {
	var tests []timed
	for i, name := range names {
		hits := filepath.Join(work, fmt.Sprintf("hits-%d", i))
		o, err := s.run(ctx, []string{name}, baselineMost, schemata.Hits+"="+hits)
		if err != nil {
			return nil, err
		}
		if !o.passed {
			return nil, fmt.Errorf("%s fails without any mutant:\n%s", name, o.output)
		}
		reaches, err := readHits(hits)
		if err != nil {
			return nil, err
		}
		tests = append(tests, timed{name, o.took, reaches})
	}
	slices.SortStableFunc(tests, func(a, b timed) int { return cmp.Compare(a.took, b.took) })
	return tests, nil
}

func readHits(name string) (map[int32]bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err // the file is made as soon as the process begins
	}
	defer f.Close()
	hits := map[int32]bool{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		n, err := strconv.ParseInt(lines.Text(), 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		hits[int32(n)] = true
	}
	return hits, nil
}

// batch is tests that are run by one process.
type batch struct {
	names []string
	took  time.Duration // with no mutant in force
}

// batchMost is how long the tests of a batch may take together; a slower test is a batch of its own.
const batchMost = time.Second

// batches returns the tests that reach the point: quick ones first and together, so that most mutants are
// killed at little cost, then the slow ones one by one.
func batches(tests []timed, point int32) []batch {
	var all []batch
	for i := range tests {
		t := &tests[i]
		if !t.reaches[point] {
			continue
		}
		if last := len(all) - 1; last >= 0 && all[last].took+t.took <= batchMost {
			all[last].names = append(all[last].names, t.name)
			all[last].took += t.took
			continue
		}
		all = append(all, batch{[]string{t.name}, t.took})
	}
	return all
}
