// Command rashomon tests what a replicated store really guarantees: it runs experiments, checks the
// histories, and shows what held and what did not.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// exitKilled is the exit code after a second interrupt: 128 + SIGINT, as shells have it.
const exitKilled = 130

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		fmt.Fprintln(os.Stderr, "\ninterrupted: healing, saving what there is and checking it; once more"+
			" to quit at once")
		cancel()
		<-signals
		os.Exit(exitKilled)
	}()
	a := newApp(os.Stdout, os.Stderr)
	if program, err := os.Executable(); err == nil {
		a.search = newChildRunner(program)
	}
	os.Exit(a.execute(ctx, os.Args[1:]))
}

// run executes one command line in this process alone, and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return newApp(stdout, stderr).execute(ctx, args)
}
