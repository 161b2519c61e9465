package simulated

import (
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/targets/reference"
)

// clientArm is the client of one session on one device. The store's client carries out one call at a
// time; operations that come while one is under way wait for it.
type clientArm struct {
	cluster *cluster
	addr    refimpl.Addr
	session string
	call    client.Call // of the operation under way; used again for the next
	current operation   // done is nil when no operation is under way
	waiting []waiting
	ended   func(*client.Result) // end, made once
}

// operation is an operation under way.
type operation struct {
	reference.Operation
	done func(targets.Completion)
}

type waiting struct {
	op   operation
	call client.Call
}

// refusal is an operation that makes no sense to the store, and how it completes.
type refusal struct {
	done       func(targets.Completion)
	completion targets.Completion
}

// Submit sends an operation on its way. What the store cannot make sense of completes with
// unsupported or bad-request, when time next passes.
func (a *clientArm) Submit(inv *history.Event, done func(targets.Completion)) {
	op := operation{reference.OperationOf(inv), done}
	if a.current.done != nil {
		w := waiting{op: op}
		if problem := a.cluster.mapper.Call(inv, &w.call); problem.Code != history.NoError {
			a.cluster.refuse(done, problem)
			return
		}
		a.waiting = append(a.waiting, w)
		return
	}
	if problem := a.cluster.mapper.Call(inv, &a.call); problem.Code != history.NoError {
		a.cluster.refuse(done, problem)
		return
	}
	a.start(op)
}

// start has the world carry out a.call.
func (a *clientArm) start(op operation) {
	a.current = op
	a.call.Handle++
	a.cluster.world.Call(a.addr, &a.call, a.ended)
}

// end is told how the call under way ended. The next operation starts before the caller is told, who may
// submit another.
func (a *clientArm) end(r *client.Result) {
	op := a.current
	a.current = operation{}
	completion := a.cluster.mapper.Completion(&op.Operation, r)
	if len(a.waiting) > 0 {
		next := a.waiting[0]
		a.waiting = a.waiting[1:]
		a.call = next.call
		a.start(next.op)
	}
	op.done(completion)
}

func (c *cluster) refuse(done func(targets.Completion), why history.Error) {
	c.refused = append(c.refused, refusal{done, targets.Completion{Err: why}})
}

// tellRefused completes the operations that were refused. Their callers may submit others meanwhile.
func (c *cluster) tellRefused() {
	refused := c.refused
	c.refused = nil
	for _, r := range refused {
		r.done(r.completion)
	}
}
