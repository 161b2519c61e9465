package leaderless

import (
	"fmt"
	"testing"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
	"github.com/rashomon-harness/rashomon/refimpl/sim"
)

const (
	ms     = int64(1_000_000)
	second = 1000 * ms
)

// rig is a cluster in the simulated world, with clients that do one thing after the other.
type rig struct {
	t       testing.TB
	cfg     *refimpl.Config
	world   *sim.World
	nodes   []*Node // their present lives
	clients []refimpl.Addr
	faults  int
}

func newRig(t testing.TB, nodes int, config map[string]any) *rig {
	t.Helper()
	values := map[string]any{"mode": "leaderless"}
	for name, v := range config {
		values[name] = v
	}
	cfg, errs := refimpl.DecodeConfig(nodes, values)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	r := &rig{t: t, cfg: cfg, nodes: make([]*Node, nodes)}
	r.world = sim.New(sim.Config{Nodes: nodes, Seed: keyed.New(1), NewNode: func(id refimpl.Addr,
		boot *refimpl.Boot) refimpl.Node {
		r.nodes[id] = New(cfg, id, boot)
		return r.nodes[id]
	}})
	for i := range uint64(4) {
		r.clients = append(r.clients, r.world.AddClient(NewClient(cfg, 1<<50+i, client.NewSession(), 7)))
	}
	r.pass(10 * ms)
	return r
}

func (r *rig) pass(d int64) {
	for end := r.world.Now() + d; r.world.Now() < end; {
		r.world.RunUntil(end)
	}
}

// begin has a client begin an operation; the result is there when it is over.
func (r *rig) begin(c int, call client.Call) *client.Result {
	out := &client.Result{Err: refimpl.NumErrCodes}
	call.Handle = uint64(r.world.Now())
	r.world.Call(r.clients[c], &call, func(res *client.Result) { *out = *res })
	return out
}

// do has a client carry out an operation on the key k.
func (r *rig) do(c int, op refimpl.OpKind, n int64) *client.Result {
	out := r.begin(c, client.Call{Op: op, Key: "k", Near: refimpl.Nobody,
		Value: refimpl.Value{Kind: refimpl.Int, Num: n}})
	for end := r.world.Now() + 10*second; out.Err == refimpl.NumErrCodes && r.world.Now() < end; {
		r.world.RunUntil(end)
	}
	return out
}

func (r *rig) write(c int, n int64) {
	r.t.Helper()
	if res := r.do(c, refimpl.OpWrite, n); res.Err != refimpl.ErrNone {
		r.t.Fatalf("write of %d: %v", n, res.Err)
	}
}

// read returns what a client reads, for people.
func (r *rig) read(c int) string {
	r.t.Helper()
	return r.shown(r.do(c, refimpl.OpRead, 0))
}

func (r *rig) shown(res *client.Result) string {
	if res.Err != refimpl.ErrNone {
		return res.Err.String()
	}
	return text(res.Reply.Value)
}

func text(v refimpl.Value) string {
	switch v.Kind {
	case refimpl.Int:
		return fmt.Sprint(v.Num)
	case refimpl.List:
		out := ""
		for _, e := range v.List {
			out += text(e) + " "
		}
		return "[" + out + "]"
	}
	return "nothing"
}

// held returns what the nodes hold of the key k, down ones included.
func (r *rig) held() string {
	out := ""
	for _, n := range r.nodes {
		o := n.held("k")
		out += text(valueOf(r.cfg, &o)) + " "
	}
	return out
}

func (r *rig) down(id refimpl.Addr, unsynced sim.Unsynced) {
	r.t.Helper()
	if err := r.world.Kill(id, unsynced); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) up(id refimpl.Addr) {
	r.t.Helper()
	if err := r.world.Start(id); err != nil {
		r.t.Fatal(err)
	}
}

// cut cuts links in both directions until the returned function is called.
func (r *rig) cut(pairs ...[2]refimpl.Addr) (heal func()) {
	r.t.Helper()
	r.faults++
	id := fmt.Sprint("f", r.faults)
	var links [][2]refimpl.Addr
	for _, p := range pairs {
		links = append(links, p, [2]refimpl.Addr{p[1], p[0]})
	}
	if err := r.world.Cut(id, links); err != nil {
		r.t.Fatal(err)
	}
	return func() {
		if err := r.world.Uncut(id); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *rig) want(what, got, want string) {
	r.t.Helper()
	if got != want {
		r.t.Errorf("%s: %s, want %s", what, got, want)
	}
}
