package agent

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rashomon-harness/rashomon/nemesis/agent/packets"
)

// cutOne cuts a peer.
func cutOne(t *testing.T) packets.Rules {
	t.Helper()
	var c packets.Cut
	if err := c.Peer.UnmarshalText([]byte("10.0.0.2")); err != nil {
		t.Fatal(err)
	}
	return packets.Rules{Cuts: []packets.Cut{c}}
}

// TestShutdownHealsThenCloses runs an agent on a real socket, from the first request to the end.
func TestShutdownHealsThenCloses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pod := newFakePod()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, testConfig(t), pod.parts(), l) }()
	c := NewClient("http://"+l.Addr().String(), token)
	defer c.Close()
	if _, err := c.Lease(ctx, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := c.Network(ctx, cutOne(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if got := pod.faults(); got != "cut 10.0.0.2, 7 stopped, 8 stopped" {
		t.Errorf("before: %s", got)
	}
	if got := pod.take(); got[0] != "heal network" {
		t.Errorf("what an agent before may have left was not healed first: %v", got)
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the agent does not end")
	}
	if got := pod.faults(); got != "" {
		t.Errorf("after the end: %s", got)
	}
	if !slices.Equal(pod.closed, []string{"network", "disk"}) {
		t.Errorf("closed: %v", pod.closed)
	}
	if _, err := c.Health(t.Context()); err == nil {
		t.Error("the agent answers after its end")
	}
}

// TestShutdownTriesOn: at the end, too, healing is tried again, for a while.
func TestShutdownTriesOn(t *testing.T) {
	for _, c := range []struct {
		name   string
		broken time.Duration // how long healing fails
		took   time.Duration
		want   string // in the error
	}{
		{"soon well", time.Second, 1500 * time.Millisecond, ""}, // tries after 0.1, 0.3, 0.7, 1.5 s
		{"never well", time.Hour, shutdownHealing, "the kernel said no"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pod, l := newFakePod(), newPipes()
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- serve(ctx, testConfig(t), pod.parts(), l) }()
				synctest.Wait()
				pod.fail("heal", errTest)
				began := time.Now()
				time.AfterFunc(c.broken, func() { pod.fail("heal", nil) })
				cancel()
				err := <-ended
				if took := time.Since(began); took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
				if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %q", err, c.want)
				}
				if len(pod.closed) != 2 {
					t.Errorf("closed: %v", pod.closed)
				}
			})
		})
	}
}

// TestEndingAgentTakesNoFaults asks an agent whose healing at the end is under way.
func TestEndingAgentTakesNoFaults(t *testing.T) {
	inBubble(t, func(t *testing.T, a *agentInBubble) {
		a.must(`PUT /v1/lease good {"ttl_ms":600000}`)
		a.pod.fail("heal", errTest)
		ended := make(chan error)
		go func() { ended <- a.k.close() }()
		synctest.Wait()
		if got := request(t, a.api, `PUT /v1/lease good {"ttl_ms":1000}`); !strings.HasPrefix(got, "503 ") {
			t.Errorf("a lease: %s", got)
		}
		a.pod.fail("heal", nil)
		if got := request(t, a.api, `POST /v1/stop good`); !strings.HasPrefix(got, "503 ") {
			t.Errorf("a fault: %s", got)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if got := a.pod.faults(); got != "" {
			t.Errorf("faults: %s", got)
		}
	})
}

func TestListenerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pod, l := newFakePod(), newPipes()
		pod.fail("close", errTest)
		ended := make(chan error, 1)
		go func() { ended <- serve(t.Context(), testConfig(t), pod.parts(), l) }()
		synctest.Wait()
		_ = l.Close()
		err := <-ended
		if !errors.Is(err, net.ErrClosed) || !errors.Is(err, errTest) {
			t.Errorf("got %v, want both that it cannot serve and that it cannot close", err)
		}
	})
}

// TestConnectionsAreBounded opens one connection more than there is room for.
func TestConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := newPipes()
		l := newLimited(inner, 2)
		accepted := make(chan net.Conn, 3)
		go func() {
			defer close(accepted)
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				accepted <- conn
			}
		}()
		for range 3 {
			go func() { _, _ = inner.dial(t.Context(), "", "") }()
		}
		synctest.Wait()
		if len(accepted) != 2 {
			t.Fatalf("%d connections, want 2", len(accepted))
		}
		first := <-accepted
		_ = first.Close()
		_ = first.Close() // makes room once
		synctest.Wait()
		if len(accepted) != 2 {
			t.Errorf("%d connections after one was closed, want 2", len(accepted))
		}
		_ = l.Close()
		_ = l.Close()
		for conn := range accepted {
			_ = conn.Close()
		}
	})
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{}, "token"},
		{Config{Token: "x", TTL: -1}, "allowed"},
		{Config{Token: "x", TTL: time.Hour}, "10m0s"},
		{Config{Token: "x", DataDir: "/data"}, "both or none"},
		{Config{Token: "x", Listen: "nowhere:at:all"}, "listen"},
	} {
		if err := Run(t.Context(), c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.cfg, err, c.want)
		}
	}
	cfg, err := Config{Token: "x"}.complete()
	if err != nil || cfg.TTL != DefaultTTL || cfg.Log == nil || cfg.Version == "" {
		t.Errorf("completed to %+v, %v", cfg, err)
	}
}
