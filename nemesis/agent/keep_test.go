package agent

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// renewals is an agent that takes down when it is asked for a lease.
type renewals struct {
	mu    sync.Mutex
	began time.Time
	at    []time.Duration
	// answer says what to do at each; nil for a lease.
	answer func(at time.Duration, w http.ResponseWriter, r *http.Request)
}

func (n *renewals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	at := time.Since(n.began)
	n.at = append(n.at, at)
	n.mu.Unlock()
	if n.answer != nil {
		n.answer(at, w, r)
		return
	}
	answer(w, http.StatusOK, Lease{TTLMillis: 3000})
}

// keep keeps leases of the agents for a time and returns the errors that it reported.
func keep(t *testing.T, ttl, during time.Duration, agents ...*renewals) (errs []error) {
	t.Helper()
	var clients []*Client
	for i, n := range agents {
		n.began = time.Now()
		clients = append(clients, serveHTTP(t, n).client(t, "n"+string(rune('1'+i))))
	}
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	KeepLease(ctx, clients, ttl, func(err error) { errs = append(errs, err) })
	if got := time.Since(agents[0].began); got != during {
		t.Errorf("ended after %v, want %v", got, during)
	}
	return errs
}

func TestKeepLeaseRenewsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := &renewals{}, &renewals{}
		if errs := keep(t, 3*time.Second, 9500*time.Millisecond, a, b); len(errs) > 0 {
			t.Error(errs)
		}
		for _, n := range []*renewals{a, b} {
			if len(n.at) != 10 {
				t.Fatalf("renewed at %v", n.at)
			}
			for i, at := range n.at {
				if at != time.Duration(i)*time.Second {
					t.Errorf("renewal %d at %v", i, at)
				}
			}
		}
	})
}

// TestKeepLeaseTriesOn: of two agents one fails for a while, twice, in different ways. The other gets its
// leases in time.
func TestKeepLeaseTriesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad, good := &renewals{}, &renewals{}
		bad.answer = func(at time.Duration, w http.ResponseWriter, r *http.Request) {
			switch s := at / time.Second; {
			case s >= 2 && s < 5:
				answer(w, http.StatusServiceUnavailable, failure{Error: "ending"})
			case s == 7:
				_, _ = io.Copy(io.Discard, r.Body)
				<-r.Context().Done() // hangs, until the client loses its patience
			default:
				answer(w, http.StatusOK, Lease{TTLMillis: 3000})
			}
		}
		errs := keep(t, 3*time.Second, 9500*time.Millisecond, bad, good)
		if len(errs) != 2 || !strings.Contains(errs[0].Error(), "ending") ||
			!strings.Contains(errs[0].Error(), "http://n1") || !errors.Is(errs[1], context.DeadlineExceeded) {
			t.Errorf("errors: %v", errs)
		}
		if len(good.at) != 10 || good.at[9] != 9*time.Second || len(bad.at) != 10 {
			t.Errorf("the good one renewed at %v, the bad one at %v", good.at, bad.at)
		}
	})
}

// TestKeepLeaseTellsOfLapses: the agent's answers do not come through for longer than the lease.
func TestKeepLeaseTellsOfLapses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &renewals{}
		n.answer = func(at time.Duration, w http.ResponseWriter, _ *http.Request) {
			lapses := int64(4) // of others before
			if at > 5*time.Second {
				lapses++
			}
			answer(w, http.StatusOK, Lease{TTLMillis: 3000, Lapses: lapses})
		}
		errs := keep(t, 3*time.Second, 9500*time.Millisecond, n)
		if len(errs) != 1 || !errors.Is(errs[0], ErrLapsed) {
			t.Errorf("errors: %v", errs)
		}
	})
}

// TestKeepLeaseHolds keeps the lease of a real agent, whose faults stay for as long, and no longer.
func TestKeepLeaseHolds(t *testing.T) {
	inBubble(t, func(t *testing.T, a *agentInBubble) {
		c := serveHTTP(t, a.api).client(t, "n1")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			KeepLease(ctx, []*Client{c}, time.Second, nil)
			close(ended)
		}()
		synctest.Wait()
		if err := c.Network(t.Context(), cutOne(t)); err != nil {
			t.Fatal(err)
		}
		a.pass(time.Minute)
		if got := a.pod.faults(); got != "cut 10.0.0.2" {
			t.Errorf("after a minute: %q", got)
		}
		cancel()
		<-ended
		a.pass(time.Second)
		if got := a.pod.faults(); got != "" {
			t.Errorf("after the end: %q", got)
		}
	})
}

func TestKeepLeaseOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &renewals{}
		n.answer = func(_ time.Duration, w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 400) }
		if errs := keep(t, -time.Second, time.Second, n); len(errs) != 1 {
			t.Errorf("errors: %v", errs)
		}
		KeepLease(t.Context(), nil, time.Second, nil) // returns at once
	})
}
