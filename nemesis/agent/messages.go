package agent

import "github.com/rashomon-harness/rashomon/nemesis/agent/packets"

// Health is what the agent says about itself.
type Health struct {
	Version string `json:"version"`
	// Abilities has what this machine lets the agent do, as probed at its start: those of packets.Probe,
	// and "clock", "power-loss", "kill", "stop". Each that is missing says why.
	Abilities []packets.Ability `json:"abilities"`
}

// Lease is what the agent grants.
type Lease struct {
	TTLMillis int64 `json:"ttl_ms"` // the lease runs out that long after the request arrived
	// Lapses is how often a lease ran out so far, at which the agent healed everything. A harness that
	// sees it grow knows that its faults were not in force all the time.
	Lapses int64 `json:"lapses"`
}

// Lost is what a power loss made the data directory forget.
type Lost struct {
	Files int   `json:"files"` // that had unsynced writes
	Bytes int64 `json:"bytes"` // of these writes
}

// State is what the agent does to the pod now. Of a pod without faults all is zero but the lease.
type State struct {
	Rules         packets.Rules     `json:"rules"`                    // in force
	Counters      []packets.Counter `json:"counters,omitempty"`       // what the rules did so far
	CountersError string            `json:"counters_error,omitempty"` // why Counters are missing
	OffsetNanos   int64             `json:"offset_ns"`                // wished for the wall clocks
	Patched       []int             `json:"patched,omitempty"`        // processes whose clocks are off by it
	Unpatched     []Unpatched       `json:"unpatched,omitempty"`      // processes that refuse, still tried
	LeaseMillis   int64             `json:"lease_ms"`                 // until it runs out; 0 without
	Lapses        int64             `json:"lapses"`                   // see Lease
	Stopped       bool              `json:"stopped"`                  // the processes are stopped
	Healing       *Healing          `json:"healing,omitempty"`        // nil when nothing waits for healing
}

// Unpatched is a process whose clock could not be set.
type Unpatched struct {
	PID    int    `json:"pid"`
	Reason string `json:"reason"`
}

// Healing is a healing that failed and is tried again until it succeeds.
type Healing struct {
	Tries int    `json:"tries"` // that failed in a row
	Error string `json:"error"` // of the last one
}

// leaseWish is the body of PUT /v1/lease.
type leaseWish struct {
	TTLMillis int64 `json:"ttl_ms"` // 0 for the agent's default
}

// clockWish is the body of PUT /v1/clock.
type clockWish struct {
	OffsetNanos *int64 `json:"offset_ns"` // 0 restores
}

// pids is the answer to requests that do something to all processes.
type pids struct {
	PIDs []int `json:"pids"`
}

// failure is the body of every answer that is no success.
type failure struct {
	Error       string `json:"error"`
	Unsupported bool   `json:"unsupported,omitempty"` // the machine cannot do it; nothing was changed
}
