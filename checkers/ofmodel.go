package checkers

import (
	"fmt"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// OfModel returns the checkers of histories of a model, one of Models. The first decides linearizability.
func OfModel(model string, options LinOptions) ([]Checker, error) {
	switch model {
	case ModelRegister, ModelCASRegister:
		m := CASRegister
		if model == ModelRegister {
			m = Register
		}
		return []Checker{Linearizable(m, options), Sessions(WriterOrder), PrefixConsistent(), Causal(),
			Staleness(StalenessOptions{}), Durable(), Convergent(), Available()}, nil
	case ModelList:
		return []Checker{Linearizable(AppendList, options), Sessions(ListOrder),
			Staleness(StalenessOptions{}), Durable(), Convergent(), Available()}, nil
	}
	if model == ModelSet {
		return []Checker{Linearizable(Set, options), SetFull(SetOptions{}), Available()}, nil
	}
	if options.Engine == EngineFast {
		return nil, fmt.Errorf("engine %s: there is none for a %s", EngineFast, model)
	}
	lin, err := Specified(model, options.Limits, options.Runner)
	if err != nil {
		return nil, err
	}
	switch model {
	case ModelCounter:
		return []Checker{lin, Counter(CounterOptions{}), Available()}, nil
	}
	return []Checker{lin, Available()}, nil
}

// GuessModel returns the model that the functions of a history suggest: the name of one of Models.
func GuessModel(h *history.History) string {
	used := map[string]bool{}
	for _, f := range h.Functions() {
		used[f] = true
	}
	any := func(functions ...string) bool {
		return slices.ContainsFunc(functions, func(f string) bool { return used[f] })
	}
	switch {
	case any(fEnqueue, fDequeue):
		return ModelQueue
	case any(fAcquire, fRelease):
		return ModelMutex
	case any(history.FIncr, fDecr):
		return ModelCounter
	case any(history.FAdd, history.FRemove, fContains):
		return ModelSet
	case any(history.FAppend) && any(history.FWrite, history.FCAS):
		return ModelKV
	case any(history.FAppend):
		return ModelList
	case any(history.FCAS):
		return ModelCASRegister
	}
	return ModelRegister
}
