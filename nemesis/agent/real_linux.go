package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/rashomon-harness/rashomon/nemesis/agent/packets"
	"github.com/rashomon-harness/rashomon/nemesis/agent/powerloss"
	"github.com/rashomon-harness/rashomon/nemesis/agent/vdso"
)

// open returns the real parts. What the machine does not allow is no error: the abilities say what is missing
// and why. Children that probes start have ended when it returns.
func open(cfg Config) parts {
	var p parts
	p.openNetwork(cfg.Log)
	p.openDisk(cfg)
	p.openProcesses(cfg)
	return p
}

// able takes down what can be done, and how; or that it cannot.
func (p *parts) able(name, how string, err error) {
	a := packets.Ability{Name: name, OK: err == nil, How: how}
	if err != nil {
		a.How, a.Reason = "", err.Error()
	}
	p.abilities = append(p.abilities, a)
}

func (p *parts) openNetwork(log *slog.Logger) {
	n, err := packets.Open(log)
	if err == nil {
		p.network, p.abilities = n, n.Abilities()
		return
	}
	p.network = noNetwork{err.Error()}
	for _, name := range []string{packets.AbleDrop, packets.AbleLoss, packets.AbleReject, packets.AbleDelay,
		packets.AbleDuplicate, packets.AbleBandwidth} {
		p.able(name, "", err)
	}
}

func (p *parts) openDisk(cfg Config) {
	fs, err := mountDisk(cfg)
	if err != nil {
		p.disk = noDisk{err.Error()}
	} else {
		p.disk = forgetful{fs}
	}
	p.able(powerLossAbility, "fuse", err)
}

// mountDisk mounts the data directory, in place of what an agent that was killed may have left there.
func mountDisk(cfg Config) (*powerloss.FS, error) {
	if cfg.DataDir == "" {
		return nil, errors.New("the agent was given no data directory")
	}
	cleaned := powerloss.Unmount(cfg.DataDir) // also fails when something else is mounted, which may be right
	fs, err := powerloss.Mount(cfg.Backing, cfg.DataDir, cfg.Log)
	if err != nil {
		return nil, errors.Join(err, cleaned)
	}
	return fs, nil
}

func (p *parts) openProcesses(cfg Config) {
	stop, clock := processAbilities(cfg)
	p.able(killAbility, "signal", stop)
	p.able(stopAbility, "signal", stop)
	p.able(clockAbility, "vdso", clock)
	real := &vdsoClocks{known: map[int]look{}}
	switch {
	case stop != nil:
		p.clocks, p.signals = noClocks{stop.Error()}, noSignals{stop.Error()}
	case clock != nil:
		p.clocks, p.signals = listOnly{noClocks{clock.Error()}, real}, processSignals{}
	default:
		p.clocks, p.signals = real, processSignals{}
	}
	if os.Getpid() == 1 {
		p.orphans = inherited()
	}
}

// probeTimeout is for how long it is tried to bend the clock of a victim.
const probeTimeout = 10 * time.Second

// processAbilities says why processes cannot be signalled, and why their clocks cannot be set.
func processAbilities(cfg Config) (stop, clock error) {
	if pid := os.Getpid(); pid != 1 {
		err := fmt.Errorf("the agent is process %d and not PID 1 of a pod: it would hit all processes of "+
			"the machine", pid)
		return err, err
	}
	if _, err := vdso.Processes(nil); err != nil {
		return err, err
	}
	if len(cfg.Victim) == 0 {
		return nil, errors.New("the agent was given no victim to prove on that clocks can be set")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	return nil, vdso.Probe(ctx, exec.CommandContext(ctx, self, cfg.Victim...))
}

// forgetful is a mounted data directory.
type forgetful struct{ fs *powerloss.FS }

// PowerLoss makes it forget.
func (f forgetful) PowerLoss() (Lost, error) {
	lost, err := f.fs.PowerLoss()
	return Lost{Files: lost.Files, Bytes: lost.Bytes}, err
}

// Close unmounts it.
func (f forgetful) Close() error { return f.fs.Close() }

// vdsoClocks are the clocks of processes, with what is known of those that were set: to look into a process
// at every poll costs ten times as much as to see that it still runs the same program. Whoever uses it holds
// the pod.
type vdsoClocks struct{ known map[int]look }

// look is what a look into a process has found.
type look struct {
	offset  time.Duration
	program string // see programOf
	at      time.Time
}

// lookAgain is when what is known is looked at again in any case.
const lookAgain = 500 * time.Millisecond

// Processes returns all processes but this one, and forgets what it knew of those that are gone.
func (v *vdsoClocks) Processes() ([]int, error) {
	pids, err := vdso.Processes(nil)
	if err != nil {
		return nil, err
	}
	known := make(map[int]look, len(v.known))
	for _, pid := range pids {
		if l, ok := v.known[pid]; ok {
			known[pid] = l
		}
	}
	v.known = known
	return pids, nil
}

// Set sets the clock of a process.
func (v *vdsoClocks) Set(pid int, offset time.Duration) error {
	delete(v.known, pid)
	return vdso.Set(pid, offset)
}

// Restore restores the clock of a process.
func (v *vdsoClocks) Restore(pid int) error {
	delete(v.known, pid)
	return vdso.Restore(pid)
}

// Offset returns by how much the clock of a process is off.
func (v *vdsoClocks) Offset(pid int) (time.Duration, bool, error) {
	program := programOf(pid) // before the look: what becomes of the process after it is seen next time
	if l, ok := v.known[pid]; ok && program != "" && l.program == program && time.Since(l.at) < lookAgain {
		return l.offset, true, nil
	}
	delete(v.known, pid)
	offset, bent, err := vdso.Offset(pid)
	if err == nil && bent {
		v.known[pid] = look{offset: offset, program: program, at: time.Now()}
	}
	return offset, bent, err
}

// programOf returns what differs from one exec of a process to the next: the auxiliary vector, in which the
// kernel tells the program where it has put it, by chance. "" when it cannot be read.
func programOf(pid int) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/auxv")
	if err != nil {
		return ""
	}
	return string(text)
}

// listOnly are the processes of a pod whose clocks cannot be set.
type listOnly struct {
	noClocks
	all *vdsoClocks
}

// Processes returns all processes but this one.
func (l listOnly) Processes() ([]int, error) { return l.all.Processes() }
