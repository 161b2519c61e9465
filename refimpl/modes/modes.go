// Package modes makes nodes and clients of the reference store in the mode that its configuration names.
package modes

import (
	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
	"github.com/rashomon-harness/rashomon/refimpl/leaderless"
	"github.com/rashomon-harness/rashomon/refimpl/singleleader"
)

// NewNode returns a node that starts from what its disk holds. It wants an InTimer at once.
func NewNode(cfg *refimpl.Config, id refimpl.Addr, boot *refimpl.Boot) refimpl.Node {
	if cfg.Mode == refimpl.Leaderless {
		return leaderless.New(cfg, id, boot)
	}
	return singleleader.New(cfg, id, boot)
}

// NewClient returns the client with that id, which must be its alone in the cluster's life. shared is what
// all devices of the session have in common.
func NewClient(cfg *refimpl.Config, id uint64, shared *client.Session, seed keyed.Key) client.Machine {
	if cfg.Mode == refimpl.Leaderless {
		return leaderless.NewClient(cfg, id, shared, seed)
	}
	return client.New(cfg, id, shared, seed)
}
