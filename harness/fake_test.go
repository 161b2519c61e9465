package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/nemesis"
	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/workloads"
)

// memTarget is a store in the memory of the test: one copy of everything, which answers each operation
// after latency. Its env is "sim", in virtual time, or "wall".
type memTarget struct {
	env       string
	stale     int  // every so many-th read answers the value before
	silent    bool // no operation is ever answered, once the cluster is proved empty
	unsettled bool
	full      bool // it holds something from the start
	deployErr error
	panicAt   int // the operation at which it panics, 0 for none
	clusters  []*memCluster
}

// deploying guards the clusters of all targets: runs go on side by side.
var deploying sync.Mutex

const latency = int64(time.Millisecond)

func (m *memTarget) Name() string { return "memory" }
func (m *memTarget) Env() string  { return m.env }

func (m *memTarget) Validate(spec *targets.Spec) []targets.FieldError {
	if c, ok := spec.Config["colour"]; ok && c != "red" {
		return []targets.FieldError{{Path: "config.colour", Value: fmt.Sprint(c), Allowed: "red"}}
	}
	return nil
}

func (m *memTarget) Deploy(_ context.Context, spec *targets.Spec) (targets.Cluster, error) {
	if m.deployErr != nil {
		return nil, m.deployErr
	}
	c := &memCluster{target: m, nodes: spec.Nodes, values: map[string][]history.Value{},
		active: map[string]bool{}}
	if m.full {
		c.values["r1"] = []history.Value{history.IntValue(9)}
	}
	deploying.Lock()
	m.clusters = append(m.clusters, c)
	deploying.Unlock()
	if m.env == "sim" {
		return &memWorld{memCluster: c}, nil
	}
	return c, nil
}

// memCluster is the store, and what wall time needs of a cluster.
type memCluster struct {
	target *memTarget
	nodes  []string
	mu     sync.Mutex
	values map[string][]history.Value // every value a key ever had
	ops    int
	active map[string]bool // faults
	log    []string        // what was done to the cluster
	closed bool
}

func (c *memCluster) Nodes() []string { return c.nodes }

func (c *memCluster) Client(string, string) targets.Client { return memClient{c} }

func (c *memCluster) Settled() (bool, string) {
	return !c.target.unsettled && len(c.active) == 0, "somebody is missing"
}

func (c *memCluster) Close() error {
	c.closed = true
	return nil
}

func (c *memCluster) do(what, id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = append(c.log, what+" "+id)
	if what == "cut" {
		c.active[id] = true
	} else {
		delete(c.active, id)
	}
	return nil
}

// Cut and Uncut make it a Partitioner.
func (c *memCluster) Cut(id string, _ []targets.Link) error { return c.do("cut", id) }
func (c *memCluster) Uncut(id string) error                 { return c.do("uncut", id) }

type memClient struct{ c *memCluster }

// Submit answers after latency, in a goroutine of the timer's.
func (m memClient) Submit(inv *history.Event, done func(targets.Completion)) {
	out, answered := m.c.perform(inv)
	if answered {
		time.AfterFunc(time.Duration(latency), func() { done(out) })
	}
}

// perform carries an operation out at once.
func (c *memCluster) perform(inv *history.Event) (targets.Completion, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := targets.Completion{Node: cmp.Or(inv.Node, c.nodes[0])}
	if inv.Session != probeSession {
		c.ops++
		if c.ops == c.target.panicAt {
			panic("the store fell over")
		}
		if c.target.silent {
			return out, false
		}
	}
	switch inv.F {
	case history.FWrite:
		c.values[inv.Key] = append(c.values[inv.Key], inv.Value)
		out.Value = inv.Value
	case history.FRead, history.FPeek:
		out.Value = c.read(inv.Key, inv.F == history.FRead)
	default:
		out.Err = history.Error{Code: history.Unsupported}
	}
	return out, true
}

func (c *memCluster) read(key string, mayLie bool) history.Value {
	all := c.values[key]
	if lie := c.target.stale; mayLie && lie > 0 && c.ops%lie == 0 && len(all) > 0 {
		all = all[:len(all)-1]
	}
	if len(all) == 0 {
		return history.Value{}
	}
	return all[len(all)-1]
}

// memWorld is the store in virtual time.
type memWorld struct {
	*memCluster
	now     int64
	pending []pendingAnswer
}

type pendingAnswer struct {
	at   int64
	done func(targets.Completion)
	out  targets.Completion
}

func (w *memWorld) Client(string, string) targets.Client { return worldClient{w} }
func (w *memWorld) Now() int64                           { return w.now }

func (w *memWorld) RunUntil(t int64) {
	if len(w.pending) == 0 || w.pending[0].at > t {
		w.now = max(w.now, t)
		return
	}
	p := w.pending[0]
	w.pending = slices.Delete(w.pending, 0, 1)
	w.now = p.at
	p.done(p.out)
}

type worldClient struct{ w *memWorld }

func (c worldClient) Submit(inv *history.Event, done func(targets.Completion)) {
	if out, answered := c.w.perform(inv); answered {
		c.w.pending = append(c.w.pending, pendingAnswer{c.w.now + latency, done, out})
	}
}

// memCatalogue has the store in memory and everything else that is real.
func memCatalogue(m *memTarget) *Catalogue {
	return &Catalogue{Targets: []targets.Target{m}, Workloads: workloads.All(), Faults: nemesis.All()}
}

const memExperiment = `version: 1
name: memory
target: memory
nodes: 3
workload: {name: register, keys: 3, rate: 50, concurrency: 4}
faults:
  - partition: {shape: halves, every: 2s..3s, for: 1s}
time: 10s
quiesce: 1s
seed: 1
`

// loaded loads an experiment that is right.
func loaded(t testing.TB, m *memTarget, text string, opts LoadOptions) []*Experiment {
	t.Helper()
	if m.env != "sim" {
		opts.Env = m.env
	}
	exps, err := Load("test.yaml", []byte(text), memCatalogue(m), opts)
	if err != nil {
		t.Fatal(err)
	}
	return exps
}

var errNoRoom = errors.New("no room")
