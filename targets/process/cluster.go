package process

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/targets/links"
	"github.com/rashomon-harness/rashomon/targets/reference"
)

// cluster is the nodes, the links between them, and the clients.
type cluster struct {
	*reference.Live
	*links.Network
	fleet *reference.Fleet
	admin *reference.Admin
	dir   string
	nodes []*node
	names []string
}

// newCluster makes everything but the processes.
func newCluster(spec *targets.Spec, store *refimpl.Config, bases []reference.Base, command []string,
	dir string) (*cluster, error) {
	c := &cluster{dir: dir, names: slices.Clone(spec.Nodes), Network: links.New(spec.Nodes)}
	config, err := json.Marshal(spec.Config)
	if err != nil {
		return c, err
	}
	if spec.Config == nil {
		config = []byte("{}")
	}
	for _, b := range bases {
		if err := c.Base(b.Links, b.Shape); err != nil {
			return c, err
		}
	}
	token := rand.Text()
	for _, name := range spec.Nodes {
		c.nodes = append(c.nodes, &node{name: name, dir: filepath.Join(dir, name)})
	}
	for i, n := range c.nodes { // only now: proxies look at all of them
		if n.proxies, err = c.proxies(i); err != nil {
			return c, err
		}
		peers := make([]string, len(spec.Nodes))
		for j, p := range n.proxies {
			peers[j] = p.Addr()
		}
		n.command = append(slices.Clone(command), nodeArgs(i, peers, string(config), spec.Seed)...)
		n.env = append(os.Environ(), "RASHOMON_TOKEN="+token)
	}
	c.admin = reference.NewAdmin(token, c.dial)
	c.fleet = reference.NewFleet(c.admin, c.names, func(name string) (bool, error) {
		n, err := c.node(name)
		return err == nil && n.running(), err
	})
	c.Live = reference.NewLive(store, reference.NewMapper(spec.Nodes, store.Shards), spec.Seed,
		func(ctx context.Context, session, name string) (net.Conn, error) {
			return c.Dial(ctx, session, name, func(ctx context.Context) (net.Conn,
				error) {
				return c.dial(ctx, name)
			})
		})
	return c, nil
}

// proxies returns the proxies through which node i dials the nodes with lower ids. They know nobody's address
// until they are dialled: a node that starts again listens elsewhere.
func (c *cluster) proxies(i int) ([]*links.Proxy, error) {
	var out []*links.Proxy
	for j := range i {
		p, err := c.Proxy(c.names[i], c.names[j], func(ctx context.Context) (net.Conn, error) {
			_, peers := c.nodes[j].addresses()
			return new(net.Dialer).DialContext(ctx, "tcp", peers)
		})
		if err != nil {
			return out, err
		}
		out = append(out, p)
	}
	return out, nil
}

// dial connects to a node where its clients do.
func (c *cluster) dial(ctx context.Context, name string) (net.Conn, error) {
	n, err := c.node(name)
	if err != nil {
		return nil, err
	}
	clients, _ := n.addresses()
	return new(net.Dialer).DialContext(ctx, "tcp", clients)
}

// start starts all nodes.
func (c *cluster) start(ctx context.Context) error {
	errs := make([]error, len(c.nodes))
	var all sync.WaitGroup
	for i, n := range c.nodes {
		all.Go(func() { errs[i] = c.startNode(ctx, n) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// startLimit bounds how long a node takes to serve.
const startLimit = 15 * time.Second

// startNode starts a node and returns when it answers.
func (c *cluster) startNode(ctx context.Context, n *node) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	err := n.start(ctx)
	if err == nil {
		err = c.fleet.Await(ctx, n.name, n.ended)
	}
	if err == nil {
		err = c.fleet.Started(ctx, n.name)
	}
	if err != nil { // half a node is none: it can be tried again
		return errors.Join(err, n.kill())
	}
	return nil
}

// Nodes returns the names of the nodes.
func (c *cluster) Nodes() []string { return slices.Clone(c.names) }

func (c *cluster) node(name string) (*node, error) {
	i := slices.Index(c.names, name)
	if i < 0 {
		return nil, fmt.Errorf("there is no node named %q: the nodes are %v", name, c.names)
	}
	return c.nodes[i], nil
}

// Settled reports whether all nodes are up and all pairs talk to each other again.
func (c *cluster) Settled() (ok bool, missing string) {
	return c.fleet.Settled()
}

// Status returns what the nodes say about themselves.
func (c *cluster) Status() []targets.NodeStatus { return c.fleet.Status() }

// Clock returns what the clocks of a node show, by its own answer.
func (c *cluster) Clock(node string) (targets.Clocks, error) { return c.fleet.Clock(node) }

// Marks returns how often each mark of the store was reached, as far as was seen.
func (c *cluster) Marks() map[string]int64 { return c.fleet.Marks() }

// logMax is the most bytes of a log that are handed on: its end.
const logMax = 16 << 20

// Logs returns what a node has logged, in all its lives.
func (c *cluster) Logs(name string) ([]byte, error) {
	n, err := c.node(name)
	if err != nil {
		return nil, err
	}
	return n.log(logMax)
}

// Close ends all nodes and removes their data.
func (c *cluster) Close() error {
	if c.Live != nil {
		c.Live.Close()
	}
	if c.admin != nil {
		c.admin.Close()
	}
	var errs []error
	for _, n := range c.nodes {
		errs = append(errs, n.kill())
	}
	errs = append(errs, c.Network.Close(), os.RemoveAll(c.dir))
	return errors.Join(errs...)
}
