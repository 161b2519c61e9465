// Package targets has the interfaces between the harness and a system under test: Target, Cluster,
// Client, and the optional capabilities of an environment. Each arm (a target in an environment) is a
// package below it.
package targets

import (
	"context"
	"fmt"

	"github.com/rashomon-harness/rashomon/history"
)

// Target is a system under test that can be deployed as a cluster in one environment.
type Target interface {
	// Name returns the target's name in experiment files: "reference".
	Name() string
	// Env returns the environment this arm deploys in: sim, process or docker.
	Env() string
	// Validate checks a specification without deploying anything. Each error names the field, its
	// value and what is allowed.
	Validate(spec *Spec) []FieldError
	// Deploy brings a cluster up and returns when its nodes are ready to be asked.
	Deploy(ctx context.Context, spec *Spec) (Cluster, error)
}

// QuorumClaimer is the capability of a target to say what its quorums are.
type QuorumClaimer interface {
	// Quorums returns what a configuration that Validate accepts claims; nil when it asks no quorums of
	// replicas.
	Quorums(spec *Spec) *Quorums
}

// Quorums is what a store claims of the replicas of a key, and of writes that meet there.
type Quorums struct {
	N, R, W int  // replicas, answers that a read and a write wait for
	LWW     bool // of two versions one stays, by its number
	Sloppy  bool // other nodes stand in for replicas
	Local   bool // a quorum is one of a datacenter

	// What becomes of concurrent writes, see checkers.ConflictSettings.

	KeepsSiblings  bool
	OwnWritesKnown bool
	ObservedRemove bool
}

// Spec is what a cluster is deployed from.
type Spec struct {
	Nodes []string // the names of the nodes: n1, n2, ..
	// the target's configuration, as the experiment file has it: strings, ints, bools, floats, lists, maps
	Config map[string]any
	World  map[string]any // the environment's settings (latency, loss, disk), as the experiment file has them
	Seed   uint64
}

// FieldError is one thing wrong in a specification.
type FieldError struct {
	Path    string // the field's path from the specification's root: "config.replication"
	Value   string // what stands there
	Allowed string // what may stand there, for people
}

// Error returns the sentence for people, without file and line.
func (e FieldError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%s: %s", e.Path, e.Allowed)
	}
	return fmt.Sprintf("%s: %s is not allowed; allowed: %s", e.Path, e.Value, e.Allowed)
}

// Cluster is a deployed system under test.
type Cluster interface {
	// Nodes returns the names of the nodes.
	Nodes() []string
	// Client returns the client of a session on a device, the same one for the same names. The
	// client keeps what the target's client library keeps: known leader, tokens.
	Client(session, device string) Client
	// Settled reports whether all nodes are up and really talk to each other again; what is
	// missing otherwise, for people.
	Settled() (ok bool, missing string)
	// Close ends the cluster and releases everything it holds.
	Close() error
}

// Client submits the operations of one session from one device.
type Client interface {
	// Submit sends the operation of an invoke event on its way and calls done exactly once: with
	// the completion, or with a Timeout error after the target's operation deadline. done is called
	// from the goroutine that drives the cluster (virtual) or from any goroutine (wall). inv must
	// not be kept after the call returns.
	Submit(inv *history.Event, done func(Completion))
}

// Completion is how an operation ended. Its type (ok, fail, info) follows from Err.Code by
// history.CompletionType.
type Completion struct {
	Value history.Value
	Node  string // the node that answered, "" when none did
	Err   history.Error
	Ev    *history.Evidence
}

// Stepper is the capability of an environment in virtual time: the harness moves the time.
type Stepper interface {
	// Now returns the virtual time, nanoseconds since the start of the run.
	Now() int64
	// RunUntil lets virtual time pass up to t. It stops early, at the time of the completion,
	// after calling done for any client operation.
	RunUntil(t int64)
}

// Unsupported is the error of a fault that the environment cannot do, though it has the capability for
// others of its kind. Nothing was done.
type Unsupported struct{ Reason string }

// Error returns the reason.
func (u *Unsupported) Error() string { return u.Reason }

// Link is a directed connection. An end is a node's name, a session's name, or Anyone's.
type Link struct{ From, To string }

// The wildcard ends of a Link.
const (
	AllClients = "clients" // every client
	AllNodes   = "nodes"   // every node
)

// Partitioner is the capability to cut links. Cuts of several ids add up.
type Partitioner interface {
	Cut(id string, links []Link) error
	Uncut(id string) error
}

// Shape is what a Shaper does to the packets of a link.
type Shape struct {
	DelayNanos    int64 // added to every packet
	JitterNanos   int64 // a further delay, uniform in [0, JitterNanos] a packet; reorders
	LossPPM       int64 // parts in a million lost
	DuplicatePPM  int64 // parts in a million delivered twice
	BytesPerSec   int64 // bandwidth, 0 for unlimited
	ReorderOutPPM int64 // parts in a million held back by JitterNanos while later ones overtake
}

// Shaper is the capability to shape links. Shapes of several ids add up.
type Shaper interface {
	Shape(id string, links []Link, shape Shape) error
	Unshape(id string) error
}

// Unsynced says what a crash makes of writes that were not yet synced to disk.
type Unsynced string

// What can become of unsynced writes.
const (
	KeepUnsynced Unsynced = "keep" // a process crash: the page cache survives
	LoseUnsynced Unsynced = "lose" // a power loss: all are gone
	TearUnsynced Unsynced = "tear" // each is kept, dropped or torn, by the seed
	WipeDisk     Unsynced = "wipe" // the disk comes back empty
)

// Killer is the capability to crash and restart nodes.
type Killer interface {
	Kill(node string, unsynced Unsynced) error
	Start(node string) error
}

// Pauser is the capability to stop a node's process and let it go on.
type Pauser interface {
	Pause(node string) error
	Resume(node string) error
}

// ClockSkewer is the capability to bend a node's clock. Skews of several ids add up; Unskew takes one
// away, as a time daemon would that found the right time again.
type ClockSkewer interface {
	// Step moves the wall clock by nanos.
	Step(id, node string, nanos int64) error
	// Drift makes both clocks run fast (positive) or slow by parts per million.
	Drift(id, node string, ppm int64) error
	// Freeze stops the wall clock.
	Freeze(id, node string) error
	Unskew(id, node string) error
}

// Clocks is what the clocks of a node show.
type Clocks struct {
	Wall int64 // nanoseconds since 1970, by the node's own answer
	Mono int64 // nanoseconds since some time before; 0 where the node does not tell
}

// ClockReader is the capability to ask a node for the time, as itself sees it.
type ClockReader interface {
	Clock(node string) (Clocks, error)
}

// DiskFaulter is the capability to make a node's disk misbehave.
type DiskFaulter interface {
	// SlowDisk multiplies the time of every sync by factor; 0 stalls them until healed.
	SlowDisk(id, node string, factor int64) error
	// FailDisk makes writes fail: "eio" or "full".
	FailDisk(id, node, how string) error
	HealDisk(id, node string) error
}

// Operator is the capability to do what a human operator does.
type Operator interface {
	// Promote orders a node to become leader of every shard.
	Promote(node string) error
}

// NodeStatus is what a node says about itself.
type NodeStatus struct {
	Node     string
	Up       bool
	Role     string // "leader", "follower", "candidate"; "" when unknown
	Epoch    uint64
	Position int64 // log position of the first shard
}

// StatusReader is the capability to ask the nodes for their roles. Down nodes are listed with Up false.
type StatusReader interface {
	Status() []NodeStatus
}

// MarkReader is the capability to count rare situations that nodes report.
type MarkReader interface {
	// Marks returns how often each mark was reached, by name.
	Marks() map[string]int64
}

// Ability is one means by which an environment breaks things.
type Ability struct {
	Name   string // "delay of packets"
	OK     bool
	How    string // by what: "nfqueue"
	Reason string // why not
}

// LogReader is the capability to read what a node has written to its log.
type LogReader interface {
	// Logs returns the log of a node, of all its lives since the start of the run. It may leave out the
	// beginning of one that is long.
	Logs(node string) ([]byte, error)
}

// Keeper is the capability to leave a cluster as it is when the run is over, for people to look at.
type Keeper interface {
	// Keep takes the place of Close: nothing is ended. hint says, in as many lines as it takes, how to get
	// at the nodes and how to remove them.
	Keep() (hint string, err error)
}
