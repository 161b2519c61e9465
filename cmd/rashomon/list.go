package main

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/rashomon-harness/rashomon/harness"
	"github.com/rashomon-harness/rashomon/results"
)

// runsFlag adds --runs, the root of all run directories.
func runsFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("runs", "runs", "directory of all runs")
}

func (a *app) listCommand() *cobra.Command {
	var d display
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the runs on disk",
		Long:    "Lists the runs on disk, the oldest first. Show one of them with `rashomon show`.",
		Example: "  rashomon list\n  rashomon list --runs /tmp/runs --output json",
		Args:    cobra.NoArgs,
	}
	d.outputFlag(cmd)
	root := runsFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		runs, err := results.List(*root)
		if err := a.showRuns(&d, runs); err != nil {
			return failure(err)
		}
		return err // runs that cannot be read do not keep the others from being shown
	}
	return cmd
}

// listed is a run in `list --output json`.
type listed struct {
	Run   string `json:"run"` // name and id, as show and replay take it
	Path  string `json:"path"`
	Rows  int    `json:"rows"`
	Seeds int    `json:"seeds"` // over all rows
	Exit  *int   `json:"exit"`  // null when the run did not get as far as an outcome
	Says  string `json:"says"`  // what the exit code means
}

// showRuns writes the list of runs.
func (a *app) showRuns(d *display, runs []*results.Run) error {
	list := make([]listed, len(runs))
	rows := make([][]string, len(runs))
	for i, run := range runs {
		l := listed{Run: run.Name + "/" + run.ID, Path: run.Path, Says: "no outcome was saved"}
		exit := results.MarkAbsent
		if out := run.Outcome; out != nil {
			l.Rows, l.Exit, l.Says = len(out.Rows), &out.Exit, exitMeaning(out)
			for j := range out.Rows {
				l.Seeds += len(out.Rows[j].Seeds)
			}
			exit = strconv.Itoa(out.Exit)
		}
		list[i] = l
		rows[i] = []string{l.Run, strconv.Itoa(l.Rows), strconv.Itoa(l.Seeds), exit, l.Says}
	}
	header := []string{"run", "rows", "seeds", "exit", "result"}
	switch {
	case d.output == asJSON:
		enc := json.NewEncoder(a.stdout)
		enc.SetIndent("", " ")
		return enc.Encode(list)
	case d.output == asMarkdown:
		return results.ColumnsMarkdown(a.stdout, header, rows)
	case len(runs) == 0:
		_, err := fmt.Fprintln(a.stdout, "no runs yet")
		return err
	}
	return results.Columns(a.stdout, header, rows, false)
}

// exitMeaning says what an outcome's exit code means.
func exitMeaning(out *harness.Outcome) string {
	switch {
	case out.Stopped:
		return "interrupted"
	case out.Exit == harness.ExitExpected:
		return "as expected"
	case out.Exit == harness.ExitUnexpected:
		return "not as expected"
	case out.Exit == harness.ExitUnknown:
		return "unknown"
	}
	return "harness failure"
}
