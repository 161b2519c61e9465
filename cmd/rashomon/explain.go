package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rashomon-harness/rashomon/results"
)

// entry is one thing that can be explained.
type entry struct {
	Name    string   `json:"name"`
	Meaning string   `json:"meaning"`
	Details []detail `json:"details,omitempty"`
}

// detail is a line below an entry: one of its values, options, kinds.
type detail struct {
	Name    string `json:"name"`
	Meaning string `json:"meaning"`
}

// topic is a table of things of one kind.
type topic struct {
	Name    string  `json:"topic"`
	About   string  `json:"about"`
	Entries []entry `json:"entries"`
}

// find returns the topic with only the entries that have that name, or a detail of it.
func (t topic) find(name string) topic {
	t.Entries = slices.DeleteFunc(slices.Clone(t.Entries), func(e entry) bool {
		return e.Name != name && !slices.ContainsFunc(e.Details,
			func(d detail) bool { return d.Name == name })
	})
	return t
}

func (a *app) explainCommand() *cobra.Command {
	var d display
	cmd := &cobra.Command{
		Use:   "explain [THING]",
		Short: "Explain workloads, faults, properties, anomalies, configuration, models, formats, and more",
		Long: "Explains what experiments can name and tables can show, from the program's own tables.\n" +
			"THING is a topic (see `rashomon explain`) or anything that has an entry: a workload, a\n" +
			"family of faults, a property, a kind of anomaly, a field of the configuration or one of\n" +
			"its values, an error code, a mark, a model, a format of histories.",
		Example: "  rashomon explain\n  rashomon explain faults\n  rashomon explain lost-write\n" +
			"  rashomon explain replication\n  rashomon explain config --output markdown",
		Args: cobra.MaximumNArgs(1),
	}
	d.outputFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		topics := a.topics()
		if len(args) == 0 && d.output == asTable {
			return failure(writeContents(a.stdout, topics))
		}
		if len(args) > 0 {
			var err error
			if topics, err = lookUp(topics, args[0]); err != nil {
				return err
			}
		}
		if d.output == asJSON {
			enc := json.NewEncoder(a.stdout)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", " ")
			return failure(enc.Encode(topics))
		}
		for i, t := range topics {
			if i > 0 {
				fmt.Fprintln(a.stdout)
			}
			t.write(a.stdout, d.output == asMarkdown)
		}
		return nil
	}
	return cmd
}

// lookUp returns the topic of that name, or the entries of that name in any topic.
func lookUp(topics []topic, name string) ([]topic, error) {
	name = strings.TrimPrefix(name, "config.")
	var found []topic
	var names []string
	for _, t := range topics {
		if t.Name == name {
			return []topic{t}, nil
		}
		names = append(names, t.Name)
		if t := t.find(name); len(t.Entries) > 0 {
			found = append(found, t)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("there is nothing named %q to explain; topics: %s; `rashomon explain` lists"+
			" everything",
			name, strings.Join(names, ", "))
	}
	return found, nil
}

// writeContents lists all topics with the names of their entries.
func writeContents(w io.Writer, topics []topic) error {
	var rows [][]string
	for _, t := range topics {
		var names []string
		for _, e := range t.Entries {
			names = append(names, e.Name)
		}
		rows = append(rows, []string{t.Name, results.Wrap(strings.Join(names, ", "), 80)})
	}
	return results.Columns(w, []string{"topic", "entries"}, rows, false)
}

// write writes the topic for people.
func (t topic) write(w io.Writer, markdown bool) {
	if markdown {
		fmt.Fprintf(w, "## %s\n\n%s\n", t.Name, t.About)
		for _, e := range t.Entries {
			fmt.Fprintf(w, "\n### `%s`\n\n%s\n", e.Name, e.Meaning)
			for i, d := range e.Details {
				fmt.Fprintf(w, "%s- `%s`: %s\n", strings.Repeat("\n", 1-min(i, 1)), d.Name, d.Meaning)
			}
		}
		return
	}
	const screen = 100
	fmt.Fprintf(w, "%s: %s\n", t.Name, t.About)
	for _, e := range t.Entries {
		fmt.Fprintf(w, "\n  %s\n%s", e.Name, results.Indent(results.Wrap(e.Meaning, screen-4), "    "))
		for _, d := range e.Details {
			lines := results.Wrap(d.Name+": "+d.Meaning, screen-8)
			fmt.Fprint(w, "      - "+strings.TrimPrefix(results.Indent(lines, "        "), "        "))
		}
	}
}
