package agent

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/nemesis/agent/packets"
)

// token is the secret of all tests.
const token = "sesame"

// fakePod is a pod that takes down what is done to it. It is all parts of an agent at once.
type fakePod struct {
	mu        sync.Mutex
	done      []string // what was done since the last take
	fails     map[string]error
	rules     packets.Rules
	processes map[int]*fakeProcess
	closed    []string
	block     chan struct{} // when set, Apply waits for it
}

// fakeProcess is a process of a fakePod.
type fakeProcess struct {
	offset  time.Duration
	bent    bool
	stopped bool
}

// newFakePod returns a pod with the processes 7 and 8.
func newFakePod() *fakePod {
	return &fakePod{fails: map[string]error{}, processes: map[int]*fakeProcess{7: {}, 8: {}}}
}

// parts returns the pod as parts of an agent that can do everything.
func (p *fakePod) parts() parts {
	all := []packets.Ability{
		{Name: packets.AbleDrop, OK: true, How: packets.HowNFTables},
		{Name: clockAbility, OK: true, How: "vdso"}, {Name: powerLossAbility, OK: true, How: "fuse"},
		{Name: killAbility, OK: true, How: "signal"}, {Name: stopAbility, OK: true, How: "signal"},
	}
	return parts{network: fakeNetwork{p}, clocks: p, signals: p, disk: fakeDisk{p}, abilities: all}
}

// do takes down what is done, and returns the error that was ordered for it.
func (p *fakePod) do(format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	for _, key := range []string{what, strings.Fields(what)[0]} {
		if err := p.fails[key]; err != nil {
			p.done = append(p.done, what+": "+err.Error())
			return err
		}
	}
	p.done = append(p.done, what)
	return nil
}

// fail orders that something fails from now on, by its first word or by all of it; nil ends that.
func (p *fakePod) fail(what string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fails[what] = err
}

// take returns what was done since the last take.
func (p *fakePod) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	done := p.done
	p.done = nil
	return done
}

// change lets something happen in the pod.
func (p *fakePod) change(do func(processes map[int]*fakeProcess)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do(p.processes)
}

// faults returns what is wrong with the pod now, "" when it is well.
func (p *fakePod) faults() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, c := range p.rules.Cuts {
		all = append(all, "cut "+c.Peer.String())
	}
	for _, s := range p.rules.Shapes {
		all = append(all, "shape "+s.Peer.String())
	}
	for _, pid := range slices.Sorted(maps.Keys(p.processes)) {
		if x := p.processes[pid]; x.bent {
			all = append(all, fmt.Sprintf("%d off by %v", pid, x.offset))
		}
		if p.processes[pid].stopped {
			all = append(all, fmt.Sprintf("%d stopped", pid))
		}
	}
	return strings.Join(all, ", ")
}

// process does something to a process, which need not be there.
func (p *fakePod) process(pid int, what string, do func(*fakeProcess)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	x := p.processes[pid]
	if x == nil {
		return os.ErrProcessDone
	}
	if err := p.do("%s %d", what, pid); err != nil {
		return err
	}
	do(x)
	return nil
}

func (p *fakePod) Set(pid int, offset time.Duration) error {
	return p.process(pid, "set", func(x *fakeProcess) { x.offset, x.bent = offset, true })
}

func (p *fakePod) Restore(pid int) error {
	return p.process(pid, "restore", func(x *fakeProcess) { x.offset, x.bent = 0, false })
}

func (p *fakePod) Offset(pid int) (time.Duration, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	x := p.processes[pid]
	if x == nil {
		return 0, false, os.ErrProcessDone
	}
	return x.offset, x.bent, p.fails["offset"]
}

func (p *fakePod) Processes() ([]int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.processes)), p.fails["list"]
}

func (p *fakePod) Stop(pid int) error {
	return p.process(pid, "stop", func(x *fakeProcess) { x.stopped = true })
}

func (p *fakePod) Continue(pid int) error {
	return p.process(pid, "continue", func(x *fakeProcess) { x.stopped = false })
}

func (p *fakePod) Kill(pid int) error {
	return p.process(pid, "kill", func(*fakeProcess) { delete(p.processes, pid) })
}

// fakeNetwork is the network of a fakePod.
type fakeNetwork struct{ *fakePod }

func (n fakeNetwork) Apply(rules packets.Rules) error {
	if n.block != nil {
		<-n.block
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.do("apply %d cuts, %d shapes", len(rules.Cuts), len(rules.Shapes)); err != nil {
		return err
	}
	n.rules = rules
	return nil
}

func (n fakeNetwork) Heal() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.do("heal network"); err != nil {
		return err
	}
	n.rules = packets.Rules{}
	return nil
}

func (n fakeNetwork) Counters() ([]packets.Counter, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.fails["count"]; err != nil {
		return nil, err
	}
	var all []packets.Counter
	for i, c := range n.rules.Cuts {
		all = append(all, packets.Counter{Kind: packets.KindCut, Peer: c.Peer, Packets: uint64(i + 1),
			Bytes: 60})
	}
	return all, nil
}

func (n fakeNetwork) Close() error { return n.close("network") }

// fakeDisk is the data directory of a fakePod.
type fakeDisk struct{ *fakePod }

func (d fakeDisk) PowerLoss() (Lost, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return Lost{Files: 2, Bytes: 512}, d.do("power-loss")
}

func (d fakeDisk) Close() error { return d.close("disk") }

func (p *fakePod) close(part string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = append(p.closed, part)
	return p.fails["close"]
}

// errTest is what fails in tests.
var errTest = errors.New("the kernel said no")

// testConfig is a complete configuration without a log.
func testConfig(t *testing.T) Config {
	t.Helper()
	cfg, err := Config{Token: token, Version: "v1.2.3", Log: slog.New(slog.DiscardHandler)}.complete()
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// textLog returns a log without times. Whoever reads w waits until nobody writes.
func textLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
}
