package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/wire"
)

// cluster is nodes of the mode without leaders that run.
type cluster struct {
	t     *testing.T
	store *refimpl.Config
	dir   string
	peers []string
	nodes []*running
}

// leaderless starts a cluster of three nodes.
func leaderless(t *testing.T, values map[string]any) *cluster {
	t.Helper()
	values["mode"] = refimpl.Leaderless
	store, errs := refimpl.DecodeConfig(3, values)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	c := &cluster{t: t, store: store, dir: t.TempDir(), nodes: make([]*running, 3)}
	for range c.nodes {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		c.peers = append(c.peers, l.Addr().String())
	}
	return c
}

// start starts a node and waits until it serves.
func (c *cluster) start(id int) {
	c.t.Helper()
	ctx, stop := context.WithCancel(c.t.Context())
	ready := make(chan string, 1)
	r := &running{t: c.t, stop: stop, end: make(chan error, 1)}
	go func() {
		r.end <- Run(ctx, Config{ID: id, Store: c.store, Listen: "127.0.0.1:0", ListenPeers: c.peers[id],
			Peers: c.peers, Data: filepath.Join(c.dir, fmt.Sprint(id)), Bootstrap: true, Token: "secret",
			Ready: func(clients, _ net.Addr) { ready <- "http://" + clients.String() }})
	}()
	select {
	case r.base = <-ready:
	case err := <-r.end:
		c.t.Fatal(err)
	}
	c.t.Cleanup(stop)
	c.nodes[id] = r
}

// whole waits until every node that runs reaches n others.
func (c *cluster) whole(n int) {
	c.t.Helper()
	eventually(c.t, "the cluster is whole", func() bool {
		for _, r := range c.nodes {
			if r == nil {
				continue
			}
			reached := 0
			for _, p := range r.status().Peers {
				if p.Connected {
					reached++
				}
			}
			if reached < n {
				return false
			}
		}
		return true
	})
}

// status returns what the node says about itself.
func (r *running) status() (s Status) {
	r.t.Helper()
	if code, body := r.ask("GET", "/v1/status", "", ""); code != 200 ||
		json.Unmarshal([]byte(body), &s) != nil {
		r.t.Fatalf("%d %s", code, body)
	}
	return s
}

// request sends a request and returns the answer.
func (r *running) request(format string, args ...any) *refimpl.Reply {
	r.t.Helper()
	body := fmt.Sprintf(format, args...)
	_, text := r.ask("POST", "/v1/request", body, "")
	var reply wire.Reply
	if err := json.Unmarshal([]byte(text), &reply); err != nil {
		r.t.Fatalf("%s: %v in %s", body, err, text)
	}
	m, err := reply.Message()
	if err != nil {
		r.t.Fatalf("%s: %v in %s", body, err, text)
	}
	return m.Reply
}

// TestLeaderlessCluster: what one node coordinates another one reads, also when the third is dead, and the
// third learns of it when it is back.
func TestLeaderlessCluster(t *testing.T) {
	c := leaderless(t, map[string]any{"coordinator": "node"})
	for id := range c.nodes {
		c.start(id)
	}
	c.whole(2)
	for id, r := range c.nodes {
		if s := r.status(); s.Role != "replica" || s.Leader != 0 || s.Epoch != 1 || s.Node != id+1 {
			t.Errorf("node %d says %+v", id+1, s)
		}
	}
	w := c.nodes[0].request(`{"op":"write","epoch":1,"key":"k","value":7}`)
	if w.Err != refimpl.ErrNone || len(w.Dots) != 1 || w.Home != 7 {
		t.Fatalf("a write: %+v", w)
	}
	reads := func(from int, value int64, dot refimpl.Dot) {
		t.Helper()
		r := c.nodes[from].request(`{"op":"read","key":"k"}`)
		if r.Err != refimpl.ErrNone || r.Value.Num != value || len(r.Dots) != 1 || r.Dots[0] != dot ||
			len(r.Answers) < c.store.R {
			t.Errorf("a read from node %d: %+v, want %d with %+v", from+1, r, value, dot)
		}
	}
	reads(1, 7, w.Dots[0])

	c.nodes[2].stop()
	if err := <-c.nodes[2].end; err != nil {
		t.Fatal(err)
	}
	c.nodes[2] = nil
	w = c.nodes[1].request(`{"op":"write","epoch":1,"key":"k","value":8}`)
	if w.Err != refimpl.ErrNone || w.Acks != 3 {
		t.Fatalf("a write without node 3: %+v", w)
	}
	reads(0, 8, w.Dots[0])

	c.start(2)
	c.whole(2)
	if s := c.nodes[2].status(); s.Epoch != 2 || s.Incarnation != 1 || s.Position != 1 {
		t.Errorf("node 3 is back and says %+v", s)
	}
	w2 := c.nodes[2].request(`{"op":"write","epoch":1,"key":"k","value":9}`)
	if w2.Err != refimpl.ErrRestarted {
		t.Errorf("a write meant for the life before: %+v", w2)
	}
	reads(2, 8, w.Dots[0])
}

// TestClientsThatCoordinate: they store, fetch and undo, and hints name nodes only.
func TestClientsThatCoordinate(t *testing.T) {
	c := leaderless(t, map[string]any{"sloppy": true, "hinted_handoff": true, "hint_after": "1ms",
		"failed_write": "rollback"})
	c.start(0)
	o := refimpl.Register(refimpl.Dot{Writer: 9, N: 5}, refimpl.Value{Kind: refimpl.Int, Num: 70}, false)
	m := refimpl.Message{Req: &refimpl.Request{Op: refimpl.OpStore, Object: &o}}
	text := wire.ToRequest(&m).Object
	r := c.nodes[0]
	for _, hint := range []int{-1, 4, 5, 6, 1 << 30} {
		body := fmt.Sprintf(`{"op":"store","key":"k","hint":%d,"object":"%s"}`, hint, text)
		want := fmt.Sprintf("hint %d names no node; allowed: 1 to 3, or 0 for none", hint)
		status, got := r.ask("POST", "/v1/request", body, "")
		if status != 400 || !strings.Contains(got, want) {
			t.Errorf("%s: %d %s", body, status, got)
		}
	}
	for _, hint := range []int{0, 3} {
		if a := r.request(`{"op":"store","key":"k%d","hint":%d,"object":"%s"}`, hint, hint,
			text); a.Err != refimpl.ErrNone || a.By != 0 {
			t.Errorf("a store with hint %d: %+v", hint, a)
		}
	}
	if a := r.request(`{"op":"fetch","key":"k0"}`); a.Object == nil || !a.Object.Same(o) {
		t.Errorf("fetched %+v, want %+v", a, o)
	}
	if a := r.request(`{"op":"fetch","key":"k3"}`); a.Object == nil || !a.Object.Empty() {
		t.Errorf("fetched %+v, which is kept for node 3", a)
	}
	if a := r.request(`{"op":"undo","key":"k0","object":"%s"}`, text); a.Err != refimpl.ErrNone {
		t.Errorf("an undo: %+v", a)
	}
	if a := r.request(`{"op":"fetch","key":"k0"}`); a.Object == nil || len(a.Object.Siblings) > 0 {
		t.Errorf("fetched %+v, which was undone", a)
	}
}

// talker is a node that answers requests with another message than an answer.
type talker struct{}

func (talker) Step(in *refimpl.Input, fx *refimpl.Effects) {
	if in.Kind == refimpl.InMessage {
		fx.Sends = append(fx.Sends, refimpl.Send{To: in.From, Msg: refimpl.Message{Kind: refimpl.MsgMode}})
	}
}

func (talker) Status() refimpl.Status { return refimpl.Status{} }

// TestNoAnswerAtAll: whatever a node sends to a waiting client, the client is answered.
func TestNoAnswerAtAll(t *testing.T) {
	store, _ := refimpl.DecodeConfig(1, nil)
	s := &Server{cfg: &Config{Store: store}, node: talker{}, log: quiet, clock: newClock(time.Now),
		in: make(chan input, 8), stopped: make(chan struct{}), timer: time.NewTimer(0), next: 1,
		clients: map[refimpl.Addr]chan refimpl.Message{}}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.loop(ctx, nil) }()
	w := httptest.NewRecorder()
	s.web().Handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/request",
		bytes.NewReader([]byte(`{"op":"read","key":"k"}`))))
	if w.Code != 500 || !strings.Contains(w.Body.String(), "something else than an answer") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestADirectoryOfAnotherMode: a node does not take the records of one mode for those of the other.
func TestADirectoryOfAnotherMode(t *testing.T) {
	c := leaderless(t, map[string]any{})
	c.start(0)
	full := refimpl.Register(refimpl.Dot{Writer: 9, N: 5}, refimpl.Value{}, false)
	m := refimpl.Message{Req: &refimpl.Request{Op: refimpl.OpStore, Object: &full}}
	if a := c.nodes[0].request(`{"op":"store","key":"k","object":"%s"}`,
		wire.ToRequest(&m).Object); a.Err != refimpl.ErrNone {
		t.Fatalf("%+v", a)
	}
	c.nodes[0].stop()
	if err := <-c.nodes[0].end; err != nil {
		t.Fatal(err)
	}
	store, _ := refimpl.DecodeConfig(1, nil)
	err := Run(t.Context(), Config{Store: store, Peers: []string{""}, Data: filepath.Join(c.dir, "0")})
	if err == nil || !strings.Contains(err.Error(), "another mode than the configuration's, single-leader") {
		t.Errorf("it starts, or ends with %v", err)
	}
}
