// Package refimpl is the reference store: a replicated key-value store whose node is a state machine
// without input and output. It reads no clock, starts no goroutine and draws no global random number;
// time, messages and finished writes come in, and what must follow comes out as data. Each mode of
// replication is a sub-package; the drivers are refimpl/sim (virtual time) and refimpl/server.
package refimpl

import "github.com/rashomon-harness/rashomon/internal/keyed"

// Addr is the address of an endpoint: the nodes are 0..nodes-1, clients are nodes and above.
type Addr int32

// Nobody is the address of no endpoint.
const Nobody Addr = -1

// Node is one node of the store.
type Node interface {
	// Step consumes one input and appends what must follow to fx. It is deterministic. The caller
	// resets fx before, and performs everything in fx after; in.Msg is only valid during the call.
	Step(in *Input, fx *Effects)
	// Status returns what the node says about itself.
	Status() Status
}

// InputKind is the kind of an Input.
type InputKind uint8

// The kinds of inputs.
const (
	// InTimer: the time that the last Effects.Wake asked for has come (or the node has just started).
	InTimer InputKind = iota
	// InMessage: Msg has arrived from From.
	InMessage
	// InWriteDone: the write with Token, and every write before it, is durable.
	InWriteDone
	// InWriteFailed: the disk refused the write with Token; nothing is known about what it holds now.
	InWriteFailed
	// InPromote: an operator orders the node to become leader.
	InPromote
)

// Input is one thing that happens to a node.
type Input struct {
	Kind  InputKind
	From  Addr     // InMessage
	Mono  int64    // the node's monotonic clock, nanoseconds; drives timers
	Wall  int64    // the node's wall clock, nanoseconds since 1970; drives timestamps
	Token uint64   // InWriteDone, InWriteFailed
	Msg   *Message // InMessage
}

// Effects is what must follow a step, in this order: first the writes are handed to the disk, then the
// messages are sent. Whatever depends on a write being durable is not in the same Effects but in those of the
// step that is told InWriteDone.
type Effects struct {
	Writes []Write
	Sends  []Send
	// Wake is when the node wants an InTimer next, on its monotonic clock; 0 for not at all. It is
	// set by every step and replaces what was asked before.
	Wake  int64
	Marks []Mark
	Halt  string // why the node stops itself ("fsync failed"), "" when it goes on
}

// Reset empties fx for the next step and keeps its memory.
func (fx *Effects) Reset() {
	clear(fx.Sends)
	clear(fx.Writes)
	fx.Writes, fx.Sends, fx.Marks = fx.Writes[:0], fx.Sends[:0], fx.Marks[:0]
	fx.Wake, fx.Halt = 0, ""
}

// Send is a message on its way out.
type Send struct {
	To  Addr
	Msg Message
}

// Write hands records to the node's log on disk. With Sync the disk answers InWriteDone with Token once
// they, and all records before, are durable; without, they sit in the page cache and nothing is answered.
type Write struct {
	Records []Record
	Sync    bool
	Token   uint64
}

// RecordKind is the kind of a Record.
type RecordKind uint8

// The kinds of records.
const (
	RecMeta     RecordKind = iota // Epoch, Vote, Flags, Led: replaces the shard's earlier RecMeta
	RecEntry                      // Entry at Index of the shard's log
	RecTruncate                   // the shard's log is cut: entries at Index and above are gone
	RecSync                       // nothing: asks for durability of what came before
	RecObject                     // Object is to be merged into what the node holds of Key
	RecHint                       // Object is to be merged into what the node keeps of Key for the node Vote
	RecForget                     // what the node holds of Key, or keeps of it for the node Vote, is gone
	NumRecords                    // the number of kinds
)

// Record is one record of a node's write-ahead log. Records are immutable.
type Record struct {
	Kind  RecordKind
	Shard int32
	Index int64
	Epoch uint64
	Vote  Addr
	Flags uint32
	Led   uint64
	Entry Entry

	Key    string  // RecObject, RecHint, RecForget, whose Vote is Nobody for what the node itself holds
	Object *Object // RecObject, RecHint
}

// Entry is one entry of a replication log. A nil Req is a no-op, with which a leader begins its epoch.
type Entry struct {
	Epoch uint64
	Req   *Request
}

// Boot is what a node starts from.
type Boot struct {
	Records     []Record // what the disk holds, in order; a torn tail is cut off already
	Fresh       bool     // the cluster is being set up: an empty disk is normal, not a loss
	Incarnation uint32   // how often the node has started, from 0
	Mono, Wall  int64    // the node's clocks now
	Key         keyed.Key
}

// Status is what a node says about itself, of its first shard.
type Status struct {
	Role     Role
	Epoch    uint64
	Position int64 // index of the last log entry
	Commit   int64 // index of the last entry known to be committed
	Leader   Addr  // whom it takes for the leader, Nobody when none
}

// Role is what a node does in a shard.
type Role uint8

// The roles.
const (
	Follower Role = iota
	Candidate
	Leader
	Replica // one among equals
)

// String returns follower, candidate, leader or replica.
func (r Role) String() string { return [...]string{"follower", "candidate", "leader", "replica"}[r] }
