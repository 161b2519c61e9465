package container

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The file systems that forget unsynced writes are mounted by agents, in their containers, and must be seen
// by the engine, which mounts them into the containers of databases. So they are mounted below a directory of
// this machine whose mounts are shared.
//
//	/tmp/rashomon-run-x/          a small file system in memory, shared, so that mounts in it spread
//	    owner.json                whose it is, for Clean
//	    n1/                       bound into the holder of n1
//	        data/                 here its agent mounts; bound into the database of n1

// sharedPrefix begins the names of these directories.
const sharedPrefix = "rashomon-run-"

// ownerFile is in each of them.
const ownerFile = "owner.json"

// errNoSharing is wrapped by errors of machines where mounts cannot be shared.
var errNoSharing = errors.New("losing unsynced writes needs a file system that this process and the engine " +
	"share, which takes root on the engine's own machine")

// runDir returns the directory of this run.
func (d *Deployment) runDir() string { return filepath.Join(os.TempDir(), sharedPrefix+d.opts.Run) }

// sharedDir returns the directory of one node.
func (d *Deployment) sharedDir(n *node) string { return filepath.Join(d.runDir(), n.name) }

// share makes the directories for the nodes that need them.
func (d *Deployment) share() error {
	var of []*node
	for _, name := range d.order {
		if n := d.nodes[name]; n.pod.PowerLoss {
			of = append(of, n)
		}
	}
	if len(of) == 0 {
		return nil
	}
	if !d.direct && !d.opts.published {
		return fmt.Errorf("%w: the engine at %s runs elsewhere", errNoSharing, d.engine.host)
	}
	if err := makeShared(d.runDir()); err != nil {
		return fmt.Errorf("%w: %w", errNoSharing, err)
	}
	text, err := json.Marshal(d.labels)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(d.runDir(), ownerFile), text, 0o644); err != nil {
		return err
	}
	for _, n := range of {
		if err := os.MkdirAll(filepath.Join(d.sharedDir(n), mountName), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// sharedDirs returns the directories of all runs on this machine with the labels of their owners. Those that
// do not say whose they are have none.
func sharedDirs() map[string]map[string]string {
	found, err := filepath.Glob(filepath.Join(os.TempDir(), sharedPrefix+"*"))
	if err != nil {
		return nil
	}
	out := map[string]map[string]string{}
	for _, dir := range found {
		labels := map[string]string{labelRun: strings.TrimPrefix(filepath.Base(dir), sharedPrefix)}
		if text, err := os.ReadFile(filepath.Join(dir, ownerFile)); err == nil {
			_ = json.Unmarshal(text, &labels)
		} else if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) < time.Minute {
			continue // it is being made
		}
		out[dir] = labels
	}
	return out
}
