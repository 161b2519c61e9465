package reference

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rashomon-harness/rashomon/refimpl/server"
	"github.com/rashomon-harness/rashomon/targets"
)

// Fleet is the nodes of a cluster in real time, as operators see and handle them.
type Fleet struct {
	admin *Admin
	nodes []string
	// up reports whether a node's process is there, stopped or not; an error when nobody can tell.
	up func(node string) (bool, error)

	mu     sync.Mutex
	healed time.Time                              // when a fault was undone last
	marks  map[string]map[uint32]map[string]int64 // by node and incarnation, as seen last
	wishes map[string]*wishes                     // by node
}

// lookLimit bounds how long a look at a node takes.
const lookLimit = 300 * time.Millisecond

// NewFleet returns the fleet of nodes that admin reaches.
func NewFleet(admin *Admin, nodes []string, up func(node string) (bool, error)) *Fleet {
	return &Fleet{admin: admin, nodes: nodes, up: up, marks: map[string]map[uint32]map[string]int64{},
		wishes: map[string]*wishes{}}
}

// Healing notes that a fault is undone now: what nodes have heard of each other before does not count.
func (f *Fleet) Healing() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.healed = time.Now()
}

// look asks all nodes for their status. A node that did not answer in time has an error.
func (f *Fleet) look() ([]server.Status, []error) {
	out, errs := make([]server.Status, len(f.nodes)), make([]error, len(f.nodes))
	ctx, cancel := context.WithTimeout(context.Background(), lookLimit)
	defer cancel()
	var all sync.WaitGroup
	for i, node := range f.nodes {
		all.Go(func() { out[i], errs[i] = f.admin.Status(ctx, node) })
	}
	all.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, node := range f.nodes {
		if errs[i] == nil {
			f.note(node, &out[i])
		}
	}
	return out, errs
}

func (f *Fleet) note(node string, s *server.Status) {
	if f.marks[node] == nil {
		f.marks[node] = map[uint32]map[string]int64{}
	}
	f.marks[node][s.Incarnation] = s.Marks
}

// Status returns what the nodes say about themselves. Of a node that is up and does not answer, nothing else
// is known.
func (f *Fleet) Status() []targets.NodeStatus {
	states, errs := f.look()
	out := make([]targets.NodeStatus, len(f.nodes))
	for i, node := range f.nodes {
		up := errs[i] == nil // who answers is up
		if !up {
			up, _ = f.up(node)
		}
		out[i] = targets.NodeStatus{Node: node, Up: up}
		if errs[i] == nil {
			out[i].Role, out[i].Epoch, out[i].Position = states[i].Role, states[i].Epoch, states[i].Position
		}
	}
	return out
}

// Clock returns what the clocks of a node show, by its own answer.
func (f *Fleet) Clock(node string) (targets.Clocks, error) {
	ctx, cancel := context.WithTimeout(context.Background(), adminLimit)
	defer cancel()
	s, err := f.admin.Status(ctx, node)
	return targets.Clocks{Wall: s.Wall, Mono: s.Mono}, err
}

// Marks returns how often each mark was reached, as far as was seen: what a node reached between the last
// look at it and its crash is not counted.
func (f *Fleet) Marks() map[string]int64 {
	f.look()
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]int64{}
	for _, incarnations := range f.marks {
		for _, marks := range incarnations {
			for name, n := range marks {
				out[name] += n
			}
		}
	}
	return out
}

// Settled reports whether every node is up, and every pair of nodes has heard each other since the last fault
// ended; what is missing otherwise.
func (f *Fleet) Settled() (ok bool, missing string) {
	f.mu.Lock()
	since := f.healed
	f.mu.Unlock()
	asked := time.Now()
	states, errs := f.look()
	for i, node := range f.nodes {
		if errs[i] != nil {
			return false, f.missing(node, errs[i])
		}
		for _, p := range states[i].Peers {
			heard := asked.Add(-time.Duration(p.Heard) * time.Millisecond)
			if !p.Connected || p.Heard < 0 || heard.Before(since) {
				return false, fmt.Sprintf("%s has not heard %s since the last fault ended", node,
					f.nodes[p.Node-1])
			}
		}
	}
	return true, ""
}

// missing says what is wrong with a node that does not answer.
func (f *Fleet) missing(node string, silent error) string {
	switch up, err := f.up(node); {
	case err != nil:
		return err.Error()
	case !up:
		return node + " is down"
	}
	return silent.Error()
}

// Await waits until a node answers; the error says why it does not. ended reports that its process is gone,
// with the reason.
func (f *Fleet) Await(ctx context.Context, node string, ended func() error) error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		_, err := f.admin.Status(ctx, node)
		if err == nil {
			return nil
		}
		if gone := ended(); gone != nil {
			return gone
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", node, err)
		case <-ticker.C:
		}
	}
}
