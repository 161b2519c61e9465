package etcd

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/targets"
)

// fakeNode serves etcd's requests for keys as it is told, and notes them.
type fakeNode struct {
	pb.UnimplementedKVServer
	listener net.Listener
	server   *grpc.Server

	mu    sync.Mutex
	seen  []any
	err   error         // what every request is answered with
	block chan struct{} // where it is there, no request is answered before it is closed
}

func newFakeNode(t *testing.T) *fakeNode {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &fakeNode{listener: l, server: grpc.NewServer()}
	pb.RegisterKVServer(n.server, n)
	go func() { _ = n.server.Serve(l) }()
	t.Cleanup(n.server.Stop)
	return n
}

func (n *fakeNode) answer(request any) error {
	n.mu.Lock()
	n.seen = append(n.seen, request)
	err, block := n.err, n.block
	n.mu.Unlock()
	if block != nil {
		<-block
	}
	return err
}

// silence makes the node take requests and answer none while the test runs, even if their time is over:
// its answer to such a one can be faster than the client's own clock.
func (n *fakeNode) silence(t *testing.T) {
	block := make(chan struct{})
	n.mu.Lock()
	n.block = block
	n.mu.Unlock()
	t.Cleanup(func() { close(block) })
}

func (n *fakeNode) requests() []any {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]any(nil), n.seen...)
}

func (n *fakeNode) Range(_ context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	return &pb.RangeResponse{Header: &pb.ResponseHeader{Revision: 9},
		Kvs: []*mvccpb.KeyValue{{Key: r.Key, Value: []byte("7"), ModRevision: 5}}}, n.answer(r)
}

func (n *fakeNode) Put(_ context.Context, r *pb.PutRequest) (*pb.PutResponse, error) {
	return &pb.PutResponse{Header: &pb.ResponseHeader{Revision: 9}}, n.answer(r)
}

// rig is a client of fake nodes.
type rig struct {
	*arm
	t     *testing.T
	nodes map[string]*fakeNode
}

func newRig(t *testing.T, reads string, names ...string) *rig {
	t.Helper()
	r := &rig{t: t, nodes: map[string]*fakeNode{}}
	ctx, end := context.WithCancel(context.Background())
	r.arm = &arm{session: "s1", nodes: names, home: names[0], reads: reads, limit: 300 * time.Millisecond,
		ctx: ctx, clients: map[string]*clientv3.Client{}}
	r.dial = func(ctx context.Context, session, node string) (net.Conn, error) {
		if session != "s1" {
			t.Errorf("session %q dials", session)
		}
		return new(net.Dialer).DialContext(ctx, "tcp", r.nodes[node].listener.Addr().String())
	}
	for _, name := range names {
		r.nodes[name] = newFakeNode(t)
	}
	t.Cleanup(func() {
		end()
		if err := r.close(); err != nil {
			t.Errorf("closing the client: %v", err)
		}
	})
	return r
}

// do carries out an operation, which must end within its time and a little.
func (r *rig) do(ev history.Event) targets.Completion {
	r.t.Helper()
	return submit(r.t, r.arm, ev, r.limit+5*time.Second)
}

// submit carries out an operation that must complete once within the limit.
func submit(t *testing.T, c targets.Client, ev history.Event, limit time.Duration) targets.Completion {
	t.Helper()
	out := make(chan targets.Completion, 2)
	c.Submit(&ev, func(c targets.Completion) { out <- c })
	ev = history.Event{} // it must not have been kept
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case c := <-out:
		return c
	case <-timer.C:
		t.Fatalf("no completion within %v", limit)
	}
	return targets.Completion{}
}

func read(key string) history.Event { return history.Event{F: history.FRead, Key: key} }

func write(key string, v int64) history.Event {
	return history.Event{F: history.FWrite, Key: key, Value: num(v)}
}

func TestReadsGoHome(t *testing.T) {
	for _, reads := range []string{linearizableReads, serializableReads} {
		r := newRig(t, reads, "n1", "n2")
		near := read("a")
		near.Node = "n2"
		for i, ev := range []history.Event{read("a"), near, {F: history.FPeek, Key: "a", Node: "n2"}} {
			c := r.do(ev)
			node := []string{"n1", "n2", "n2"}[i]
			if !c.Value.Equal(num(7)) || c.Node != node || c.Ev.By != node ||
				c.Ev.Ver[0] != (history.Version{Source: "etcd", N: 5}) {
				t.Errorf("%s: %s at %q: %+v, evidence %+v", reads, ev.F, ev.Node, c, c.Ev)
			}
		}
		first, second := r.nodes["n1"].requests(), r.nodes["n2"].requests()
		if len(first) != 1 || len(second) != 2 {
			t.Fatalf("%s: %d and %d requests", reads, len(first), len(second))
		}
		serializable := reads == serializableReads
		if first[0].(*pb.RangeRequest).Serializable != serializable ||
			second[0].(*pb.RangeRequest).Serializable != serializable ||
			!second[1].(*pb.RangeRequest).Serializable {
			t.Errorf("%s: %v %v", reads, first, second)
		}
	}
}

// Writes find a node that can be reached.
func TestWritesGoAnywhere(t *testing.T) {
	r := newRig(t, linearizableReads, "n1", "n2", "n3")
	r.nodes["n1"].server.Stop()
	r.nodes["n3"].server.Stop()
	c := r.do(write("a", 1))
	if c.Err.Code != history.NoError || c.Node != "n2" || c.Ev.By != "n2" ||
		c.Ev.Ver[0] != (history.Version{Source: "etcd", N: 9}) {
		t.Errorf("%+v, evidence %+v", c, c.Ev)
	}
}

// A request is sent once, whatever the answer: an operation that may have happened stays one, and never
// happens twice.
func TestNothingIsSentTwice(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want history.Code
	}{
		{rpctypes.ErrGRPCStopped, history.ConnectionLost},
		{rpctypes.ErrGRPCNoLeader, history.Deposed},
		{rpctypes.ErrGRPCTimeoutDueToLeaderFail, history.Timeout},
		{status.Error(codes.Unavailable, "there is no connection available"), history.ConnectionLost},
		{status.Error(codes.Unavailable, "anything"), history.ConnectionLost},
		{rpctypes.ErrGRPCNotSupportedForLearner, history.Unsupported},
		{rpctypes.ErrGRPCAuthOldRevision, history.Internal},
	} {
		r := newRig(t, linearizableReads, "n1", "n2")
		for _, n := range r.nodes {
			n.err = tc.err
		}
		if c := r.do(write("a", 1)); c.Err.Code != tc.want {
			t.Errorf("%v: %v %s, want %v", tc.err, c.Err.Code, c.Err.Text, tc.want)
		}
		if c := r.do(read("a")); c.Err.Code == history.NoError || c.Node == "" && etcdKnows(tc.err) {
			t.Errorf("%v: a read ends with %+v", tc.err, c)
		}
		if n := len(r.nodes["n1"].requests()) + len(r.nodes["n2"].requests()); n != 2 {
			t.Errorf("%v: %d requests for a write and a read", tc.err, n)
		}
	}
}

func etcdKnows(err error) bool { _, ok := etcdErrors[rpctypes.ErrorDesc(err)]; return ok }

// A node that took the request and does not answer leaves a write undecided.
func TestNoAnswer(t *testing.T) {
	r := newRig(t, linearizableReads, "n1")
	r.nodes["n1"].silence(t)
	for _, ev := range []history.Event{write("a", 1), read("a")} {
		if c := r.do(ev); c.Err.Code != history.Timeout || c.Node != "" {
			t.Errorf("%s: %+v", ev.F, c)
		}
	}
	if n := len(r.nodes["n1"].requests()); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

// A connection that breaks while the node has the request leaves a write undecided.
func TestConnectionLost(t *testing.T) {
	r := newRig(t, linearizableReads, "n1")
	r.limit = 10 * time.Second
	n := r.nodes["n1"]
	n.silence(t)
	go func() {
		waitFor(t, "the request to be there", func() bool { return len(n.requests()) > 0 })
		n.server.Stop()
	}()
	if c := r.do(write("a", 1)); c.Err.Code != history.ConnectionLost {
		t.Errorf("%+v", c)
	}
}

// Where no connection comes about nothing was sent, and the write has certainly not happened: nobody listens,
// or somebody who never says a word.
func TestNothingWasSent(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	for _, listener := range []net.Listener{silent, nil} {
		r := newRig(t, linearizableReads, "n1")
		r.nodes["n1"].server.Stop()
		if listener != nil {
			r.nodes["n1"].listener = listener
		}
		for _, ev := range []history.Event{write("a", 1), read("a")} {
			if c := r.do(ev); c.Err.Code != history.ConnectionRefused || c.Err.Text == "" || c.Node != "" {
				t.Errorf("%s: %+v", ev.F, c)
			}
		}
	}
}

// A client that has lost its node is back soon after the node is.
func TestReconnects(t *testing.T) {
	r := newRig(t, linearizableReads, "n1")
	at := r.nodes["n1"].listener.Addr().String()
	r.nodes["n1"].server.Stop()
	for range 10 { // enough for gRPC to back off
		r.do(write("a", 1))
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	again := newFakeNode(t)
	go func() { _ = again.server.Serve(l) }()
	waitFor(t, "a write to go well", func() bool { return r.do(write("a", 1)).Err.Code == history.NoError })
}

func TestClosedClient(t *testing.T) {
	r := newRig(t, linearizableReads, "n1")
	r.do(write("a", 1))
	ctx, end := context.WithCancel(context.Background())
	r.ctx = ctx
	end()
	for _, ev := range []history.Event{write("a", 1), read("a")} {
		if c := r.do(ev); c.Err.Code == history.NoError {
			t.Errorf("%s of a closed client went well", ev.F)
		}
	}
}

// waitFor waits until a condition holds.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(30 * time.Second)
	defer end.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-end.C:
			t.Errorf("waited in vain for %s", what)
			return
		}
	}
}
