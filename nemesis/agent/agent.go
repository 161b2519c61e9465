// Package agent is the part of the harness that lives inside a pod, `rashomon agent`, and its client. The
// agent is PID 1 of the holder container, whose network and pid namespaces the database container joins. It
// does to the pod what only someone inside can do: rules of the network, clocks, stopped processes, lost
// writes. It is asked through HTTP and JSON.
//
// # Nothing outlives the harness
//
// A fault is refused unless the harness holds a live lease, which it renews all the time. When the lease
// runs out, or the agent is told to end, everything is healed; what cannot be healed is tried again, ever
// more slowly, until it can, and no new fault is accepted until then. A lease that ran out is counted as a
// lapse, so that a harness which comes back late knows that its faults are gone. All requests but kills and
// power losses can be repeated without harm.
//
//	harness    lease 5s   renew    renew    dies
//	agent         |---------|--------|---- 5 s ----| lapse: heals
//	cut n2              |--------------------------|
//
// # Whose processes
//
// Clocks, stops and kills are for all processes of the pid namespace but the agent itself. That is decided by
// the pid and nothing else. The database may be the very same executable (`rashomon node`), and orphans of
// the database become the agent's children, so neither executable nor parent would do. The agent has no
// children of its own: probes run one, and they are over before the agent answers its first request. Where
// the agent is not PID 1, all processes of the pid namespace would be those of the machine; it then declines
// all three.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"time"
)

// Config is what an agent is started with.
type Config struct {
	Listen string // the address to listen on: "0.0.0.0:7700"
	Token  string // the secret that every request carries; never empty
	// TTL is how long a lease lasts that was asked for without a length; 0 for DefaultTTL.
	TTL time.Duration
	// Backing and DataDir: when both are set, the file system that forgets unsynced writes is mounted at
	// DataDir and keeps what was synced in Backing. When it cannot be mounted the agent says so in its
	// abilities, and DataDir stays what it was.
	Backing, DataDir string
	// Victim are the arguments with which this executable runs vdso.Victim on its standard input and output,
	// and nothing else. The agent proves on such a process that it can set clocks; without, it cannot.
	Victim  []string
	Version string       // what Health says; "" for the version of the build
	Log     *slog.Logger // nil for slog.Default
}

// Bounds of a lease. DefaultTTL is that of one without a length; MaxTTL is the longest: nobody means to leave
// faults alone for longer.
const (
	DefaultTTL = 10 * time.Second
	MaxTTL     = 10 * time.Minute
)

// Run is the agent: it probes what the machine can do, listens, and serves until ctx ends. Then it heals
// everything, answers the requests that wait, and takes its table, queues and mounts away. It returns nil
// after an end that ctx asked for and a complete healing. As PID 1 it reaps orphans all the while: no child
// may be started in its process by anyone while it runs. It handles no signals: whoever calls it ends ctx on
// SIGTERM, which PID 1 would ignore otherwise.
func Run(ctx context.Context, cfg Config) error {
	cfg, err := cfg.complete()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("the agent cannot listen: %w", err)
	}
	p := open(cfg)
	for _, ability := range p.abilities {
		cfg.Log.Info("ability", "name", ability.Name, "ok", ability.OK, "how", ability.How,
			"reason", ability.Reason)
	}
	return serve(ctx, cfg, p, l)
}

// complete fills in the defaults and says what cannot be.
func (c Config) complete() (Config, error) {
	switch {
	case c.Token == "":
		return c, errors.New("the agent needs a token: without one everybody could break the pod")
	case c.TTL < 0 || c.TTL > MaxTTL:
		return c, fmt.Errorf("a lease of %v; allowed: 0 (for %v) to %v", c.TTL, DefaultTTL, MaxTTL)
	case (c.Backing == "") != (c.DataDir == ""):
		return c, fmt.Errorf("backing directory %q with data directory %q; allowed: both or none",
			c.Backing, c.DataDir)
	}
	if c.TTL == 0 {
		c.TTL = DefaultTTL
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Version == "" {
		c.Version = "(unknown)"
		if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
			c.Version = info.Main.Version
		}
	}
	return c, nil
}
