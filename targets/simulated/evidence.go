package simulated

import (
	"fmt"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/refimpl"
)

// names has the names that evidence is made of, each made once: a run has few epochs and few sets of
// nodes, and millions of operations.
type names struct {
	nodes   []string
	sources []map[uint64]string // by shard and epoch: "s0e2"
	sets    map[uint64][]string // by bit mask of nodes
}

func newNames(nodes []string, shards int) names {
	n := names{nodes: slices.Clone(nodes), sets: map[uint64][]string{}}
	for range shards {
		n.sources = append(n.sources, map[uint64]string{})
	}
	return n
}

// node returns the name of a node, "" for an address that is none.
func (n *names) node(a refimpl.Addr) string {
	if a < 0 || int(a) >= len(n.nodes) {
		return ""
	}
	return n.nodes[a]
}

func (n *names) source(shard int32, epoch uint64) string {
	if shard < 0 || int(shard) >= len(n.sources) {
		return fmt.Sprintf("s%de%d", shard, epoch)
	}
	name := n.sources[shard][epoch]
	if name == "" {
		name = fmt.Sprintf("s%de%d", shard, epoch)
		n.sources[shard][epoch] = name
	}
	return name
}

// set returns the names of the nodes in a bit mask. The slice is shared.
func (n *names) set(mask uint64) []string {
	if mask == 0 {
		return nil
	}
	set, ok := n.sets[mask]
	if !ok {
		for i, name := range n.nodes {
			if mask>>i&1 != 0 {
				set = append(set, name)
			}
		}
		n.sets[mask] = set
	}
	return set
}

// evidence returns what a reply says about how it came about. A key that was never written has no version.
func (n *names) evidence(r *refimpl.Reply) *history.Evidence {
	one := &struct {
		ev      history.Evidence
		version [1]history.Version
	}{}
	one.ev.By, one.ev.Acks = n.node(r.By), n.set(r.Acks)
	if r.Epoch != 0 || r.Index != 0 {
		one.version[0] = history.Version{Source: n.source(r.Shard, r.Epoch), N: r.Index}
		one.ev.Ver = one.version[:]
	}
	return &one.ev
}
