package container

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/nemesis/agent"
	"github.com/rashomon-harness/rashomon/targets"
)

// A deployment is what arms may treat as a cluster with these capabilities.
var (
	_ targets.Partitioner = (*Deployment)(nil)
	_ targets.Shaper      = (*Deployment)(nil)
	_ targets.Killer      = (*Deployment)(nil)
	_ targets.Pauser      = (*Deployment)(nil)
	_ targets.ClockSkewer = (*Deployment)(nil)
)

func TestPods(t *testing.T) {
	ctx, lab, ok := docker(t)
	if !ok {
		return
	}
	nodes := []string{"n1", "n2", "n3"}
	d := lab.network(t, ctx, Options{}, nodes...)
	pods := lab.pods(nodes...)
	pods[2].Env = map[string]string{"COLOUR": "blue"}
	pods[2].DataDir = "/var/data"
	pods[2].Files = map[string][]byte{"/etc/a": []byte("first"), "/var/data/b": []byte("second")}
	must(t, d.Launch(ctx, pods, answers(d)))
	for _, tc := range []struct {
		name string
		test func(*testing.T, context.Context, *Deployment)
	}{
		{"names", testNames}, {"parts", testParts}, {"cuts", testCuts}, {"one way", testOneWay},
		{"connections", testConnections}, {"restart", testRestart}, {"pause", testPause},
		{"clock", testClock}, {"files", testFiles},
		{"shapes", testShapes}, {"logs", testLogs}, {"refusals", testRefusals},
	} {
		if !t.Run(tc.name, func(t *testing.T) { tc.test(t, ctx, d) }) {
			break // what one has broken is no news about the next
		}
	}
	if err := d.Lapsed(); err != nil {
		t.Error(err)
	}
	t.Run("lapse", func(t *testing.T) { testLapse(t, ctx, d) })
}

// testLapse sees that what an agent healed by mistake is brought back and told.
func testLapse(t *testing.T, ctx context.Context, d *Deployment) {
	must(t, d.Cut("a", []targets.Link{{From: "n2", To: "n1"}}))
	must(t, d.Step("b", "n1", int64(time.Hour)))
	n1 := d.nodes["n1"]
	must(t, n1.agent.Heal(ctx))
	reach(t, ctx, d, "n1", "n2")
	offBy(t, ctx, to(d, "n1"), 0)
	d.troubled(n1, agent.ErrLapsed)
	offBy(t, ctx, to(d, "n1"), time.Hour)
	lose(t, ctx, d, "n1", "n2")
	if err := d.Lapsed(); !errors.Is(err, agent.ErrLapsed) || !strings.Contains(err.Error(), "n1") {
		t.Errorf("got %v", err)
	}
	must(t, d.Uncut("a"))
	must(t, d.Unskew("b", "n1"))
	reach(t, ctx, d, "n1", "n2")
	offBy(t, ctx, to(d, "n1"), 0)
}

// reach fails unless a new connection between stand-ins succeeds.
func reach(t *testing.T, ctx context.Context, d *Deployment, from, to string) {
	t.Helper()
	if answer, err := tell(ctx, d, from, "dial", at(d, to)); err != nil || answer != "pong" {
		t.Errorf("%s to %s: %q, %v; want pong", from, to, answer, err)
	}
}

// lose fails if a new connection between stand-ins succeeds.
func lose(t *testing.T, ctx context.Context, d *Deployment, from, to string) {
	t.Helper()
	if answer, err := tell(ctx, d, from, "dial", at(d, to)); err == nil {
		t.Errorf("%s to %s: %q; want none", from, to, answer)
	}
}

func testNames(t *testing.T, ctx context.Context, d *Deployment) {
	for _, name := range d.Nodes() {
		if host, err := tell(ctx, d, name, "host"); err != nil || host != name {
			t.Errorf("host name of %s: %q, %v", name, host, err)
		}
		peer := fmt.Sprintf("n2:%d", dbPort)
		if answer, err := tell(ctx, d, name, "dial", peer); err != nil || answer != "pong" {
			t.Errorf("%s to %s: %q, %v", name, peer, answer, err)
		}
		if !d.Running(name) {
			t.Errorf("%s does not run", name)
		}
	}
}

// testParts sees that everything that a pod was given arrived, and that its data outlives a crash.
func testParts(t *testing.T, ctx context.Context, d *Deployment) {
	ask := func(command, want string) {
		t.Helper()
		if got, err := tell(ctx, d, "n3", command); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %s", command, got, err, want)
		}
	}
	ask("env COLOUR", "blue")
	ask("read /etc/a", "first")
	ask("read /var/data/b", "second")
	ask("write /var/data/c third", "ok")
	must(t, d.Kill("n3", targets.KeepUnsynced))
	must(t, d.Start("n3"))
	eventually(t, patience, "n3 after its start", func() error { return answers(d)(ctx, "n3") })
	ask("read /var/data/c", "third")
}

func testCuts(t *testing.T, ctx context.Context, d *Deployment) {
	both := []targets.Link{
		{From: "n1", To: "n2"}, {From: "n2", To: "n1"}, {From: "n1", To: targets.AllClients},
	}
	must(t, d.Cut("a", both))
	must(t, d.Cut("b", []targets.Link{{From: "n1", To: "n2"}}))
	lose(t, ctx, d, "n1", "n2")
	lose(t, ctx, d, "n2", "n1")
	reach(t, ctx, d, "n1", "n3") // others keep their paths, and so did the client that asked
	reach(t, ctx, d, "n3", "n2")
	must(t, d.Uncut("a"))
	lose(t, ctx, d, "n1", "n2") // b still holds it
	before := time.Now()
	must(t, d.Uncut("b"))
	must(t, d.Uncut("b")) // nothing to do
	reach(t, ctx, d, "n1", "n2")
	reach(t, ctx, d, "n2", "n1")
	if at := d.Healed(); at.Before(before) || at.After(time.Now()) {
		t.Errorf("healed at %v", at)
	}
	must(t, d.Cut("c", []targets.Link{{From: targets.AllNodes, To: "n3"}}))
	lose(t, ctx, d, "n1", "n3")
	lose(t, ctx, d, "n2", "n3")
	reach(t, ctx, d, "n1", "n2")
	must(t, d.Uncut("c"))
	reach(t, ctx, d, "n1", "n3")
}

// testOneWay sees which way packets go by the counters of both ends: without answers both ways look dead to
// those who use TCP.
func testOneWay(t *testing.T, ctx context.Context, d *Deployment) {
	must(t, d.Cut("a", []targets.Link{{From: "n1", To: "n2"}}))
	lose(t, ctx, d, "n1", "n2")
	if packets := cutPackets(t, ctx, d, "n2", "n1"); packets == 0 {
		t.Error("no packet from n1 met the cut at n2")
	}
	if state, err := d.State(ctx, "n1"); err != nil || len(state.Rules.Cuts) != 0 {
		t.Errorf("n1 has cuts: %+v, %v", state.Rules, err)
	}
	must(t, d.Uncut("a"))
	reach(t, ctx, d, "n1", "n2")
}

// cutPackets returns how many packets from a peer met a cut at a node.
func cutPackets(t *testing.T, ctx context.Context, d *Deployment, node, peer string) uint64 {
	t.Helper()
	state, err := d.State(ctx, node)
	must(t, err)
	var sum uint64
	for _, c := range state.Counters {
		if c.Kind == "cut" && c.Peer == d.IP(peer) {
			sum += uint64(c.Packets)
		}
	}
	return sum
}

func testConnections(t *testing.T, ctx context.Context, d *Deployment) {
	ask := func() error {
		_, err := tell(ctx, d, "n1", "use", at(d, "n2"))
		return err
	}
	if _, err := tell(ctx, d, "n1", "open", at(d, "n2")); err != nil {
		t.Fatal(err)
	}
	must(t, ask())
	must(t, d.Cut("a", []targets.Link{{From: "n2", To: "n1"}, {From: "n1", To: "n2"}}))
	if ask() == nil {
		t.Error("an existing connection goes on through a cut")
	}
	must(t, d.Uncut("a"))
	eventually(t, patience, "an existing connection after the cut", ask)
}

func testRestart(t *testing.T, ctx context.Context, d *Deployment) {
	endpoint, err := d.Endpoint(ctx, "n2", dbPort)
	must(t, err)
	must(t, d.Cut("a", []targets.Link{{From: "n1", To: "n2"}}))
	lose(t, ctx, d, "n1", "n2")
	before := cutPackets(t, ctx, d, "n2", "n1")
	must(t, d.Kill("n2", targets.KeepUnsynced))
	if d.Running("n2") {
		t.Error("n2 runs after its kill")
	}
	must(t, d.Kill("n2", targets.KeepUnsynced)) // dead already
	must(t, d.Start("n2"))
	eventually(t, patience, "n2 after its start", func() error { return answers(d)(ctx, "n2") })
	if again, err := d.Endpoint(ctx, "n2", dbPort); err != nil || again != endpoint {
		t.Errorf("the endpoint was %s and is %s, %v", endpoint, again, err)
	}
	lose(t, ctx, d, "n1", "n2")
	reach(t, ctx, d, "n3", "n2")
	if after := cutPackets(t, ctx, d, "n2", "n1"); before == 0 || after <= before {
		t.Errorf("the cut counted %d packets before the restart and %d after", before, after)
	}
	must(t, d.Uncut("a"))
	reach(t, ctx, d, "n1", "n2")
}

func testPause(t *testing.T, ctx context.Context, d *Deployment) {
	must(t, d.Pause("n1"))
	if !d.Running("n1") {
		t.Error("a paused node counts as down")
	}
	conn, err := d.Dial(ctx, "n1", dbPort) // the kernel goes on
	must(t, err)
	defer func() { _ = conn.Close() }()
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if answer, err := converse(short, conn, "ping"); err == nil {
		t.Errorf("a paused node answers %q", answer)
	}
	if _, err := d.State(ctx, "n1"); err != nil {
		t.Errorf("the agent of a paused node: %v", err)
	}
	must(t, d.Resume("n1"))
	must(t, d.Resume("n1")) // goes on already
	eventually(t, patience, "n1 after its pause", func() error { return answers(d)(ctx, "n1") })
	must(t, d.Pause("n1"))
	must(t, d.Kill("n1", targets.KeepUnsynced)) // also a paused one dies
	must(t, d.Start("n1"))
	eventually(t, patience, "n1 after its start", func() error { return answers(d)(ctx, "n1") })
}

// wrong returns how wrong the clock of a stand-in is, by its own word.
func wrong(ctx context.Context, of speaker) (time.Duration, error) {
	before := time.Now()
	answer, err := of(ctx, "time")
	if err != nil {
		return 0, err
	}
	nanos, err := strconv.ParseInt(answer, 10, 64)
	return time.Unix(0, nanos).Sub(before), err
}

// offBy waits until the clock of a stand-in is wrong by so much.
func offBy(t *testing.T, ctx context.Context, of speaker, want time.Duration) {
	t.Helper()
	eventually(t, patience, fmt.Sprintf("a clock off by %v", want), func() error {
		got, err := wrong(ctx, of)
		if err == nil && (got-want).Abs() > 2*time.Second {
			err = fmt.Errorf("it is off by %v", got)
		}
		return err
	})
}

func testClock(t *testing.T, ctx context.Context, d *Deployment) {
	must(t, d.Step("a", "n1", int64(time.Hour)))
	must(t, d.Step("b", "n1", int64(30*time.Minute)))
	offBy(t, ctx, to(d, "n1"), 90*time.Minute)
	offBy(t, ctx, to(d, "n2"), 0)
	must(t, d.Kill("n1", targets.KeepUnsynced))
	must(t, d.Start("n1"))
	offBy(t, ctx, to(d, "n1"), 90*time.Minute)
	must(t, d.Unskew("a", "n1"))
	offBy(t, ctx, to(d, "n1"), 30*time.Minute)
	must(t, d.Pause("n1"))
	must(t, d.Step("c", "n1", -int64(2*time.Hour))) // comes into force when it goes on
	must(t, d.Resume("n1"))
	offBy(t, ctx, to(d, "n1"), -90*time.Minute)
	must(t, d.Unskew("b", "n1"))
	must(t, d.Unskew("c", "n1"))
	must(t, d.Unskew("c", "n1"))
	offBy(t, ctx, to(d, "n1"), 0)
}

func testFiles(t *testing.T, ctx context.Context, d *Deployment) {
	const path = "/etc/fake/deep/config"
	must(t, d.Kill("n3", targets.KeepUnsynced))
	must(t, d.Copy(ctx, "n3", path, []byte("written-while-down")))
	must(t, d.Start("n3"))
	eventually(t, patience, "n3 after its start", func() error { return answers(d)(ctx, "n3") })
	if text, err := tell(ctx, d, "n3", "read", path); err != nil || text != "written-while-down" {
		t.Errorf("the file has %q, %v", text, err)
	}
	must(t, d.Copy(ctx, "n3", path, []byte("while-up")))
	if text, err := tell(ctx, d, "n3", "read", path); err != nil || text != "while-up" {
		t.Errorf("the file has %q, %v", text, err)
	}
	if err := d.Copy(ctx, "n3", "relative", nil); err == nil {
		t.Error("a relative path is taken")
	}
}

func testShapes(t *testing.T, ctx context.Context, d *Deployment) {
	links := []targets.Link{{From: "n1", To: "n2"}}
	trip := func() time.Duration { // two round trips: the connection and the answer
		begin := time.Now()
		reach(t, ctx, d, "n1", "n2")
		return time.Since(begin)
	}
	must(t, d.Shape("a", links, targets.Shape{DelayNanos: int64(40 * time.Millisecond)}))
	must(t, d.Shape("b", links, targets.Shape{DelayNanos: int64(30 * time.Millisecond)}))
	if took := trip(); took < 140*time.Millisecond {
		t.Errorf("two trips with 70 ms took %v", took)
	}
	must(t, d.Unshape("a"))
	must(t, d.Unshape("b"))
	state, err := d.State(ctx, "n1")
	if err != nil || len(state.Rules.Shapes) != 0 {
		t.Errorf("left at n1: %+v, %v", state.Rules, err)
	}
	must(t, d.Shape("c", links, targets.Shape{LossPPM: million}))
	lose(t, ctx, d, "n1", "n2")
	must(t, d.Unshape("c"))
	reach(t, ctx, d, "n1", "n2")
	unsupported := new(targets.Unsupported)
	if err := d.Shape("d", links, targets.Shape{ReorderOutPPM: 1}); !errors.As(err, &unsupported) {
		t.Errorf("reordering by shares: %v", err)
	}
	if err := d.Shape("d", links, targets.Shape{LossPPM: -1}); err == nil || errors.As(err, &unsupported) {
		t.Errorf("a negative share: %v", err)
	}
	reach(t, ctx, d, "n1", "n2")
}

func testLogs(t *testing.T, ctx context.Context, d *Deployment) {
	if _, err := tell(ctx, d, "n2", "log", "remarkable"); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, "the log of n2", func() error {
		text, err := d.Logs(ctx, "n2")
		starts := strings.Count(string(text), "listening\n")
		words := strings.Count(string(text), "remarkable\n")
		if err == nil && (starts != 2 || words != 1) { // it was restarted once
			err = fmt.Errorf("it is %q", text)
		}
		return err
	})
	if text, err := d.AgentLogs(ctx, "n2"); err != nil || len(text) == 0 {
		t.Errorf("the agent's log: %q, %v", text, err)
	}
}

func testRefusals(t *testing.T, ctx context.Context, d *Deployment) {
	unsupported := new(targets.Unsupported)
	for _, what := range []targets.Unsynced{
		targets.LoseUnsynced, targets.TearUnsynced, targets.WipeDisk, "fry",
	} {
		if err := d.Kill("n1", what); !errors.As(err, &unsupported) || !d.Running("n1") {
			t.Errorf("kill and %s: %v", what, err)
		}
	}
	for _, err := range []error{d.Drift("a", "n1", 1), d.Freeze("a", "n1")} {
		if !errors.As(err, &unsupported) {
			t.Errorf("a clock that cannot be: %v", err)
		}
	}
	if err := d.Kill("n9", targets.KeepUnsynced); err == nil || !strings.Contains(err.Error(), "n1, n2, n3") {
		t.Errorf("a node that is not there: %v", err)
	}
	if err := d.Launch(ctx, []Pod{{Name: "n1", Image: "x"}}, nil); err == nil {
		t.Error("a node is launched twice")
	}
	if again, err := d.engine.Network(ctx, d.Nodes(), Options{Run: d.Run()}); err == nil {
		must(t, again.Close())
		t.Error("there are two runs of one name")
	}
}
