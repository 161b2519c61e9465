package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/history/foreign"
	"github.com/rashomon-harness/rashomon/history/parquet"
)

// The formats that histories are exported to.
const (
	toEDN     = "jepsen-edn"
	toParquet = "parquet"
)

// exporters writes a history in each format.
var exporters = map[string]func(io.Writer, *history.History) error{
	toEDN: foreign.WriteEDN, toParquet: parquet.Write,
}

func (a *app) exportCommand() *cobra.Command {
	var source sourceFlags
	var to, out string
	cmd := &cobra.Command{
		Use:   "export HISTORY",
		Short: "Write a recorded history in another format",
		Long: "Writes a recorded history for other tools: Jepsen's EDN, which Elle, Knossos and `rashomon\n" +
			"check` read, or Parquet, with a row an operation, for notebooks and databases. HISTORY is\n" +
			"a file, or - for standard input.",
		Example: "  rashomon export history.jsonl --to jepsen-edn --out history.edn\n" +
			"  rashomon export history.jsonl --to parquet --out history.parquet",
		Args: cobra.ExactArgs(1),
	}
	source.add(cmd)
	cmd.Flags().StringVar(&to, "to", toEDN, "the format to write: jepsen-edn or parquet")
	cmd.Flags().StringVar(&out, "out", "-", "the file to write, - for standard output")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		write := exporters[to]
		if write == nil {
			return fmt.Errorf("--to %s: allowed: %s, %s", to, toEDN, toParquet)
		}
		h, err := a.readHistory(&source, args[0])
		if err != nil {
			return err
		}
		if out == "-" {
			return failure(write(a.stdout, h))
		}
		return failure(writeTo(out, func(w io.Writer) error { return write(w, h) }))
	}
	return cmd
}

// writeTo has a file written. One that could not be written to its end is removed.
func writeTo(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
