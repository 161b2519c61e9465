// Package checkers decides what a history proves: one file a property. All checkers are sound: they
// never report an anomaly that the definition does not give, and say Unknown, with a reason, where the
// history does not decide.
package checkers

import (
	"context"
	"fmt"

	"github.com/rashomon-harness/rashomon/history"
)

// Result is the outcome of a check.
type Result uint8

// The results. Unknown is never success.
const (
	Unknown Result = iota
	Valid
	Invalid
)

// String returns unknown, valid or invalid.
func (r Result) String() string { return [...]string{"unknown", "valid", "invalid"}[r] }

// MarshalText implements encoding.TextMarshaler.
func (r Result) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Result) UnmarshalText(text []byte) error {
	for _, known := range []Result{Unknown, Valid, Invalid} {
		if known.String() == string(text) {
			*r = known
			return nil
		}
	}
	return fmt.Errorf("result %q: allowed: unknown, valid, invalid", text)
}

// The properties that are checked, as they are named in experiments, outcomes and tables.
const (
	Linearizability   = "linearizability"
	ReadYourWrites    = "read-your-writes"
	MonotonicReads    = "monotonic-reads"
	MonotonicWrites   = "monotonic-writes"
	WritesFollowReads = "writes-follow-reads"
	ConsistentPrefix  = "consistent-prefix"
	Durability        = "durability"
	Convergence       = "convergence"
	Availability      = "availability"
)

// NotExercised is the reason of an Unknown verdict whose history had no opportunity for a violation.
const NotExercised = "not exercised"

// Verdict is what a history says about one property.
type Verdict struct {
	Property string `json:"property"`
	Result   Result `json:"result"`
	Reason   string `json:"reason,omitempty"` // why Unknown
	Engine   string `json:"engine,omitempty"` // the algorithm that decided, where there are several
	// Opportunities is how often the history could have shown a violation. None is Unknown.
	Opportunities int64 `json:"opportunities"`
	// Counts has the number of anomalies found, by kind.
	Counts map[string]int64 `json:"counts,omitempty"`
	// Anomalies has some of them explained, the smallest first; at most MaxExplained.
	Anomalies []Anomaly `json:"anomalies,omitempty"`
	// Measures are figures that are no verdict, by name with the unit last ("ok_share", "outage_longest_ns").
	Measures map[string]float64 `json:"measures,omitempty"`
}

// MaxExplained is the most anomalies that a verdict explains.
const MaxExplained = 3

// Anomaly is one named violation, with the operations that witness it.
type Anomaly struct {
	Kind     string       `json:"kind"`
	Key      string       `json:"key,omitempty"`
	Sentence string       `json:"sentence"` // says what happened, with operations by number (1..) and times
	Ops      []history.Op `json:"-"`        // two to six, by call time
	Indices  []int        `json:"ops"`      // the witnesses' invoke events' indices in the history
	Drawing  string       `json:"drawing"`  // of the witnesses
}

// Checker decides one or several properties of a history.
type Checker interface {
	// Properties returns the properties that Check gives verdicts about, in that order.
	Properties() []string
	// Check never fails and never changes h; whatever keeps it from deciding is an Unknown verdict.
	// When ctx ends it returns what it knows.
	Check(ctx context.Context, h *history.History) []Verdict
}
