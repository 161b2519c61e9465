package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/harness"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/internal/need"
	"github.com/rashomon-harness/rashomon/targets/container"
)

func TestMain(m *testing.M) {
	code := m.Run()
	need.RemoveBinary()
	os.Exit(code)
}

// safe is an experiment in containers that nothing may spoil.
const safe = `version: 1
name: contained
target: reference
env: docker
nodes: 3
config: {mode: single-leader}
workload: {name: register, keys: 3, rate: 50, concurrency: 5}
faults:
  - partition: {shape: isolate-leader, every: 3s, for: 1s, after: 1s}
  - crash: {shape: lose-unsynced, targets: any, every: 5s, for: 1s, after: 3s}
  - clock: {shape: step, amount: 5s..30s, every: 3s, for: 1s, after: 500ms}
time: 9s
seeds: 1
expect: {linearizability: must-hold, durability: must-hold, convergence: must-hold}
`

// command is the command line as a process of its own.
type command struct {
	*exec.Cmd
	t    *testing.T
	out  bytes.Buffer
	root string // of its runs
	done chan struct{}
}

// start starts `rashomon run` on the experiment of containers.
func start(t *testing.T, experiment string, env ...string) *command {
	t.Helper()
	root := t.TempDir()
	file := filepath.Join(root, "experiment.yaml")
	if err := os.WriteFile(file, []byte(experiment), 0o644); err != nil {
		t.Fatal(err)
	}
	c := &command{t: t, root: filepath.Join(root, "runs"), done: make(chan struct{}),
		Cmd: exec.Command(need.Binary(t), "run", file, "--runs", filepath.Join(root, "runs"), "--quiet")}
	c.Stdout, c.Stderr = &c.out, &c.out
	c.Env = append(os.Environ(), env...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = c.Wait()
		close(c.done)
	}()
	t.Cleanup(func() {
		_ = c.Process.Kill()
		<-c.done
	})
	return c
}

// history returns what is recorded so far.
func (c *command) history() []byte {
	paths, _ := filepath.Glob(filepath.Join(c.root, "contained", "*", "histor*", "*.jsonl"))
	more, _ := filepath.Glob(filepath.Join(c.root, "contained", "*", "*.jsonl"))
	for _, path := range append(paths, more...) {
		if b, err := os.ReadFile(path); err == nil {
			return b
		}
	}
	return nil
}

// until waits until something is recorded.
func (c *command) until(text string) {
	c.t.Helper()
	c.wait(3*time.Minute, "the history has "+text, func() bool {
		return bytes.Contains(c.history(), []byte(text))
	})
}

// wait waits until something is so, while the command runs.
func (c *command) wait(limit time.Duration, what string, so func() bool) {
	c.t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	end := time.After(limit)
	for !so() {
		select {
		case <-ticker.C:
		case <-c.done:
			c.t.Fatalf("it ended before %s:\n%s", what, c.out.String())
		case <-end:
			c.t.Fatalf("not so after %v: %s", limit, what)
		}
	}
}

// code waits for the end of the command and returns its exit code.
func (c *command) code(limit time.Duration) int {
	c.t.Helper()
	select {
	case <-c.done:
		return c.ProcessState.ExitCode()
	case <-time.After(limit):
		c.t.Fatalf("it has not ended after %v", limit)
		return 0
	}
}

// clean removes what runs have left, and returns what it says.
func clean(t *testing.T, args ...string) container.Cleaned {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), append([]string{"clean", "--output", "json"}, args...), &stdout, &stderr)
	var done container.Cleaned
	if err := json.Unmarshal(stdout.Bytes(), &done); err != nil || code != 0 {
		t.Fatalf("clean ended with %d: %v %s %s", code, err, stdout.String(), stderr.String())
	}
	return done
}

// A harness that is killed during a partition leaves pods, which clean removes, and a history that can be
// read and checked. That the pods heal by themselves is tested where pods are.
func TestKilledHarness(t *testing.T) {
	if !need.Docker(t) {
		return
	}
	c := start(t, safe)
	c.until(`"installed"`)
	if err := c.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-c.done
	h, err := history.Read(bytes.NewReader(c.history()))
	if h == nil || h.Len() == 0 || len(h.Faults) == 0 {
		t.Fatalf("the history cannot be used: %v", err)
	}
	done := clean(t)
	if len(done.Runs) < 1 || done.Containers < 6 || done.Networks < 1 || done.Volumes < 3 {
		t.Errorf("removed %+v; the run had three pods, their volumes and a network", done)
	}
	if again := clean(t); len(again.Runs) > 0 {
		t.Errorf("left after cleaning: %+v", again)
	}
}

// Two runs at once do not disturb each other.
func TestTwoRunsAtOnce(t *testing.T) {
	if !need.Docker(t) {
		return
	}
	a, b := start(t, safe), start(t, safe)
	for _, c := range []*command{a, b} {
		if code := c.code(3 * time.Minute); code != harness.ExitExpected {
			t.Errorf("it ended with %d:\n%s", code, c.out.String())
		}
		for _, family := range []string{"partition", "crash", "clock"} {
			if n := installed(c.history(), family); n == 0 {
				t.Errorf("no %s was installed", family)
			}
		}
	}
}

// installed counts the faults of a family that were installed.
func installed(recorded []byte, family string) int {
	h, err := history.Read(bytes.NewReader(recorded))
	if err != nil {
		return 0
	}
	n := 0
	for _, f := range h.Faults {
		if f.Family == family && f.Outcome == "installed" {
			n++
		}
	}
	return n
}

// relay passes connections on to the engine until it is closed, for good.
type relay struct {
	listener net.Listener
	mu       sync.Mutex
	conns    []net.Conn
	closed   bool
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "engine.sock"))
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l}
	go r.accept()
	t.Cleanup(r.close)
	return r
}

func (r *relay) accept() {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("unix", "/var/run/docker.sock")
		if err != nil {
			_ = near.Close()
			continue
		}
		r.mu.Lock()
		r.conns = append(r.conns, near, far)
		if r.closed {
			_ = near.Close()
			_ = far.Close()
		}
		r.mu.Unlock()
		for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
			go func() {
				_, _ = io.Copy(pair[0], pair[1])
				_ = pair[0].Close()
			}()
		}
	}
}

func (r *relay) close() {
	_ = r.listener.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for _, c := range r.conns {
		_ = c.Close()
	}
}

// An engine that stops in the midst of a run is a failure of the harness: exit 4, and nothing hangs.
func TestEngineStops(t *testing.T) {
	if !need.Docker(t) {
		return
	}
	r := newRelay(t)
	c := start(t, safe, "DOCKER_HOST=unix://"+r.listener.Addr().String())
	c.until(`"installed"`)
	r.close()
	if code := c.code(3 * time.Minute); code != harness.ExitFailure {
		t.Errorf("it ended with %d:\n%s", code, c.out.String())
	}
	if !strings.Contains(c.out.String(), "rashomon clean") {
		t.Errorf("it does not say how to clean up:\n%s", c.out.String())
	}
	clean(t)
}

// Without an engine the error says what to do.
func TestNoEngine(t *testing.T) {
	var stdout, stderr bytes.Buffer
	t.Setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
	file := filepath.Join(t.TempDir(), "experiment.yaml")
	if err := os.WriteFile(file, []byte(safe), 0o644); err != nil {
		t.Fatal(err)
	}
	code := run(context.Background(), []string{"run", file, "--quiet", "--runs", t.TempDir()}, &stdout,
		&stderr)
	said := stdout.String() + stderr.String()
	if code != harness.ExitFailure || !strings.Contains(said, "/nonexistent/docker.sock") ||
		!strings.Contains(said, "--env sim") {
		t.Errorf("it ended with %d:\n%s", code, said)
	}
}

// What is wrong with a node's command line is said.
func TestNodesThatCannotStart(t *testing.T) {
	for _, tc := range []struct{ args, want string }{
		{"node --peers a,b", "a node needs a data directory"},
		{"node --peers a,b --data x --config [", "--config is no JSON object"},
		{`node --peers a,b --data x --config {"colour":1}`, "colour"},
		{"node --peers a,b --data x --log loud", "allowed: debug, info, warn, error"},
		{"node --id 3 --peers a,b --data x", "node 3 is none of the 2 nodes"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(context.Background(), strings.Fields(tc.args), &stdout, &stderr)
		if code != harness.ExitUsage || !strings.Contains(stderr.String(), tc.want) {
			t.Errorf("%s: exit %d, %s", tc.args, code, stderr.String())
		}
	}
}
