package agent

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/internal/need"
	"github.com/rashomon-harness/rashomon/nemesis/agent/packets"
)

// realPod is an agent as PID 1 of a pid namespace of its own, with network and mounts of its own.
type realPod struct {
	*Client
	cmd  *exec.Cmd
	life io.Closer // its input
	data string    // the data directory, as seen from outside
}

// startPod starts an agent.
func startPod(t *testing.T) *realPod {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	file, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	backing, data := t.TempDir(), t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "pod-agent", backing, data)
	cmd.ExtraFiles = []*os.File{file}
	cmd.Stderr = t.Output()
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	life, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = file.Close(), l.Close()
	p := &realPod{Client: NewClient("http://"+l.Addr().String(), token), cmd: cmd, life: life,
		data: filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "root", data)}
	t.Cleanup(func() {
		p.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return p
}

// member is a process in a pod.
type member struct {
	cmd     *exec.Cmd // who has started it, and ends with it
	pid     int       // in the pod
	outer   int       // its pid outside
	in      io.WriteCloser
	answers *bufio.Reader
}

// start starts the test binary in the pod, in one of its roles, the way an engine does: by a process outside.
// That is not the test itself. A process that is being started shares the memory of its parent for a moment,
// and the agent may set its clock in this moment.
func (p *realPod) start(t *testing.T, role string) *member {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	m := &member{cmd: exec.Command(self, "pod-starter", strconv.Itoa(p.cmd.Process.Pid), role)}
	m.cmd.Stderr = t.Output()
	m.cmd.ExtraFiles = []*os.File{w}
	in, errIn := m.cmd.StdinPipe()
	out, errOut := m.cmd.StdoutPipe()
	if err := errors.Join(errIn, errOut, m.cmd.Start(), w.Close()); err != nil {
		t.Fatal(err)
	}
	m.in, m.answers = in, bufio.NewReader(out)
	t.Cleanup(m.end)
	if _, err := fmt.Fscan(r, &m.outer); err != nil {
		t.Fatalf("the starter does not say what it started: %v", err)
	}
	inner := strings.Fields(m.status(t, "NSpid"))
	if len(inner) != 2 {
		t.Fatalf("process %d has ended or is in no pod: %v", m.outer, inner)
	}
	if m.pid, err = strconv.Atoi(inner[1]); err != nil {
		t.Fatal(err)
	}
	return m
}

// end ends a process by the end of its input, or together with who has started it.
func (m *member) end() {
	const patience = 5 * time.Second
	m.cmd.WaitDelay = patience // for what holds its output
	kill := time.AfterFunc(patience, func() { _ = m.cmd.Process.Kill() })
	defer kill.Stop()
	_ = m.in.Close()
	_ = m.cmd.Wait()
}

// status returns a field of a process's status, "" when it has ended.
func (m *member) status(t *testing.T, field string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.outer))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); name == field {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// ask sends a line to a process and returns its answer.
func (m *member) ask(t *testing.T) string {
	t.Helper()
	if _, err := io.WriteString(m.in, "?\n"); err != nil {
		t.Fatal(err)
	}
	line, err := m.answers.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// isOff reports whether the clock of a victim is off by that much.
func (m *member) isOff(t *testing.T, want time.Duration) bool {
	t.Helper()
	before := time.Now().UnixNano()
	text := m.ask(t)
	after := time.Now().UnixNano()
	nanos, err := strconv.ParseInt(strings.Fields(text)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return before <= nanos-int64(want) && nanos-int64(want) <= after
}

// checkOff fails the test when the clock of a victim is not off by that much.
func (m *member) checkOff(t *testing.T, want time.Duration) {
	t.Helper()
	if !m.isOff(t, want) {
		t.Errorf("the clock of process %d is not off by %v", m.pid, want)
	}
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

// must fails the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestRealPod does everything to a real pod, through the API.
func TestRealPod(t *testing.T) {
	if !need.Root(t) {
		return
	}
	pod := startPod(t)
	health, err := pod.Health(t.Context())
	must(t, err)
	able := map[string]bool{}
	for _, a := range health.Abilities {
		able[a.Name] = a.OK
		t.Log(a)
	}
	for _, name := range []string{packets.AbleDrop, clockAbility, powerLossAbility, killAbility,
		stopAbility} {
		if !able[name] {
			t.Errorf("%s is not possible here", name)
		}
	}
	if t.Failed() {
		return
	}
	_, err = pod.Stop(t.Context())
	if !errors.Is(err, ErrNoLease) {
		t.Errorf("without a lease: %v", err)
	}
	_, err = pod.Lease(t.Context(), time.Minute)
	must(t, err)
	for _, part := range []struct {
		name string
		test func(t *testing.T, pod *realPod)
	}{{"clocks", realClocks}, {"stop", realStop}, {"network", realNetwork}, {"orphans", realOrphans},
		{"power loss", realPowerLoss}, {"kill", realKill}, {"lapse", realLapse}, {"shutdown", realShutdown}} {
		t.Run(part.name, func(t *testing.T) { part.test(t, pod) })
	}
}

// realClocks follows processes that are there, come later, and become another program.
func realClocks(t *testing.T, pod *realPod) {
	first, changing := pod.start(t, "pod-victim"), pod.start(t, "pod-exec")
	pids, err := pod.Clock(t.Context(), time.Hour)
	must(t, err)
	if !slices.Contains(pids, first.pid) || !slices.Contains(pids, changing.pid) || slices.Contains(pids, 1) {
		t.Errorf("pids %v, want %d and %d and not the agent", pids, first.pid, changing.pid)
	}
	first.checkOff(t, time.Hour)
	second := pod.start(t, "pod-victim")
	eventually(t, "a new process is off", func() bool { return second.isOff(t, time.Hour) })
	_, err = io.WriteString(changing.in, "!") // it becomes a victim
	must(t, err)
	eventually(t, "a new program in a known process is off", func() bool {
		return changing.isOff(t, time.Hour)
	})
	state, err := pod.State(t.Context())
	must(t, err)
	for _, m := range []*member{first, second, changing} {
		if !slices.Contains(state.Patched, m.pid) {
			t.Errorf("patched: %v, not %d", state.Patched, m.pid)
		}
	}
	_, err = pod.Clock(t.Context(), 0)
	must(t, err)
	for _, m := range []*member{first, second, changing} {
		m.checkOff(t, 0)
	}
}

// realStop stops a process, changes its clock meanwhile, and lets it go on.
func realStop(t *testing.T, pod *realPod) {
	m := pod.start(t, "pod-victim")
	_, err := pod.Stop(t.Context())
	must(t, err)
	stopped := func() bool { return strings.HasPrefix(m.status(t, "State"), "T") }
	eventually(t, "the process stands still", stopped)
	_, err = pod.Clock(t.Context(), -2*time.Hour)
	must(t, err)
	eventually(t, "the process stands still again", stopped)
	must(t, pod.Continue(t.Context()))
	m.checkOff(t, -2*time.Hour)
	must(t, pod.Heal(t.Context()))
	m.checkOff(t, 0)
}

// cutLoopback cuts all in the pod off from each other.
func cutLoopback() packets.Rules {
	return packets.Rules{Cuts: []packets.Cut{{Peer: netip.MustParseAddr("127.0.0.1")}}}
}

// realNetwork cuts a talker off from itself.
func realNetwork(t *testing.T, pod *realPod) {
	m := pod.start(t, "pod-talker")
	if got := m.ask(t); got != "true" {
		t.Fatalf("before: %s", got)
	}
	must(t, pod.Network(t.Context(), cutLoopback()))
	if got := m.ask(t); got != "false" {
		t.Errorf("cut: %s", got)
	}
	state, err := pod.State(t.Context())
	must(t, err)
	if len(state.Counters) != 1 || state.Counters[0].Packets == 0 {
		t.Errorf("counters: %+v, %s", state.Counters, state.CountersError)
	}
	must(t, pod.Network(t.Context(), packets.Rules{}))
	if got := m.ask(t); got != "true" {
		t.Errorf("healed: %s", got)
	}
}

// realOrphans makes an orphan, whose clock is set like that of any other, and lets it end.
func realOrphans(t *testing.T, pod *realPod) {
	m := pod.start(t, "pod-parent")
	eventually(t, "the agent has a child", func() bool { return children(t, pod.cmd.Process.Pid) == 1 })
	pids, err := pod.Clock(t.Context(), time.Hour)
	must(t, err)
	if len(pids) == 0 {
		t.Error("an orphan is left out")
	}
	must(t, pod.Heal(t.Context()))
	must(t, m.in.Close())
	eventually(t, "the orphan is buried", func() bool { return children(t, pod.cmd.Process.Pid) == 0 })
}

// children counts the children of a process, the dead ones included.
func children(t *testing.T, pid int) (n int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	must(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended meanwhile
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			n++
		}
	}
	return n
}

// realPowerLoss writes twice, and syncs once.
func realPowerLoss(t *testing.T, pod *realPod) {
	f, err := os.Create(filepath.Join(pod.data, "log"))
	must(t, err)
	defer func() { _ = f.Close() }()
	_, err = f.WriteString("synced")
	must(t, errors.Join(err, f.Sync()))
	_, err = f.WriteString(" and not")
	must(t, err)
	lost, err := pod.PowerLoss(t.Context())
	must(t, err)
	if lost != (Lost{Files: 1, Bytes: int64(len(" and not"))}) {
		t.Errorf("lost %+v", lost)
	}
	text, err := os.ReadFile(filepath.Join(pod.data, "log"))
	if err != nil || string(text) != "synced" {
		t.Errorf("left: %q, %v", text, err)
	}
}

func realKill(t *testing.T, pod *realPod) {
	m := pod.start(t, "pod-victim")
	pids, err := pod.Kill(t.Context())
	must(t, err)
	if !slices.Contains(pids, m.pid) {
		t.Errorf("killed %v, want %d", pids, m.pid)
	}
	if err := m.cmd.Wait(); err == nil || err.Error() != "exit status 9" {
		t.Errorf("ended with %v", err)
	}
}

// realLapse lets the lease run out.
func realLapse(t *testing.T, pod *realPod) {
	m := pod.start(t, "pod-victim")
	_, err := pod.Clock(t.Context(), time.Hour)
	must(t, err)
	must(t, pod.Network(t.Context(), cutLoopback()))
	_, err = pod.Stop(t.Context())
	must(t, err)
	lease, err := pod.Lease(t.Context(), 200*time.Millisecond)
	must(t, err)
	var state State
	eventually(t, "the lease runs out", func() bool {
		state, err = pod.State(t.Context())
		must(t, err)
		return state.Lapses > lease.Lapses
	})
	if len(state.Rules.Cuts) != 0 || state.Stopped || state.OffsetNanos != 0 || state.Healing != nil {
		t.Errorf("after the lease ran out: %+v", state)
	}
	m.checkOff(t, 0)
}

// realShutdown ends the agent while a clock is off.
func realShutdown(t *testing.T, pod *realPod) {
	_, err := pod.Lease(t.Context(), time.Minute)
	must(t, err)
	must(t, pod.Network(t.Context(), cutLoopback()))
	must(t, pod.life.Close())
	ended := make(chan error, 1)
	go func() { ended <- pod.cmd.Wait() }()
	select {
	case err := <-ended:
		must(t, err)
	case <-time.After(20 * time.Second):
		t.Error("the agent does not end")
	}
}
