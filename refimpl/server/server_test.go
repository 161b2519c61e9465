package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// running is a cluster of one node that runs.
type running struct {
	t    *testing.T
	base string
	stop context.CancelFunc
	end  chan error
}

func run(t *testing.T, dir string) *running {
	t.Helper()
	store, errs := refimpl.DecodeConfig(1, nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	ctx, stop := context.WithCancel(t.Context())
	ready := make(chan string, 1)
	r := &running{t: t, stop: stop, end: make(chan error, 1)}
	go func() {
		r.end <- Run(ctx, Config{Store: store, Listen: "127.0.0.1:0", ListenPeers: "127.0.0.1:0",
			Peers: []string{""}, Data: dir, Bootstrap: true, Token: "secret",
			Ready: func(clients, _ net.Addr) { ready <- "http://" + clients.String() }})
	}()
	select {
	case r.base = <-ready:
	case err := <-r.end:
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return r
}

// ask sends a request and returns status and body.
func (r *running) ask(method, path, body, token string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequest(method, r.base+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(b))
}

// leads waits until the node leads, and returns its epoch.
func (r *running) leads() uint64 {
	r.t.Helper()
	var s Status
	eventually(r.t, "the node leads", func() bool {
		_, body := r.ask("GET", "/v1/status", "", "")
		return json.Unmarshal([]byte(body), &s) == nil && s.Role == "leader"
	})
	return s.Epoch
}

func TestANodeAndItsNextLife(t *testing.T) {
	dir := t.TempDir()
	r := run(t, dir)
	r.leads()
	write := `{"op":"write","epoch":1,"key":"k","value":[1,"x"]}`
	if status, body := r.ask("POST", "/v1/request", write, ""); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	r.stop()
	if err := <-r.end; err != nil {
		t.Fatal(err)
	}
	r = run(t, dir)
	if epoch := r.leads(); epoch < 2 {
		t.Errorf("it leads again in epoch %d", epoch)
	}
	status, body := r.ask("POST", "/v1/request", `{"op":"read","key":"k"}`, "")
	if status != 200 || !strings.Contains(body, `"value":[1,"x"]`) {
		t.Errorf("%d %s", status, body)
	}
}

func TestRequests(t *testing.T) {
	r := run(t, t.TempDir())
	r.leads()
	for _, tc := range []struct {
		method, path, body, token string
		status                    int
		want                      string
	}{
		{"POST", "/v1/request", `{"op":"read","key":"none"}`, "", 200, `"by":0`},
		// epoch 0
		{"POST", "/v1/request", `{"op":"write","key":"k","value":1}`, "", 503, `"error":"deposed"`},
		{"POST", "/v1/request", `{"op":"append","epoch":1,"key":"l","value":1}`, "", 200, `"index"`},
		{"POST", "/v1/request", `{"op":"write","epoch":1,"key":"l","value":1}`, "", 200, `"index"`},
		{"POST", "/v1/request", `{"op":"append","epoch":1,"key":"l","value":1}`, "", 400,
			`"error":"bad-request"`},
		{"POST", "/v1/request", `{"op":"fly","key":"k"}`, "", 400, "op \\\"fly\\\" is unknown"},
		{"POST", "/v1/request", `{"op":"read","key":"k"} {}`, "", 400, "more than one JSON value"},
		{"POST", "/v1/request", `{"op":"read","key":"k","colour":1}`, "", 400, "colour"},
		{"POST", "/v1/request", `[`, "", 400, "cannot be read"},
		{"GET", "/v1/leader?shard=0", "", "", 200, `{"shard":0,"leader":0,"epoch":1}`},
		{"GET", "/v1/leader?shard=1", "", "", 400, "allowed: 0 to 0"},
		{"GET", "/v1/leader", "", "", 400, "allowed: 0 to 0"},
		{"POST", "/v1/promote", "{}", "wrong", 403, "the cluster's token"},
		{"POST", "/v1/promote", "{}", "", 403, "the cluster's token"},
		{"PUT", "/v1/clock/a", `{"step_ns":5}`, "secret", 200, "{}"},
		{"PUT", "/v1/clock/a", `{"step":5}`, "secret", 400, "step"},
		{"DELETE", "/v1/clock/a", "", "secret", 200, "{}"},
		{"PUT", "/v1/disk/a", `{"fail":"melt"}`, "secret", 400, "stall"},
		{"PUT", "/v1/disk/a", `{"slow":2}`, "secret", 200, "{}"},
		{"DELETE", "/v1/disk/a", "", "secret", 200, "{}"},
		{"POST", "/v1/promote", "{}", "secret", 200, "{}"},
		{"GET", "/v1/nothing", "", "", 404, ""},
	} {
		status, body := r.ask(tc.method, tc.path, tc.body, tc.token)
		if status != tc.status || !strings.Contains(body, tc.want) {
			t.Errorf("%s %s %s: %d %s, want %d with %s", tc.method, tc.path, tc.body, status, body, tc.status,
				tc.want)
		}
	}
	big := bytes.Repeat([]byte(" "), bodyMax+1)
	if status, body := r.ask("POST", "/v1/request", string(big), ""); status != 400 {
		t.Errorf("a body of %d bytes: %d %s", len(big), status, body)
	}
}

// A node whose disk fails stops itself, and says so.
func TestADiskThatFails(t *testing.T) {
	r := run(t, t.TempDir())
	r.leads()
	if status, body := r.ask("PUT", "/v1/disk/a", `{"fail":"eio"}`, "secret"); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	go func() {
		resp, err := http.Post(r.base+"/v1/request", "application/json",
			strings.NewReader(`{"op":"write","epoch":1,"key":"k","value":1}`))
		if err == nil {
			_ = resp.Body.Close()
		}
	}()
	if err := <-r.end; err == nil || !strings.Contains(err.Error(), "the disk refused a write") {
		t.Errorf("it ended with %v", err)
	}
}

func TestWhatCannotBeStarted(t *testing.T) {
	store, _ := refimpl.DecodeConfig(3, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	three := []string{"", "", ""}
	for name, tc := range map[string]struct {
		cfg  Config
		want string
	}{
		"id":         {Config{ID: 3, Peers: three, Data: t.TempDir()}, "node 4 is none of the 3 nodes"},
		"peers":      {Config{Peers: three[:2], Data: t.TempDir()}, "2 addresses of peers for 3 nodes"},
		"no data":    {Config{Peers: three}, "needs a data directory"},
		"port taken": {Config{Peers: three, Data: t.TempDir(), Listen: taken}, "cannot listen at " + taken},
		"data":       {Config{Peers: three, Data: "/dev/null/x"}, "data directory"},
	} {
		tc.cfg.Store = store
		if err := Run(t.Context(), tc.cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
}
