package simulated

import (
	"slices"

	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
	"github.com/rashomon-harness/rashomon/refimpl/sim"
	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/targets/reference"
)

// cluster is a world and the clients in it. It has every capability but those of real environments.
type cluster struct {
	nodes      []string
	world      *sim.World
	newMachine func(session, device string, shared *client.Session) client.Machine
	clients    []*clientArm // by address, from len(nodes) on
	byName     map[clientName]*clientArm
	sessions   map[string]*client.Session
	linkFaults []linkFault // those that are active, for clients still to come
	refused    []refusal   // completions of operations that never reached the store
	mapper     *reference.Mapper
}

type clientName struct{ session, device string }

func newCluster(nodes []string, shards int, world *sim.World) *cluster {
	return &cluster{nodes: slices.Clone(nodes), world: world, byName: map[clientName]*clientArm{},
		sessions: map[string]*client.Session{}, mapper: reference.NewMapper(nodes, shards)}
}

// Nodes returns the names of the nodes.
func (c *cluster) Nodes() []string { return slices.Clone(c.nodes) }

// Client returns the client of a session on a device. It comes into being when it is first asked for,
// and is then subject to the faults that are active on the links of all clients or of its session.
func (c *cluster) Client(session, device string) targets.Client {
	name := clientName{session, device}
	if arm := c.byName[name]; arm != nil {
		return arm
	}
	shared := c.sessions[session]
	if shared == nil {
		shared = client.NewSession()
		c.sessions[session] = shared
	}
	arm := &clientArm{cluster: c, session: session}
	arm.ended = arm.end
	arm.addr = c.world.AddClient(c.newMachine(session, device, shared))
	c.clients = append(c.clients, arm)
	c.byName[name] = arm
	c.extendFaults(arm)
	return arm
}

// Settled reports whether all nodes are up and really talk to each other again.
func (c *cluster) Settled() (ok bool, missing string) { return c.world.Settled() }

// Close does nothing: a world holds nothing but memory.
func (c *cluster) Close() error { return nil }

// Now returns the virtual time.
func (c *cluster) Now() int64 { return c.world.Now() }

// RunUntil lets virtual time pass up to t, or up to the next completion.
func (c *cluster) RunUntil(t int64) {
	if len(c.refused) > 0 {
		c.tellRefused()
		return
	}
	c.world.RunUntil(t)
}

// Steps returns the number of events of the world so far.
func (c *cluster) Steps() int64 { return c.world.Steps() }

// Status returns what the nodes say about themselves.
func (c *cluster) Status() []targets.NodeStatus {
	out := make([]targets.NodeStatus, len(c.nodes))
	for i, name := range c.nodes {
		s, up := c.world.Status(refimpl.Addr(i))
		out[i] = targets.NodeStatus{Node: name, Up: up}
		if up {
			out[i].Role, out[i].Epoch, out[i].Position = s.Role.String(), s.Epoch, s.Position
		}
	}
	return out
}

// Clock returns what the clocks of a node show.
func (c *cluster) Clock(name string) (targets.Clocks, error) {
	a, err := c.node(name)
	if err != nil {
		return targets.Clocks{}, err
	}
	mono, wall := c.world.Clock(a)
	return targets.Clocks{Wall: wall, Mono: mono}, nil
}

// Marks returns how often each mark of the store was reached.
func (c *cluster) Marks() map[string]int64 {
	out := map[string]int64{}
	for mark, n := range c.world.Marks() {
		out[refimpl.Mark(mark).String()] = n
	}
	return out
}

// node returns the address of a node.
func (c *cluster) node(name string) (refimpl.Addr, error) { return c.mapper.Node(name) }
