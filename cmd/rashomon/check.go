package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/harness"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/history/foreign"
	"github.com/rashomon-harness/rashomon/results"
)

// sourceFlags say how a recorded history is read.
type sourceFlags struct {
	format   string
	keyed    bool
	refusals bool
}

func (f *sourceFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.format, "format", "", "how the history is recorded: "+
		strings.Join(formatNames(), ", ")+"; by default what its name suggests")
	flags.BoolVar(&f.keyed, "keyed", false, "values are tuples [key value], as jepsen.independent has them")
	flags.BoolVar(&f.refusals, "refusals", false,
		"a cas that failed without an error was refused: the value was not the expected one")
}

func formatNames() []string {
	var names []string
	for _, f := range foreign.Formats() {
		names = append(names, string(f.Name))
	}
	return names
}

// checkFlags are the flags of `check`.
type checkFlags struct {
	sourceFlags
	display
	model      string
	engine     string
	properties []string
}

func (a *app) checkCommand() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check HISTORY",
		Short: "Check a recorded history of any origin",
		Long: "Reads a recorded history and decides whether it is linearizable by a model, or what else\n" +
			"is asked for. HISTORY is a file, or - for standard input.\n\n" +
			"Without --model the functions in the history choose one: cas-register, list, set, and so\n" +
			"on. `rashomon explain models` says what each promises; `rashomon explain formats` lists the\n" +
			"formats.",
		Example: "  rashomon check history.jsonl\n" +
			"  rashomon check store/latest/history.edn --model cas-register --keyed\n" +
			"  rashomon check history.jsonl --property read-your-writes,monotonic-reads",
		Args: cobra.ExactArgs(1),
	}
	f.sourceFlags.add(cmd)
	f.outcomeFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.model, "model", "", "what an object is: "+strings.Join(modelNames(), ", "))
	flags.StringVar(&f.engine, "engine", string(checkers.EngineAuto),
		"what decides linearizability: auto, fast (never searches) or porcupine (always does)")
	flags.StringSliceVar(&f.properties, "property", []string{checkers.Linearizability},
		"what to check, by name or `all`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.runCheck(cmd.Context(), &f, args[0])
	}
	return cmd
}

func modelNames() []string {
	var names []string
	for _, m := range checkers.Models() {
		names = append(names, m.Name)
	}
	return names
}

// softMemory is what the garbage collector tries to keep the heap of a check below, unless GOMEMLIMIT says
// otherwise: a history in columns is most of it, and does not need as much again for garbage.
const softMemory = 1600 << 20

// runCheck reads and checks a history.
func (a *app) runCheck(ctx context.Context, f *checkFlags, path string) error {
	if a.getenv("GOMEMLIMIT") == "" {
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(softMemory))
	}
	engine, err := checkers.ParseEngine(f.engine)
	if err != nil {
		return err
	}
	h, err := a.readHistory(&f.sourceFlags, path)
	if err != nil {
		return err
	}
	model := f.model
	if model == "" {
		model = checkers.GuessModel(h)
	}
	options := checkers.LinOptions{Engine: engine, Runner: a.search}
	verdicts, err := judge(ctx, h, model, f.properties, options)
	if err != nil {
		return err
	}
	for i := range verdicts {
		a.codes = append(a.codes, exitOf(verdicts[i].Result))
	}
	return failure(a.showVerdicts(&f.display, verdicts))
}

// exitOf returns the exit code that goes with a result.
func exitOf(r checkers.Result) int {
	switch r {
	case checkers.Valid:
		return harness.ExitExpected
	case checkers.Invalid:
		return harness.ExitUnexpected
	}
	return harness.ExitUnknown
}

func (a *app) showVerdicts(d *display, verdicts []checkers.Verdict) error {
	view := results.View{Color: a.colors(), Width: width(a.stdout), Long: d.long, Witnesses: !d.brief}
	switch d.output {
	case asJSON:
		return results.VerdictsJSON(a.stdout, verdicts)
	case asMarkdown:
		return results.VerdictsMarkdown(a.stdout, verdicts, view)
	}
	return results.Verdicts(a.stdout, verdicts, view)
}

// readHistory reads a history from a file, or from standard input for "-".
func (a *app) readHistory(f *sourceFlags, path string) (*history.History, error) {
	name := f.format
	if name == "" {
		name = string(suggestedFormat(path))
	}
	format, err := foreign.ParseFormat(name)
	if err != nil {
		return nil, err
	}
	in := a.stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	h, err := foreign.Read(in, format, foreign.Options{Keyed: f.keyed, Refusals: f.refusals})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, warning := range h.Warns {
		fmt.Fprintf(a.stderr, "warning: %s: %s\n", path, warning)
	}
	return h, nil
}

// suggestedFormat returns the format that the name of a file suggests.
func suggestedFormat(path string) foreign.Format {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".edn":
		return foreign.JepsenEDN
	case ".txt":
		return foreign.JepsenText
	case ".log":
		return foreign.PorcupineLog
	case ".json":
		return foreign.JSON
	}
	return foreign.JSONL
}

// propertiesOf returns what checkers decide, in their order.
func propertiesOf(all []checkers.Checker) []string {
	var names []string
	for _, c := range all {
		names = append(names, c.Properties()...)
	}
	return names
}

// judge checks a history for the properties named, in that order.
func judge(ctx context.Context, h *history.History, model string, properties []string,
	options checkers.LinOptions) ([]checkers.Verdict, error) {
	available, err := checkers.OfModel(model, options)
	if err != nil {
		return nil, err
	}
	allowed := propertiesOf(available)
	if slices.Contains(properties, "all") {
		properties = allowed
	}
	for _, p := range properties {
		if !slices.Contains(allowed, p) {
			return nil, fmt.Errorf("--property %s: a %s is checked for: %s, all", p, model,
				strings.Join(allowed, ", "))
		}
	}
	found := map[string]checkers.Verdict{}
	for _, c := range available {
		asked := func(p string) bool { return slices.Contains(properties, p) }
		if !slices.ContainsFunc(c.Properties(), asked) {
			continue
		}
		for _, v := range harness.Check(ctx, c, h) {
			found[v.Property] = v
		}
	}
	verdicts := make([]checkers.Verdict, len(properties))
	for i, p := range properties {
		verdicts[i] = found[p]
	}
	return verdicts, nil
}
