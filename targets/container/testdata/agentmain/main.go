// Command agentmain is the agent alone, with the command line that it has as a part of rashomon: a small
// program that tests build quickly.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/rashomon-harness/rashomon/nemesis/agent"
	"github.com/rashomon-harness/rashomon/nemesis/agent/vdso"
)

func main() {
	var cfg agent.Config
	flags := flag.NewFlagSet("agent", flag.ExitOnError)
	flags.StringVar(&cfg.Listen, "listen", "", "the address to listen on")
	flags.DurationVar(&cfg.TTL, "ttl", 0, "how long a lease lasts")
	flags.StringVar(&cfg.Backing, "backing", "", "the directory that keeps what was synced")
	flags.StringVar(&cfg.DataDir, "data", "", "where to mount the file system that forgets the rest")
	switch {
	case len(os.Args) == 2 && os.Args[1] == "victim":
		_ = vdso.Victim(os.Stdin, os.Stdout)
		return
	case len(os.Args) < 2 || os.Args[1] != "agent":
		fmt.Fprintln(os.Stderr, "usage: agentmain agent --listen ..")
		os.Exit(3)
	}
	_ = flags.Parse(os.Args[2:])
	cfg.Token, cfg.Victim = os.Getenv("RASHOMON_TOKEN"), []string{"victim"}
	cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := agent.Run(ctx, cfg); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
