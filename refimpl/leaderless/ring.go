package leaderless

import (
	"math/bits"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
)

// ring says which nodes hold a key: consistent hashing with one token a node (Karger et al. 1997; DeCandia et
// al. 2007, "Dynamo", section 4.2).
type ring struct {
	prefs []preference // by the place where a key falls
	dcs   []uint64     // bit masks of the datacenters' nodes
}

// preference is who holds the keys of one place.
type preference struct {
	home   []refimpl.Addr
	mask   uint64         // of home
	others []refimpl.Addr // who stands in, in this order
}

func newRing(cfg *refimpl.Config) *ring {
	r := &ring{prefs: make([]preference, cfg.Nodes)}
	for _, dc := range cfg.Datacenters {
		mask := uint64(0)
		for _, node := range dc.Nodes {
			mask |= 1 << node
		}
		r.dcs = append(r.dcs, mask)
	}
	for place := range r.prefs {
		r.prefs[place] = newPreference(cfg, place)
	}
	return r
}

// newPreference walks the ring from place on.
func newPreference(cfg *refimpl.Config, place int) preference {
	var p preference
	taken := make([]int, len(cfg.Datacenters))
	for i := range cfg.Nodes {
		node := refimpl.Addr((place + i) % cfg.Nodes)
		dc := cfg.Datacenters.Of(node)
		home := len(p.home) < cfg.N
		if cfg.NPerDatacenter > 0 {
			home = taken[dc] < cfg.NPerDatacenter
		}
		if !home {
			p.others = append(p.others, node)
			continue
		}
		p.home, p.mask = append(p.home, node), p.mask|1<<node
		if dc >= 0 {
			taken[dc]++
		}
	}
	return p
}

// of returns who holds a key.
func (r *ring) of(key string) *preference {
	if len(r.prefs) == 1 {
		return &r.prefs[0]
	}
	return &r.prefs[keyed.New(0).Named(key).N(len(r.prefs))]
}

// dcOf returns the bit mask of a node's datacenter: all nodes when there are none, the first one's when the
// node is none.
func (r *ring) dcOf(node refimpl.Addr) uint64 {
	for _, mask := range r.dcs {
		if node >= 0 && mask>>node&1 != 0 {
			return mask
		}
	}
	if len(r.dcs) > 0 {
		return r.dcs[0]
	}
	return ^uint64(0)
}

// majorityAt returns how many of the nodes in both masks are asked for: need of them, or a majority where
// there are fewer.
func majorityAt(home, dc uint64, need int) int {
	there := bits.OnesCount64(home & dc)
	if there >= need {
		return need
	}
	return there/2 + min(there, 1)
}
