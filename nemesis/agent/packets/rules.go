// Package packets is what faults do to the packets of one network namespace, the one of the process: cuts on
// the receiver's side, and delay, duplication and bandwidth on the sender's side. All of it works by address
// and needs CAP_NET_ADMIN in the namespace.
//
// How it is done, in an nftables table of our own (inet, so that IPv4 and IPv6 are matched alike):
//
//	hook        what
//	prerouting  a cut is a drop by source address. A drop on the sender's side would be told to the
//	            sending process (EPERM), as no partition is.
//	input       a cut that rejects: the kernel allows resets at prerouting only since 5.9.
//	output      a shape sends packets to a traffic class (HTB, with netem below it) through their
//	            priority, or holds them in a queue of this process (NFQUEUE).
//
// Rules are declared as a whole and replaced in one transaction: a cut that is in the old and in the new
// rules is never open in between. IPv6's neighbour discovery is never touched, for a one-way cut would
// otherwise work both ways as soon as the neighbour's entry is stale; ARP is not seen by an inet table.
package packets

import (
	"fmt"
	"net/netip"
	"time"
)

// Rules is everything that is done to packets. The zero value does nothing.
type Rules struct {
	Cuts   []Cut   `json:"cuts,omitempty"`
	Shapes []Shape `json:"shapes,omitempty"`
}

// Cut drops packets that arrive from a peer. Several cuts of one peer act one after the other.
type Cut struct {
	Peer netip.Addr `json:"peer"`
	// Parts in a million that are lost, each packet drawn for itself; 0 and 1_000_000 lose all. What the
	// kernel takes for one packet may be a train of up to 64 kB of one TCP connection.
	LossPPM int64 `json:"loss_ppm,omitempty"`
	// The peer is answered with a TCP reset; what is not TCP is dropped. Resets of the peer pass, or two
	// sides that reject each other would take away the other's resets.
	Reject bool `json:"reject,omitempty"`
}

// Shape holds packets back that leave for a peer. A peer has one shape at most.
type Shape struct {
	Peer         netip.Addr `json:"peer"`
	DelayNanos   int64      `json:"delay_ns,omitempty"`      // added to every packet
	JitterNanos  int64      `json:"jitter_ns,omitempty"`     // at most that much more, uniform; reorders
	DuplicatePPM int64      `json:"duplicate_ppm,omitempty"` // parts in a million sent twice
	// Bandwidth, 0 for unlimited. Up to 10 ms' worth (at least 3000 bytes) pass at once after a pause; what
	// would wait longer than about a second is lost, as in a router with full buffers.
	BytesPerSec int64 `json:"bytes_per_sec,omitempty"`
}

// The kinds of a Counter.
const (
	KindCut   = "cut"
	KindShape = "shape"
)

// Counter is how much matched one rule since the Apply that installed it: what a cut took away, what a shape
// was applied to (copies included).
type Counter struct {
	Kind    string     `json:"kind"` // KindCut or KindShape
	Peer    netip.Addr `json:"peer"`
	Packets uint64     `json:"packets"`
	Bytes   uint64     `json:"bytes"`
}

// The names of the abilities.
const (
	AbleDrop      = "drop"
	AbleLoss      = "loss"
	AbleReject    = "reject"
	AbleDelay     = "delay" // jitter too
	AbleDuplicate = "duplicate"
	AbleBandwidth = "bandwidth"
)

// The ways in which an ability is had.
const (
	HowNFTables = "nftables"
	HowNetem    = "netem"   // in a traffic class for each peer
	HowHTB      = "htb"     // a traffic class for each peer
	HowNFQueue  = "nfqueue" // packets wait in this process
)

// Ability is one thing that can be done to packets here, or not.
type Ability struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	How  string `json:"how,omitempty"`
	// Why it cannot be done; where it can be, why no better way is taken, and "" for the best.
	Reason string `json:"reason,omitempty"`
}

// Unsupported is the error of a wish that this system cannot fulfil. Nothing was changed.
type Unsupported struct {
	Reason string `json:"reason"`
}

// Error returns the reason.
func (u *Unsupported) Error() string { return u.Reason }

// Bounds of what can be asked for.
const (
	MaxRules       = 1000             // cuts, and as many shapes
	MaxDelay       = time.Minute      // and as much jitter
	MinBytesPerSec = 1000             // a packet of the usual size takes 1.5 s
	MaxBytesPerSec = 4_000_000_000    // what the traffic classes can count
	million        = int64(1_000_000) // parts in a million
)

// Validate checks the rules without touching anything. The error names the field, what stands there and what
// may stand there.
func (r Rules) Validate() error {
	if len(r.Cuts) > MaxRules {
		return fmt.Errorf("cuts: %d of them; allowed: up to %d", len(r.Cuts), MaxRules)
	}
	if len(r.Shapes) > MaxRules {
		return fmt.Errorf("shapes: %d of them; allowed: up to %d", len(r.Shapes), MaxRules)
	}
	for i, c := range r.Cuts {
		if err := c.validate(); err != nil {
			return fmt.Errorf("cuts[%d].%w", i, err)
		}
	}
	seen := map[netip.Addr]int{}
	for i, s := range r.Shapes {
		if err := s.validate(); err != nil {
			return fmt.Errorf("shapes[%d].%w", i, err)
		}
		if j, twice := seen[s.Peer.Unmap()]; twice {
			return fmt.Errorf("shapes[%d].peer: %s has a shape already, shapes[%d]; "+
				"allowed: one for each peer", i, s.Peer, j)
		}
		seen[s.Peer.Unmap()] = i
	}
	return nil
}

func (c Cut) validate() error {
	if err := validPeer(c.Peer); err != nil {
		return err
	}
	return within("loss_ppm", c.LossPPM, 0, million)
}

func (s Shape) validate() error {
	if err := validPeer(s.Peer); err != nil {
		return err
	}
	if err := within("delay_ns", s.DelayNanos, 0, int64(MaxDelay)); err != nil {
		return err
	}
	if err := within("jitter_ns", s.JitterNanos, 0, int64(MaxDelay)); err != nil {
		return err
	}
	if err := within("duplicate_ppm", s.DuplicatePPM, 0, million); err != nil {
		return err
	}
	if s.BytesPerSec == 0 {
		return nil
	}
	if err := within("bytes_per_sec", s.BytesPerSec, MinBytesPerSec, MaxBytesPerSec); err != nil {
		return fmt.Errorf("%w, or 0 for no limit", err)
	}
	return nil
}

// needs returns the abilities that a cut asks for.
func (c Cut) needs() []string {
	var names []string
	if c.LossPPM > 0 && c.LossPPM < million {
		names = append(names, AbleLoss)
	}
	if c.Reject {
		return append(names, AbleReject)
	}
	return append(names, AbleDrop)
}

// needs returns the abilities that a shape asks for.
func (s Shape) needs() []string {
	var names []string
	if s.DelayNanos > 0 || s.JitterNanos > 0 {
		names = append(names, AbleDelay)
	}
	if s.DuplicatePPM > 0 {
		names = append(names, AbleDuplicate)
	}
	if s.BytesPerSec > 0 {
		names = append(names, AbleBandwidth)
	}
	return names
}

func validPeer(a netip.Addr) error {
	if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || a.Zone() != "" {
		return fmt.Errorf("peer: %s is not allowed; "+
			"allowed: the IPv4 or IPv6 address of one machine, without zone", a)
	}
	return nil
}

func within(field string, v, least, most int64) error {
	if v < least || v > most {
		return fmt.Errorf("%s: %d is not allowed; allowed: %d to %d", field, v, least, most)
	}
	return nil
}
