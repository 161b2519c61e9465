package etcd

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/targets/container"
	"github.com/rashomon-harness/rashomon/targets/links"
)

// pods is what runs the nodes: a deployment.
type pods interface {
	targets.Partitioner
	targets.Shaper
	targets.Killer
	targets.Pauser
	targets.ClockSkewer
	// Dial connects to a port of a node, whatever lies between clients and nodes.
	Dial(ctx context.Context, node string, port int) (net.Conn, error)
	Running(node string) bool
	Logs(ctx context.Context, node string) ([]byte, error)
	Abilities(ctx context.Context) ([]targets.Ability, error)
	Lapsed() error
	Keep() (hint string)
	Close() error
}

// cluster is etcd's nodes and the clients of a run. Faults between nodes happen in the pods, faults between
// clients and nodes in the userspace network.
type cluster struct {
	pods
	nodes  []string
	cfg    *config
	engine *container.Engine // closed with the cluster; nil for none
	wire   *links.Network
	both   *links.Both     // faults of links, divided between wire and pods
	ctx    context.Context // ends with Close
	end    context.CancelFunc

	watch arm // the harness's own client, which no fault separates from the nodes

	mu   sync.Mutex
	idle time.Time          // since when a peer has been called inactive; zero when none is
	arms map[[2]string]*arm // by session and device
	down map[string]bool
}

func newCluster(nodes []string, cfg *config, p pods, wire *links.Network) *cluster {
	c := &cluster{pods: p, nodes: slices.Clone(nodes), cfg: cfg, wire: wire, arms: map[[2]string]*arm{},
		down: map[string]bool{}, both: links.NewBoth(nodes, wire, p)}
	c.ctx, c.end = context.WithCancel(context.Background())
	c.watch = arm{nodes: c.nodes, dial: c.dialPast, ctx: c.ctx, clients: map[string]*clientv3.Client{}}
	return c
}

// Nodes returns the names of the nodes.
func (c *cluster) Nodes() []string { return slices.Clone(c.nodes) }

// Client returns the client of a session on a device.
func (c *cluster) Client(session, device string) targets.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := [2]string{session, device}
	if a := c.arms[name]; a != nil {
		return a
	}
	a := &arm{session: session, nodes: c.nodes, home: homeOf(session, c.nodes), reads: c.cfg.reads,
		limit: c.cfg.requestTimeout, dial: c.dialThrough, ctx: c.ctx, clients: map[string]*clientv3.Client{}}
	c.arms[name] = a
	return a
}

// dialThrough connects a session to a node over the link between them.
func (c *cluster) dialThrough(ctx context.Context, session, node string) (net.Conn, error) {
	return c.wire.Dial(ctx, session, node, func(ctx context.Context) (net.Conn, error) {
		return c.pods.Dial(ctx, node, clientPort)
	})
}

// dialPast connects the harness to a node, past all faults of clients' links.
func (c *cluster) dialPast(ctx context.Context, _, node string) (net.Conn, error) {
	return c.pods.Dial(ctx, node, clientPort)
}

// Close ends the clients, the nodes and their network. It is an error when faults were not in force all the
// time.
func (c *cluster) Close() error {
	return errors.Join(c.pods.Lapsed(), c.endClients(), c.pods.Close(), c.closeEngine())
}

// Keep ends the clients and leaves the nodes as they are.
func (c *cluster) Keep() (hint string, err error) {
	return c.pods.Keep(), c.Close() // of pods that are kept, Close ends nothing
}

// logLimit bounds how long the reading of a log takes.
const logLimit = 10 * time.Second

// Logs returns what a node has logged since the start of the run; of long logs the end.
func (c *cluster) Logs(node string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), logLimit)
	defer cancel()
	return c.pods.Logs(ctx, node)
}

func (c *cluster) closeEngine() error {
	if c.engine == nil {
		return nil
	}
	return c.engine.Close()
}

func (c *cluster) endClients() error {
	c.end()
	c.mu.Lock()
	defer c.mu.Unlock()
	errs := []error{c.watch.close()}
	for _, a := range c.arms {
		errs = append(errs, a.close())
	}
	return errors.Join(append(errs, c.wire.Close())...)
}
