package agent

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// agentInBubble is an agent in a fake pod, in fake time.
type agentInBubble struct {
	*testing.T
	pod *fakePod
	k   *keeper
	api http.Handler
}

// inBubble runs a test of an agent in fake time.
func inBubble(t *testing.T, test func(t *testing.T, a *agentInBubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		pod := newFakePod()
		k := newKeeper(testConfig(t), pod.parts())
		go k.run(t.Context())
		test(t, &agentInBubble{t, pod, k, k.handler(token)})
	})
}

// must sends a request that succeeds.
func (a *agentInBubble) must(line string) {
	a.Helper()
	if got := request(a.T, a.api, line); !strings.HasPrefix(got, "200 ") {
		a.Fatalf("%s: %s", line, got)
	}
}

// pass lets time pass, until all is done that becomes due.
func (a *agentInBubble) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestLapseHeals(t *testing.T) {
	inBubble(t, func(t *testing.T, a *agentInBubble) {
		a.must(`PUT /v1/lease good {"ttl_ms":5000}`)
		a.must(`PUT /v1/network good {"cuts":[{"peer":"10.0.0.2"}]}`)
		a.must(`PUT /v1/clock good {"offset_ns":3600000000000}`)
		a.must(`POST /v1/stop good`)
		a.pass(5*time.Second - 1)
		want := "cut 10.0.0.2, 7 off by 1h0m0s, 7 stopped, 8 off by 1h0m0s, 8 stopped"
		if got := a.pod.faults(); got != want {
			t.Errorf("before the lease runs out: %q, want %q", got, want)
		}
		a.pass(1)
		if got := a.pod.faults(); got != "" {
			t.Errorf("after the lease ran out: %q", got)
		}
	})
}

// TestLapseInTheMidstOfAFault: the harness dies while the kernel takes its time with a fault. Renewals go
// through meanwhile; the fault is healed as soon as it is there.
func TestLapseInTheMidstOfAFault(t *testing.T) {
	inBubble(t, func(t *testing.T, a *agentInBubble) {
		a.pod.block = make(chan struct{})
		a.must(`PUT /v1/lease good {"ttl_ms":1000}`)
		answered := make(chan string)
		go func() { answered <- request(t, a.api, `PUT /v1/network good {"cuts":[{"peer":"10.0.0.2"}]}`) }()
		a.pass(900 * time.Millisecond)
		a.must(`PUT /v1/lease good {"ttl_ms":1000}`)
		a.pass(1100 * time.Millisecond)
		late := request(t, a.api, `PUT /v1/lease good {"ttl_ms":1000}`)
		if late != `200 {"ttl_ms":1000,"lapses":1}` {
			t.Errorf("a renewal that comes too late: %s", late)
		}
		close(a.pod.block)
		if got := <-answered; got != "200 {}" {
			t.Errorf("the fault: %s", got)
		}
		synctest.Wait()
		if got := a.pod.faults(); got != "" {
			t.Errorf("the fault is in force after its lease ran out: %s", got)
		}
		a.must(`PUT /v1/network good {"cuts":[{"peer":"10.0.0.3"}]}`)
		if got := a.pod.faults(); got != "cut 10.0.0.3" {
			t.Errorf("the next fault, with a lease again: %q", got)
		}
	})
}

// TestWaitingEnds: requests do not wait for ever for one that hangs, and the harness is told so.
func TestWaitingEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, a *agentInBubble) {
		a.pod.block = make(chan struct{})
		defer close(a.pod.block)
		a.must(`PUT /v1/lease good {"ttl_ms":600000}`)
		go request(t, a.api, `PUT /v1/network good {"cuts":[{"peer":"10.0.0.2"}]}`)
		synctest.Wait()
		began := time.Now()
		for _, line := range []string{"POST /v1/stop good", "GET /v1/state good", "POST /v1/heal good"} {
			got := request(t, a.api, line)
			if !strings.HasPrefix(got, "503 ") || !strings.Contains(got, "busy") {
				t.Errorf("%s: %s", line, got)
			}
		}
		if took := time.Since(began); took != 3*patience {
			t.Errorf("waited %v, want %v", took, 3*patience)
		}
	})
}

// TestOrdersOfTheGone: an order whose client has gone while it waited is not carried out.
func TestOrdersOfTheGone(t *testing.T) {
	inBubble(t, func(t *testing.T, a *agentInBubble) {
		a.pod.block = make(chan struct{})
		a.must(`PUT /v1/lease good {"ttl_ms":600000}`)
		go request(t, a.api, `PUT /v1/network good {"cuts":[{"peer":"10.0.0.2"}]}`)
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		refused := make(chan int)
		go func() {
			r := httptest.NewRequestWithContext(ctx, "POST", "/v1/stop", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			a.api.ServeHTTP(w, r)
			refused <- w.Code
		}()
		synctest.Wait()
		cancel()
		close(a.pod.block)
		if got := <-refused; got != http.StatusServiceUnavailable {
			t.Errorf("status %d", got)
		}
		synctest.Wait()
		if got := a.pod.faults(); got != "cut 10.0.0.2" {
			t.Errorf("faults: %s", got)
		}
	})
}

// TestOrdersOfTheGoneWithoutWaiting: it makes no difference that there is nothing to wait for.
func TestOrdersOfTheGoneWithoutWaiting(t *testing.T) {
	inBubble(t, func(t *testing.T, a *agentInBubble) {
		synctest.Wait()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		for range 100 { // who is both free to go on and told to end draws lots
			if err := a.k.acquire(gone); !errors.Is(err, errBusy) {
				t.Fatalf("got %v", err)
			}
		}
		if err := a.k.acquire(t.Context()); err != nil {
			t.Errorf("the pod is not given back: %v", err)
		}
		a.k.release()
	})
}

// TestLapsesAreLogged: whoever reads the agent's log sees what was done without being asked.
func TestLapsesAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig(t)
		log := &strings.Builder{}
		cfg.Log = textLog(log)
		pod := newFakePod()
		k := newKeeper(cfg, pod.parts())
		go k.run(t.Context())
		api := k.handler(token)
		request(t, api, `PUT /v1/lease good {"ttl_ms":1000}`)
		request(t, api, `POST /v1/stop good`)
		pod.fail("heal", errTest)
		<-time.After(time.Second)
		synctest.Wait()
		for _, want := range []string{"the lease ran out: healing everything", "faults=true",
			"healing failed", "the kernel said no", "tries=1"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%q is not in the log:\n%s", want, log)
			}
		}
	})
}

// TestLapseWhileThePodIsHeld: whoever holds the pod and looks at the lease sees no lapse that is not healed.
func TestLapseWhileThePodIsHeld(t *testing.T) {
	inBubble(t, func(t *testing.T, a *agentInBubble) {
		a.must(`PUT /v1/lease good {"ttl_ms":1000}`)
		a.must(`POST /v1/stop good`)
		if err := a.k.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer a.k.release()
		a.pass(2 * time.Second)
		if got := a.pod.faults(); got != "7 stopped, 8 stopped" {
			t.Errorf("someone else has touched a pod that is held: %q", got)
		}
		if left, lapses := a.k.settle(); left != 0 || lapses != 1 || a.pod.faults() != "" {
			t.Errorf("left %v, lapses %d, faults %q", left, lapses, a.pod.faults())
		}
	})
}
