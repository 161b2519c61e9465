package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rashomon-harness/rashomon/nemesis/agent/packets"
)

// wound is a part of the pod that can be healed by itself, in the order in which it is done.
type wound int

const (
	thawing wound = iota
	packetRules
	wallClocks
	wounds // how many there are
)

// String returns what is wrong with the part, for people.
func (w wound) String() string {
	return [...]string{"stopped processes", "network", "clocks", "?"}[min(w, wounds)]
}

// mending is the healing that is still to be done. What succeeds is done with; what fails waits.
type mending struct {
	open  [wounds]bool
	tries int // that failed in a row
	next  time.Time
	err   error // of the last try
}

// A healing that failed is tried again after firstRetry, then after twice as long each time, up to lastRetry.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// waits reports whether anything is left to heal after a try failed.
func (m *mending) waits() bool { return m.tries > 0 }

// due reports whether it is time to try again.
func (m *mending) due(now time.Time) bool { return m.waits() && !now.Before(m.next) }

// report returns what State says about it.
func (m *mending) report() *Healing {
	if !m.waits() {
		return nil
	}
	return &Healing{Tries: m.tries, Error: m.err.Error()}
}

// heal undoes all faults, with hold. What fails is tried again by run.
func (k *keeper) heal() error {
	k.mending.open[thawing] = k.mending.open[thawing] || k.stopped
	k.mending.open[packetRules] = true
	k.mending.open[wallClocks] = true
	return k.mend()
}

// mendOnly undoes the faults of one part, and with it what waited for healing before. Hold is held.
func (k *keeper) mendOnly(w wound) error {
	k.mending.open[w] = true
	return k.mend()
}

// mend heals everything that is open, each part whether or not others fail.
func (k *keeper) mend() error {
	m := &k.mending
	var errs []error
	for w := range wounds {
		if !m.open[w] {
			continue
		}
		if err := k.mendOne(w); err != nil {
			errs = append(errs, fmt.Errorf("%v: %w", w, err))
			continue
		}
		m.open[w] = false
	}
	if len(errs) == 0 {
		*m = mending{}
		k.log.Info("healed")
		return nil
	}
	wait := min(firstRetry<<min(m.tries, 10), lastRetry)
	m.tries++
	m.err, m.next = errors.Join(errs...), time.Now().Add(wait)
	k.log.Error("healing failed", "error", m.err, "tries", m.tries, "again_in", wait)
	return m.err
}

// mendOne heals one part.
func (k *keeper) mendOne(w wound) error {
	switch w {
	case thawing:
		if _, err := sweep(k.parts.clocks.Processes, k.parts.signals.Continue); err != nil {
			return err
		}
		k.stopped = false
	case packetRules:
		if err := k.parts.network.Heal(); err != nil {
			return err
		}
		k.rules = packets.Rules{}
	case wallClocks:
		return k.straighten()
	}
	return nil
}

// shutdownHealing is for how long the end of the agent is put off while healing fails.
const shutdownHealing = 5 * time.Second

// close takes no more faults and heals, again and again until it succeeds or shutdownHealing is over.
func (k *keeper) close() error {
	k.lease.end()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownHealing)
	defer cancel()
	if err := k.acquire(ctx); err != nil {
		return fmt.Errorf("the agent ends without healing: %w", err)
	}
	defer k.release()
	for err := k.heal(); err != nil; err = k.mend() {
		select {
		case <-time.After(time.Until(k.mending.next)):
		case <-ctx.Done():
			return fmt.Errorf("the agent ends although healing failed %d times, the last: %w",
				k.mending.tries, err)
		}
	}
	return nil
}
