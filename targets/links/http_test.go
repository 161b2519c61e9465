package links

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// TestHTTP has a client whose connections are on the links of a session.
func TestHTTP(t *testing.T) {
	check := noLeaks(t)
	var conns atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	n := network(t)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
		return n.Dial(ctx, "s", "n1", dialer(addr))
	}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	ask := func(d time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, http.NoBody)
		must(t, err)
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		return errors.Join(err, resp.Body.Close())
	}
	for range 10 {
		must(t, ask(patience))
	}
	if k := conns.Load(); k != 1 {
		t.Errorf("10 requests used %d connections", k)
	}
	for _, cut := range [][2]string{{"s", "n1"}, {"n1", "s"}} {
		must(t, n.Cut("f", one(cut[0], cut[1])))
		for range 2 { // on a connection that is there, and on a new one
			if err := ask(moment); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v is cut: %v", cut, err)
			}
		}
		must(t, n.Uncut("f"))
		must(t, ask(patience))
	}
	transport.CloseIdleConnections()
	server.Close()
	must(t, n.Close())
	check()
}
