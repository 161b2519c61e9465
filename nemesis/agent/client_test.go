package agent

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/nemesis/agent/packets"
)

// realClient returns a client of an agent in a fake pod, and how many connections it made.
func realClient(t *testing.T) (*Client, *fakePod, *atomic.Int64) {
	t.Helper()
	pod, made := newFakePod(), new(atomic.Int64)
	k := newKeeper(testConfig(t), pod.parts())
	srv := httptest.NewUnstartedServer(k.handler(token))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			made.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	c := NewClient(srv.URL+"/", token)
	t.Cleanup(c.Close)
	return c, pod, made
}

// TestClientAsksForEverything goes through all routes.
func TestClientAsksForEverything(t *testing.T) {
	c, pod, made := realClient(t)
	ctx := t.Context()
	health, err := c.Health(ctx)
	if err != nil || health.Version != "v1.2.3" || len(health.Abilities) != 5 {
		t.Errorf("health: %+v, %v", health, err)
	}
	lease, err := c.Lease(ctx, time.Minute-1) // rounded up
	if err != nil || lease != (Lease{TTLMillis: 60_000}) {
		t.Errorf("lease: %+v, %v", lease, err)
	}
	if err := c.Network(ctx, cutOne(t)); err != nil {
		t.Error(err)
	}
	pids, err := c.Clock(ctx, -time.Hour)
	if err != nil || !slices.Equal(pids, []int{7, 8}) {
		t.Errorf("clock: %v, %v", pids, err)
	}
	pids, err = c.Stop(ctx)
	if err != nil || !slices.Equal(pids, []int{7, 8}) {
		t.Errorf("stop: %v, %v", pids, err)
	}
	state, err := c.State(ctx)
	left := state.LeaseMillis
	state.LeaseMillis = 0
	want := State{Rules: cutOne(t), OffsetNanos: -3600_000_000_000, Patched: []int{7, 8}, Stopped: true,
		Counters: []packets.Counter{{Kind: "cut", Peer: cutOne(t).Cuts[0].Peer, Packets: 1, Bytes: 60}}}
	if err != nil || left <= 0 || left > 60_000 || !reflect.DeepEqual(state, want) {
		t.Errorf("state: %+v, %v, lease %d; want %+v", state, err, left, want)
	}
	if err := c.Continue(ctx); err != nil {
		t.Error(err)
	}
	lost, err := c.PowerLoss(ctx)
	if err != nil || lost != (Lost{Files: 2, Bytes: 512}) {
		t.Errorf("lost: %+v, %v", lost, err)
	}
	if err := c.Heal(ctx); err != nil {
		t.Error(err)
	}
	if got := pod.faults(); got != "" {
		t.Errorf("faults after healing: %s", got)
	}
	state, err = c.State(ctx)
	if err != nil || !reflect.DeepEqual(state, State{LeaseMillis: state.LeaseMillis}) {
		t.Errorf("state after healing: %+v, %v", state, err)
	}
	pids, err = c.Kill(ctx)
	if err != nil || !slices.Equal(pids, []int{7, 8}) {
		t.Errorf("kill: %v, %v", pids, err)
	}
	if made.Load() != 1 {
		t.Errorf("%d connections for requests one after the other, want 1", made.Load())
	}
}

func TestClientErrors(t *testing.T) {
	c, pod, _ := realClient(t)
	ctx := t.Context()
	err := c.Network(ctx, cutOne(t))
	if !errors.Is(err, ErrNoLease) || !strings.Contains(err.Error(), "no live lease") {
		t.Errorf("without a lease: %v", err)
	}
	if _, err := c.Lease(ctx, 0); err != nil {
		t.Fatal(err)
	}
	pod.fail("apply", &packets.Unsupported{Reason: "no netem here"})
	err = c.Network(ctx, cutOne(t))
	if no := new(packets.Unsupported); !errors.As(err, &no) || no.Reason != "no netem here" {
		t.Errorf("unsupported: %v", err)
	}
	pod.fail("apply", errTest)
	err = c.Network(ctx, cutOne(t))
	for _, want := range []string{c.base, "PUT /v1/network", "500", errTest.Error()} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in the error: %v", want, err)
		}
	}
	if no := new(packets.Unsupported); errors.As(err, &no) || errors.Is(err, ErrNoLease) {
		t.Errorf("an error of another kind: %v", err)
	}
	if _, err := c.Lease(ctx, time.Hour); err == nil || !strings.Contains(err.Error(), "allowed") {
		t.Errorf("too long a lease: %v", err)
	}
	stranger := NewClient(c.base, "open")
	defer stranger.Close()
	if err := stranger.Heal(ctx); err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("a wrong token: %v", err)
	}
}

// TestClientDistrustsAnswers asks servers that are no agents.
func TestClientDistrustsAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"too large", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"pids":[` + strings.Repeat("1,", answerBytesMax/2) + `1]}`))
		}, "larger than 1048576 bytes"},
		{"no JSON", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("<html>"))
		}, "understood"},
		{"no agent", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, strings.Repeat("long", 1<<18), http.StatusTeapot)
		}, "418 I'm a teapot: longlong"},
		{"elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}, "307"},
		{"other 422", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no", http.StatusUnprocessableEntity)
		}, "422"},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := httptest.NewServer(c.answer)
			defer srv.Close()
			client := NewClient(srv.URL, token)
			defer client.Close()
			pids, err := client.Stop(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || pids != nil {
				t.Fatalf("got %v, %v; want %q", pids, err, c.want)
			}
			if n := len(err.Error()); n > 2<<10 {
				t.Errorf("the error has %d bytes", n)
			}
		})
	}
}

// TestClientAsksAgain: when an agent ends a connection instead of an answer, requests that can be repeated
// are, and no others.
func TestClientAsksAgain(t *testing.T) {
	var asked atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
		answer(w, http.StatusOK, pids{PIDs: []int{7}})
	}))
	defer srv.Close()
	for _, c := range []struct {
		name  string
		order func(c *Client) error
		want  int64 // requests in all, of two orders
	}{
		{"stop", func(c *Client) error { _, err := c.Stop(t.Context()); return err }, 3},
		{"kill", func(c *Client) error { _, err := c.Kill(t.Context()); return err }, 2},
		{"power loss", func(c *Client) error { _, err := c.PowerLoss(t.Context()); return err }, 2},
	} {
		asked.Store(0)
		client := NewClient(srv.URL, token)
		if err := c.order(client); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		err := c.order(client)
		if got := asked.Load(); got != c.want || (err == nil) != (got == 3) {
			t.Errorf("%s: %d requests, want %d; %v", c.name, got, c.want, err)
		}
		client.Close()
	}
}

func TestClientWithoutAgent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	for _, c := range []struct{ base, want string }{
		{"http://" + l.Addr().String(), "refused"},
		{"http://a b", "invalid"},
	} {
		client := NewClient(c.base, token)
		err := client.Heal(t.Context())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.base, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	client := NewClient("http://"+l.Addr().String(), token)
	if err := client.Heal(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}
