package sim

import (
	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
)

// Config is what a world is made of. Tables that are nil get the default of their part.
type Config struct {
	Nodes   int // the nodes are the addresses 0..Nodes-1
	NewNode func(id refimpl.Addr, boot *refimpl.Boot) refimpl.Node
	Seed    keyed.Key // all luck of the world comes from here
	Net     NetConfig
	Disk    DiskConfig
	Proc    ProcConfig
	Clock   ClockConfig
}

// NetConfig is the network without faults.
type NetConfig struct {
	Latency *Quantiles // of a packet on a link; nil is that of DefaultNet
	// Delay, when set, gives what a link adds to Latency, nanoseconds: the way between datacenters. It
	// is asked once a link, when the later of its ends comes into being; clients have the addresses
	// Nodes, Nodes+1, .. in the order of AddClient.
	Delay func(from, to refimpl.Addr) int64
	// Shape is what every link does to its packets at any time: the losses of a bad network. It is no fault.
	Shape LinkShape
	// Unordered lets packets of one link overtake each other by chance, as datagrams do. Without it a
	// link is a stream: only jitter, reordering and duplication by a Shape break the order.
	Unordered bool
}

// DefaultNet returns a local network: a median of 0.4 ms, one packet in a hundred above 1 ms, one in a
// thousand above 3 ms, the slowest 12 ms.
func DefaultNet() NetConfig { return NetConfig{Latency: defaultLatency} }

// DiskConfig is a disk without faults.
type DiskConfig struct {
	Sync *Quantiles // how long a sync takes; nil is that of DefaultDisk
}

// DefaultDisk returns a solid-state disk: a sync takes 0.5 to 1.5 ms, one in a hundred up to 10 ms.
func DefaultDisk() DiskConfig { return DiskConfig{Sync: defaultSync} }

// ProcConfig is how long a node is busy with an input. Inputs that arrive meanwhile queue up.
type ProcConfig struct {
	Request  *Quantiles // with a client's message; nil is that of DefaultProc
	Message  *Quantiles // with another node's message; nil is that of DefaultProc
	Internal *Quantiles // with a timer or a finished write; nil is that of DefaultProc
	Queue    int        // packets that find that many inputs queued are dropped; 0 for no bound
}

// DefaultProc returns a node that serves a request in 20 to 50 µs, a peer's message in 5 to 15 µs, a
// timer in 2 µs, and whose queue is not bounded.
func DefaultProc() ProcConfig {
	return ProcConfig{Request: defaultRequest, Message: defaultMessage, Internal: defaultInternal}
}

const (
	micro int64 = 1_000
	milli int64 = 1_000_000
)

var (
	defaultLatency = mustQuantiles(Quantile{0, 300 * micro}, Quantile{500_000, 400 * micro},
		Quantile{900_000, 650 * micro}, Quantile{990_000, milli}, Quantile{999_000, 3 * milli},
		Quantile{1_000_000, 12 * milli})
	defaultSync = mustQuantiles(Quantile{0, 500 * micro}, Quantile{500_000, 800 * micro},
		Quantile{990_000, 1500 * micro}, Quantile{1_000_000, 10 * milli})
	defaultRequest  = Between(20*micro, 50*micro)
	defaultMessage  = Between(5*micro, 15*micro)
	defaultInternal = Fixed(2 * micro)
)

// withDefaults returns c with the defaults filled in.
func (c Config) withDefaults() Config {
	fill := func(q **Quantiles, def *Quantiles) {
		if *q == nil {
			*q = def
		}
	}
	fill(&c.Net.Latency, defaultLatency)
	fill(&c.Disk.Sync, defaultSync)
	fill(&c.Proc.Request, defaultRequest)
	fill(&c.Proc.Message, defaultMessage)
	fill(&c.Proc.Internal, defaultInternal)
	return c
}
