package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/ci"
	"github.com/rashomon-harness/rashomon/harness"
	"github.com/rashomon-harness/rashomon/results"
)

// app is the command line with everything it reaches outside of itself.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	cat            *harness.Catalogue
	search         checkers.Runner
	claims         fs.FS                   // claims/*.yaml
	getenv         func(key string) string // of the environment's variables
	now            func() time.Time
	codes          []int // the exit codes of what a command did
}

// newApp returns the command line as it is in life.
func newApp(stdout, stderr io.Writer) *app {
	return &app{stdin: os.Stdin, stdout: stdout, stderr: stderr, cat: catalogue(),
		search: checkers.InProcess{}, claims: ci.Claims, getenv: os.Getenv, now: time.Now}
}

// exitError is an error with an exit code.
type exitError struct {
	code int
	err  error
}

// Error implements error.
func (e *exitError) Error() string { return e.err.Error() }

// Unwrap returns the error without the code.
func (e *exitError) Unwrap() error { return e.err }

// failure marks an error as a failure of the harness, not of what it was given.
func failure(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{harness.ExitFailure, err}
}

// execute runs one command line and returns its exit code. Errors that say no code are about usage or
// input.
func (a *app) execute(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil && len(a.codes) == 0 {
		return harness.ExitExpected
	}
	if err == nil {
		return harness.Worst(a.codes...)
	}
	fmt.Fprintf(a.stderr, "rashomon: %v\n", err)
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	return harness.ExitUsage
}

// root returns the tree of commands.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "rashomon",
		Short: "Find out what a replicated store really guarantees",
		Long: "Rashomon lets clients work on a replicated store while it breaks the store's network,\n" +
			"nodes and clocks, and decides from what the clients saw which guarantees held.\n\n" +
			"Exit codes, everywhere: 0 as expected, 1 not as expected, 2 unknown, 3 usage or bad\n" +
			"input, 4 the harness could not do what was asked, or was interrupted.",
		Example:           "  rashomon run\n  rashomon claims ryw\n  rashomon explain read-your-writes",
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.flagsFromEnv(cmd) },
	}
	root.AddCommand(a.runCommand(), a.compareCommand(), a.replayCommand(), a.listCommand(), a.showCommand(),
		a.explainCommand(),
		a.claimsCommand(), a.versionCommand(), a.targetsCommand(), a.doctorCommand(), a.cleanCommand(),
		a.nodeCommand(), a.agentCommand(), a.searchKeyCommand(),
		a.checkCommand(), a.exportCommand())
	return root
}

// flagsFromEnv gives flags that are not on the command line the values of their RASHOMON_* variables:
// --keep-histories that of RASHOMON_KEEP_HISTORIES.
func (a *app) flagsFromEnv(cmd *cobra.Command) error {
	var wrong error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := "RASHOMON_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value := a.getenv(name)
		if value == "" || f.Changed || f.Name == "help" {
			return
		}
		if err := cmd.Flags().Set(f.Name, value); err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("%s=%s: %w", name, value, err))
		}
	})
	return wrong
}

// The forms of output.
const (
	asTable    = "table"
	asJSON     = "json"
	asMarkdown = "markdown"
)

// form is a flag's value: one of the forms of output.
type form string

// String implements pflag.Value.
func (f *form) String() string { return string(*f) }

// Type implements pflag.Value.
func (f *form) Type() string { return "form" }

// Set implements pflag.Value.
func (f *form) Set(s string) error {
	switch s {
	case asTable, asJSON, asMarkdown:
		*f = form(s)
		return nil
	}
	return fmt.Errorf("%q is not allowed; allowed: %s, %s, %s", s, asTable, asJSON, asMarkdown)
}

// display is what the commands that show something have in common.
type display struct {
	output form
	long   bool
	brief  bool
}

// outputFlag adds --output.
func (d *display) outputFlag(cmd *cobra.Command) {
	d.output = asTable
	cmd.Flags().VarP(&d.output, "output", "o", "how to print: table, json, markdown")
}

// outcomeFlags adds the flags of commands that show an outcome.
func (d *display) outcomeFlags(cmd *cobra.Command) {
	d.outputFlag(cmd)
	cmd.Flags().BoolVar(&d.long, "long", false, "opportunities, bounds and intervals too")
	cmd.Flags().BoolVar(&d.brief, "no-witness", false, "leave out the counterexamples")
}

// show writes an outcome. command is the beginning of the lines that reproduce what it shows.
func (a *app) show(d *display, out *harness.Outcome, command string) error {
	view := results.View{Color: a.colors(), Width: width(a.stdout), Long: d.long, Witnesses: !d.brief,
		Command: command}
	var err error
	switch d.output {
	case asJSON:
		err = results.JSON(a.stdout, out)
	case asMarkdown:
		err = results.Markdown(a.stdout, out, view)
	default:
		err = results.Text(a.stdout, out, view)
	}
	return failure(err)
}

// colors reports whether standard output takes colours: it is a terminal, and NO_COLOR does not forbid
// them (no-color.org).
func (a *app) colors() bool {
	return isTerminal(a.stdout) && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"
}
