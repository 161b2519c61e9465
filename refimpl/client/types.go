// Package client is the client of the reference store: it routes requests, finds the leader, retries
// under the same request id, and keeps session tokens. Like a node it is a state machine without input
// and output, run by the same drivers.
package client

import "github.com/rashomon-harness/rashomon/refimpl"

// Call is an operation that a client is asked to carry out.
type Call struct {
	Handle uint64 // the caller's name for it, comes back in Result
	Op     refimpl.OpKind
	Key    string
	Keys   []string
	Old    refimpl.Value
	Value  refimpl.Value
	Txn    []refimpl.Micro
	// Near is the node that the client is near to at the moment (reads: nearest), and the node that
	// an OpPeek asks; Nobody for no matter.
	Near refimpl.Addr
}

// Machine is a client's state machine.
type Machine interface {
	// Step consumes one input and appends what must follow to fx, which the caller resets before. It is
	// deterministic.
	Step(in *Input, fx *Effects)
}

// Result is how a call ended.
type Result struct {
	Handle uint64
	Err    refimpl.ErrCode
	Reply  *refimpl.Reply // nil when no node answered
}

// InputKind is the kind of an Input.
type InputKind uint8

// The kinds of inputs.
const (
	InTimer   InputKind = iota // the time that Effects.Wake asked for has come
	InMessage                  // Msg has arrived from From
	InCall                     // Call shall be carried out; a call under way is given up
)

// Input is one thing that happens to a client.
type Input struct {
	Kind InputKind
	From refimpl.Addr
	Mono int64 // the client's monotonic clock, nanoseconds
	Wall int64 // the client's wall clock, nanoseconds since 1970; drives timestamps
	Msg  *refimpl.Message
	Call *Call
}

// Effects is what must follow a step.
type Effects struct {
	Sends []refimpl.Send
	Wake  int64    // when it wants an InTimer next, 0 for not at all; replaces what was asked before
	Done  []Result // calls that ended; each call ends exactly once, unless it is given up for another
}

// Reset empties fx for the next step and keeps its memory.
func (fx *Effects) Reset() {
	clear(fx.Sends)
	clear(fx.Done)
	fx.Sends, fx.Done, fx.Wake = fx.Sends[:0], fx.Done[:0], 0
}
