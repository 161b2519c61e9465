// Package reference is what the arms of the reference store have in common, whatever environment they deploy
// it in: how operations map to the store's calls and its answers to completions, how a specification is read,
// and the store's clients in real time.
package reference

import (
	"fmt"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
	"github.com/rashomon-harness/rashomon/targets"
)

// Name is the name of the reference store in experiment files.
const Name = "reference"

// Operation is what is left to know about an operation once it is a call.
type Operation struct {
	f    string
	keys bool          // it has several keys
	arg  history.Value // what its completion repeats
}

// OperationOf returns what is left to know about the operation of an invocation.
func OperationOf(inv *history.Event) Operation {
	return Operation{f: inv.F, keys: len(inv.Keys) > 0, arg: inv.Value}
}

// Completion maps how the call of an operation ended.
func (m *Mapper) Completion(op *Operation, r *client.Result) targets.Completion {
	out := targets.Completion{Err: history.Error{Code: Code(r.Err)}}
	if r.Reply == nil {
		return out
	}
	out.Node = m.Name(r.Reply.By)
	if r.Err == refimpl.ErrNone {
		out.Value = result(op, r.Reply)
		out.Ev = m.evidence(r.Reply)
	}
	return out
}

// codes maps the store's errors to the history's, by name; a test proves that it has all of them.
var codes = [refimpl.NumErrCodes]history.Code{
	refimpl.ErrNone:         history.NoError,
	refimpl.ErrNotLeader:    history.NotLeader,
	refimpl.ErrNoLeader:     history.NoLeader,
	refimpl.ErrDeposed:      history.Deposed,
	refimpl.ErrTokenLost:    history.TokenLost,
	refimpl.ErrTokenTimeout: history.TokenTimeout,
	refimpl.ErrLeaseExpired: history.LeaseExpired,
	refimpl.ErrCrossShard:   history.CrossShard,
	refimpl.ErrTimeout:      history.Timeout,
	refimpl.ErrBadRequest:   history.BadRequest,
	refimpl.ErrOverloaded:   history.Overloaded,
	refimpl.ErrQuorum:       history.QuorumNotReached,
	refimpl.ErrRestarted:    history.Restarted,
	refimpl.ErrUnsupported:  history.Unsupported,
}

// Code maps an error of the store to the history's.
func Code(e refimpl.ErrCode) history.Code {
	if int(e) < len(codes) {
		return codes[e]
	}
	return history.Internal
}

// Decode returns the store's configuration, or everything that is wrong with it and the names of the nodes.
func Decode(spec *targets.Spec) (*refimpl.Config, []targets.FieldError) {
	var errs []targets.FieldError
	for i, name := range spec.Nodes {
		taken := append([]string{"", targets.AllClients, targets.AllNodes}, spec.Nodes[:i]...)
		if slices.Contains(taken, name) {
			errs = append(errs, targets.FieldError{Path: "nodes", Value: fmt.Sprintf("%q", name),
				Allowed: "names that differ, other than clients and nodes"})
		}
	}
	store, wrong := refimpl.DecodeConfig(len(spec.Nodes), spec.Config)
	for _, e := range wrong {
		path := "config." + e.Field
		if e.Field == "nodes" {
			path = e.Field
		}
		errs = append(errs, targets.FieldError{Path: path, Value: e.Value, Allowed: e.Allowed})
	}
	return store, errs
}

// Quorums implements targets.QuorumClaimer for the arms.
func Quorums(spec *targets.Spec) *targets.Quorums {
	c, errs := Decode(spec)
	if len(errs) > 0 || c.Mode != refimpl.Leaderless {
		return nil
	}
	return &targets.Quorums{N: c.N, R: c.R, W: c.W, LWW: c.Versioning == refimpl.LWW, Sloppy: c.Sloppy,
		Local:          c.Quorum != refimpl.Global,
		KeepsSiblings:  c.Versioning != refimpl.LWW && c.Siblings == refimpl.Return && !c.WriteReadsFirst,
		OwnWritesKnown: c.Coordinator == refimpl.ByClient, ObservedRemove: c.Siblings == refimpl.CRDT}
}
