package checkers

import (
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// Specification is one row of the table of models: a sequential behaviour that the general engine can hold
// the history of one object against.
//
// What holds for all of them: an operation that certainly failed did nothing. One whose outcome is unknown
// may have taken effect at any time after its call, or never, and its answer could have been anything; so
// one without effects tells nothing. Null is what an object that was never written holds. Answers of changes
// are not looked at, but for those of compare-and-set and dequeue; a cas answers as history.Op.CASResult has
// it. Peeks promise nothing and are left out.
type Specification struct {
	Name      string
	Functions []string // of the operations that it knows
	Keyed     bool     // its operations name a key as a rule; those of the others may, each an object
	Meaning   string   // what it promises, in a sentence or a few

	// take makes an act of an operation that did not fail for certain, or says why it cannot. It leaves
	// the kind noAct when the operation tells nothing.
	take func(p *plan, op *history.Op, a *act) (why string)
	// ready returns what the engine runs, once all operations were taken, or why it cannot.
	ready func(p *plan) (m machine, why string)
	// needs calls add for the acts without which act i would mean something else: a history stays
	// linearizable when it is cut down to a part that has all that is needed by the part.
	needs func(p *plan, i int32, add func(int32))
}

// The functions that the models know beside those of package history.
const (
	fGet      = "get"
	fPut      = "put"
	fContains = "contains"
	fDecr     = "decr"
	fEnqueue  = "enqueue"
	fDequeue  = "dequeue"
	fAcquire  = "acquire"
	fRelease  = "release"
)

// The names of the models.
const (
	ModelRegister    = "register"
	ModelCASRegister = "cas-register"
	ModelKV          = "kv"
	ModelSet         = "set"
	ModelList        = "list"
	ModelCounter     = "counter"
	ModelQueue       = "queue"
	ModelMutex       = "mutex"
)

// Models returns the table of models, in the order in which they are listed for people.
func Models() []Specification { return slices.Clone(modelTable()) }

// ModelNamed returns the specification of that name, and whether there is one.
func ModelNamed(name string) (spec Specification, ok bool) {
	for _, s := range modelTable() {
		if s.Name == name {
			return s, true
		}
	}
	return Specification{}, false
}

// modelTable is a function because the rows lead to functions that look up rows.
func modelTable() []Specification {
	return []Specification{
		{Name: ModelRegister, Functions: []string{history.FRead, history.FWrite, history.FDelete},
			Meaning: "A read returns the value written last; a delete writes null.",
			take:    takeRegister, ready: readyNumbers, needs: needsMakers},
		{Name: ModelCASRegister,
			Functions: []string{history.FRead, history.FWrite, history.FDelete, history.FCAS},
			Meaning: "A register; cas [old new] sets new if the value is old, and is refused otherwise: " +
				"with false, or with [false current].",
			take: takeCASRegister, ready: readyNumbers, needs: needsMakers},
		{Name: ModelKV, Keyed: true,
			Functions: []string{fGet, fPut, history.FRead, history.FWrite, history.FAppend, history.FDelete,
				history.FCAS},
			Meaning: "A map from keys to values, each a cas-register; append adds a string to the string " +
				"that is there. A key that is absent and one that holds the empty string are the same.",
			take: takeKV, ready: readyKV, needs: needsKV},
		{Name: ModelSet, Functions: []string{history.FAdd, history.FRemove, fContains, history.FRead},
			Meaning: "A read returns the elements that were added and not removed since, in any order; " +
				"contains tells true or false of one.",
			take: takeSet, ready: readySet, needs: needsSet},
		{Name: ModelList, Functions: []string{history.FAppend, history.FRead},
			Meaning: "A read returns the elements in the order in which they were appended.",
			take:    takeList, ready: readyList, needs: needsMakers},
		{Name: ModelCounter, Functions: []string{history.FIncr, fDecr, history.FAdd, history.FRead},
			Meaning: "Begins at 0. incr and decr change it by their argument, or by 1; add adds its " +
				"argument, which may be negative; a read returns the sum.",
			take: takeCounter, ready: readyCounter, needs: needsChangesBefore},
		{Name: ModelQueue, Functions: []string{fEnqueue, fDequeue},
			Meaning: "First in, first out; a dequeue answers the element that it took, null when there " +
				"was none.",
			take: takeQueue, ready: readyQueue, needs: needsSameElement},
		{Name: ModelMutex, Functions: []string{fAcquire, fRelease},
			Meaning: "Free at first. A session (where there are none, a process) acquires it when nobody " +
				"holds it, not even itself, and only the holder releases it. Either, when it answers " +
				"false, did nothing.",
			take: takeMutex, ready: readyNumbers, needs: needsSameHolder},
	}
}

// modelNames returns the names of the models, as errors list what is allowed.
func modelNames() []string {
	var names []string
	for _, s := range modelTable() {
		names = append(names, s.Name)
	}
	return names
}
