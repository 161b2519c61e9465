// Package history holds the record of a run: events, the operations they pair up to, their codecs and
// their drawing. Everything else in the module leans on it; it leans on nothing.
package history

import "strconv"

// Type says what an event reports about an operation.
type Type uint8

// The types of events. Ok: it happened. Fail: it certainly has not taken effect and never will. Info:
// unknown, it may take effect later; nemesis and harness events are all of type Info.
const (
	Invoke Type = iota
	Ok
	Fail
	Info
)

// String returns the type as it stands in the record: invoke, ok, fail or info.
func (t Type) String() string {
	switch t {
	case Invoke:
		return "invoke"
	case Ok:
		return "ok"
	case Fail:
		return "fail"
	}
	return "info"
}

// The processes that are no clients.
const (
	// Nemesis is the process of fault events.
	Nemesis int32 = -1
	// Harness is the process of the harness's own events: the phases of the run.
	Harness int32 = -2
)

// The functions (Event.F) that the bundled workloads use.
//
// Read and Peek complete with the value read; with Keys set, with the list of the values read, in the
// order of Keys. Write and Append carry the value written. CAS is invoked with the list [old new] and
// completes with true, with false (refused, current value unknown) or with the list [false current].
// Delete carries no value. Txn is invoked with a list of micro-operations, each a list [f key value] with
// f one of "r", "w", "append"; it completes with the same list with the values of the reads filled in.
// Add and Remove carry an element of a set, whose reads complete with the list of its elements in any
// order. Incr carries the integer that it adds to a counter, null for 1.
const (
	FRead   = "read"
	FWrite  = "write"
	FCAS    = "cas"
	FAppend = "append"
	FDelete = "delete"
	FAdd    = "add"
	FRemove = "remove"
	FIncr   = "incr"
	FTxn    = "txn"
	FPeek   = "peek"  // what one replica holds, read by itself; served without any guarantee
	FPhase  = "phase" // a harness event: Value is the name of the phase that begins
)

// The phases of a run, in their order, as the values of FPhase events.
const (
	PhaseWarmUp  = "warm-up"
	PhaseFaults  = "faults"
	PhaseHeal    = "heal"
	PhaseQuiesce = "quiesce"
	PhaseFinal   = "final-reads"
)

// Event is one line of a history. Client events have Process >= 0.
type Event struct {
	Index   int    // position in the history, from 0
	Time    int64  // nanoseconds since the start of the run, one monotonic clock
	Type    Type   //
	Process int32  // the logical single-threaded client, or Nemesis, or Harness
	Session string // the session the process belongs to ("s3")
	Device  string // the session's device, "" when it has only one
	F       string // the function: FRead, FWrite, ..; of a nemesis event the fault's family ("partition")
	Key     string // the key, of a single-key operation
	Keys    []string
	Value   Value     // argument (invoke) or result (completion)
	Node    string    // invoke: node addressed or nearest, "" for any; completion: node that answered
	Op      OpID      // the operation's id in the plan; the zero OpID for none
	Fault   string    // the id of the fault ("f3"), of nemesis events
	Err     Error     // completion: why it is Fail or Info
	Ev      *Evidence // completion: what the replica says about how it served the operation
}

// OpID is the stable name of a planned operation: the N-th (from 1) of a thread of the workload. It does
// not change when other operations are removed from the plan.
type OpID struct {
	Thread int32
	N      int32
}

// String returns the id as it stands in the record: "3.17", or "" for the zero OpID.
func (id OpID) String() string {
	if id.N == 0 {
		return ""
	}
	return strconv.Itoa(int(id.Thread)) + "." + strconv.Itoa(int(id.N))
}

// Evidence is what replicas say about how an operation was served. Values decide verdicts, evidence
// explains them.
type Evidence struct {
	By   string    // the node that served it
	Ver  []Version // the version read or written: one entry in single-leader mode, a vector elsewhere
	Acks []string  // who acknowledged the write, the serving node included
	Home []string  // the replicas responsible for the key

	Quorum *QuorumEvidence // what the coordinator of a quorum operation says (leaderless), nil for nothing
}

// QuorumEvidence is how a coordinator that asks several replicas came to its answer. Of a read,
// Evidence.Acks are the nodes whose answers it is made of.
type QuorumEvidence struct {
	// Hints are those in Acks that stand in for a home node that was not reached (sloppy quorum).
	Hints []string
	// Dots are the writes whose values a read returned, or the write that was made. They are names: neither
	// the order of sources nor that of counters is an order of time.
	Dots []Version
	// Answers is what the replicas in Acks held, in the order of their arrival.
	Answers []Answer
	// Legs has the ways of all messages whose answers came since the coordinator told last, those of earlier
	// operations that nobody waited for any more included.
	Legs []Leg
}

// Answer is what a replica told the coordinator of an operation that it held.
type Answer struct {
	Node string
	Dots []Version
}

// Leg is how long a coordinator's message took to a replica, until it was processed, and its answer back:
// nanoseconds, by the wall clocks of both ends.
type Leg struct {
	Store     bool // the message carried a write; otherwise it asked for the key
	Out, Back int64
}

// Version is one entry of a version: a counter at a source. In single-leader mode the source names
// shard and epoch ("s0e2") and the counter is the log index.
type Version struct {
	Source string
	N      int64
}
