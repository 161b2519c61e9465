//go:build !linux

package packets

import (
	"log/slog"
	"runtime"
)

// Network is what is done to packets of the process's network namespace: nothing on this system.
type Network struct{}

func unsupported() *Unsupported {
	return &Unsupported{Reason: "faults in packets need Linux; this is " + runtime.GOOS}
}

// Open returns *Unsupported on this system.
func Open(*slog.Logger) (*Network, error) { return nil, unsupported() }

// Abilities says for everything that it cannot be done.
func (n *Network) Abilities() []Ability { return Probe() }

// Apply returns *Unsupported on this system.
func (n *Network) Apply(Rules) error { return unsupported() }

// Heal has nothing to do.
func (n *Network) Heal() error { return nil }

// Counters returns *Unsupported on this system.
func (n *Network) Counters() ([]Counter, error) { return nil, unsupported() }

// Close has nothing to do.
func (n *Network) Close() error { return nil }

// Probe says for everything that it cannot be done.
func Probe() []Ability {
	names := []string{AbleDrop, AbleLoss, AbleReject, AbleDelay, AbleDuplicate, AbleBandwidth}
	all := make([]Ability, len(names))
	for i, name := range names {
		all[i] = Ability{Name: name, Reason: unsupported().Reason}
	}
	return all
}
