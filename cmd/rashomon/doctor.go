package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rashomon-harness/rashomon/harness"
	"github.com/rashomon-harness/rashomon/results"
	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/targets/container"
	"github.com/rashomon-harness/rashomon/targets/reference"
	"github.com/rashomon-harness/rashomon/targets/targettest"
)

// finding is what the doctor says about one capability.
type finding struct {
	Env    string `json:"env"`
	What   string `json:"what"`
	Result string `json:"result"` // yes, no, failed
	Reason string `json:"reason"` // how, or why not
}

// The results of findings.
const (
	canDo    = "yes"
	cannotDo = "no"     // the machine lacks something: the reason says what
	failedDo = "failed" // it should work and does not
)

// doctorLimit bounds the look at one environment.
const doctorLimit = 5 * time.Minute

func (a *app) doctorCommand() *cobra.Command {
	var d display
	var envs []string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Try what this machine can do, environment by environment",
		Long: "Deploys three nodes of the reference store in each environment, installs every kind of\n" +
			"fault, observes its effect, removes it, and observes that the effect is gone. The table\n" +
			"says what works, how, and why the rest does not. The simulator and processes need\n" +
			"nothing; containers need an engine.\n\n" +
			"Exit codes: 0 what the machine has works, 4 something should work and does not.",
		Example: "  rashomon doctor\n  rashomon doctor --env docker --output markdown",
		Args:    cobra.NoArgs,
	}
	d.outputFlag(cmd)
	cmd.Flags().StringSliceVar(&envs, "env", nil, "only these environments")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		all, err := a.examine(cmd.Context(), envs)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(all, func(f finding) bool { return f.Result == failedDo }) {
			a.codes = append(a.codes, harness.ExitFailure)
		}
		return failure(a.showFindings(&d, all))
	}
	return cmd
}

// examine tries the environments of the reference store.
func (a *app) examine(ctx context.Context, envs []string) ([]finding, error) {
	var known []string
	var out []finding
	for _, t := range a.cat.Targets {
		if t.Name() != reference.Name {
			continue
		}
		known = append(known, t.Env())
		if len(envs) == 0 || slices.Contains(envs, t.Env()) {
			out = append(out, a.examineOne(ctx, t)...)
		}
	}
	for _, env := range envs {
		if !slices.Contains(known, env) {
			return nil, fmt.Errorf("--env %s: allowed: %s", env, strings.Join(known, ", "))
		}
	}
	return out, nil
}

// abilityReader is a cluster that says by which means it breaks things.
type abilityReader interface {
	Abilities(ctx context.Context) ([]targets.Ability, error)
}

// examineOne tries everything in one environment.
func (a *app) examineOne(ctx context.Context, t targets.Target) []finding {
	ctx, cancel := context.WithTimeout(ctx, doctorLimit)
	defer cancel()
	env := t.Env()
	fmt.Fprintf(a.stderr, "%s: deploying\n", env)
	began := time.Now()
	spec := &targets.Spec{Nodes: []string{"n1", "n2", "n3"}, Seed: 1}
	var out []finding
	if env == "docker" {
		spec.World = map[string]any{"unsynced": "fuse"}
	}
	c, err := t.Deploy(ctx, spec)
	if _, noEngine := errors.AsType[*container.NoEngine](err); err != nil && spec.World != nil && !noEngine {
		out = append(out, finding{env, "three nodes on a file system that forgets", cannotDo, err.Error()})
		spec.World = nil
		c, err = t.Deploy(ctx, spec)
	}
	if err != nil {
		f := finding{env, "three nodes", failedDo, err.Error()}
		if _, noEngine := errors.AsType[*container.NoEngine](err); noEngine {
			f.Result = cannotDo
		}
		return append(out, f)
	}
	out = append(out, finding{env, "three nodes", canDo,
		fmt.Sprintf("up after %.1f s", time.Since(began).Seconds())})
	if reader, ok := c.(abilityReader); ok {
		out = append(out, abilities(ctx, env, reader)...)
	}
	rig := targettest.New(c, targettest.Options{})
	if err := rig.Settle(); err != nil {
		out = append(out, finding{env, "the nodes talk", failedDo, err.Error()})
	} else {
		for _, check := range targettest.Checks() {
			if ctx.Err() != nil {
				out = append(out, finding{env, check.Name, failedDo, "not tried: " + ctx.Err().Error()})
				continue
			}
			fmt.Fprintf(a.stderr, "%s: %s\n", env, check.Name)
			out = append(out, diagnose(env, rig, &check))
		}
	}
	if err := c.Close(); err != nil {
		out = append(out, finding{env, "everything removed", failedDo, err.Error()})
	}
	return out
}

// abilities returns by which means an environment breaks things.
func abilities(ctx context.Context, env string, r abilityReader) []finding {
	all, err := r.Abilities(ctx)
	if err != nil {
		return []finding{{env, "abilities", failedDo, err.Error()}}
	}
	var out []finding
	for _, x := range all {
		f := finding{env, x.Name, canDo, x.How}
		if !x.OK {
			f.Result, f.Reason = cannotDo, x.Reason
		}
		out = append(out, f)
	}
	return out
}

// diagnose tries one thing.
func diagnose(env string, rig *targettest.Rig, check *targettest.Check) finding {
	declined, err := rig.Try(check)
	switch {
	case err != nil:
		return finding{env, check.Name, failedDo, err.Error()}
	case declined != "":
		return finding{env, check.Name, cannotDo, declined}
	}
	return finding{env, check.Name, canDo, check.About}
}

// showFindings writes the table.
func (a *app) showFindings(d *display, all []finding) error {
	if d.output == asJSON {
		enc := json.NewEncoder(a.stdout)
		enc.SetIndent("", " ")
		return enc.Encode(all)
	}
	var rows [][]string
	for _, f := range all {
		rows = append(rows, []string{f.Env, f.What, f.Result, strings.ReplaceAll(f.Reason, "\n", "; ")})
	}
	header := []string{"env", "what", "works", "how, or why not"}
	if d.output == asMarkdown {
		return results.ColumnsMarkdown(a.stdout, header, rows)
	}
	return results.Columns(a.stdout, header, rows, false)
}
