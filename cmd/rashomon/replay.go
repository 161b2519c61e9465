package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"github.com/rashomon-harness/rashomon/harness"
	"github.com/rashomon-harness/rashomon/results"
)

// replayFlags are the flags of `rashomon replay`.
type replayFlags struct {
	display
	root     *string
	row      string
	seed     uint64
	parallel int
	quiet    bool
}

func (a *app) replayCommand() *cobra.Command {
	f := &replayFlags{}
	cmd := &cobra.Command{
		Use:   "replay [RUN]",
		Short: "Run a recorded run again and compare the histories",
		Long: "Runs the rows and seeds of a recorded run again and compares the hashes of the\n" +
			"histories, from the second line on (the first names the build). Where the run kept the\n" +
			"history, it names the first line that differs. RUN is as in `rashomon show`; only\n" +
			"simulated runs can be replayed.\n\n" +
			"Exit codes: 0 identical, 1 different, 3 bad input, 4 interrupted or nothing to compare.",
		Example: "  rashomon replay\n  rashomon replay tour --row 'async, reads any' --seed 7",
		Args:    cobra.MaximumNArgs(1),
	}
	f.outputFlag(cmd)
	f.root = runsFlag(cmd)
	cmd.Flags().StringVar(&f.row, "row", "", "only the row of that name, or those that match as a regular"+
		" expression")
	cmd.Flags().Uint64Var(&f.seed, "seed", 0, "only that seed")
	parallelFlag(cmd, &f.parallel)
	quietFlag(cmd, &f.quiet)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		run, err := loadRun(*f.root, args)
		if err != nil {
			return err
		}
		return a.replay(cmd.Context(), f, run, cmd.Flags().Changed("seed"))
	}
	return cmd
}

// replayed is the comparison of one row and seed.
type replayed struct {
	Row       string `json:"row"`
	Seed      uint64 `json:"seed"`
	Identical bool   `json:"identical"`
	Hash      string `json:"hash"`              // of the recorded history
	Now       string `json:"now,omitempty"`     // of the replayed history, when it is another
	Differs   string `json:"differs,omitempty"` // the first difference, where the history was kept
}

// replay runs the chosen rows and seeds of a run again.
func (a *app) replay(ctx context.Context, f *replayFlags, run *results.Run, oneSeed bool) error {
	if run.Outcome == nil {
		return failure(fmt.Errorf("run %s has no outcome to compare with: it ended before one was saved",
			run.Path))
	}
	exps, err := harness.Load(filepath.Join(run.Path, results.SourceName), run.Source, a.cat,
		harness.LoadOptions{})
	if err != nil {
		return err
	}
	if exps, err = rowsNamed(exps, f.row); err != nil {
		return err
	}
	wanted := func(seed uint64) bool { return !oneSeed || seed == f.seed }
	sink := &rememberingSink{run: run, histories: map[runKey]*bytes.Buffer{},
		recorded: map[runKey]*harness.SeedOutcome{}}
	var again []*harness.Experiment
	for _, exp := range exps {
		exp.Checkers, exp.Expect = []string{}, nil // histories are compared, not judged
		if exp.Seeds = sink.recall(exp, wanted); len(exp.Seeds) == 0 {
			continue
		}
		if exp.Env != "sim" {
			return fmt.Errorf("row %q ran in env %s; only runs in env sim can be had again", rowName(exp),
				exp.Env)
		}
		again = append(again, exp)
	}
	if len(again) == 0 {
		return fmt.Errorf("run %s has no such row and seed that ran to its end", run.Path)
	}
	out, err := a.run(ctx, again, sink, runSettings{parallel: f.parallel, quiet: f.quiet})
	if err != nil {
		return failure(err)
	}
	return a.showReplay(f, sink, out)
}

// runKey names one run of an experiment file.
type runKey struct {
	row  string
	seed uint64
}

// rememberingSink keeps in memory the histories of those runs whose recorded history is on disk.
type rememberingSink struct {
	run      *results.Run
	recorded map[runKey]*harness.SeedOutcome

	mu        sync.Mutex
	histories map[runKey]*bytes.Buffer
}

// recall notes what was recorded of an experiment, and returns the seeds that can be compared.
func (s *rememberingSink) recall(exp *harness.Experiment, wanted func(uint64) bool) []uint64 {
	var seeds []uint64
	for i := range s.run.Outcome.Rows {
		row := &s.run.Outcome.Rows[i]
		if row.Row != exp.Row {
			continue
		}
		for j := range row.Seeds {
			seed := &row.Seeds[j]
			if seed.Hash != "" && !seed.Stopped && wanted(seed.Seed) {
				s.recorded[runKey{exp.Row, seed.Seed}] = seed
				seeds = append(seeds, seed.Seed)
			}
		}
	}
	return seeds
}

// History implements harness.Sink.
func (s *rememberingSink) History(exp *harness.Experiment, seed uint64) (harness.HistoryFile, error) {
	key := runKey{exp.Row, seed}
	if recorded := s.recorded[key]; recorded == nil || recorded.History == "" {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	buf := &bytes.Buffer{}
	s.histories[key] = buf
	return memoryFile{buf}, nil
}

// Save implements harness.Sink.
func (s *rememberingSink) Save(*harness.Outcome) error { return nil }

// memoryFile is a history in memory.
type memoryFile struct{ *bytes.Buffer }

// Close implements harness.HistoryFile.
func (memoryFile) Close(bool) (string, error) { return "", nil }

// compare compares a replayed run with the recorded one.
func (s *rememberingSink) compare(row *harness.Row, now *harness.SeedOutcome) replayed {
	key := runKey{row.Row, now.Seed}
	then := s.recorded[key]
	r := replayed{Row: results.Label(row), Seed: now.Seed, Hash: then.Hash, Identical: then.Hash == now.Hash}
	if r.Identical {
		return r
	}
	r.Now = now.Hash
	if buf := s.histories[key]; buf != nil {
		data, err := os.ReadFile(filepath.Join(s.run.Path, filepath.FromSlash(then.History)))
		if err == nil {
			r.Differs = firstDifference(data, buf.Bytes())
		}
	}
	return r
}

// firstDifference says in which line, from the second on, two histories first differ, and how.
func firstDifference(then, now []byte) string {
	a, b := bytes.Split(then, []byte("\n")), bytes.Split(now, []byte("\n"))
	for i := 1; i < max(len(a), len(b)); i++ {
		line := func(lines [][]byte) string {
			if i < len(lines) && len(lines[i]) > 0 {
				return string(lines[i])
			}
			return "(the end)"
		}
		if x, y := line(a), line(b); x != y {
			return fmt.Sprintf("line %d: recorded %s, replayed %s", i+1, x, y)
		}
	}
	return ""
}

// showReplay writes the comparison and sets the exit code.
func (a *app) showReplay(f *replayFlags, sink *rememberingSink, out *harness.Outcome) error {
	var list []replayed
	for i := range out.Rows {
		for j := range out.Rows[i].Seeds {
			if seed := &out.Rows[i].Seeds[j]; !seed.Stopped {
				list = append(list, sink.compare(&out.Rows[i], seed))
			}
		}
	}
	different := slices.ContainsFunc(list, func(r replayed) bool { return !r.Identical })
	switch {
	case different:
		a.codes = append(a.codes, harness.ExitUnexpected)
	case len(list) < len(sink.recorded):
		a.codes = append(a.codes, harness.ExitFailure)
	}
	if f.output == asJSON {
		enc := json.NewEncoder(a.stdout)
		enc.SetIndent("", " ")
		return failure(enc.Encode(list))
	}
	var rows [][]string
	for _, r := range list {
		line := []string{r.Row, fmt.Sprint(r.Seed), results.MarkHeld + " identical", r.Hash}
		if !r.Identical {
			line[2] = results.MarkFailed + " different"
		}
		rows = append(rows, line)
	}
	header := []string{"row", "seed", "history", "sha-256 of the record"}
	var err error
	if f.output == asMarkdown {
		err = results.ColumnsMarkdown(a.stdout, header, rows)
	} else {
		err = results.Columns(a.stdout, header, rows, a.colors())
	}
	for _, r := range list {
		if r.Differs != "" {
			fmt.Fprintf(a.stdout, "\n%s, seed %d: %s\n", r.Row, r.Seed, r.Differs)
		}
	}
	if different {
		fmt.Fprintf(a.stdout, "\nThe run was recorded by build %s, this is build %s; only the same build"+
			" promises the"+
			" same history.\n", sink.run.Outcome.Build, out.Build)
	}
	if missing := len(sink.recorded) - len(list); missing > 0 {
		err = errors.Join(err, fmt.Errorf("interrupted: %d of %d runs were not replayed", missing,
			len(sink.recorded)))
	}
	return failure(err)
}
