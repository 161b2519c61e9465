package checkers

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rashomon-harness/rashomon/history"
)

// actKind says what an act does to its object, and what its answer tells.
type actKind uint8

const (
	noAct      actKind = iota
	actRead            // saw value
	actReadAll         // saw list: all of a list or a set
	actReadSum         // saw amount
	actHas             // saw that value is in the set, or is not
	actWrite           // sets value
	actCAS             // found old and sets value
	actNot             // found anything but old
	actConcat          // adds the text of value to the text that is there
	actAppend          // adds the element value at the end
	actAdd             // adds the element value to the set
	actRemove          // removes the element value from the set
	actSum             // adds amount
	actEnqueue         // adds the element value at the end
	actDequeue         // takes the first element away, which was value, or there was none
	actWrong           // answered what no state allows
)

// act is what one operation does to its object, with values as numbers.
type act struct {
	call, ret  int64
	amount     int64   // actReadSum, actSum
	list       []int32 // actReadAll
	op         int32   // index in Job.Ops
	closer     int32   // the act that made this one sure, -1 for none
	process    int32
	value, old int32
	kind       actKind
	sure       bool  // it happened, with this answer; otherwise it may have, at any time after its call
	after      any   // actConcat: the string that it is known to leave, nil when it is not known
	fixer      int32 // the act that tells that
	yes        bool  // actHas: it is in; actDequeue: there was one
}

// changes reports whether a may change the object.
func (a *act) changes() bool {
	switch a.kind {
	case actWrite, actCAS, actConcat, actAppend, actAdd, actRemove, actSum, actEnqueue, actDequeue:
		return true
	}
	return false
}

// observes reports whether a's answer tells something about the object.
func (a *act) observes() bool {
	switch a.kind {
	case actRead, actReadAll, actReadSum, actHas, actCAS, actNot, actDequeue, actWrong:
		return a.sure
	}
	return false
}

// machine is a specification for the values of one object. States are immutable.
type machine struct {
	init  any
	step  func(state any, a *act) (ok bool, next any)
	equal func(x, y any) bool
	hash  func(state any) uint64 // equal states have equal hashes
	size  func(state any) int64  // bytes that it takes to remember a state which a step made
}

// plan is a job in the engine's terms.
type plan struct {
	job     *Job
	spec    Specification
	acts    []act // by call
	values  numbering
	made    []making // by value
	machine machine
	initial bool    // the initial state holds the value 0, null
	byValue bool    // acts see and make values: what nobody saw can be left out
	weakens bool    // a cas without the makers of what it found is taken for a mere write
	blind   bool    // there is an actNot
	wrong   []int32 // acts that are impossible by themselves, nil for none
	anyway  []int32 // acts that are in every part
}

// compile returns the plan of a job, or why it has none.
func compile(job *Job) (p *plan, unknown string) {
	spec, ok := ModelNamed(job.Model)
	if !ok {
		return nil, fmt.Sprintf("there is no model %q; allowed: %s", job.Model,
			strings.Join(modelNames(), ", "))
	}
	p = &plan{job: job, spec: spec}
	p.values.number(history.Value{})
	for i := range job.Ops {
		op := &job.Ops[i]
		if op.Type == history.Fail || op.F == history.FPeek {
			continue
		}
		if why := p.take(int32(i), op); why != "" {
			return nil, fmt.Sprintf("%s (event %d)", why, op.Invoked)
		}
	}
	slices.SortStableFunc(p.acts, func(a, b act) int { return cmp.Compare(a.call, b.call) })
	if p.machine, unknown = spec.ready(p); unknown != "" {
		return nil, unknown
	}
	p.index()
	return p, ""
}

// take adds the act of one operation.
func (p *plan) take(i int32, op *history.Op) (why string) {
	if len(op.Keys) > 0 {
		return "the model has no " + op.F + " of several keys"
	}
	a := act{call: op.Call, ret: op.Return, op: i, closer: -1, process: op.Process,
		sure: op.Type == history.Ok}
	if !a.sure {
		a.ret = history.Never
	} else if a.ret < a.call {
		return op.F + " returned before it was called"
	}
	why = p.spec.take(p, op, &a)
	if a.kind != noAct && (a.sure || a.changes()) {
		p.acts = append(p.acts, a)
	}
	return why
}

// unknownTo says that the model has no such operation.
func unknownTo(op *history.Op) string {
	return "the model has no " + strings.TrimSpace(op.F+" "+argument(op.Arg))
}

// oddAnswer says that an operation completed with what the model does not know.
func oddAnswer(op *history.Op) string { return op.F + " completed with " + brief(op.Result) }

func argument(v history.Value) string {
	if v.IsNull() {
		return ""
	}
	return brief(v)
}

// numbering gives the values of one object small numbers: null is 0, the others follow in the order of
// their first use.
type numbering struct {
	numbers map[scalar]int32
	names   []history.Value
}

func (n *numbering) number(v history.Value) int32 {
	name := scalarOf(&v)
	if known, ok := n.numbers[name]; ok {
		return known
	}
	if n.numbers == nil {
		n.numbers = map[scalar]int32{}
	}
	id := int32(len(n.names))
	n.numbers[name] = id
	n.names = append(n.names, v)
	return id
}

// numberAll returns the numbers of the elements of a list; null is an empty one. ok is false when v is
// neither.
func (n *numbering) numberAll(v history.Value) (numbers []int32, ok bool) {
	list, ok := v.AsList()
	numbers = make([]int32, len(list))
	for i := range list {
		numbers[i] = n.number(list[i])
	}
	return numbers, ok || v.IsNull()
}

// mix spreads the bits of x, for hashes (the multiplier is 2^64 divided by the golden ratio).
func mix(x uint64) uint64 {
	x *= 0x9e3779b97f4a7c15
	return x ^ x>>29
}
