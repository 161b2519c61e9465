package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rashomon-harness/rashomon/harness"
	"github.com/rashomon-harness/rashomon/results"
)

// runSettings say how experiments are run.
type runSettings struct {
	parallel int
	quiet    bool
	keep     bool   // leave the nodes of failed runs
	label    string // goes before progress, "" for none
	command  string // the beginning of the lines that reproduce a row and seed; "" for none
}

// run runs experiments, tells standard error of the progress, and returns what came of them.
func (a *app) run(ctx context.Context, exps []*harness.Experiment, sink harness.Sink,
	s runSettings) (*harness.Outcome, error) {
	opts := harness.RunOptions{Parallel: s.parallel, KeepOnFailure: s.keep, Search: a.search}
	if s.command != "" {
		opts.Reproduce = func(exp *harness.Experiment, seed uint64) string {
			return results.Reproduce(s.command, exp.Row, seed)
		}
	}
	if s.quiet {
		return harness.Run(ctx, exps, a.cat, sink, opts)
	}
	p := &progress{app: a, live: isTerminal(a.stderr), label: s.label, left: map[*harness.Experiment]int{}}
	for _, exp := range exps {
		p.left[exp] = len(exp.Seeds)
	}
	opts.Progress = p.tell
	defer p.clear()
	return harness.Run(ctx, exps, a.cat, sink, opts)
}

// How often progress is written, in wall time: to a terminal, and to anything else.
const (
	everyLive  = 100 * time.Millisecond
	everyPlain = 10 * time.Second
)

// progress tells of runs: on a terminal in one line that is written over and over, elsewhere in a line
// whenever a row is done and once in a while.
type progress struct {
	*app
	live  bool
	label string
	left  map[*harness.Experiment]int // seeds that are not done
	last  time.Time
}

// tell is told of what goes on, one call at a time.
func (p *progress) tell(now harness.Progress) {
	rowDone := false
	if now.Phase == "done" {
		p.left[now.Experiment]--
		rowDone = p.left[now.Experiment] == 0
	}
	at := p.now()
	if p.last.IsZero() {
		p.last = at
	}
	switch {
	case p.live && at.Sub(p.last) >= everyLive:
		line := []rune(p.line(&now))
		if most := width(p.stderr) - 1; len(line) > most {
			line = line[:max(most, 0)]
		}
		fmt.Fprintf(p.stderr, "\r\x1b[K%s", string(line))
	case !p.live && (rowDone || at.Sub(p.last) >= everyPlain):
		fmt.Fprintln(p.stderr, p.line(&now))
	default:
		return
	}
	p.last = at
}

// line says what goes on: "12/80 runs · 3 with anomalies · sync · seed 13 · faults 12s · 840 ops".
func (p *progress) line(now *harness.Progress) string {
	line := fmt.Sprintf("%d/%d runs · %d with anomalies · %s", now.Done, now.Total, now.Anomalous,
		rowName(now.Experiment))
	if p.label != "" {
		line = p.label + " · " + line
	}
	if p.left[now.Experiment] == 0 {
		return line + " · done"
	}
	line += fmt.Sprintf(" · seed %d · %s %s · %d ops", now.Seed, now.Phase,
		time.Duration(now.Now).Truncate(100*time.Millisecond), now.Ops)
	if now.Faults > 0 {
		line += fmt.Sprintf(" · %d faults active", now.Faults)
	}
	return line
}

// clear takes the line off the terminal.
func (p *progress) clear() {
	if p.live {
		fmt.Fprint(p.stderr, "\r\x1b[K")
	}
}
