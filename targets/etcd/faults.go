package etcd

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rashomon-harness/rashomon/targets"
)

// Cut cuts links: those between nodes in the nodes' network, those of clients in userspace.
func (c *cluster) Cut(id string, cut []targets.Link) error { return c.both.Cut(id, cut) }

// Uncut undoes the cuts of that id; none is no error.
func (c *cluster) Uncut(id string) error { return c.both.Uncut(id) }

// Shape shapes links, as Cut cuts them.
func (c *cluster) Shape(id string, shaped []targets.Link, s targets.Shape) error {
	return c.both.Shape(id, shaped, s)
}

// Unshape undoes the shapes of that id; none is no error.
func (c *cluster) Unshape(id string) error { return c.both.Unshape(id) }

// Kill kills a node's process. etcd syncs what it acknowledges, so that losing unsynced writes shows only
// with power_loss on. A member that comes back with an empty disk is another member: its operator would have
// to replace it, so that a wiped disk is no fault of etcd's here.
func (c *cluster) Kill(node string, unsynced targets.Unsynced) error {
	switch {
	case unsynced == targets.WipeDisk:
		return &targets.Unsupported{Reason: "a member of etcd that lost its disk must be removed and added " +
			"again by its operator"}
	case unsynced == targets.LoseUnsynced && !c.cfg.powerLoss:
		return &targets.Unsupported{Reason: "crashes lose unsynced writes only with power_loss: on; " +
			"without it use the shape keep-unsynced"}
	}
	if err := c.pods.Kill(node, unsynced); err != nil {
		return err
	}
	c.note(node, true)
	return nil
}

// Start starts a node that was killed.
func (c *cluster) Start(node string) error {
	if err := c.pods.Start(node); err != nil {
		return err
	}
	c.note(node, false)
	return nil
}

// Promote asks the leader to hand its role to a node. What comes of it is the cluster's business: where no
// leader is known, or the node cannot be reached, nothing does.
func (c *cluster) Promote(node string) error {
	at := slices.Index(c.nodes, node)
	if at < 0 {
		return fmt.Errorf("there is no node named %q: the nodes are %v", node, c.nodes)
	}
	states, errs := c.look()
	for i, s := range states {
		if errs[i] == nil && errs[at] == nil && s.Leader != 0 && s.Leader == s.Header.GetMemberId() {
			return c.handOver(c.nodes[i], states[at].Header.GetMemberId())
		}
	}
	return nil
}

// handOverLimit bounds how long a leader is given to hand its role over.
const handOverLimit = 2 * time.Second

// handOver asks a leader to hand its role to a member.
func (c *cluster) handOver(leader string, to uint64) error {
	ctx, cancel := context.WithTimeout(c.ctx, handOverLimit)
	defer cancel()
	client, err := c.watch.client(leader)
	if err == nil {
		_, _ = client.MoveLeader(ctx, to) // a refusal is an answer
	}
	return err
}

func (c *cluster) note(node string, down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down[node] = down
}

func (c *cluster) isDown(node string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.down[node]
}
