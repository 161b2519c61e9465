package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/server"
)

// nodeFlags are the flags of `rashomon node`.
type nodeFlags struct {
	server.Config
	id                      int
	config, ready, logLevel string
	endWithStdin            bool
}

func (a *app) nodeCommand() *cobra.Command {
	f := &nodeFlags{}
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Run a node of the reference store",
		Long: "Runs one node of the bundled reference store until it is told to stop. Clients and\n" +
			"operators speak HTTP and JSON with it, other nodes a stream of frames. The log goes to\n" +
			"standard error. Ask it, for one:\n\n" +
			"  curl -d '{\"op\":\"write\",\"epoch\":1,\"key\":\"k\",\"value\":1}' \\\n" +
			"    http://localhost:7001/v1/request\n" +
			"  curl http://localhost:7001/v1/status",
		Example: "  rashomon node --peers 127.0.0.1:7101 --data n1 --bootstrap",
		Args:    cobra.NoArgs,
	}
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.runNode(cmd.Context(), f) }
	return cmd
}

// add adds the flags to a command.
func (f *nodeFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.IntVar(&f.id, "id", 1, "which node this is, from 1")
	flags.StringSliceVar(&f.Peers, "peers", nil,
		"where the nodes listen for each other, in the order of their ids")
	flags.StringVar(&f.Listen, "listen", "127.0.0.1:7001", "address for clients and operators")
	flags.StringVar(&f.ListenPeers, "listen-peers", "127.0.0.1:7101", "address for other nodes")
	flags.StringVar(&f.Data, "data", "", "directory of the log")
	flags.BoolVar(&f.Bootstrap, "bootstrap", false,
		"the cluster is being set up: an empty directory is normal")
	flags.StringVar(&f.config, "config", "{}", "the store's configuration, as JSON")
	flags.StringVar(&f.Token, "token", "", "what operators have to know (better in RASHOMON_TOKEN)")
	flags.Uint64Var(&f.Seed, "seed", 0, "of the jitter of timeouts")
	flags.Int64Var(&f.LogLimit, "log-limit", 0, "bytes of a log before a snapshot is made, 0 for 64 MiB")
	flags.StringVar(&f.ready, "ready", "", "file that the addresses are written to once the node serves")
	flags.BoolVar(&f.endWithStdin, "end-with-stdin", false,
		"stop when standard input ends: with who started it")
	flags.StringVar(&f.logLevel, "log", "info", "debug, info, warn or error")
}

// nodeGCPercent lets a node's heap grow fivefold before garbage is collected: it is small, and where all
// nodes share a few cores their collectors would take a tenth of them.
const nodeGCPercent = 400

// NodeAddresses is what a node writes into its ready file.
type NodeAddresses struct {
	Clients string `json:"clients"`
	Peers   string `json:"peers"`
}

func (a *app) runNode(ctx context.Context, f *nodeFlags) error {
	store, err := nodeConfig(f.config, len(f.Peers))
	if err != nil {
		return err
	}
	log, err := a.logger(f.logLevel)
	if err != nil {
		return err
	}
	f.ID, f.Store, f.Log = f.id-1, store, log
	if err := f.Check(); err != nil {
		return err
	}
	debug.SetGCPercent(nodeGCPercent)
	var notReady error
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if f.endWithStdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}
	f.Ready = func(clients, peers net.Addr) {
		log.Info("node serves", "clients", clients.String(), "peers", peers.String())
		if f.ready == "" {
			return
		}
		if notReady = writeReady(f.ready, NodeAddresses{clients.String(), peers.String()}); notReady != nil {
			stop()
		}
	}
	err = server.Run(ctx, f.Config)
	return failure(errors.Join(err, notReady))
}

// nodeConfig reads the store's configuration of a cluster of so many nodes.
func nodeConfig(text string, nodes int) (*refimpl.Config, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var values map[string]any
	if err := d.Decode(&values); err != nil {
		return nil, fmt.Errorf("--config is no JSON object: %w", err)
	}
	for name, v := range values {
		n, isNumber := v.(json.Number)
		if !isNumber {
			continue
		}
		whole, err := n.Int64()
		if err != nil {
			return nil, fmt.Errorf("--config: %s: %s is no whole number", name, n)
		}
		values[name] = whole
	}
	store, wrong := refimpl.DecodeConfig(nodes, values)
	var errs []error
	for _, w := range wrong {
		errs = append(errs, fmt.Errorf("--config: %w", w))
	}
	return store, errors.Join(errs...)
}

// writeReady writes the addresses so that a reader sees all of them or none.
func writeReady(path string, addresses NodeAddresses) error {
	b, err := json.Marshal(addresses)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", b, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// logger returns a log of standard error, of that level and above.
func (a *app) logger(level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log %s: allowed: debug, info, warn, error", level)
	}
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: l})), nil
}
