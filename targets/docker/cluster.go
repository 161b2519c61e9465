package docker

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/targets/container"
	"github.com/rashomon-harness/rashomon/targets/links"
	"github.com/rashomon-harness/rashomon/targets/reference"
)

// Where a node listens in its pod, and where its data is.
const (
	clientPort = 7001
	peerPort   = 7101
	dataDir    = "/data"
)

// startLimit bounds how long a node takes to answer after its start.
const startLimit = 20 * time.Second

// cluster is the pods and the clients. Links between pods are broken inside of them; those of clients, who
// all live in this process, are broken here.
type cluster struct {
	*reference.Live
	engine  *container.Engine
	pods    *container.Deployment
	clients *links.Network
	both    *links.Both // faults of links, divided between clients and pods
	fleet   *reference.Fleet
	admin   *reference.Admin
	token   string
	bases   []reference.Base
	forgets bool // a file system below the nodes forgets unsynced writes
}

func newCluster(engine *container.Engine, pods *container.Deployment, spec *targets.Spec) (*cluster, error) {
	store, errs := reference.Decode(spec)
	forgets, rest, more := decodeUnsynced(spec.World)
	bases, evenMore := reference.DecodeWorld(rest, spec.Nodes)
	if errs = slices.Concat(errs, more, evenMore); len(errs) > 0 {
		return nil, errs[0]
	}
	c := &cluster{engine: engine, pods: pods, clients: links.New(spec.Nodes), token: rand.Text(),
		bases:   bases,
		forgets: forgets}
	c.both = links.NewBoth(spec.Nodes, c.clients, pods)
	dial := func(ctx context.Context, node string) (net.Conn, error) {
		return pods.Dial(ctx, node,
			clientPort)
	}
	c.admin = reference.NewAdmin(c.token, dial)
	c.fleet = reference.NewFleet(c.admin, slices.Clone(spec.Nodes), c.up)
	c.Live = reference.NewLive(store, reference.NewMapper(spec.Nodes, store.Shards), spec.Seed,
		func(ctx context.Context, session, node string) (net.Conn, error) {
			return c.clients.Dial(ctx, session, node, func(ctx context.Context) (net.Conn, error) {
				return dial(ctx, node)
			})
		})
	for _, b := range bases {
		if err := c.clients.Base(b.Links, b.Shape); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// launch starts the pods and waits until the nodes answer.
func (c *cluster) launch(ctx context.Context, image string, spec *targets.Spec) error {
	for _, b := range c.bases {
		if err := c.pods.Base(b.Links, b.Shape); err != nil {
			return err
		}
	}
	config := []byte("{}")
	if spec.Config != nil {
		var err error
		if config, err = json.Marshal(spec.Config); err != nil {
			return err
		}
	}
	peers := ""
	for i, name := range spec.Nodes {
		if i > 0 {
			peers += ","
		}
		peers += netip.AddrPortFrom(c.pods.IP(name), peerPort).String()
	}
	var all []container.Pod
	for i, name := range spec.Nodes {
		all = append(all, container.Pod{Name: name, Image: image, DataDir: dataDir, PowerLoss: c.forgets,
			Ports: []int{clientPort},
			Env:   map[string]string{"RASHOMON_TOKEN": c.token},
			Command: []string{"node", "--id", strconv.Itoa(i + 1), "--peers", peers,
				"--listen", ":" + strconv.Itoa(clientPort), "--listen-peers", ":" + strconv.Itoa(peerPort),
				"--data", dataDir, "--bootstrap", "--config", string(config),
				"--seed", strconv.FormatUint(spec.Seed, 10)}})
	}
	return c.pods.Launch(ctx, all, func(ctx context.Context, name string) error {
		_, err := c.admin.Status(ctx, name)
		return err
	})
}

// up reports whether a node's process is there. The engine knows, if it answers.
func (c *cluster) up(node string) (bool, error) {
	if c.pods.Running(node) {
		return true, nil
	}
	return false, c.pods.EngineError()
}

// Nodes returns the names of the nodes.
func (c *cluster) Nodes() []string { return c.pods.Nodes() }

// Settled reports whether all nodes are up and all pairs talk to each other again.
func (c *cluster) Settled() (ok bool, missing string) { return c.fleet.Settled() }

// Status returns what the nodes say about themselves.
func (c *cluster) Status() []targets.NodeStatus { return c.fleet.Status() }

// Clock returns what the clocks of a node show, by its own answer.
func (c *cluster) Clock(node string) (targets.Clocks, error) { return c.fleet.Clock(node) }

// Marks returns how often each mark of the store was reached, as far as was seen.
func (c *cluster) Marks() map[string]int64 { return c.fleet.Marks() }

// Logs returns what a node has logged, in all its lives, and its agent after it.
func (c *cluster) Logs(node string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	log, err := c.pods.Logs(ctx, node)
	agent, agentErr := c.pods.AgentLogs(ctx, node)
	log = append(log, "\n---- the agent of the pod ----\n"...)
	return append(log, agent...), errors.Join(err, agentErr)
}

// Keep leaves the pods as they are, and returns what to do with them.
func (c *cluster) Keep() (hint string, err error) {
	c.Live.Close()
	c.admin.Close()
	return c.pods.Keep(), c.clients.Close()
}

// Close ends the clients and removes the pods. It is an error when faults were not in force all the time.
func (c *cluster) Close() error {
	c.Live.Close()
	c.admin.Close()
	return errors.Join(c.pods.Lapsed(), c.clients.Close(), c.pods.Close(), c.engine.Close())
}

// Abilities returns by which means the agents break things.
func (c *cluster) Abilities(ctx context.Context) ([]targets.Ability, error) {
	health, err := c.pods.Health(ctx, c.Nodes()[0])
	if err != nil {
		return nil, err
	}
	var out []targets.Ability
	for _, a := range health.Abilities {
		out = append(out, targets.Ability{Name: "agent: " + a.Name, OK: a.OK, How: a.How, Reason: a.Reason})
	}
	return out, nil
}
