package harness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rashomon-harness/rashomon/nemesis/inject"
	"github.com/rashomon-harness/rashomon/targets"
)

// deploy brings the cluster up.
func (r *run) deploy() {
	r.phase = "deploy"
	r.tell()
	target := r.cat.target(r.exp)
	if target == nil {
		r.fail("target %s cannot be deployed in env %s", r.exp.Target, r.exp.Env)
		return
	}
	cluster, err := r.bringUp(target)
	if err != nil {
		r.fail("deploying %s: %v", r.exp.Target, err)
		return
	}
	r.cluster = cluster
	if stepper, ok := cluster.(targets.Stepper); ok {
		r.drv = &virtualDriver{run: r, time: stepper}
	} else {
		r.tape = newTape(r)
		r.drv = newWallDriver(r)
	}
	r.exec = inject.New(cluster, r.sessions(), r.record)
	r.exec.Through(r.call)
}

// bringUp deploys the target. In wall time it has deployLimit for that, and is told to stop when the run is.
func (r *run) bringUp(target targets.Target) (targets.Cluster, error) {
	if !r.exp.Real() {
		return target.Deploy(r.ctx, r.exp.spec(r.seed))
	}
	ctx, cancel := context.WithTimeout(r.ctx, deployLimit)
	defer cancel()
	arrivals := make(chan arrival, 1)
	go func() {
		a := arrival{err: errPanicked}
		r.guard("deploying "+r.exp.Target, func() {
			a.cluster, a.err = target.Deploy(ctx, r.exp.spec(r.seed))
		})
		arrivals <- a
	}()
	a, ok := arrived(ctx, arrivals)
	switch {
	case !ok:
		go func() { // whatever comes up so late is brought down at once
			if late := <-arrivals; late.err == nil {
				_ = late.cluster.Close()
			}
		}()
		return nil, fmt.Errorf("it did not stop within %v after it was told to: %w", callLimit, ctx.Err())
	case a.err != nil && r.ctx.Err() == nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, fmt.Errorf("it was not ready within %v: %w", deployLimit, a.err)
	}
	return a.cluster, a.err
}

// arrival is how a deployment ended.
type arrival struct {
	cluster targets.Cluster
	err     error
}

// arrived waits for a deployment, and no longer than callLimit after the end of ctx.
func arrived(ctx context.Context, arrivals <-chan arrival) (a arrival, ok bool) {
	select {
	case a = <-arrivals:
		return a, true
	case <-ctx.Done():
	}
	timer := time.NewTimer(callLimit)
	defer timer.Stop()
	select {
	case a = <-arrivals:
		return a, true
	case <-timer.C:
		return a, false
	}
}
