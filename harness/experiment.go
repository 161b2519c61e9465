// Package harness runs experiments: it deploys a cluster, lets workload and nemesis loose on it, heals,
// reads, checks, and reports one outcome.
package harness

import (
	"time"

	"github.com/rashomon-harness/rashomon/nemesis"
	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/workloads"
)

// Catalogue is everything that experiments can name. The command wires it; nothing registers itself.
type Catalogue struct {
	Targets   []targets.Target
	Workloads []workloads.Info
	Faults    []nemesis.Info
}

// Experiment is everything that determines a run, up to the seed: one row of an experiment file.
type Experiment struct {
	Name      string         // the file's name for it
	Row       string         // the variant's name, "" when the file has no variants
	About     string         // a sentence for people, "" for none
	Target    string         // "reference"
	Env       string         // sim, process, docker
	Nodes     []string       // n1, n2, ..
	Config    map[string]any // the target's
	World     map[string]any // the environment's
	Workloads []WorkloadSpec // run side by side on keys of their own
	Faults    []nemesis.Params
	WarmUp    int64 // nanoseconds before the first fault may start
	Time      int64 // nanoseconds from the start to the healing
	Quiesce   int64 // nanoseconds of quiet after healing at the least
	Seeds     []uint64
	Checkers  []string // the properties that are judged; nil for those that Properties chooses
	Expect    []Expectation
	Source    []byte // the YAML it was read from, whole file
	File      string // where that was read, "" for built in
}

// Real reports whether the cluster runs in real time, on a machine that it shares with others, and not in the
// simulator.
func (e *Experiment) Real() bool { return e.Env != "sim" }

// expectedEvents returns about how many events a run has: two an operation.
func (e *Experiment) expectedEvents() int {
	rate := 0.0
	for i := range e.Workloads {
		rate += e.Workloads[i].Rate
	}
	return int(2*rate*time.Duration(e.Time).Seconds()) + 1000
}

// WorkloadSpec names a workload and its parameters.
type WorkloadSpec struct {
	Name        string
	Keys        int
	Rate        float64
	Concurrency int
	Mix         map[string]int
	Options     map[string]any
}

// ExpectKind is what an expectation asks.
type ExpectKind string

// The kinds of expectations.
const (
	MustHold    ExpectKind = "must-hold"    // valid in every seed
	MustViolate ExpectKind = "must-violate" // invalid, with the named anomaly, in at least one seed
	MayViolate  ExpectKind = "may-violate"  // valid or invalid; unknown is still unknown
	// Bound: a measure, as the mean over the seeds, or a mark, as the sum over the seeds, lies in
	// [AtLeast, AtMost].
	Bound ExpectKind = "bound"
)

// Expectation is what an experiment must show about one property, or about one mark (Property "marks").
type Expectation struct {
	Property string
	Kind     ExpectKind
	Anomaly  string  // MustViolate: the kind of anomaly, "" for any
	Measure  string  // Bound: the measure's name (a mark's name when Property is "marks")
	AtLeast  float64 // Bound: -Inf for none
	AtMost   float64 // Bound: +Inf for none
	Line     int     // in the file
}
