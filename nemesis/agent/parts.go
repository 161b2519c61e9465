package agent

import (
	"errors"
	"time"

	"github.com/rashomon-harness/rashomon/nemesis/agent/packets"
)

// network is what happens to the packets of the pod: packets.Network. After an error of Apply the rules from
// before are in force.
type network interface {
	Apply(rules packets.Rules) error
	Heal() error
	Counters() ([]packets.Counter, error)
	Close() error
}

// clocks are the wall clocks of the pod's processes, and the list of these processes. The error of a process
// that has ended is os.ErrProcessDone.
type clocks interface {
	// Set makes the wall clock of a process be off by offset.
	Set(pid int, offset time.Duration) error
	// Restore gives a process its true time back; no error when it had it.
	Restore(pid int) error
	// Offset returns by how much the clock of a process is off, and whether it is patched at all.
	Offset(pid int) (time.Duration, bool, error)
	// Processes returns all processes that live in the pod but the agent.
	Processes() ([]int, error)
}

// disk is the data directory under the database, with its unsynced writes.
type disk interface {
	PowerLoss() (Lost, error)
	Close() error
}

// signals stop, thaw and kill processes. A process that is gone is no error.
type signals interface {
	Stop(pid int) error
	Continue(pid int) error
	Kill(pid int) error
}

// parts is everything through which the agent has power over the pod.
type parts struct {
	network   network
	clocks    clocks
	disk      disk
	signals   signals
	orphans   orphans
	abilities []packets.Ability
}

// Abilities that are not about packets.
const (
	clockAbility     = "clock"
	powerLossAbility = "power-loss"
	killAbility      = "kill"
	stopAbility      = "stop"
)

// needs returns an Unsupported error when the ability of that name is not there.
func (p *parts) needs(name string) error {
	for _, a := range p.abilities {
		if a.Name == name && a.OK {
			return nil
		}
		if a.Name == name {
			return &packets.Unsupported{Reason: name + ": " + a.Reason}
		}
	}
	return &packets.Unsupported{Reason: name + ": this agent does not know how"}
}

// close takes everything away that the parts put into the machine.
func (p *parts) close() error { return errors.Join(p.network.Close(), p.disk.Close()) }

// noNetwork, noClocks, noDisk and noSignals stand where a part is not to be had. There is nothing to heal
// then, which always succeeds; all else is unsupported.
type (
	noNetwork struct{ reason string }
	noClocks  struct{ reason string }
	noDisk    struct{ reason string }
	noSignals struct{ reason string }
)

func (n noNetwork) Apply(rules packets.Rules) error {
	if len(rules.Cuts)+len(rules.Shapes) == 0 {
		return nil
	}
	return &packets.Unsupported{Reason: n.reason}
}

func (n noNetwork) Heal() error                          { return nil }
func (n noNetwork) Counters() ([]packets.Counter, error) { return nil, nil }
func (n noNetwork) Close() error                         { return nil }

func (n noClocks) Set(int, time.Duration) error            { return &packets.Unsupported{Reason: n.reason} }
func (n noClocks) Restore(int) error                       { return nil }
func (n noClocks) Offset(int) (time.Duration, bool, error) { return 0, false, nil }
func (n noClocks) Processes() ([]int, error)               { return nil, nil }

func (n noDisk) PowerLoss() (Lost, error) { return Lost{}, &packets.Unsupported{Reason: n.reason} }
func (n noDisk) Close() error             { return nil }

func (n noSignals) Stop(int) error     { return &packets.Unsupported{Reason: n.reason} }
func (n noSignals) Continue(int) error { return nil }
func (n noSignals) Kill(int) error     { return &packets.Unsupported{Reason: n.reason} }
