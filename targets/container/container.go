// Package container gives databases real nodes to run on: pods in a container engine, whose network, clocks,
// processes and disks can be broken while they run. It is for the arms of all databases, and the only
// package that knows a container engine.
//
// # A pod a node
//
// A pod is two containers. The holder runs `rashomon agent` and nothing else: it owns the pod's network
// namespace, its fixed address and its published ports, and has the privileges that faults need. The
// database runs in the network and pid namespaces of the holder, with as few privileges as databases get
// along with. So a crash and a restart of the database change neither address nor port nor the rules of the
// network, which a plain container would lose.
//
//	host ────────┬─ network of the run, a subnet of its own ─┬────────────────
//	         10.x.y.2                                    10.x.y.3
//	┌─ pod n1 ───┴───────────────┐              ┌─ pod n2 ───┴───────────────┐
//	│ holder    rashomon agent   │              │ holder    rashomon agent   │
//	│ database  etcd, postgres.. │              │ database  ..               │
//	└────────────────────────────┘              └────────────────────────────┘
//
// # In which order
//
// Network makes the network and settles the addresses, which configurations of databases need; Launch starts
// the pods; Close takes everything away. Faults are possible from the end of Launch on, but links can be
// given a permanent shape before.
//
// # Nothing outlives the harness
//
// Every fault in a pod lives on a lease that the deployment renews. When the harness is gone the agents heal
// by themselves, and Clean removes what is left, which it finds by its labels.
package container

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Pod is what one node is made of.
type Pod struct {
	Name       string // the node's name, which is its host name too
	Image      string // of the database; it is pulled where the engine does not have it
	Recipe     string // how to make the image where it cannot be pulled, a sentence for people; may be ""
	Entrypoint []string
	Command    []string // nil for the image's own, as Entrypoint
	Env        map[string]string
	Ports      []int // TCP ports that clients use
	// DataDir is where the database keeps its data, in its container. It is on a volume of its own, which
	// outlives crashes and is removed with the deployment. "" for none.
	DataDir string
	// PowerLoss puts the file system that forgets unsynced writes under DataDir, for Kill with LoseUnsynced.
	PowerLoss bool
	Files     map[string][]byte // put into the database's container before its start, by their absolute paths
}

// Options are what a deployment is made with. The zero value will do.
type Options struct {
	// Run is the run's id, in names and labels: lower-case letters, digits, dots, dashes. "" to draw one.
	Run        string
	AgentImage string // the image of the agent, whose entry point is this command; "" for SelfImage
	// TTL is how long faults outlive the harness, 0 for ten seconds. Short ones heal by mistake where the
	// machine is busy.
	TTL time.Duration
	// Keepable says that Keep may be called: Ryuk, which removes the containers of processes that have
	// ended, is told to leave these alone.
	Keepable bool
	Log      *slog.Logger // nil for slog.Default

	published bool // go through published ports though the addresses could be reached, for tests
}

// defaultTTL is how long faults outlive the harness.
const defaultTTL = 10 * time.Second

// agentPort is where the agents listen.
const agentPort = 7070

// names are what nodes and runs may be called: they become host names and parts of containers' names.
var names = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$`)

// complete fills in the defaults and says what cannot be.
func (o Options) complete() (Options, error) {
	if o.Run == "" {
		o.Run = strings.ToLower(rand.Text()[:10])
	}
	if !names.MatchString(o.Run) {
		return o, fmt.Errorf("run %q; allowed: up to 63 lower-case letters, digits, dots and dashes", o.Run)
	}
	if o.TTL < 0 || o.TTL > 0 && o.TTL < time.Second {
		return o, fmt.Errorf("a lease of %v; allowed: 0 (for %v) or one second and more", o.TTL, defaultTTL)
	}
	if o.TTL == 0 {
		o.TTL = defaultTTL
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	o.Log = o.Log.With("run", o.Run)
	return o, nil
}

// validate says what is wrong with a pod of a deployment.
func (p *Pod) validate() error {
	switch {
	case p.Image == "":
		return fmt.Errorf("node %s has no image", p.Name)
	case slices.Contains(p.Ports, agentPort):
		return fmt.Errorf("node %s: port %d is the agent's; allowed: any other", p.Name, agentPort)
	case slices.ContainsFunc(p.Ports, func(port int) bool { return port < 1 || port > 65535 }):
		return fmt.Errorf("node %s: ports %v; allowed: 1 to 65535", p.Name, p.Ports)
	case p.DataDir != "" && !strings.HasPrefix(p.DataDir, "/"):
		return fmt.Errorf("node %s: data directory %q; allowed: an absolute path", p.Name, p.DataDir)
	case p.PowerLoss && p.DataDir == "":
		return fmt.Errorf("node %s: power loss without a data directory; allowed: with DataDir", p.Name)
	}
	for path := range p.Files {
		if !strings.HasPrefix(path, "/") || strings.HasSuffix(path, "/") {
			return fmt.Errorf("node %s: file %q; allowed: an absolute path", p.Name, path)
		}
	}
	return nil
}

// Deployment is the pods of one run. Its methods may be called from any goroutine. It has the capabilities
// of targets that concern nodes and the links between nodes: Partitioner, Shaper, Killer, Pauser and
// ClockSkewer. Ends of links that are no nodes are not its business and ignored.
type Deployment struct {
	engine *Engine
	opts   Options
	token  string // the agents' secret
	labels map[string]string
	order  []string // the names, as they were given
	nodes  map[string]*node

	network string // its id
	direct  bool   // addresses of pods can be dialed from here

	life context.Context // ends with Close or Keep
	end  context.CancelFunc
	kept bool

	// links is held while rules of the network are computed and installed: they replace each other.
	links  sync.Mutex
	base   []linkFault // how links are without faults
	faults []linkFault

	mu     sync.Mutex
	healed time.Time
	lapsed []error // of leases
	closed sync.Once
	failed error // of Close
}

// node is a pod and what is known about it.
type node struct {
	name string
	addr netip.Addr
	pod  Pod

	agent  *remote // nil until the holder answers
	holder string  // ids of the containers, "" until they are made
	data   string

	// Guarded by links: what the agent was told last. wild says that it may have something else.
	rules rules
	wild  bool

	life   sync.Mutex // held while the database's container is changed
	paused bool
	steps  []step // active steps of the clock
	skewed int64  // what the agent was told last, nanoseconds
	late   bool   // the clock is to be set when the database goes on
}

// Run returns the run's id.
func (d *Deployment) Run() string { return d.opts.Run }

// Nodes returns the names of the nodes.
func (d *Deployment) Nodes() []string { return slices.Clone(d.order) }

// IP returns the fixed address of a node. It is known before anything starts; the zero address when there
// is no such node.
func (d *Deployment) IP(name string) netip.Addr {
	if n := d.nodes[name]; n != nil {
		return n.addr
	}
	return netip.Addr{}
}

// Healed returns when a fault was last taken away, the zero time when none was.
func (d *Deployment) Healed() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.healed
}

// healing notes that a fault was taken away now.
func (d *Deployment) healing() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.healed = time.Now()
}

// node returns a node that is deployed.
func (d *Deployment) node(name string) (*node, error) {
	n := d.nodes[name]
	if n == nil {
		return nil, fmt.Errorf("there is no node %q; there are %s", name, strings.Join(d.order, ", "))
	}
	if n.data == "" {
		return nil, fmt.Errorf("node %s was not launched", name)
	}
	return n, nil
}

// gather does something to all of them at once and returns the errors that there were, in their order.
func gather[T any](of []T, do func(T) error) []error {
	errs := make([]error, len(of))
	var wg sync.WaitGroup
	for i, x := range of {
		wg.Go(func() { errs[i] = do(x) })
	}
	wg.Wait()
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// each does something to all of them at once and joins the errors.
func each[T any](of []T, do func(T) error) error { return errors.Join(gather(of, do)...) }

// upToFirst does something to all of them at once. The first error ends the context of the others, whose
// complaints about that are left out.
func upToFirst[T any](ctx context.Context, of []T, do func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	first := errors.New("another one failed")
	return each(of, func(x T) error {
		err := do(ctx, x)
		switch {
		case err == nil || context.Cause(ctx) == first:
			return nil
		default:
			cancel(first)
			return err
		}
	})
}
