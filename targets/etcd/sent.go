package etcd

import (
	"context"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

// ticket follows one request through the client's library: whether any of it has left for a node, and for
// which one. It is what tells an operation that certainly has not happened from one that may have: errors
// alone do not.
type ticket struct{ node atomic.Pointer[string] }

// sentTo returns the node that the request was last sent to, and whether any of it was sent at all.
func (t *ticket) sentTo() (node string, sent bool) {
	if p := t.node.Load(); p != nil {
		return *p, true
	}
	return "", false
}

type ticketKey struct{}

// withTicket returns a context whose request fills in the ticket.
func withTicket(ctx context.Context) (context.Context, *ticket) {
	t := new(ticket)
	return context.WithValue(ctx, ticketKey{}, t), t
}

// watcher hears from gRPC about every request.
type watcher struct{}

// TagRPC is part of stats.Handler.
func (watcher) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC notes a request whose header was handed to a connection. The request itself follows on the same
// goroutine, never before.
func (watcher) HandleRPC(ctx context.Context, s stats.RPCStats) {
	out, isHeader := s.(*stats.OutHeader)
	t, has := ctx.Value(ticketKey{}).(*ticket)
	if isHeader && has {
		node := ""
		if out.RemoteAddr != nil {
			node = out.RemoteAddr.String()
		}
		t.node.Store(&node)
	}
}

// TagConn is part of stats.Handler.
func (watcher) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn is part of stats.Handler.
func (watcher) HandleConn(context.Context, stats.ConnStats) {}

// nodeConn is a connection that knows the node at its other end by name.
type nodeConn struct {
	net.Conn
	node nodeAddr
}

// RemoteAddr returns the node's name.
func (c nodeConn) RemoteAddr() net.Addr { return c.node }

// nodeAddr is the name of a node as an address.
type nodeAddr string

// Network returns "node".
func (nodeAddr) Network() string { return "node" }

// String returns the node's name.
func (a nodeAddr) String() string { return string(a) }

// failFast makes a request fail at once where no node can be reached. etcd's client would let it wait for a
// connection until its time is over.
func failFast(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker,
	opts ...grpc.CallOption) error {
	return next(ctx, method, req, reply, cc, append(opts, grpc.WaitForReady(false))...)
}
