package harness

import (
	"io"

	"github.com/rashomon-harness/rashomon/checkers"
)

// OutcomeSchema is the version of the outcome's JSON form.
const OutcomeSchema = 1

// Outcome is what one command found: all rows of all experiments it ran.
type Outcome struct {
	Schema  int    `json:"schema"`
	Name    string `json:"name"` // of the experiment file
	Build   string `json:"build"`
	Began   string `json:"began"`        // RFC 3339
	Took    int64  `json:"took_wall_ns"` // wall time
	Rows    []Row  `json:"rows"`
	Exit    int    `json:"exit"` // the command's exit code
	Stopped bool   `json:"stopped,omitempty"`
}

// Row is what one experiment showed over its seeds.
type Row struct {
	Experiment   string              `json:"experiment"`
	Row          string              `json:"row,omitempty"`
	Target       string              `json:"target"`
	Env          string              `json:"env"`
	Config       map[string]any      `json:"config"`
	Cells        []Cell              `json:"cells"` // a property each
	Seeds        []SeedOutcome       `json:"seeds"`
	Expectations []ExpectationResult `json:"expectations"`
	Exit         int                 `json:"exit"`
}

// Cell is what the seeds of a row showed about one property.
type Cell struct {
	Property string `json:"property"`
	// invalid if any seed is; else unknown if any is; else valid
	Result        checkers.Result  `json:"result"`
	Valid         int              `json:"seeds_valid"`
	Invalid       int              `json:"seeds_invalid"`
	Unknown       int              `json:"seeds_unknown"`
	Reason        string           `json:"reason,omitempty"` // of the first unknown
	Opportunities int64            `json:"opportunities"`
	Ops           int64            `json:"ops"`              // operations recorded, over all seeds
	Counts        map[string]int64 `json:"counts,omitempty"` // anomalies by kind, over all seeds
	// Measures are means over the seeds that have them.
	Measures map[string]float64 `json:"measures,omitempty"`
	// Smallest is the smallest counterexample found in any seed, nil when there is none.
	Smallest *Witness `json:"smallest,omitempty"`
}

// Witness is an anomaly and where it was found.
type Witness struct {
	Seed    uint64           `json:"seed"`
	Anomaly checkers.Anomaly `json:"anomaly"`
}

// SeedOutcome is what one run showed.
type SeedOutcome struct {
	Seed uint64 `json:"seed"`
	Hash string `json:"hash"` // SHA-256 of the history from line 2 on, hex
	// its file below the run's directory, "" when not kept
	History  string                 `json:"history,omitempty"`
	Events   int                    `json:"events"`          // of the history
	Steps    int64                  `json:"steps,omitempty"` // events of the simulated world
	Ops      int                    `json:"ops"`
	Ok       int                    `json:"ops_ok"`
	Took     int64                  `json:"took_run_ns"` // in the environment's time
	Faults   map[string]FaultCounts `json:"faults"`      // by "family/shape"
	Marks    map[string]int64       `json:"marks,omitempty"`
	Verdicts []checkers.Verdict     `json:"verdicts"`
	// a harness failure: the run could not do what was asked
	Failure string `json:"failure,omitempty"`
	Stopped bool   `json:"stopped,omitempty"` // interrupted before its time
	// Kept says how to get at the cluster, which still runs, and how to remove it, or why it could not be
	// kept; for people, in several lines. "" when it was not to be kept.
	Kept string `json:"kept,omitempty"`
}

// FaultCounts is how often a kind of fault ended in which way.
type FaultCounts struct {
	Installed     int `json:"installed"`
	Skipped       int `json:"skipped,omitempty"`
	Cannot        int `json:"cannot,omitempty"` // of those skipped: the environment cannot do such a fault
	Indeterminate int `json:"indeterminate,omitempty"`
	// Reason is that of the first that was not installed; that the environment cannot do it goes first.
	Reason string `json:"reason,omitempty"`
}

// ExpectationResult is an expectation and whether it came true.
type ExpectationResult struct {
	Property  string `json:"property"`
	Asked     string `json:"asked"` // for people: "must-violate lost-write"
	Met       bool   `json:"met"`
	Exit      int    `json:"exit"`                // 0 met, 1 not met, 2 unknown, 4 harness failure
	Saw       string `json:"saw"`                 // for people
	Reproduce string `json:"reproduce,omitempty"` // the command line that shows it again, when not met
}

// The exit codes, everywhere.
const (
	ExitExpected   = 0
	ExitUnexpected = 1
	ExitUnknown    = 2
	ExitUsage      = 3
	ExitFailure    = 4
)

// Sink is where a run is saved; package results has the one that writes run directories. Methods may
// be called from several goroutines.
type Sink interface {
	// History returns where the history of a run is written while it runs, nil for nowhere. The
	// harness closes it; keep says whether the run is worth keeping (it failed, or was the only one).
	History(exp *Experiment, seed uint64) (HistoryFile, error)
	// Save saves the outcome so far. It is called after every row.
	Save(out *Outcome) error
}

// LogSink is a Sink that keeps the logs of nodes too.
type LogSink interface {
	// Log saves what a node has written to its log during a run in a real environment, 16 MiB of it at
	// most. It is called once a node, before the run's history is closed.
	Log(exp *Experiment, seed uint64, node string, data []byte) error
}

// HistoryFile is a history being written.
type HistoryFile interface {
	io.Writer
	// Close ends the file and returns its path below the run's directory, "" when it was not kept.
	Close(keep bool) (path string, err error)
}
