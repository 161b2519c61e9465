package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/results"
)

func (a *app) showCommand() *cobra.Command {
	var d display
	var drawn string
	var first int
	cmd := &cobra.Command{
		Use:   "show [RUN]",
		Short: "Show a recorded run again",
		Long: "Shows the table, the counterexamples and the expectations of a recorded run. RUN is the\n" +
			"path of a run's directory, \"latest\" (the default), the name of an experiment (its\n" +
			"newest run), or the beginning of a run's id. With --history it draws a history that the\n" +
			"run kept: ROW/SEED, or SEED of the only row.",
		Example: "  rashomon show\n  rashomon show tour --long\n" +
			"  rashomon show latest --history 'async, reads any/1' --first 20",
		Args: cobra.MaximumNArgs(1),
	}
	d.outcomeFlags(cmd)
	root := runsFlag(cmd)
	cmd.Flags().StringVar(&drawn, "history", "", "draw the history of ROW/SEED instead of the table")
	cmd.Flags().IntVar(&first, "first", 40, "with --history, how many operations to draw")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		run, err := loadRun(*root, args)
		if err != nil {
			return err
		}
		if drawn != "" {
			return a.drawHistory(run, drawn, first)
		}
		if run.Outcome == nil {
			return failure(fmt.Errorf("run %s has no outcome: it ended before one was saved", run.Path))
		}
		a.codes = append(a.codes, run.Outcome.Exit)
		source := filepath.Join(run.Path, results.SourceName)
		return a.show(&d, run.Outcome, "rashomon run "+results.Quote(source))
	}
	return cmd
}

// loadRun reads the run that the arguments name, the latest when they name none.
func loadRun(root string, args []string) (*results.Run, error) {
	ref := results.LatestName
	if len(args) > 0 {
		ref = args[0]
	}
	return results.Load(root, ref)
}

// drawHistory draws the first operations of a history that a run kept.
func (a *app) drawHistory(run *results.Run, which string, first int) error {
	path, err := keptHistory(run, which)
	if err != nil {
		return err
	}
	h, err := history.ReadFile(path)
	if err != nil {
		return failure(err)
	}
	for _, warning := range h.Warns {
		fmt.Fprintf(a.stderr, "warning: %s: %s\n", path, warning)
	}
	ops := make([]history.Op, min(max(first, 0), h.Len()))
	for i := range ops {
		ops[i] = h.Op(i)
	}
	fmt.Fprint(a.stdout, history.Draw(ops, history.DrawOptions{Faults: h.Faults, Width: width(a.stdout)}))
	if rest := h.Len() - len(ops); rest > 0 {
		fmt.Fprintf(a.stdout, ".. and %d operations more in %s\n", rest, path)
	}
	return nil
}

// keptHistory returns the file of the history that which names: ROW/SEED or SEED.
func keptHistory(run *results.Run, which string) (string, error) {
	if run.Outcome == nil {
		return filepath.Join(run.Path, results.HistoryName), nil
	}
	name, text := "", which
	if cut := strings.LastIndexByte(which, '/'); cut >= 0 {
		name, text = which[:cut], which[cut+1:]
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return "", fmt.Errorf("--history %q: allowed: ROW/SEED, or SEED when the run has one row", which)
	}
	var kept []string
	for i := range run.Outcome.Rows {
		row := &run.Outcome.Rows[i]
		matches := name == results.Label(row) || name == "" && len(run.Outcome.Rows) == 1
		for j := range row.Seeds {
			s := &row.Seeds[j]
			if s.History == "" {
				continue
			}
			if matches && s.Seed == seed {
				return filepath.Join(run.Path, filepath.FromSlash(s.History)), nil
			}
			kept = append(kept, fmt.Sprintf("%q", fmt.Sprintf("%s/%d", results.Label(row), s.Seed)))
		}
	}
	if len(kept) == 0 {
		return "", errors.New("the run kept no histories; record them with `rashomon run --keep-histories`")
	}
	return "", fmt.Errorf("the run kept no history %q; it kept %s", which, strings.Join(kept, ", "))
}
