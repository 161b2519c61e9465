package container

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/targets"
)

// harnessTTL is how long the faults of the harness that is killed outlive it.
const harnessTTL = 3 * time.Second

// beHarness is what the test binary does as a harness: it deploys pods, does everything to them that can be
// done, prints how to ask them, and waits to be killed.
func beHarness() {
	ctx, cancel := context.WithTimeout(context.Background(), testLimit)
	defer cancel()
	d, err := deployAndBreak(ctx)
	if err == nil {
		<-ctx.Done() // the killer was late
	}
	if d != nil {
		err = errors.Join(err, d.Close())
	}
	fmt.Println("error:", err)
	os.Exit(1)
}

func deployAndBreak(ctx context.Context) (*Deployment, error) {
	l := &lab{agent: os.Getenv("TEST_AGENT"), db: os.Getenv("TEST_DB")}
	var err error
	if l.engine, err = Connect(ctx); err != nil {
		return nil, err
	}
	nodes := []string{"n1", "n2", "n3"}
	d, err := l.engine.Network(ctx, nodes, Options{AgentImage: l.agent, TTL: harnessTTL})
	if err != nil {
		return nil, err
	}
	pods := l.pods(nodes...)
	pods[0].DataDir = "/var/data"
	pods[2].DataDir, pods[2].PowerLoss = "/var/data", os.Geteuid() == 0
	if err := d.Launch(ctx, pods, answers(d)); err != nil {
		return d, err
	}
	both := []targets.Link{{From: "n1", To: "n2"}, {From: "n2", To: "n1"}}
	err = errors.Join(d.Cut("a", both), d.Step("b", "n1", int64(time.Hour)),
		d.Step("b", "n3", int64(time.Hour)), d.Pause("n3"))
	if err != nil {
		return d, err
	}
	endpoint, err := d.Endpoint(ctx, "n1", dbPort)
	fmt.Println("ready", d.Run(), endpoint, at(d, "n2"))
	return d, err
}

// killed is what a harness left that was killed.
type killed struct {
	run  string
	n1   speaker
	peer string // the address of n2, for n1
	at   time.Time
}

// killHarness runs a harness until its faults are in force, and kills it.
func killHarness(t *testing.T, ctx context.Context, lab *lab) killed {
	t.Helper()
	exe, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(ctx, exe)
	cmd.Env = append(os.Environ(), harnessVar+"=1", "TEST_AGENT="+lab.agent, "TEST_DB="+lab.db)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	in := bufio.NewScanner(out)
	in.Scan()
	words := strings.Fields(in.Text())
	if len(words) != 4 || words[0] != "ready" {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.Fatalf("the harness says %q", in.Text())
	}
	k := killed{run: words[1], peer: words[3], n1: func(ctx context.Context, said ...string) (string, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", words[2])
		if err != nil {
			return "", err
		}
		defer func() { _ = conn.Close() }()
		return converse(ctx, conn, said...)
	}}
	offBy(t, ctx, k.n1, time.Hour)
	if answer, err := k.n1(ctx, "dial", k.peer); err == nil {
		t.Errorf("n1 reaches n2 through a cut: %s", answer)
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed, and says so
	k.at = time.Now()
	return k
}

func TestClean(t *testing.T) {
	ctx, lab, ok := docker(t)
	if !ok {
		return
	}
	alive := lab.deploy(t, ctx, Options{}, "n1")
	dead := killHarness(t, ctx, lab)
	t.Cleanup(func() { lab.nothingLeft(t, dead.run) })
	offBy(t, ctx, dead.n1, 0)
	eventually(t, patience, "n1 to n2 without a harness", func() error {
		_, err := dead.n1(ctx, "dial", dead.peer)
		return err
	})
	t.Logf("healed %v after the end of the harness, with a lease of %v", time.Since(dead.at), harnessTTL)
	if done, err := lab.engine.Clean(ctx, CleanOptions{Run: alive.Run()}); err != nil || len(done.Runs) > 0 {
		t.Errorf("cleaned although its harness lives: %+v, %v", done, err)
	}
	done, err := lab.engine.Clean(ctx, CleanOptions{Run: dead.run})
	if err != nil || !slices.Equal(done.Runs, []string{dead.run}) {
		t.Errorf("cleaned: %+v, %v", done, err)
	}
	if done.Containers != 6 || done.Networks != 1 || done.Volumes != 2 {
		t.Errorf("cleaned: %+v", done)
	}
	must(t, answers(alive)(ctx, "n1"))
}

func TestChoose(t *testing.T) {
	me, far := self(), owner{Host: "elsewhere", PID: 1}
	dead := owner{Host: me.Host, PID: me.PID, Started: "before"}
	old, young := time.Now().Add(-time.Hour), time.Now()
	left := map[string]*leftover{
		"alive": {owner: me, made: old}, "far": {owner: far, made: old}, "nobody": {made: old},
		"dead": {owner: dead, made: old}, "young": {owner: dead, made: young},
	}
	for _, tc := range []struct {
		o            CleanOptions
		runs, spared string
	}{
		{CleanOptions{}, "dead nobody young", "alive far"},
		{CleanOptions{OlderThan: time.Minute}, "dead nobody", "alive far"},
		{CleanOptions{All: true}, "alive dead far nobody young", ""},
		{CleanOptions{OlderThan: 2 * time.Hour, All: true}, "", ""},
	} {
		gone, done := tc.o.choose(left)
		spared := strings.Join(slices.Sorted(maps.Keys(done.Spared)), " ")
		got := strings.Join(done.Runs, " ")
		if got != tc.runs || spared != tc.spared || len(gone) != len(done.Runs) {
			t.Errorf("%+v: %q, spared %q; want %q and %q", tc.o, got, spared, tc.runs, tc.spared)
		}
	}
}

// What is kept stays when the deployment is closed; only who asks for it removes it while its harness lives.
func TestKeep(t *testing.T) {
	ctx, lab, ok := docker(t)
	if !ok {
		return
	}
	d, err := lab.engine.Network(ctx, []string{"n1"}, Options{AgentImage: lab.agent, Keepable: true})
	must(t, err)
	t.Cleanup(func() {
		_, err := lab.engine.Clean(context.Background(), CleanOptions{Run: d.Run(), All: true})
		must(t, err)
		lab.nothingLeft(t, d.Run())
	})
	must(t, d.Launch(ctx, lab.pods("n1"), answers(d)))
	how := d.Keep()
	if !strings.Contains(how, "rashomon clean --run "+d.Run()) {
		t.Errorf("it says %q", how)
	}
	must(t, d.Close())
	must(t, answers(d)(ctx, "n1"))
	left, err := lab.engine.leftovers(ctx, d.Run())
	must(t, err)
	for _, c := range left[d.Run()].containers {
		if c.Labels["org.testcontainers"] != "" {
			t.Errorf("Ryuk may take %v, which has the labels %v", c.Names, c.Labels)
		}
	}
	done, err := lab.engine.Clean(ctx, CleanOptions{Run: d.Run()})
	if err != nil || len(done.Runs) != 0 || done.Spared[d.Run()] == "" {
		t.Errorf("cleaned although its harness lives: %+v, %v", done, err)
	}
}
