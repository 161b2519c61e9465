// Package workloads has the generators of operations, one file a workload, each with the checkers that
// its operations make possible.
package workloads

import (
	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/plan"
)

// Params are a workload's parameters, as the experiment gives them.
type Params struct {
	Keys        int            // how many keys are in use at a time
	Rate        float64        // operations a second, over all threads
	Concurrency int            // threads
	Mix         map[string]int // weights of the workload's operations by name; nil for its default
	Options     map[string]any // the workload's own options (Info.Options names them)
	Nodes       []string       // the cluster's nodes, for clients that move between them
	Prefix      string         // what all its keys and sessions begin with; unique in the experiment
	FirstThread int            // its first thread; it owns [FirstThread, FirstThread+Concurrency)
	Seed        keyed.Key
}

// Workload is a generator with its final phase and its checkers.
type Workload interface {
	plan.Source
	// Final returns the source of the reads after everything is healed and quiet: ordinary reads
	// of every key used so far, then a peek of every key at every node. What fails is tried again,
	// a few times. It is to be called when the workload has ended.
	Final() plan.Source
	// Checkers returns the checkers its operations make possible, those of Info.Offers among them. They
	// get a history with only the workload's own operations (and all nemesis and harness events).
	Checkers() []checkers.Checker
}

// Info describes a workload for people and for the catalogue.
type Info struct {
	Name    string
	Summary string            // one sentence
	Mix     map[string]int    // its operations with their default weights
	Options map[string]string // its own options, with their meaning, default and what is allowed
	Makes   []string          // the properties its operations make possible and that are checked unasked
	Offers  []string          // those that are checked only where an experiment names them
	// New returns the workload, or a *ParamError: the first parameter that is not allowed.
	New func(p *Params) (Workload, error)
}

// All returns the bundled workloads.
func All() []Info {
	return []Info{RegisterInfo(), CASInfo(), AppendInfo(), SessionInfo(), QuestionAnswerInfo(), SetInfo(),
		CartInfo(), CounterInfo(), ImmutableInfo(), DeleteInfo()}
}
