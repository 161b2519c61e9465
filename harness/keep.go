package harness

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/targets"
)

// logLimit is how many bytes of a node's log are saved, the last ones.
const logLimit = 16 << 20

// stepCounter is a cluster that counts the events of its world.
type stepCounter interface{ Steps() int64 }

// measure reads the cluster's own counts.
func (r *run) measure() {
	if c, ok := r.cluster.(stepCounter); ok {
		r.steps = c.Steps()
	}
	if m, ok := r.cluster.(targets.MarkReader); ok {
		marks := func() (map[string]int64, error) { return m.Marks(), nil }
		r.marks, _ = bounded(r, callLimit, "reading the marks of the nodes", marks)
	}
}

// gatherLogs hands on what the nodes have written to their logs. What cannot be read is said in its place:
// a node's log explains a run, but is no part of it.
func (r *run) gatherLogs() {
	reader, ok := r.cluster.(targets.LogReader)
	if !ok || r.saveLog == nil {
		return
	}
	for _, node := range r.cluster.Nodes() {
		data, err := bounded(r, callLimit, "reading the log of "+node, func() ([]byte, error) {
			return reader.Logs(node)
		})
		data = lastOf(data, logLimit)
		if err != nil {
			data = fmt.Appendf(data, "[the log cannot be read: %v]\n", err)
		}
		if err := r.saveLog(node, data); err != nil {
			r.logErr = errors.Join(r.logErr, fmt.Errorf("the log of %s in seed %d: %w", node, r.seed, err))
		}
	}
}

// lastOf returns the last whole lines of a log, up to limit bytes of them, and says what it left out.
func lastOf(log []byte, limit int) []byte {
	if len(log) <= limit {
		return log
	}
	kept := log[len(log)-limit:]
	if i := bytes.IndexByte(kept, '\n'); i >= 0 && i+1 < len(kept) {
		kept = kept[i+1:]
	}
	return append(fmt.Appendf(nil, "[%d bytes before this are left out]\n", len(log)-len(kept)), kept...)
}

// endOrKeep ends the cluster after the checks, or keeps it when they showed something to look at.
func (r *run) endOrKeep(out *SeedOutcome) {
	if r.cluster == nil {
		return
	}
	if r.exp.unexpected(out) {
		if out.Kept = r.keepCluster(); r.kept {
			return
		}
	}
	r.end()
	switch {
	case out.Stopped:
		out.Failure = r.left
	case r.failure != "":
		out.Failure = r.failure
		out.Verdicts = failedSeed(r.exp, r.seed, r.cat, r.failure).Verdicts
	}
}

// keepCluster leaves the cluster as it is and says how to get at it, or why it cannot be kept.
func (r *run) keepCluster() string {
	keeper, ok := r.cluster.(targets.Keeper)
	if !ok {
		return fmt.Sprintf("it could not be kept: env %s has no way to keep a cluster", r.exp.Env)
	}
	hint, err := bounded(r, callLimit, "keeping the cluster", keeper.Keep)
	if err != nil {
		return fmt.Sprintf("it could not be kept: %v", err)
	}
	r.kept = true
	return hint
}

// unexpected reports whether a run showed what its experiment does not ask for: a harness failure, or a
// violation of a property that must hold.
func (e *Experiment) unexpected(out *SeedOutcome) bool {
	if out.Failure != "" {
		return true
	}
	for i := range out.Verdicts {
		if v := &out.Verdicts[i]; v.Result == checkers.Invalid && e.mustHold(v.Property) {
			return true
		}
	}
	return false
}

// mustHold reports whether a property is expected to hold. An experiment that expects nothing must hold in
// all properties; one that expects something is judged by that alone.
func (e *Experiment) mustHold(property string) bool {
	for i := range e.Expect {
		if e.Expect[i].Property == property && e.Expect[i].Kind == MustHold {
			return true
		}
	}
	return len(e.Expect) == 0
}
