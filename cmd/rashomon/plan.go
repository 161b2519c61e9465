package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rashomon-harness/rashomon/harness"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/plan"
	"github.com/rashomon-harness/rashomon/results"
)

// planned is one line of a plan: an operation or a fault.
type planned struct {
	Row  string `json:"row"`
	Seed uint64 `json:"seed"`
	At   int64  `json:"at_ns"` // since the start of the run
	ID   string `json:"id"`    // of the operation or the fault
	Who  string `json:"who"`   // the session, with its device; "nemesis"
	What string `json:"what"`
}

// printPlans prints what the first seed of each experiment would do, and does nothing of it.
func (a *app) printPlans(f *runFlags, exps []*harness.Experiment) error {
	var lines []planned
	for _, exp := range exps {
		p, err := harness.Plan(exp, exp.Seeds[0], a.cat)
		if err != nil {
			return failure(fmt.Errorf("%s: %w", rowName(exp), err))
		}
		lines = append(lines, planLines(exp, p)...)
	}
	if f.output == asJSON {
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", " ")
		return failure(enc.Encode(lines))
	}
	rows := make([][]string, len(lines))
	for i, l := range lines {
		rows[i] = []string{l.Row, fmt.Sprint(l.Seed), fmt.Sprintf("%.3fs", time.Duration(l.At).Seconds()),
			l.ID, l.Who, l.What}
	}
	header := []string{"row", "seed", "at", "id", "who", "what"}
	if f.output == asMarkdown {
		return failure(results.ColumnsMarkdown(a.stdout, header, rows))
	}
	return failure(results.Columns(a.stdout, header, rows, false))
}

// planLines returns the operations and faults of a plan by time.
func planLines(exp *harness.Experiment, p *plan.Explicit) []planned {
	var lines []planned
	row, seed := rowName(exp), exp.Seeds[0]
	for i := range p.Faults {
		fault := &p.Faults[i]
		lines = append(lines, planned{row, seed, fault.At, fault.ID, "nemesis", faultText(fault)})
	}
	for i := range p.Ops {
		op := &p.Ops[i].Op
		who := op.Session
		if op.Device != "" {
			who += "/" + op.Device
		}
		if op.Node != "" {
			who += " @" + op.Node
		}
		what := (&history.Op{F: op.F, Key: op.Key, Keys: op.Keys, Arg: op.Value, Type: history.Info}).Short()
		lines = append(lines, planned{row, seed, p.Ops[i].At, op.ID.String(), who, what})
	}
	slices.SortStableFunc(lines, func(x, y planned) int { return cmp.Compare(x.At, y.At) })
	return lines
}

// faultText says what a fault is: "partition/halves of leader for 2.5s".
func faultText(f *plan.Fault) string {
	parts := []string{f.Family + "/" + f.Shape}
	if f.Targets != "" {
		parts = append(parts, "of "+f.Targets)
	}
	if f.Clients != "" {
		parts = append(parts, "clients "+f.Clients)
	}
	if f.Amount != 0 {
		parts = append(parts, fmt.Sprintf("amount %d", f.Amount))
	}
	return strings.Join(append(parts, "for "+time.Duration(f.For).Round(time.Millisecond).String()), " ")
}
