package reference

import (
	"fmt"
	"slices"
	"sync"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/refimpl"
)

// Mapper maps between what the harness says and what the store says, for one cluster. It may be used from
// several goroutines.
type Mapper struct {
	nodes []string

	// The names that evidence is made of, each made once: a run has few epochs and few sets of nodes, and
	// millions of operations.
	mu      sync.Mutex
	sources []map[uint64]string // by shard and epoch: "s0e2"
	sets    map[uint64][]string // by bit mask of nodes
	writers map[uint64]string   // of versions in leaderless mode
}

// NewMapper returns the mapper of a cluster.
func NewMapper(nodes []string, shards int) *Mapper {
	m := &Mapper{nodes: slices.Clone(nodes), sets: map[uint64][]string{},
		writers: map[uint64]string{}}
	for range shards {
		m.sources = append(m.sources, map[uint64]string{})
	}
	return m
}

// Nodes returns the names of the nodes.
func (m *Mapper) Nodes() []string { return slices.Clone(m.nodes) }

// Node returns the address of a node.
func (m *Mapper) Node(name string) (refimpl.Addr, error) {
	i := slices.Index(m.nodes, name)
	if i < 0 {
		return refimpl.Nobody, fmt.Errorf("there is no node named %q: the nodes are %v", name, m.nodes)
	}
	return refimpl.Addr(i), nil
}

// Name returns the name of a node, "" for an address that is none.
func (m *Mapper) Name(a refimpl.Addr) string {
	if a < 0 || int(a) >= len(m.nodes) {
		return ""
	}
	return m.nodes[a]
}

func (m *Mapper) source(shard int32, epoch uint64) string {
	if shard < 0 || int(shard) >= len(m.sources) {
		return fmt.Sprintf("s%de%d", shard, epoch)
	}
	name := m.sources[shard][epoch]
	if name == "" {
		name = fmt.Sprintf("s%de%d", shard, epoch)
		m.sources[shard][epoch] = name
	}
	return name
}

// set returns the names of the nodes in a bit mask. The slice is shared.
func (m *Mapper) set(mask uint64) []string {
	if mask == 0 {
		return nil
	}
	set, ok := m.sets[mask]
	if !ok {
		for i, name := range m.nodes {
			if mask>>i&1 != 0 {
				set = append(set, name)
			}
		}
		m.sets[mask] = set
	}
	return set
}

// evidence returns what a reply says about how it came about. A key that was never written has no version.
func (m *Mapper) evidence(r *refimpl.Reply) *history.Evidence {
	one := &struct {
		ev      history.Evidence
		version [1]history.Version
	}{}
	m.mu.Lock()
	defer m.mu.Unlock()
	one.ev.By, one.ev.Acks, one.ev.Home = m.Name(r.By), m.set(r.Acks), m.set(r.Home)
	if r.Home != 0 {
		one.ev.Quorum = m.quorumEvidence(r)
		return &one.ev
	}
	if r.Epoch != 0 || r.Index != 0 {
		one.version[0] = history.Version{Source: m.source(r.Shard, r.Epoch), N: r.Index}
		one.ev.Ver = one.version[:]
	}
	return &one.ev
}

// quorumEvidence returns what the coordinator of a quorum operation says.
func (m *Mapper) quorumEvidence(r *refimpl.Reply) *history.QuorumEvidence {
	q := &history.QuorumEvidence{Hints: m.set(r.Hints), Dots: m.dots(r.Dots)}
	for _, a := range r.Answers {
		q.Answers = append(q.Answers, history.Answer{Node: m.Name(a.By), Dots: m.dots(a.Dots)})
	}
	for _, l := range r.Legs {
		q.Legs = append(q.Legs, history.Leg(l))
	}
	return q
}

func (m *Mapper) dots(list []refimpl.Dot) []history.Version {
	var out []history.Version
	for _, d := range list {
		out = append(out, history.Version{Source: m.writer(d.Writer), N: d.N})
	}
	return out
}

// NameClient has the writes that a client makes as coordinator named after its session and device.
func (m *Mapper) NameClient(id uint64, session, device string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if device != "" {
		session += "/" + device
	}
	m.writers[id] = session
}

// writer returns the name of who made a write: a client, or a life of a node ("n2.0").
func (m *Mapper) writer(id uint64) string {
	name, known := m.writers[id]
	if !known {
		name = fmt.Sprintf("c%x", id)
		if node, life := refimpl.Addr(id&0xffff), id>>16; life < 1<<32 && int(node) < len(m.nodes) {
			name = fmt.Sprintf("%s.%d", m.nodes[node], life)
		}
		m.writers[id] = name
	}
	return name
}
