package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rashomon-harness/rashomon/internal/mutate/schemata"
)

// status is what became of a mutant.
type status string

const (
	killed     status = "killed"
	timeout    status = "timeout" // killed too: it took several times as long as the original
	survived   status = "survived"
	notReached status = "not reached" // no test evaluates the expression, so that none can kill it
	equivalent status = "equivalent"  // listed, and not run because that was not wanted
	notRun     status = "not run"     // the run was ended before
)

// verdict is what became of a mutant, and by which test.
type verdict struct {
	*mutant
	status status
	by     string // the test that killed it, or the batch that hung
	took   time.Duration
	runs   int // processes
}

// limits has how long the run of a mutant may take: factor times as long as that of the original, and no
// less than least.
type limits struct {
	factor float64
	least  time.Duration
}

func (l limits) of(took time.Duration) time.Duration {
	return max(l.least, time.Duration(l.factor*float64(took)))
}

// judge runs each mutant against the tests that reach it, several at a time, and tells of each as it is
// decided. The verdicts are in the order of the mutants; with an error those that there are come too.
func judge(ctx context.Context, s *suite, tests []timed, mutants []*mutant, workers int, l limits,
	tell func(*verdict)) ([]verdict, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	verdicts := make([]verdict, len(mutants))
	for i, m := range mutants {
		verdicts[i] = verdict{mutant: m, status: notRun}
	}
	next := make(chan int)
	var wg sync.WaitGroup
	var telling sync.Mutex
	for range workers {
		wg.Go(func() {
			for i := range next {
				v, err := judgeOne(ctx, s, batches(tests, mutants[i].point), mutants[i], l)
				if err != nil {
					cancel(err)
					continue
				}
				verdicts[i] = v
				telling.Lock()
				tell(&v)
				telling.Unlock()
			}
		})
	}
	for i := range mutants {
		next <- i
	}
	close(next)
	wg.Wait()
	return verdicts, context.Cause(ctx)
}

// judgeOne runs one mutant until something kills it.
func judgeOne(ctx context.Context, s *suite, all []batch, m *mutant, l limits) (verdict, error) {
	v := verdict{mutant: m, status: notReached}
	for _, b := range all {
		o, err := s.run(ctx, b.names, l.of(b.took), fmt.Sprintf("%s=%d", schemata.Mutant, m.number))
		if err != nil {
			return v, err
		}
		v.took += o.took
		v.runs++
		v.status = survived
		switch {
		case o.timedOut:
			v.status, v.by = timeout, b.names[0]
			return v, nil
		case !o.passed:
			v.status, v.by = killed, o.by
			return v, nil
		}
	}
	return v, nil
}
