package etcd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rashomon-harness/rashomon/targets"
)

// Bounds of looking at nodes.
const (
	lookLimit = 300 * time.Millisecond
	readLimit = time.Second
)

// look asks all nodes at once for their status. A node that did not answer in time has an error.
func (c *cluster) look() ([]*clientv3.StatusResponse, []error) {
	out := make([]*clientv3.StatusResponse, len(c.nodes))
	errs := c.all(lookLimit, func(ctx context.Context, i int) (err error) {
		client, err := c.watch.client(c.nodes[i])
		if err != nil {
			return err
		}
		// The library's own Status makes a connection each time.
		remote := clientv3.RetryMaintenanceClient(client, client.ActiveConnection())
		out[i], err = clientv3.NewMaintenanceFromMaintenanceClient(remote, client).Status(ctx, c.nodes[i])
		return err
	})
	return out, errs
}

// all does something to all nodes that are up, at once, and returns the errors by node.
func (c *cluster) all(limit time.Duration, do func(ctx context.Context, i int) error) []error {
	ctx, cancel := context.WithTimeout(c.ctx, limit)
	defer cancel()
	errs := make([]error, len(c.nodes))
	var group sync.WaitGroup
	for i, node := range c.nodes {
		if c.isDown(node) {
			errs[i] = fmt.Errorf("%s is down", node)
			continue
		}
		group.Go(func() {
			if err := do(ctx, i); err != nil {
				errs[i] = fmt.Errorf("%s: %w", node, err)
			}
		})
	}
	group.Wait()
	return errs
}

// Status returns what the nodes say about themselves. A node that knows no leader has no role.
func (c *cluster) Status() []targets.NodeStatus {
	states, errs := c.look()
	out := make([]targets.NodeStatus, len(c.nodes))
	for i, node := range c.nodes {
		out[i] = targets.NodeStatus{Node: node, Up: true}
		if errs[i] != nil {
			out[i].Up = !c.isDown(node) && c.pods.Running(node)
			continue
		}
		out[i].Epoch, out[i].Position = states[i].RaftTerm, int64(states[i].RaftIndex)
		switch states[i].Leader {
		case 0:
		case states[i].Header.GetMemberId():
			out[i].Role = "leader"
		default:
			out[i].Role = "follower"
		}
	}
	return out
}

// Settled reports whether all nodes are up, agree on the leader and its term, have each served a linearizable
// read, for which a follower must hear the leader and the leader a majority, and call each of their peers
// active.
func (c *cluster) Settled() (ok bool, missing string) {
	states, errs := c.look()
	if missing = first(errs); missing != "" {
		return false, missing
	}
	for i, s := range states {
		switch {
		case s.Leader == 0:
			return false, c.nodes[i] + " knows no leader"
		case s.Leader != states[0].Leader || s.RaftTerm != states[0].RaftTerm:
			return false, fmt.Sprintf("%s and %s disagree on the leader or its term", c.nodes[0], c.nodes[i])
		}
	}
	missing = first(c.all(readLimit, func(ctx context.Context, i int) error {
		return c.readThrough(ctx, c.nodes[i])
	}))
	if missing != "" {
		c.inactive(false)
		return false, missing
	}
	missing = first(c.all(readLimit, func(ctx context.Context, i int) error {
		return c.countPeers(ctx, c.nodes[i])
	}))
	if c.inactive(missing != "") > inactiveLimit {
		missing = ""
	}
	return missing == "", missing
}

// inactiveLimit is how long the word of etcd's metrics is taken that a peer is not active, while everything
// else is as it should be. Streams that are dead are replaced within 5 s. But a message that fails late, of a
// time before, makes a peer inactive whose streams run already, and nothing makes it active again.
const inactiveLimit = 12 * time.Second

// inactive notes whether a peer is called inactive, and returns since how long that has been so.
func (c *cluster) inactive(now bool) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !now:
		c.idle = time.Time{}
		return 0
	case c.idle.IsZero():
		c.idle = time.Now()
	}
	return time.Since(c.idle)
}

func first(errs []error) string {
	for _, err := range errs {
		if err != nil {
			return err.Error()
		}
	}
	return ""
}

// probeKey is a key that no workload uses.
const probeKey = "rashomon"

// readThrough reads linearizably through a node.
func (c *cluster) readThrough(ctx context.Context, node string) error {
	client, err := c.watch.client(node)
	if err != nil {
		return err
	}
	_, err = client.Get(ctx, probeKey)
	return err
}

// activePeers is the metric that has a line for every peer, 1 where the member's streams to and from it run.
const activePeers = "etcd_network_active_peers{"

// countPeers asks a node's metrics whether it talks to all other nodes.
func (c *cluster) countPeers(ctx context.Context, node string) error {
	response, err := c.get(ctx, node, "/metrics")
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	active, err := active(response.Body)
	if err == nil && active != len(c.nodes)-1 {
		err = fmt.Errorf("it talks to %d of %d other nodes", active, len(c.nodes)-1)
	}
	return err
}

// active counts the active peers in a text of metrics.
func active(metrics io.Reader) (n int, err error) {
	lines := bufio.NewScanner(metrics)
	for lines.Scan() {
		if line := lines.Text(); strings.HasPrefix(line, activePeers) && strings.HasSuffix(line, " 1") {
			n++
		}
	}
	return n, lines.Err()
}

// Clock returns what time a node thinks it is, in whole seconds: the date of its answer to a request. How its
// monotonic clock stands it does not tell.
func (c *cluster) Clock(node string) (targets.Clocks, error) {
	ctx, cancel := context.WithTimeout(c.ctx, readLimit)
	defer cancel()
	response, err := c.get(ctx, node, "/version")
	if err != nil {
		return targets.Clocks{}, fmt.Errorf("asking %s for the time: %w", node, err)
	}
	defer func() { _ = response.Body.Close() }()
	date, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return targets.Clocks{}, fmt.Errorf("%s does not tell the time: %w", node, err)
	}
	return targets.Clocks{Wall: date.UnixNano()}, nil
}

// get asks a node's web server, over a connection of its own and past all faults of clients' links.
func (c *cluster) get(ctx context.Context, node, path string) (*http.Response, error) {
	transport := &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return c.pods.Dial(ctx, node, clientPort)
		}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+node+path, nil)
	if err != nil {
		return nil, err
	}
	return transport.RoundTrip(request)
}
