// Package nemesis generates faults, one file a family. Generators are pure: intervals drawn from the
// seed, by name. The executor that injects and always heals them is in nemesis/inject.
package nemesis

import (
	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/plan"
)

// Range is a closed interval of a quantity.
type Range struct{ Min, Max int64 }

// Params are one entry of an experiment's list of faults.
type Params struct {
	Family  string   // partition, crash, pause, clock, link, operator
	Shapes  []string // the shapes to choose from; Info.Shapes has what is allowed
	Targets []string // whom it may hit, in the family's words
	Clients string   // partition: which side the clients are on
	Every   Range    // nanoseconds between the starts of two faults of this entry
	For     Range    // nanoseconds that a fault lasts
	Amount  Range    // the shape's quantity (nanoseconds, ppm)
	After   int64    // nanoseconds from the start of the fault phase before the first
	Seed    keyed.Key
}

// Info describes a family of faults for people and for the catalogue.
type Info struct {
	Family  string
	Summary string
	Shapes  map[string]string // shape -> what it does, with the meaning and unit of Amount
	Targets []string          // the words allowed for targets, the first is the default
	Needs   string            // the capability of the environment, for people
}

// View is what a fault's roles are resolved against at the moment of injection.
type View struct {
	Nodes   []string
	Down    []string // nodes that are not up
	Leader  string   // "" when there is none that is known
	Clients []string // the sessions
}

// Action is a resolved fault: exactly what is to be done, and undone, to whom.
type Action struct {
	Fault plan.Fault
	Nodes []string    // crash, pause, clock, operator: the targets
	Cut   [][2]string // partition, link: directed pairs (from, to) of nodes and sessions
	Skip  string      // why nothing can be done, "" otherwise
}
