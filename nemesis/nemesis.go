// Package nemesis generates faults, one file a family. Generators are pure: intervals drawn from the
// seed, by name. The executor that injects and always heals them is in nemesis/inject.
//
// A fault passes through three forms. Params are an entry of an experiment file ("every 5 to 8 s, isolate
// the leader for 1 to 3 s"); Source draws plan.Faults from them, intervals whose targets may still be
// roles; Resolve turns one of these, at the moment of its injection, into an Action that names nodes.
package nemesis

import (
	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/plan"
)

// AllClients is the end of a link that stands for every client, also for those still to come. It is
// the same word as in package targets.
const AllClients = "clients"

// Range is a closed interval of a quantity.
type Range struct{ Min, Max int64 }

// Params are one entry of an experiment's list of faults. Faults of one entry never overlap each other;
// faults of different entries overlap freely.
type Params struct {
	Family string // partition, crash, pause, clock, link, disk, operator
	// the shapes to choose from, none for the family's default; Info.Shapes has what is allowed
	Shapes  []string
	Targets []string // to choose from, in the family's words or as names of nodes; none for the default
	Clients string   // partition: the side of the clients; link: whether theirs are hit; "" for the default
	Every   Range    // nanoseconds between the starts of two faults of this entry
	For     Range    // nanoseconds that a fault lasts
	// the shape's quantity (nanoseconds, ppm, a factor); the zero Range for the shape's default
	Amount Range
	After  int64 // nanoseconds from the start of the fault phase to the first; 0 draws it from [0, Every]
	Seed   keyed.Key
}

// Info describes a family of faults for people and for the catalogue.
type Info struct {
	Family  string
	Summary string
	Shapes  map[string]string // shape -> what it does, with the meaning, unit and default of Amount
	Units   map[string]string // shape -> what its Amount counts, one of the Unit words; "" for shapes without
	Shape   string            // the default shape
	// the words allowed for targets, the first is the default; names of nodes are too
	Targets []string
	Clients []string // the words allowed for clients, the first is the default
	Needs   string   // the capability of the environment, for people
}

// What an amount can count, for people.
const (
	UnitTime   = "a duration"
	UnitPPM    = "parts per million"
	UnitFactor = "a factor"
)

// View is what a fault's roles are resolved against at the moment of injection.
type View struct {
	Nodes   []string
	Down    []string // nodes that are not up
	Leader  string   // "" when there is none that is known
	Best    string   // the node with the longest log of those that are up and do not lead, "" when unknown
	Clients []string // the sessions
}

// Action is a resolved fault: exactly what is to be done, and undone, to whom.
type Action struct {
	Fault   plan.Fault
	Nodes   []string    // crash, pause, clock, link, disk, operator: the targets; a ring: all nodes
	Against []string    // clock, opposed: the nodes whose clocks are bent the other way
	Groups  [][]string  // partition: the two sides of the cut, with the clients on them; none for a ring
	Cut     [][2]string // partition, link: directed pairs (from, to) of nodes, sessions and AllClients
	Skip    string      // why nothing can be done, "" otherwise
}

// Resolve decides whom f hits as things stand in v. It is a pure function of both: whatever is left to
// chance is drawn from f.Pick.
func Resolve(f *plan.Fault, v *View) Action {
	a := Action{Fault: *f}
	fam := find(f.Family)
	if fam == nil {
		a.Skip = "there is no family of faults named " + f.Family
		return a
	}
	fam.resolve(f, v, &a)
	return a
}
