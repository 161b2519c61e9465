package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rashomon-harness/rashomon/harness"
	"github.com/rashomon-harness/rashomon/results"
)

// tour is the experiment that runs when none is named.
//
//go:embed tour.yaml
var tour []byte

// tourReal is the tour in real environments.
//
//go:embed tour-real.yaml
var tourReal []byte

// tourFile returns the name and the text of the tour for an environment.
func tourFile(env string) (name string, text []byte) {
	if env == "" || env == "sim" {
		return "tour.yaml", tour
	}
	return "tour-real.yaml", tourReal
}

// overrides are the flags that change what an experiment file says.
type overrides struct {
	seed, seeds, env, row string
	set                   []string
}

// add adds the flags to a command.
func (o *overrides) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.seed, "seed", "", "run this seed only")
	f.StringVar(&o.seeds, "seeds", "", "run these seeds: 1..20 or 1,5,9..12")
	f.StringArrayVar(&o.set, "set", nil, "path=value over the file's, such as config.replication=async"+
		" (repeatable)")
	f.StringVar(&o.env, "env", "", "where the cluster runs, over the file's env")
	f.StringVar(&o.row, "row", "", "run only the row of that name, or those that match as a regular"+
		" expression")
	cmd.MarkFlagsMutuallyExclusive("seed", "seeds")
}

// load reads an experiment file with the overrides over it.
func (o *overrides) load(name string, data []byte, cat *harness.Catalogue) ([]*harness.Experiment, error) {
	seeds := o.seeds
	if o.seed != "" {
		seeds = o.seed
	}
	exps, err := harness.Load(name, data, cat, harness.LoadOptions{Set: o.set, Seeds: seeds, Env: o.env})
	if err != nil {
		return nil, err
	}
	return rowsNamed(exps, o.row)
}

// command returns the command line that loads the same experiment, but for row and seed.
func (o *overrides) command(args ...string) string {
	line := "rashomon run"
	for _, arg := range args {
		line += " " + results.Quote(arg)
	}
	for _, setting := range o.set {
		line += " --set " + results.Quote(setting)
	}
	if o.env != "" {
		line += " --env " + results.Quote(o.env)
	}
	return line
}

// runFlags are the flags of `rashomon run`.
type runFlags struct {
	overrides
	display
	root     *string
	keepAll  bool
	parallel int
	quiet    bool
	dryRun   bool
	keep     bool // --keep-on-failure
}

func (a *app) runCommand() *cobra.Command {
	f := &runFlags{}
	cmd := &cobra.Command{
		Use:   "run [FILE...]",
		Short: "Run experiments; without a file, the tour",
		Long: "Runs the experiments of each FILE (- is standard input) and shows which guarantees their\n" +
			"configurations kept. Without FILE it runs the tour: configurations of the reference\n" +
			"store under partitions, crashes and wrong clocks, in the simulator; with --env process or\n" +
			"--env docker, as child processes or in containers. Everything is saved\n" +
			"below runs/; Ctrl-C heals, saves and checks what there is.\n\n" +
			"Exit codes: 0 as expected, 1 not as expected, 2 unknown, 3 bad input, 4 harness failure\n" +
			"or interrupted.",
		Example: "  rashomon run\n  rashomon run --row 'async, token reads' --seed 7 --long\n" +
			"  rashomon run examples/register.yaml --seeds 1..100 --set config.replication=async\n" +
			"  rashomon run examples/register.yaml --dry-run",
	}
	f.overrides.add(cmd)
	f.outcomeFlags(cmd)
	f.root = runsFlag(cmd)
	cmd.Flags().BoolVar(&f.keepAll, "keep-histories", false, "keep every history, not only the most"+
		" telling ones of each row")
	parallelFlag(cmd, &f.parallel)
	quietFlag(cmd, &f.quiet)
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "print the plan, operations and faults with times,"+
		" and run nothing")
	cmd.Flags().BoolVar(&f.keep, "keep-on-failure", false,
		"leave the nodes of a run that failed or showed an"+
			" anomaly as they are, for a look (not in the simulator)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return a.runFiles(cmd.Context(), f, args) }
	return cmd
}

// parallelFlag adds --parallel.
func parallelFlag(cmd *cobra.Command, parallel *int) {
	cmd.Flags().IntVar(parallel, "parallel", runtime.GOMAXPROCS(0), "how many seeds run at once, in the"+
		" simulator")
}

// quietFlag adds --quiet.
func quietFlag(cmd *cobra.Command, quiet *bool) {
	cmd.Flags().BoolVarP(quiet, "quiet", "q", false, "no progress")
}

// loaded is an experiment file that was read.
type loaded struct {
	exps []*harness.Experiment
	args []string // of the command line that names the file
}

// runFiles runs the experiments of all files. All of them are read before the first one runs.
func (a *app) runFiles(ctx context.Context, f *runFlags, names []string) error {
	if f.parallel < 1 {
		return fmt.Errorf("--parallel %d: allowed: 1 and more", f.parallel)
	}
	var files []loaded
	if len(names) == 0 {
		name, text := tourFile(f.env)
		exps, err := f.load(name, text, a.cat)
		if err != nil {
			return err
		}
		files = append(files, loaded{exps, nil})
	}
	var wrong error
	for _, name := range names {
		data, err := readInput(name)
		if err == nil {
			var exps []*harness.Experiment
			exps, err = f.load(name, data, a.cat)
			files = append(files, loaded{exps, []string{name}})
		}
		wrong = errors.Join(wrong, err)
	}
	if wrong != nil {
		return wrong
	}
	for _, file := range files {
		if err := a.runFile(ctx, f, file); err != nil {
			return err
		}
	}
	return nil
}

// readInput reads a file, or standard input when its name is "-".
func readInput(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(os.Stdin)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("experiment cannot be read: %w", err)
	}
	return data, nil
}

// runFile runs the experiments of one file and shows what they did.
func (a *app) runFile(ctx context.Context, f *runFlags, file loaded) error {
	if f.dryRun {
		return a.printPlans(f, file.exps)
	}
	dir, err := results.Create(*f.root, file.exps, results.DirOptions{Began: a.now(), KeepAll: f.keepAll})
	if err != nil {
		return err
	}
	command := f.command(file.args...)
	out, err := a.run(ctx, file.exps, dir, runSettings{parallel: f.parallel, quiet: f.quiet,
		keep: f.keep, command: command})
	if err != nil {
		return failure(err)
	}
	a.codes = append(a.codes, out.Exit)
	if err := a.show(&f.display, out, command); err != nil {
		return err
	}
	if !f.quiet {
		fmt.Fprintf(a.stderr, "saved in %s\n", strings.TrimPrefix(dir.Path, "./"))
	}
	return nil
}
