package etcd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/targets/links"
)

// fakePods notes what it is told.
type fakePods struct {
	told []string
	err  error // of the next fault
}

func (p *fakePods) note(format string, args ...any) error {
	p.told = append(p.told, fmt.Sprintf(format, args...))
	err := p.err
	p.err = nil
	return err
}

func (p *fakePods) Cut(id string, l []targets.Link) error { return p.note("cut %s %v", id, l) }
func (p *fakePods) Uncut(id string) error                 { return p.note("uncut %s", id) }
func (p *fakePods) Shape(id string, l []targets.Link, s targets.Shape) error {
	return p.note("shape %s %v %d", id, l, s.LossPPM)
}
func (p *fakePods) Unshape(id string) error { return p.note("unshape %s", id) }
func (p *fakePods) Kill(node string, unsynced targets.Unsynced) error {
	return p.note("kill %s %s", node, unsynced)
}
func (p *fakePods) Start(node string) error                      { return p.note("start %s", node) }
func (p *fakePods) Pause(node string) error                      { return p.note("pause %s", node) }
func (p *fakePods) Resume(node string) error                     { return p.note("resume %s", node) }
func (p *fakePods) Step(id, node string, nanos int64) error      { return p.note("step %s", node) }
func (p *fakePods) Drift(id, node string, ppm int64) error       { return p.note("drift %s", node) }
func (p *fakePods) Freeze(id, node string) error                 { return p.note("freeze %s", node) }
func (p *fakePods) Unskew(id, node string) error                 { return p.note("unskew %s", node) }
func (p *fakePods) Running(string) bool                          { return true }
func (p *fakePods) Lapsed() error                                { return p.note("lapsed") }
func (p *fakePods) Keep() string                                 { return "kept" }
func (p *fakePods) Close() error                                 { return p.note("close") }
func (p *fakePods) Logs(context.Context, string) ([]byte, error) { return nil, nil }
func (p *fakePods) Abilities(context.Context) ([]targets.Ability, error) {
	return nil, errors.New("nobody there")
}
func (p *fakePods) Dial(context.Context, string, int) (net.Conn, error) {
	return nil, errors.New("nobody there")
}

func fakeCluster(t *testing.T, powerLoss bool) (*cluster, *fakePods) {
	t.Helper()
	p := new(fakePods)
	cfg, _ := decodeSpec(&targets.Spec{Nodes: three, Config: map[string]any{"power_loss": powerLoss}})
	c := newCluster(three, cfg, p, links.New(three))
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, p
}

func want(t *testing.T, p *fakePods, told ...string) {
	t.Helper()
	if !slices.Equal(p.told, told) {
		t.Errorf("the pods were told %q, want %q", p.told, told)
	}
	p.told = nil
}

var mixed = []targets.Link{{From: "n1", To: targets.AllNodes}, {From: "s1", To: "n2"},
	{From: "n3", To: targets.AllClients}}

// Links of clients are cut in userspace, those of nodes in their pods.
func TestCutsAreDivided(t *testing.T) {
	c, p := fakeCluster(t, false)
	if err := c.Cut("f", mixed); err != nil {
		t.Fatal(err)
	}
	want(t, p, "cut f [{n1 nodes}]")
	if err := c.wire.Uncut("f"); err != nil {
		t.Errorf("the clients' links were not cut: %v", err)
	}
	if err := c.wire.Cut("f", mixed[1:]); err != nil {
		t.Fatal(err)
	}
	for range 2 { // healing what is healed is no error
		if err := c.Uncut("f"); err != nil {
			t.Error(err)
		}
	}
	want(t, p, "uncut f", "uncut f")
	if c.wire.Uncut("f") == nil {
		t.Error("the clients' links are still cut")
	}
}

// A fault that is only half possible leaves nothing behind.
func TestHalfAFaultIsNone(t *testing.T) {
	c, p := fakeCluster(t, false)
	p.err = errors.New("no")
	if err := c.Cut("f", mixed); err == nil {
		t.Error("the pods' error is lost")
	}
	if c.wire.Uncut("f") == nil {
		t.Error("the clients' links are still cut")
	}
	want(t, p, "cut f [{n1 nodes}]")
	p.err = &targets.Unsupported{Reason: "no netem"}
	if _, ok := errors.AsType[*targets.Unsupported](c.Shape("f", mixed, targets.Shape{DelayNanos: 1})); !ok {
		t.Error("the pods' word is lost")
	}
	if c.wire.Unshape("f") == nil {
		t.Error("the clients' links are still shaped")
	}
	want(t, p, "shape f [{n1 nodes}] 0")
	if _, ok := errors.AsType[*targets.Unsupported](c.Shape("f", mixed, targets.Shape{LossPPM: 9})); !ok {
		t.Error("streams lose bytes")
	}
	want(t, p)
	if err := c.Shape("f", mixed[:1], targets.Shape{LossPPM: 9}); err != nil {
		t.Errorf("packets between nodes can be lost: %v", err)
	}
	want(t, p, "shape f [{n1 nodes}] 9")
	if err := c.Unshape("f"); err != nil {
		t.Error(err)
	}
}

func TestKill(t *testing.T) {
	for _, powerLoss := range []bool{false, true} {
		c, p := fakeCluster(t, powerLoss)
		_, refused := errors.AsType[*targets.Unsupported](c.Kill("n1", targets.LoseUnsynced))
		if refused == powerLoss || c.isDown("n1") != powerLoss {
			t.Errorf("power loss %v: refused %v, down %v", powerLoss, refused, c.isDown("n1"))
		}
		_, ok := errors.AsType[*targets.Unsupported](c.Kill("n2", targets.WipeDisk))
		if !ok || c.isDown("n2") {
			t.Error("a wiped member can come back")
		}
		p.told = nil
		if err := c.Kill("n3", targets.KeepUnsynced); err != nil || !c.isDown("n3") {
			t.Errorf("%v, down %v", err, c.isDown("n3"))
		}
		p.err = errors.New("no")
		if err := c.Start("n3"); err == nil || !c.isDown("n3") {
			t.Errorf("not started: %v, down %v", err, c.isDown("n3"))
		}
		if err := c.Start("n3"); err != nil || c.isDown("n3") {
			t.Errorf("started: %v, down %v", err, c.isDown("n3"))
		}
		want(t, p, "kill n3 keep", "start n3", "start n3")
	}
}

func TestNodesThatNobodyReaches(t *testing.T) {
	c, _ := fakeCluster(t, false)
	for _, s := range c.Status() {
		if !s.Up || s.Role != "" {
			t.Errorf("%+v", s)
		}
	}
	if ok, missing := c.Settled(); ok || missing == "" {
		t.Errorf("settled %v %q", ok, missing)
	}
	if _, err := c.Clock("n1"); err == nil {
		t.Error("nobody tells the time")
	}
	if err := c.Promote("n1"); err != nil {
		t.Error(err)
	}
	if err := c.Promote("n9"); err == nil {
		t.Error("there is no n9")
	}
	if hint, err := c.Keep(); hint != "kept" || err != nil {
		t.Errorf("%q %v", hint, err)
	}
}
