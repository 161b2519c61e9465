package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/rashomon-harness/rashomon/harness"
	"github.com/rashomon-harness/rashomon/nemesis/agent"
	"github.com/rashomon-harness/rashomon/nemesis/agent/vdso"
)

func (a *app) agentCommand() *cobra.Command {
	var cfg agent.Config
	var level string
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Run the agent of a pod",
		Long: "Runs the part of the harness that lives in the holder of a pod: it does to the pod's\n" +
			"network, clocks and processes what it is told through HTTP, heals everything by itself\n" +
			"when its lease runs out, and ends with SIGTERM. The harness starts it; it is of no use\n" +
			"outside of a pod.",
		Example: "  rashomon agent --listen :7070 --token secret --ttl 10s",
		Args:    cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&cfg.Listen, "listen", ":7070", "address that the harness reaches")
	f.StringVar(&cfg.Token, "token", "", "what requests have to carry (better in RASHOMON_TOKEN)")
	f.DurationVar(&cfg.TTL, "ttl", agent.DefaultTTL,
		"how long a lease lasts that is asked for without a length")
	f.StringVar(&cfg.Backing, "backing", "", "directory of what was synced, for --data")
	f.StringVar(&cfg.DataDir, "data", "", "where the file system that forgets unsynced writes is mounted")
	f.StringVar(&level, "log", "info", "debug, info, warn or error")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var err error
		if cfg.Log, err = a.logger(level); err != nil {
			return err
		}
		cfg.Version, cfg.Victim = harness.BuildName(), []string{"agent", "victim"}
		return failure(agent.Run(cmd.Context(), cfg))
	}
	cmd.AddCommand(a.victimCommand())
	return cmd
}

// victimCommand is the child on which the agent proves that it can set clocks.
func (a *app) victimCommand() *cobra.Command {
	return &cobra.Command{
		Use: "victim", Short: "Tell the time for each line of standard input", Args: cobra.NoArgs,
		Hidden: true,
		RunE:   func(*cobra.Command, []string) error { return failure(vdso.Victim(os.Stdin, a.stdout)) },
	}
}
