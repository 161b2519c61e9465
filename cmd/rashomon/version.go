package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/rashomon-harness/rashomon/harness"
	"github.com/rashomon-harness/rashomon/history"
)

// versions is what the program says about itself.
type versions struct {
	Version    string `json:"version"` // of the module; (devel) when it was built from a working copy
	Build      string `json:"build"`   // as it stands in histories and outcomes
	Go         string `json:"go"`
	Platform   string `json:"platform"`
	History    int    `json:"history_format"`
	Outcome    int    `json:"outcome_schema"`
	Experiment int    `json:"experiment_version"`
}

// experimentVersion is the version of the experiment file's form.
const experimentVersion = 1

// readVersions asks the build for its versions.
func readVersions() versions {
	v := versions{
		Version: "(devel)", Build: harness.BuildName(), Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
		History:  history.FormatVersion, Outcome: harness.OutcomeSchema, Experiment: experimentVersion,
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	return v
}

func (a *app) versionCommand() *cobra.Command {
	var d display
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version, the build and the versions of the file formats",
		Example: "  rashomon version\n  rashomon version --output json",
		Args:    cobra.NoArgs,
	}
	d.outputFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		v := readVersions()
		if d.output == asJSON {
			enc := json.NewEncoder(a.stdout)
			enc.SetIndent("", " ")
			return failure(enc.Encode(v))
		}
		_, err := fmt.Fprintf(a.stdout, "rashomon %s, build %s\n%s %s\n"+
			"history format %d, outcome schema %d, experiment version %d\n",
			v.Version, v.Build, v.Go, v.Platform, v.History, v.Outcome, v.Experiment)
		return failure(err)
	}
	return cmd
}
