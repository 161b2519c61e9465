//go:build !linux

package agent

import (
	"runtime"

	"github.com/rashomon-harness/rashomon/nemesis/agent/packets"
)

// open returns parts that can do nothing: what the agent does, only Linux can.
func open(Config) parts {
	reason := "only Linux has what this needs, and this is " + runtime.GOOS
	p := parts{network: noNetwork{reason}, clocks: noClocks{reason}, disk: noDisk{reason},
		signals: noSignals{reason}, abilities: packets.Probe()}
	for _, name := range []string{clockAbility, powerLossAbility, killAbility, stopAbility} {
		p.abilities = append(p.abilities, packets.Ability{Name: name, Reason: reason})
	}
	return p
}
