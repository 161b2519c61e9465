package history

import "math"

// Never is the return time of an operation that did not return, or whose outcome is unknown.
const Never int64 = math.MaxInt64

// Op is one operation: an invoke event and its completion.
type Op struct {
	Index   int    // position among the history's operations, by invocation
	Invoked int    // Index of the invoke event
	Done    int    // Index of the completion, -1 when there is none
	Process int32  //
	Session string //
	Device  string
	F       string
	Key     string
	Keys    []string
	Arg     Value // the invocation's value
	Result  Value // the completion's value (null unless Type is Ok)
	Call    int64 // nanoseconds
	Return  int64 // nanoseconds; Never unless Type is Ok or Fail
	Type    Type  // Ok, Fail or Info; no completion is Info
	Node    string
	Err     Error
	Ev      *Evidence
	ID      OpID
}

// Precedes reports whether o returned before p was called. Equal times count as concurrent.
func (o *Op) Precedes(p *Op) bool { return o.Return < p.Call }

// Fault is one fault of the run, from its three events.
type Fault struct {
	ID      string
	Family  string // partition, crash, pause, clock, link, ..
	What    Value  // what was asked, with the targets resolved
	Outcome string // "installed", "skipped: reason", "indeterminate: reason", "" when the record ends before
	From    int64  // time of the outcome event (of the first event when there is none), nanoseconds
	To      int64  // time of the healing, Never when it was not healed
}

// History is a whole run in memory, paired. It is immutable once built. Operations and events are kept in
// columns and asked for by place: operations by Call, events as they were recorded.
type History struct {
	Header Header
	Faults []Fault  // by first event
	Phases []Phase  // in time order
	Warns  []string // what the reader had to overlook, such as a line cut in the middle

	cols  columns
	whole *columns // of a part of a history: the columns that events refer to; nil for cols
}

// Phase is a span of the run.
type Phase struct {
	Name string
	From int64
	To   int64 // Never for the last
}

// Header is the first line of a recorded history: what the run was, and what build made it.
type Header struct {
	Version    int    // of the format; FormatVersion
	Experiment string // the experiment's name
	Row        string // the configuration's name inside the experiment, "" when it has only one
	Seed       uint64
	Env        string   // sim, process or docker
	Nodes      []string // the cluster's nodes
	Build      string
	Time       string // when the run began, RFC 3339; "" in tests
}

// FormatVersion is the version of the record's format.
const FormatVersion = 1
