package etcd

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// clientPort is where etcd serves clients, peerPort where it serves its peers.
const (
	clientPort = 2379
	peerPort   = 2380
)

// dialer connects a session to a node.
type dialer func(ctx context.Context, session, node string) (net.Conn, error)

// How connections come about. A client that has lost its node tries again three times a second at the least,
// so that it is there soon after a fault is over; gRPC's default would let it wait for two minutes.
const (
	connectLimit = time.Second
	retryFirst   = 50 * time.Millisecond
	retryMost    = 250 * time.Millisecond
)

// An idle connection is looked at now and then. gRPC does not let clients look more often.
const (
	keepAliveEvery = 10 * time.Second
	keepAliveLimit = 2 * time.Second
)

// open returns etcd's client for the given nodes. The library spreads requests over the nodes that it can
// reach. It never repeats one: a repeated write may happen twice, and the failure of its first attempt would
// be forgotten. Connections are made when they are needed.
func open(session string, dial dialer, nodes ...string) (*clientv3.Client, error) {
	endpoints := make([]string, len(nodes))
	for i, node := range nodes {
		endpoints[i] = fmt.Sprintf("http://%s:%d", node, clientPort)
	}
	connect := grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
		node, _, _ := strings.Cut(address, ":")
		conn, err := dial(ctx, session, node)
		if err != nil {
			return nil, err
		}
		return nodeConn{conn, nodeAddr(node)}, nil
	})
	return clientv3.New(clientv3.Config{
		Endpoints: endpoints,
		// Attempts, not repetitions: the library counts the first one.
		MaxUnaryRetries:      1,
		DialKeepAliveTime:    keepAliveEvery,
		DialKeepAliveTimeout: keepAliveLimit,
		Logger:               zap.NewNop(),
		DialOptions: []grpc.DialOption{
			connect,
			grpc.WithStatsHandler(watcher{}),
			grpc.WithDisableRetry(),
			grpc.WithChainUnaryInterceptor(failFast),
			grpc.WithConnectParams(grpc.ConnectParams{
				Backoff: backoff.Config{BaseDelay: retryFirst, Multiplier: 1.6, Jitter: 0.2,
					MaxDelay: retryMost},
				MinConnectTimeout: connectLimit,
			}),
		},
	})
}
