package workloads

import (
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/plan"
)

// A final read or peek that fails is asked again after a pause, by another thread: the session of the
// first may be the one that cannot be served.
const (
	finalTries = 4           // in all
	finalPause = 500_000_000 // nanoseconds
)

// final returns the source of the reads at the end: every key by an ordinary read, then every key at
// every node by a peek.
func (c *crew) final(nodes []string) plan.Source {
	keys := c.player.keys()
	reads := make([]finalRead, 0, len(keys))
	peeks := make([]finalRead, 0, len(keys)*len(nodes))
	for _, key := range keys {
		reads = append(reads, finalRead{f: history.FRead, key: key})
		for _, node := range nodes {
			peeks = append(peeks, finalRead{f: history.FPeek, key: key, node: node})
		}
	}
	return plan.Sequence(newFinalReads(c, reads), newFinalReads(c, peeks))
}

// finalRead is one thing to be read at the end.
type finalRead struct {
	f, key string
	node   string // of a peek
	tries  int    // so far
	at     int64  // not before, nanoseconds since the start of the run
}

// finalReads is a source of reads that each are tried until they succeed, within bounds. It is Done when
// all have been answered or given up.
type finalReads struct {
	crew  *crew
	todo  []finalRead // by at
	doing []finalRead // by thread; key "" when the thread does nothing
	open  int         // how many are being done
	turns int
}

func newFinalReads(c *crew, reads []finalRead) *finalReads {
	return &finalReads{crew: c, todo: reads, doing: make([]finalRead, len(c.seats))}
}

// Next implements plan.Source.
func (r *finalReads) Next(ctx *plan.Context, step *plan.Step) {
	switch {
	case len(r.todo) == 0 && r.open == 0:
		step.Kind = plan.Done
		return
	case len(r.todo) == 0:
		step.Kind = plan.Pending
		return
	case r.todo[0].at > ctx.Now:
		step.Kind, step.Until = plan.Wait, r.todo[0].at
		return
	}
	thread := r.crew.free(ctx, r.turns%len(r.doing))
	if thread < 0 {
		step.Kind = plan.Pending
		return
	}
	read := r.todo[0]
	r.todo = r.todo[1:]
	r.turns++
	r.open++
	read.tries++
	r.doing[thread] = read
	op := r.crew.begin(thread, step)
	op.F, op.Key = read.f, read.key
	if read.f == history.FPeek {
		op.Node = read.node
	}
}

// Update implements plan.Source.
func (r *finalReads) Update(ctx *plan.Context, ev *history.Event) {
	thread := int(ev.Op.Thread) - r.crew.first
	if ev.Process < 0 || ev.Type == history.Invoke || thread < 0 || thread >= len(r.doing) {
		return
	}
	read := r.doing[thread]
	if read.key == "" {
		return
	}
	r.doing[thread] = finalRead{}
	r.open--
	if ev.Type != history.Ok && read.tries < finalTries {
		read.at = ctx.Now + finalPause
		r.todo = append(r.todo, read)
	}
}
