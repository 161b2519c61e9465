package agent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrLapsed is the error of a lease that ran out although it was kept: the agent has healed everything
// meanwhile, and faults that were thought to be in force were not.
var ErrLapsed = errors.New("the lease ran out for a while, and the agent healed everything")

// KeepLease takes the leases of the clients and renews them every ttl/3 until ctx ends; it returns then, and
// the leases run out. Each agent is asked by itself: one that does not answer delays no other. It keeps
// trying after errors. onError, if there is one, hears the first error of a streak of each client, and of
// each lapse (ErrLapsed, for errors.Is). Calls of onError do not overlap.
func KeepLease(ctx context.Context, clients []*Client, ttl time.Duration, onError func(error)) {
	var mu sync.Mutex
	report := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if onError != nil {
			onError(err)
		}
	}
	var keepers sync.WaitGroup
	for _, c := range clients {
		keepers.Go(func() { keepOne(ctx, c, ttl, report) })
	}
	keepers.Wait()
}

// keepOne keeps one lease.
func keepOne(ctx context.Context, c *Client, ttl time.Duration, report func(error)) {
	every := max(ttl/3, time.Millisecond)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	streak, first, lapses := false, true, int64(0)
	for ctx.Err() == nil {
		lease, err := renewOnce(ctx, c, ttl, every)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !streak:
			report(fmt.Errorf("the lease cannot be renewed: %w", err))
		case err == nil && !first && lease.Lapses != lapses:
			report(fmt.Errorf("agent %s: %w", c.base, ErrLapsed))
		}
		streak = err != nil
		if err == nil {
			first, lapses = false, lease.Lapses
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// renewOnce asks once, for as long as there is time until the next renewal.
func renewOnce(ctx context.Context, c *Client, ttl, patience time.Duration) (Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return c.Lease(ctx, ttl)
}
