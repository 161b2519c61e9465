package container

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/rashomon-harness/rashomon/internal/need"
)

// dbPort is where the stand-in for a database listens.
const dbPort = 7001

// buildLimit bounds how long it takes to build what is tested.
const buildLimit = 5 * time.Minute

// testLimit bounds one test. Most of them take a few seconds.
const testLimit = 2 * time.Minute

// patience bounds one thing that a test waits for. Nothing takes that long where the machine is not busy.
const patience = 20 * time.Second

// harnessVar makes the test binary run as a harness that will be killed: see TestClean.
const harnessVar = "RASHOMON_TEST_HARNESS"

func TestMain(m *testing.M) {
	if os.Getenv(harnessVar) != "" {
		beHarness()
		return
	}
	code := m.Run()
	theLab.close()
	os.Exit(code)
}

// lab is what all tests share: the engine, the image of this command, and the image of the stand-in for a
// database, which has this process's number in its name and goes away with the process.
type lab struct {
	once   sync.Once
	engine *Engine
	agent  string // images
	db     string
	dir    string
	err    error
}

var theLab lab

// openLab returns what all tests share.
func openLab(t testing.TB) *lab {
	t.Helper()
	theLab.once.Do(func() { theLab.err = theLab.open() })
	if theLab.err != nil {
		t.Fatal(theLab.err)
	}
	return &theLab
}

func (l *lab) open() error {
	ctx, cancel := context.WithTimeout(context.Background(), buildLimit)
	defer cancel()
	var err error
	if l.engine, err = Connect(ctx); err != nil {
		return err
	}
	if l.dir, err = os.MkdirTemp("", "rashomon-test-"); err != nil {
		return err
	}
	if l.agent, err = l.engine.SelfImage(ctx); err != nil {
		return err
	}
	l.db, err = l.image(ctx, "fakedb")
	return err
}

// image builds one of the programs in testdata and makes an image of it.
func (l *lab) image(ctx context.Context, program string) (string, error) {
	path := filepath.Join(l.dir, program)
	_, err := goOutput(ctx, "", []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + l.engine.arch},
		"build", "-ldflags", "-s -w", "-o", path, "./testdata/"+program)
	if err != nil {
		return "", err
	}
	return l.engine.imageOf(ctx, fmt.Sprintf("rashomon-test-%d-%s", os.Getpid(), program), path)
}

func (l *lab) close() {
	if l.engine == nil {
		return
	}
	if l.db != "" {
		_, err := l.engine.api.ImageRemove(context.Background(), l.db, client.ImageRemoveOptions{})
		if err != nil {
			fmt.Println("removing an image of the tests:", err)
		}
	}
	_ = l.engine.Close()
	_ = os.RemoveAll(l.dir)
}

// docker reports whether a test of containers can go on, and gives it a context.
func docker(t *testing.T) (context.Context, *lab, bool) {
	t.Helper()
	if !need.Docker(t) {
		return nil, nil, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), testLimit)
	t.Cleanup(cancel)
	return ctx, openLab(t), true
}

// pods returns pods of stand-ins with those names.
func (l *lab) pods(names ...string) []Pod {
	out := make([]Pod, len(names))
	for i, name := range names {
		out[i] = Pod{
			Name: name, Image: l.db, Command: []string{"-port", strconv.Itoa(dbPort)}, Ports: []int{dbPort},
		}
	}
	return out
}

// network makes the network of a deployment, whose end the test waits for and inspects.
func (l *lab) network(t *testing.T, ctx context.Context, o Options, names ...string) *Deployment {
	t.Helper()
	o.AgentImage = l.agent
	d, err := l.engine.Network(ctx, names, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, name := range names {
				text, err := d.AgentLogs(context.Background(), name)
				t.Logf("agent of %s (%v):\n%s", name, err, text)
			}
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		l.nothingLeft(t, d.Run())
	})
	return d
}

// deploy launches stand-ins and waits until they answer.
func (l *lab) deploy(t *testing.T, ctx context.Context, o Options, names ...string) *Deployment {
	t.Helper()
	d := l.network(t, ctx, o, names...)
	if err := d.Launch(ctx, l.pods(names...), answers(d)); err != nil {
		t.Fatal(err)
	}
	return d
}

// answers returns a question that is answered when the stand-in is ready.
func answers(d *Deployment) func(ctx context.Context, name string) error {
	return func(ctx context.Context, name string) error {
		answer, err := tell(ctx, d, name, "ping")
		if err == nil && answer != "pong" {
			err = fmt.Errorf("it says %s", answer)
		}
		return err
	}
}

// nothingLeft fails the test when anything of a run is there, by label or by name.
func (l *lab) nothingLeft(t *testing.T, run string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testLimit)
	defer cancel()
	left, err := l.engine.leftovers(ctx, run)
	if err != nil || left[run] != nil {
		t.Errorf("left of run %s: %+v, %v", run, left[run], err)
	}
	containers, err := l.engine.api.ContainerList(ctx, client.ContainerListOptions{All: true})
	for _, c := range containers.Items {
		if strings.Contains(strings.Join(c.Names, " "), run) {
			t.Errorf("container %v is left", c.Names)
		}
	}
	networks, err2 := l.engine.api.NetworkList(ctx, client.NetworkListOptions{})
	for _, n := range networks.Items {
		if strings.Contains(n.Name, run) {
			t.Errorf("network %s is left", n.Name)
		}
	}
	volumes, err3 := l.engine.api.VolumeList(ctx, client.VolumeListOptions{})
	for _, v := range volumes.Items {
		if strings.Contains(v.Name, run) {
			t.Errorf("volume %s is left", v.Name)
		}
	}
	if err != nil || err2 != nil || err3 != nil {
		t.Error(err, err2, err3)
	}
	if runtime.GOOS == "linux" {
		mounts, err := os.ReadFile("/proc/self/mountinfo")
		if err != nil || strings.Contains(string(mounts), run) {
			t.Errorf("a mount of run %s is left (%v):\n%s", run, err, mounts)
		}
	}
}

// speaker gives a stand-in a command and returns its answer. Errors that the stand-in has are errors.
type speaker func(ctx context.Context, words ...string) (string, error)

// to returns the speaker for a node.
func to(d *Deployment, name string) speaker {
	return func(ctx context.Context, words ...string) (string, error) { return tell(ctx, d, name, words...) }
}

// tell says something to a node.
func tell(ctx context.Context, d *Deployment, name string, words ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := d.Dial(ctx, name, dbPort)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	return converse(ctx, conn, words...)
}

// converse says something and waits for the answer.
func converse(ctx context.Context, conn net.Conn, words ...string) (string, error) {
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintln(conn, strings.Join(words, " ")); err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	answer = strings.TrimSpace(answer)
	if complaint, found := strings.CutPrefix(answer, "error: "); found {
		return "", fmt.Errorf("%s", complaint)
	}
	return answer, err
}

// must fails the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually fails the test unless a condition comes true in time. It is asked every 20 ms.
func eventually(t *testing.T, limit time.Duration, what string, ask func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(limit)
	defer end.Stop()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-end.C:
			t.Fatalf("%s: not within %v: %v", what, limit, err)
		case <-tick.C:
		}
	}
}

// at returns the address of a stand-in, for others.
func at(d *Deployment, name string) string {
	return net.JoinHostPort(d.IP(name).String(), strconv.Itoa(dbPort))
}
