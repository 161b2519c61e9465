package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/rashomon-harness/rashomon/nemesis/agent/packets"
)

// keeper knows what was done to the pod and undoes it when its time has come. Whoever touches the pod holds
// hold; one goroutine, run, does what is due: healing after a lapse, healing that failed, clocks of new
// processes.
type keeper struct {
	log     *slog.Logger
	version string
	ttl     time.Duration // of a lease without a length
	parts   parts
	lease   lease

	hold chan struct{} // full while someone touches the pod: a lock that can be waited for with a deadline
	kick chan struct{} // tells run that something may be due earlier than it thinks

	// With hold:
	rules   packets.Rules // in force
	skew    skew
	stopped bool
	mending mending
}

// errClosing, errHealing and errBusy refuse requests for reasons that pass, or with the agent.
var (
	errClosing = errors.New("the agent is ending: it heals everything and takes no more orders")
	errHealing = errors.New("an earlier fault could not be healed yet, and no other is taken before it is")
	errBusy    = errors.New("the agent is busy with another request for too long")
)

// newKeeper returns the keeper of a pod. cfg is complete.
func newKeeper(cfg Config, p parts) *keeper {
	return &keeper{log: cfg.Log, version: cfg.Version, ttl: cfg.TTL, parts: p,
		hold: make(chan struct{}, 1), kick: make(chan struct{}, 1)}
}

// acquire takes hold of the pod, for which it waits as long as ctx lasts. Before anything else can happen, it
// heals what a lapse left to heal.
func (k *keeper) acquire(ctx context.Context) error {
	select {
	case k.hold <- struct{}{}:
	case <-ctx.Done():
		return errBusy
	}
	if ctx.Err() != nil { // whoever asked has gone: an order must not come into force behind his back
		<-k.hold
		return errBusy
	}
	k.settle()
	return nil
}

// settle heals what a lapse left to heal, and returns how long the lease lasts from here, 0 for none, and the
// lapses so far, which are all healed or waiting for it. Hold is held.
func (k *keeper) settle() (left time.Duration, lapses int64) {
	for {
		now := time.Now()
		left, lapses = k.lease.left(now)
		if !k.lease.lapsed(now) {
			return left, lapses
		}
		k.log.Warn("the lease ran out: healing everything", "faults", k.faulty())
		_ = k.heal() // a failure is logged, and tried again
	}
}

// release gives the pod back.
func (k *keeper) release() {
	<-k.hold
	k.wake()
}

// wake makes run look again at what is due.
func (k *keeper) wake() {
	select {
	case k.kick <- struct{}{}:
	default: // it will look anyway
	}
}

// fault does something bad to the pod, which needs a live lease, a pod that waits for no healing, and the
// ability, if it has a name.
func (k *keeper) fault(ctx context.Context, ability string, do func() error) error {
	if err := k.acquire(ctx); err != nil {
		return err
	}
	defer k.release()
	if k.lease.ended() {
		return errClosing
	}
	if left, _ := k.settle(); left == 0 {
		return ErrNoLease
	}
	if k.mending.waits() {
		return fmt.Errorf("%w: %w", errHealing, k.mending.err)
	}
	if ability != "" {
		if err := k.parts.needs(ability); err != nil {
			return err
		}
	}
	return do()
}

// repair does something good to the pod, which is always allowed.
func (k *keeper) repair(ctx context.Context, do func() error) error {
	if err := k.acquire(ctx); err != nil {
		return err
	}
	defer k.release()
	return do()
}

// faulty reports whether any fault is in force, as far as the agent knows.
func (k *keeper) faulty() bool {
	return len(k.rules.Cuts)+len(k.rules.Shapes) > 0 || k.skew.offset != 0 || k.stopped
}

// run does what is due until ctx ends.
func (k *keeper) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.kick:
		case <-timer.C:
		}
		timer.Reset(k.tick(ctx))
	}
}

// idle is how long run waits when nothing is due.
const idle = time.Hour

// tick does what is due now and returns for how long nothing else will be.
func (k *keeper) tick(ctx context.Context) time.Duration {
	if k.acquire(ctx) != nil {
		return idle // ctx has ended
	}
	defer func() { <-k.hold }()
	if k.mending.due(time.Now()) {
		_ = k.mend() // logged, and tried again
	}
	if k.skew.due(time.Now()) {
		k.follow()
	}
	now, wait := time.Now(), idle
	if left, _ := k.lease.left(now); left > 0 {
		wait = min(wait, left)
	}
	if k.mending.waits() {
		wait = min(wait, k.mending.next.Sub(now))
	}
	if k.skew.offset != 0 {
		wait = min(wait, k.skew.next.Sub(now))
	}
	return max(wait, 0)
}

// state returns what is done to the pod now.
func (k *keeper) state(ctx context.Context) (State, error) {
	if err := k.acquire(ctx); err != nil {
		return State{}, err
	}
	defer k.release()
	left, lapses := k.settle()
	s := State{Rules: k.rules, OffsetNanos: int64(k.skew.offset), Patched: k.skew.patchedPIDs(),
		Unpatched: k.skew.unpatched(), Stopped: k.stopped, Healing: k.mending.report(),
		LeaseMillis: left.Milliseconds(), Lapses: lapses}
	if len(k.rules.Cuts)+len(k.rules.Shapes) > 0 {
		counters, err := k.parts.network.Counters()
		s.Counters = counters
		if err != nil {
			s.CountersError = err.Error()
		}
	}
	return s, nil
}
