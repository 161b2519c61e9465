package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rashomon-harness/rashomon/targets/links"
)

// node is a node's process, and what outlives it.
type node struct {
	name    string
	dir     string // data, log, ready file
	command []string
	env     []string
	proxies []*links.Proxy

	mu      sync.Mutex
	process *exec.Cmd // nil while it is down
	stdin   io.Closer // the process ends when it is closed
	gone    chan struct{}
	exit    error // how the last process ended
	clients string
	peers   string
}

// nodeArgs returns the arguments of a node that never change. The peers are those that it dials.
func nodeArgs(i int, peers []string, config string, seed uint64) []string {
	return []string{"--id", strconv.Itoa(i + 1), "--peers", strings.Join(peers, ","), "--config", config,
		"--seed", strconv.FormatUint(seed, 10), "--listen", "127.0.0.1:0", "--listen-peers", "127.0.0.1:0",
		"--bootstrap", "--end-with-stdin"}
}

func (n *node) data() string  { return filepath.Join(n.dir, "data") }
func (n *node) ready() string { return filepath.Join(n.dir, "ready") }

// start starts the process and waits until it says where it listens.
func (n *node) start(ctx context.Context) error {
	if err := n.launch(); err != nil {
		return fmt.Errorf("%s cannot be started: %w", n.name, err)
	}
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		b, err := os.ReadFile(n.ready())
		if err == nil {
			return n.noteAddresses(b)
		}
		if gone := n.ended(); gone != nil {
			return gone
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w\n%s", n.name, ctx.Err(), n.tail())
		}
	}
}

func (n *node) noteAddresses(b []byte) error {
	var at struct{ Clients, Peers string }
	if err := json.Unmarshal(b, &at); err != nil {
		return fmt.Errorf("%s says where it listens in a way that is not understood: %w", n.name, err)
	}
	n.mu.Lock()
	n.clients, n.peers = at.Clients, at.Peers
	n.mu.Unlock()
	return nil
}

// launch starts the process.
func (n *node) launch() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process != nil {
		return errors.New("it runs already")
	}
	if err := errors.Join(os.MkdirAll(n.dir, 0o755), os.RemoveAll(n.ready())); err != nil {
		return err
	}
	args := append(n.command[1:len(n.command):len(n.command)], "--data", n.data(), "--ready", n.ready())
	cmd := exec.Command(n.command[0], args...)
	cmd.Env = n.env
	cmd.SysProcAttr = childAttributes()
	log, err := os.OpenFile(filepath.Join(n.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close() // the child has its own
	cmd.Stdout, cmd.Stderr = log, log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	gone, started := make(chan struct{}), make(chan error)
	go n.attend(cmd, started, gone)
	if err := <-started; err != nil {
		return err
	}
	n.process, n.stdin, n.exit, n.gone = cmd, stdin, nil, gone
	return nil
}

// attend starts a process and waits for its end, on a thread that lives as long as the process: the kernel
// takes the end of the thread for the death of the parent.
func (n *node) attend(cmd *exec.Cmd, started chan<- error, gone chan<- struct{}) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Start()
	started <- err
	if err != nil {
		return
	}
	err = cmd.Wait()
	if err == nil {
		err = errors.New("exit status 0")
	}
	n.mu.Lock()
	n.process, n.exit, n.clients, n.peers = nil, err, "", ""
	n.mu.Unlock()
	close(gone)
}

// running reports whether the process is there, stopped or not.
func (n *node) running() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.process != nil
}

// ended returns why the process is gone, with the end of its log; nil while it is there.
func (n *node) ended() error {
	n.mu.Lock()
	process, exit := n.process, n.exit
	n.mu.Unlock()
	switch {
	case process != nil:
		return nil
	case exit == nil:
		exit = errors.New("it was never started")
	}
	return fmt.Errorf("%s has ended: %w\n%s", n.name, exit, n.tail())
}

// addresses returns where clients and peers reach the process; "" while it is down.
func (n *node) addresses() (clients, peers string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.clients, n.peers
}

// signal sends a signal to the process.
func (n *node) signal(s os.Signal) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process == nil {
		return fmt.Errorf("%s is down", n.name)
	}
	return n.process.Process.Signal(s)
}

// stop stops the process, and returns when nothing of it runs any more.
func (n *node) stop() error {
	if err := n.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	n.mu.Lock()
	process := n.process
	n.mu.Unlock()
	if process == nil {
		return nil // it died meanwhile
	}
	if err := awaitStopped(process.Process.Pid); err != nil {
		return fmt.Errorf("%s: %w", n.name, err)
	}
	return nil
}

// kill ends the process at once and waits until it is gone. A node that is down stays so.
func (n *node) kill() error {
	n.mu.Lock()
	process, gone, stdin := n.process, n.gone, n.stdin
	n.mu.Unlock()
	if process == nil {
		return nil
	}
	err := process.Process.Signal(syscall.SIGKILL)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("%s cannot be killed: %w", n.name, err)
	}
	_ = stdin.Close()
	timer := time.NewTimer(startLimit)
	defer timer.Stop()
	select {
	case <-gone:
		return nil
	case <-timer.C:
		return fmt.Errorf("%s does not end, though it was killed", n.name)
	}
}

// log returns the last bytes of the log.
func (n *node) log(most int64) ([]byte, error) {
	f, err := os.Open(filepath.Join(n.dir, "log"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(max(info.Size()-most, 0), io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, most))
}

// tailLines is how many lines of a log stand in an error.
const tailLines = 20

// tail returns the end of the log for people.
func (n *node) tail() string {
	b, err := n.log(8 << 10)
	if err != nil || len(b) == 0 {
		return "its log is empty"
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	lines = lines[max(len(lines)-tailLines, 0):]
	return "the end of its log:\n  " + strings.Join(lines, "\n  ")
}
