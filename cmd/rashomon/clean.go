package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rashomon-harness/rashomon/targets/container"
)

func (a *app) cleanCommand() *cobra.Command {
	var o container.CleanOptions
	var d display
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "Remove what interrupted runs have left behind",
		Long: "Heals and removes containers, networks, volumes and mounts of runs whose harness is gone,\n" +
			"on this machine. Runs that may still be used are spared and listed; --all takes them too.",
		Example: "  rashomon clean\n  rashomon clean --run k3v9x2m8qa\n  rashomon clean --all --images",
		Args:    cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&o.Run, "run", "", "only this run")
	f.DurationVar(&o.OlderThan, "older-than", 0, "only runs that began longer ago than this")
	f.BoolVar(&o.All, "all", false, "those too whose harness lives, or ran on another machine")
	f.BoolVar(&o.Images, "images", false, "the images of this command as well")
	d.outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		engine, err := container.Connect(cmd.Context())
		if err != nil {
			return failure(err)
		}
		defer engine.Close()
		done, err := engine.Clean(cmd.Context(), o)
		if d.output == asJSON {
			return failure(cmp.Or(err, json.NewEncoder(a.stdout).Encode(done)))
		}
		fmt.Fprintf(a.stdout,
			"removed: %d runs %v, %d containers, %d networks, %d volumes, %d mounts, %d images\n",
			len(done.Runs), done.Runs, done.Containers, done.Networks, done.Volumes,
			done.Mounts,
			done.Images)
		for _, run := range slices.Sorted(maps.Keys(done.Spared)) {
			fmt.Fprintf(a.stdout, "spared: run %s, %s\n", run, done.Spared[run])
		}
		return failure(err)
	}
	return cmd
}
