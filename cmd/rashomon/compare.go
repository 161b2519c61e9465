package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/harness"
	"github.com/rashomon-harness/rashomon/results"
)

// compareFlags are the flags of `rashomon compare`.
type compareFlags struct {
	overrides
	display
	root        *string
	vary        []string
	measures    []string
	skipInvalid bool
	keepAll     bool
	parallel    int
	quiet       bool
}

func (a *app) compareCommand() *cobra.Command {
	f := &compareFlags{}
	cmd := &cobra.Command{
		Use:   "compare FILE",
		Short: "Compare configurations over the same seeds",
		Long: "Runs the experiment in FILE (- is standard input) once for each combination of the values\n" +
			"that --vary gives, all over the same seeds, and shows them in one table: a row a\n" +
			"combination, a column a varied field, then the guarantees, then measures: those that the\n" +
			"file expects something of, and those of --measure. The file's variants are combined with\n" +
			"the values too. What the file expects is asked of every row; without `expect` anything may\n" +
			"hold or fail, but must be known.\n" +
			"Everything is saved below runs/; `rashomon show` has the counterexamples.\n\n" +
			"Exit codes: 0 as expected, 1 not as expected, 2 unknown, 3 bad input, also one combination\n" +
			"that is not possible unless --skip-invalid, 4 harness failure or interrupted.",
		Example: "  rashomon compare ci/quorum.yaml --vary config.r=1,2,3 --vary config.w=1,2,3\n" +
			"  rashomon compare examples/register.yaml --vary config.replication=async,quorum" +
			" --measure write_p99_ns\n" +
			"  rashomon compare examples/register.yaml --vary nodes=3,5 --seeds 1..10 -o json",
		Args: cobra.ExactArgs(1),
	}
	f.overrides.add(cmd)
	f.outputFlag(cmd)
	f.root = runsFlag(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&f.vary, "vary", nil, "path=value,value..: a field and the values it takes in turn,"+
		" such as config.r=1,2,3 (repeatable)")
	flags.StringSliceVar(&f.measures, "measure", nil, "show these measures too: name, property.name, or"+
		" marks.name, with commas between (repeatable)")
	flags.BoolVar(&f.skipInvalid, "skip-invalid", false,
		"show combinations that are not possible as such, and"+
			" run the others")
	flags.BoolVar(&f.keepAll, "keep-histories", false,
		"keep every history, not only the most telling ones of"+
			" each row")
	parallelFlag(cmd, &f.parallel)
	quietFlag(cmd, &f.quiet)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return a.compare(cmd.Context(), f, args[0]) }
	return cmd
}

// compare runs a file's experiments with all combinations of values and shows one table.
func (a *app) compare(ctx context.Context, f *compareFlags, name string) error {
	if f.parallel < 1 {
		return fmt.Errorf("--parallel %d: allowed: 1 and more", f.parallel)
	}
	vary, err := f.variations()
	if err != nil {
		return err
	}
	data, err := readInput(name)
	if err != nil {
		return err
	}
	rows, err := a.varied(f, name, data, vary)
	if err != nil {
		return err
	}
	c := comparison(rows, vary)
	exps := possible(rows)
	if c.Measures, err = f.shownMeasures(exps, a.cat); err != nil {
		return err
	}
	a.allowAll(exps)
	dir, err := results.Create(*f.root, exps, results.DirOptions{Began: a.now(), KeepAll: f.keepAll})
	if err != nil {
		return err
	}
	c.Outcome, err = a.runVaried(ctx, f, name, rows, dir)
	if err != nil {
		return failure(err)
	}
	a.codes = append(a.codes, c.Outcome.Exit)
	if err := a.showComparison(f, c); err != nil {
		return failure(err)
	}
	if !f.quiet {
		fmt.Fprintf(a.stderr, "saved in %s; with counterexamples: rashomon show %s\n",
			strings.TrimPrefix(dir.Path, "./"), results.Quote(dir.Path))
	}
	return nil
}

// variations reads --vary.
func (f *compareFlags) variations() ([]harness.Variation, error) {
	var vary []harness.Variation
	for _, text := range f.vary {
		v, err := harness.ParseVariation(text)
		if err != nil {
			return nil, fmt.Errorf("--vary %s: %w", text, err)
		}
		vary = append(vary, v)
	}
	return vary, nil
}

// varied reads the rows of a comparison, those of --row. One that is not possible is an error, unless it
// is to be shown as such.
func (a *app) varied(f *compareFlags, name string, data []byte, vary []harness.Variation) ([]harness.Varied,
	error) {
	opts := harness.LoadOptions{Set: f.set, Seeds: f.seeds, Env: f.env}
	if f.seed != "" {
		opts.Seeds = f.seed
	}
	rows, err := harness.Vary(name, data, a.cat, opts, vary)
	if err != nil {
		return nil, err
	}
	if f.row != "" {
		if rows, err = variedNamed(rows, f.row); err != nil {
			return nil, err
		}
	}
	if err := harness.Impossible(rows); err != nil && (!f.skipInvalid || len(possible(rows)) == 0) {
		return nil, err
	}
	return rows, nil
}

// variedNamed returns the rows that a pattern names, as rowsNamed does.
func variedNamed(rows []harness.Varied, pattern string) ([]harness.Varied, error) {
	var named []*harness.Experiment
	for i := range rows {
		named = append(named, &harness.Experiment{Row: rows[i].Row, Name: "experiment"})
	}
	matching, err := rowsNamed(named, pattern)
	if err != nil {
		return nil, err
	}
	var out []harness.Varied
	for i := range rows {
		if slices.Contains(matching, named[i]) {
			out = append(out, rows[i])
		}
	}
	return out, nil
}

// possible returns the experiments of the rows that can be run.
func possible(rows []harness.Varied) []*harness.Experiment {
	var exps []*harness.Experiment
	for i := range rows {
		if rows[i].Experiment != nil {
			exps = append(exps, rows[i].Experiment)
		}
	}
	return exps
}

// comparison returns the comparison before anything has run.
func comparison(rows []harness.Varied, vary []harness.Variation) *results.Comparison {
	c := &results.Comparison{}
	for i := range vary {
		c.Fields = append(c.Fields, vary[i].Path)
	}
	for i := range rows {
		row := results.ComparedRow{Row: rows[i].Row, Variant: rows[i].Variant, Values: rows[i].Values}
		var why []string
		for _, p := range rows[i].Problems {
			why = append(why, strings.TrimPrefix(p.Field+": "+p.Text, ": "))
		}
		row.Refused = strings.Join(why, "; ")
		c.Rows = append(c.Rows, row)
	}
	return c
}

// shownMeasures returns the measures that get a column: those with bounds in the file, but for what the
// table has anyway, and those of --measure.
func (f *compareFlags) shownMeasures(exps []*harness.Experiment,
	cat *harness.Catalogue) ([]results.MeasureRef,
	error) {
	var shown []results.MeasureRef
	judged := []string{harness.MarksProperty}
	for _, exp := range exps {
		judged = append(judged, exp.Properties(cat)...)
		for i := range exp.Expect {
			e := &exp.Expect[i]
			available := e.Property == checkers.Availability && e.Measure == results.MeasureOkShare
			ref := results.MeasureRef{Property: e.Property, Name: e.Measure}
			if e.Kind == harness.Bound && !available && !slices.Contains(shown, ref) {
				shown = append(shown, ref)
			}
		}
	}
	for _, text := range f.measures {
		ref := results.MeasureRef{Name: text}
		if property, name, found := strings.Cut(text, "."); found {
			ref = results.MeasureRef{Property: property, Name: name}
		}
		if ref.Name == "" || ref.Property != "" && !slices.Contains(judged, ref.Property) {
			slices.Sort(judged)
			return nil,
				fmt.Errorf("--measure %q: wanted: a measure's name, or property.name; judged here: %s",
					text, strings.Join(slices.Compact(judged), ", "))
		}
		shown = append(shown, ref)
	}
	return shown, nil
}

// allowAll lets experiments that expect nothing show whatever they show, if only it is known: in a run
// everything would have to hold, but rows are compared because they differ.
func (a *app) allowAll(exps []*harness.Experiment) {
	for _, exp := range exps {
		if len(exp.Expect) > 0 {
			continue
		}
		for _, property := range exp.Properties(a.cat) {
			exp.Expect = append(exp.Expect, harness.Expectation{Property: property, Kind: harness.MayViolate})
		}
	}
}

// runVaried runs the rows. The line that reproduces one runs the file with the row's values set.
func (a *app) runVaried(ctx context.Context, f *compareFlags, name string, rows []harness.Varied,
	sink harness.Sink) (*harness.Outcome, error) {
	lines := map[*harness.Experiment]string{}
	variants := map[*harness.Experiment]string{}
	for i := range rows {
		o := f.overrides
		o.set = slices.Concat(f.set, rows[i].Settings)
		lines[rows[i].Experiment], variants[rows[i].Experiment] = o.command(name), rows[i].Variant
	}
	exps := possible(rows)
	opts := harness.RunOptions{Parallel: f.parallel, Search: a.search,
		Reproduce: func(exp *harness.Experiment, seed uint64) string {
			return results.Reproduce(lines[exp], variants[exp], seed)
		}}
	if !f.quiet {
		p := &progress{app: a, live: isTerminal(a.stderr), left: map[*harness.Experiment]int{}}
		for _, exp := range exps {
			p.left[exp] = len(exp.Seeds)
		}
		opts.Progress = p.tell
		defer p.clear()
	}
	return harness.Run(ctx, exps, a.cat, sink, opts)
}

// showComparison writes a comparison.
func (a *app) showComparison(f *compareFlags, c *results.Comparison) error {
	switch f.output {
	case asJSON:
		return results.CompareJSON(a.stdout, c)
	case asMarkdown:
		return results.CompareMarkdown(a.stdout, c)
	}
	return results.CompareText(a.stdout, c, results.View{Color: a.colors(), Width: width(a.stdout)})
}
