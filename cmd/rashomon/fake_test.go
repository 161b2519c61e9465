package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"
	"time"

	"github.com/rashomon-harness/rashomon/harness"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/nemesis"
	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/workloads"
)

// fakeTarget is a store of one map in virtual time, without any network or nodes: what the command line
// does can be tested without the reference store. Its configuration: `stale: true` makes it answer every
// third read with the initial value; `broken: true` makes its deployment fail.
type fakeTarget struct{}

func (fakeTarget) Name() string { return "fake" }
func (fakeTarget) Env() string  { return "sim" }

func (fakeTarget) Validate(spec *targets.Spec) []targets.FieldError {
	if mode, ok := spec.Config["mode"]; ok && mode != "single-leader" {
		return []targets.FieldError{{Path: "config.mode", Value: fmt.Sprint(mode), Allowed: "single-leader"}}
	}
	return nil
}

func (fakeTarget) Deploy(_ context.Context, spec *targets.Spec) (targets.Cluster, error) {
	if spec.Config["broken"] == true {
		return nil, fmt.Errorf("n1 never came up")
	}
	return &fakeCluster{nodes: spec.Nodes, stale: spec.Config["stale"] == true,
		data: map[string]history.Value{}}, nil
}

// fakeCluster answers every operation a millisecond after it was asked.
type fakeCluster struct {
	nodes   []string
	stale   bool
	data    map[string]history.Value
	now     int64
	pending []func()
	due     []int64
	reads   int
}

func (c *fakeCluster) Nodes() []string                   { return c.nodes }
func (c *fakeCluster) Client(_, _ string) targets.Client { return c }
func (c *fakeCluster) Settled() (bool, string)           { return true, "" }
func (c *fakeCluster) Close() error                      { return nil }
func (c *fakeCluster) Now() int64                        { return c.now }

// RunUntil implements targets.Stepper.
func (c *fakeCluster) RunUntil(t int64) {
	if len(c.due) > 0 && c.due[0] <= t {
		c.now = c.due[0]
		done := c.pending[0]
		c.due, c.pending = c.due[1:], c.pending[1:]
		done()
		return
	}
	c.now = t
}

// Submit implements targets.Client.
func (c *fakeCluster) Submit(inv *history.Event, done func(targets.Completion)) {
	answer := targets.Completion{Node: c.nodes[0]}
	switch inv.F {
	case history.FWrite:
		c.data[inv.Key] = inv.Value
		answer.Value = inv.Value
	case history.FRead, history.FPeek:
		c.reads++
		if answer.Value = c.data[inv.Key]; c.stale && inv.F == history.FRead && c.reads%3 == 0 {
			answer.Value = history.Value{}
		}
	default:
		answer.Err = history.Error{Code: history.Unsupported, Text: inv.F}
	}
	c.due = append(c.due, c.now+int64(time.Millisecond))
	c.pending = append(c.pending, func() { done(answer) })
}

// fakeClaims has one claim that comes true on the fake target, and one that does not.
var fakeClaims fs.FS = fstest.MapFS{
	"claims/stale.yaml": {Data: []byte(`
about: A store that answers from the past is not linearizable.
target: fake
nodes: 1
time: 3s
seeds: 1..2
workload: {name: register, keys: 2, rate: 50, concurrency: 3}
checkers: [linearizability]
variants:
  - name: stale reads
    config: {stale: true}
    expect: {linearizability: must-violate}
  - name: fresh reads
    expect: {linearizability: must-hold}
`)},
	"claims/wrong.yaml": {Data: []byte(`
about: A map forgets.
target: fake
nodes: 1
time: 3s
workload: {name: register, keys: 2, rate: 50, concurrency: 3}
checkers: [durability]
expect: {durability: must-violate}
`)},
}

// console is a command line on the fake target, with what it wrote.
type console struct {
	*app
	in       strings.Reader
	out, err bytes.Buffer
	vars     map[string]string
}

// newConsole returns a command line whose runs go below root.
func newConsole(root string) *console {
	c := &console{vars: map[string]string{"RASHOMON_RUNS": root}}
	c.app = &app{
		stdin: &c.in, stdout: &c.out, stderr: &c.err, claims: fakeClaims,
		cat: &harness.Catalogue{
			Targets: []targets.Target{fakeTarget{}}, Workloads: workloads.All(), Faults: nemesis.All(),
		},
		getenv: func(key string) string { return c.vars[key] },
		now:    func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
	}
	return c
}

// do executes a command line and returns its exit code and what it wrote to standard output.
func (c *console) do(args ...string) (code int, out string) {
	c.out.Reset()
	c.err.Reset()
	c.codes = nil
	code = c.execute(context.Background(), args)
	return code, c.out.String()
}
