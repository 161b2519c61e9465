package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/rashomon-harness/rashomon/results"
)

// environment is what there is to say about an environment.
type environment struct{ needs, faults string }

// environments has what each environment needs and how it breaks things.
var environments = map[string]environment{
	"sim": {"nothing", "rules of the simulated world; virtual time, exactly reproducible"},
	"process": {"nothing",
		"proxies between the nodes, SIGKILL, SIGSTOP; clocks and disks by the store's own" +
			" switches"},
	"docker": {"a Docker engine on Linux",
		"nftables, NFQUEUE or netem, and a vDSO patch in each pod; kill and" +
			" freezer of the engine"},
}

// listedTarget is a target in one environment in `targets --output json`.
type listedTarget struct {
	Target string `json:"target"`
	Env    string `json:"env"`
	About  string `json:"about"`
	Needs  string `json:"needs"`
	Faults string `json:"faults"`
}

// aboutTargets has what each target is.
var aboutTargets = map[string]string{
	"reference": "the bundled replicated store, one leader a shard",
	"etcd":      "etcd 3.6, through its official client",
}

func (a *app) targetsCommand() *cobra.Command {
	var d display
	cmd := &cobra.Command{
		Use:     "targets",
		Short:   "List what can be tested, and where",
		Long:    "Lists the systems that can be tested and the environments that each can be deployed in.",
		Example: "  rashomon targets\n  rashomon targets --output json",
		Args:    cobra.NoArgs,
	}
	d.outputFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		var list []listedTarget
		var rows [][]string
		for _, t := range a.cat.Targets {
			env := environments[t.Env()]
			l := listedTarget{t.Name(), t.Env(), aboutTargets[t.Name()], env.needs, env.faults}
			list = append(list, l)
			rows = append(rows, []string{l.Target, l.Env, l.About, l.Needs, l.Faults})
		}
		header := []string{"target", "env", "what it is", "needs", "how it is broken"}
		switch d.output {
		case asJSON:
			enc := json.NewEncoder(a.stdout)
			enc.SetIndent("", " ")
			return failure(enc.Encode(list))
		case asMarkdown:
			return failure(results.ColumnsMarkdown(a.stdout, header, rows))
		}
		return failure(results.Columns(a.stdout, header, rows, false))
	}
	return cmd
}
