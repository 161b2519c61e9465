package harness

import (
	"errors"
	"fmt"
	"time"
)

// How long calls of a cluster may take in wall time before the run fails: an engine that is gone must not
// hang the run for ever.
const (
	callLimit = 30 * time.Second
	// hurry divides the limits once a call has hung: the others are still tried, since there is something to
	// be healed and to be ended, but in haste.
	hurry = 4
	// closeLimit is for the end of the cluster.
	closeLimit = 2 * time.Minute
	// deployLimit is for the deployment. A target that has been told to stop has callLimit for that.
	deployLimit = 5 * time.Minute
)

// errPanicked is the error of a call that panicked; the run's failure says why and where.
var errPanicked = errors.New("it panicked")

// bounded makes a call of the cluster on behalf of the goroutine that drives the run. In wall time it fails
// the run, and returns an error, when the call panics or has not returned within limit; then the call goes on
// unseen, so do may not change what others look at. what says what the call does, for people: "killing n1".
func bounded[T any](r *run, limit time.Duration, what string, do func() (T, error)) (T, error) {
	if !r.exp.Real() {
		return do()
	}
	if r.hung {
		limit /= hurry
	}
	type reply struct {
		value T
		err   error
	}
	replies := make(chan reply, 1)
	go func() {
		out := reply{err: errPanicked}
		r.guard(what, func() { out.value, out.err = do() })
		replies <- out
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case out := <-replies:
		return out.value, out.err
	case <-timer.C:
	}
	r.hung = true
	err := fmt.Errorf("%s did not end within %v", what, limit)
	r.fail("the cluster hangs: %v", err)
	var none T
	return none, err
}

// callWithin is bounded for a call that returns an error only.
func (r *run) callWithin(limit time.Duration, what string, do func() error) error {
	_, err := bounded(r, limit, what, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

// call makes a call on behalf of the executor of faults.
func (r *run) call(what string, do func() error) error { return r.callWithin(callLimit, what, do) }
