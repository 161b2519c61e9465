package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// report is what a run found.
type report struct {
	verdicts []verdict
	listed   justified
	unknown  []string // keys that are listed and no mutant's
}

// alive reports whether nothing killed the mutant.
func (v *verdict) alive() bool {
	return v.status == survived || v.status == notReached || v.status == equivalent
}

// stale returns the keys of the mutants that are listed as equivalent and were killed.
func (r *report) stale() []string {
	var keys []string
	for i := range r.verdicts {
		v := &r.verdicts[i]
		if key := v.key(); (v.status == killed || v.status == timeout) && r.listed[key] != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// unjustified returns how many mutants are alive and not listed.
func (r *report) unjustified() int {
	n := 0
	for i := range r.verdicts {
		if v := &r.verdicts[i]; v.alive() && r.listed[v.key()] == "" {
			n++
		}
	}
	return n
}

// totals has how many mutants ended how. Killed has those by timeout too.
type totals struct {
	Mutants    int `json:"mutants"`
	Killed     int `json:"killed"`
	Timeouts   int `json:"timeouts"`
	Survived   int `json:"survived"`
	NotReached int `json:"not_reached"`
	Equivalent int `json:"equivalent"` // of those alive, the ones that are listed
	NotRun     int `json:"not_run,omitempty"`
}

func (r *report) totals() totals {
	t := totals{Mutants: len(r.verdicts)}
	for i := range r.verdicts {
		v := &r.verdicts[i]
		switch v.status {
		case killed:
			t.Killed++
		case timeout:
			t.Killed++
			t.Timeouts++
		case survived, equivalent:
			t.Survived++
		case notReached:
			t.NotReached++
		case notRun:
			t.NotRun++
		}
		if v.alive() && r.listed[v.key()] != "" {
			t.Equivalent++
		}
	}
	return t
}

func (t totals) String() string {
	text := fmt.Sprintf("%d mutants: %d killed (%d by timeout), %d survived, %d not reached;"+
		" of the last two %d are listed as equivalent", t.Mutants, t.Killed, t.Timeouts,
		t.Survived, t.NotReached, t.Equivalent)
	if t.NotRun > 0 {
		text += fmt.Sprintf("; %d not run", t.NotRun)
	}
	return text
}

// print writes the mutants that are alive as a table, what is wrong with the list of equivalents, the totals.
func (r *report) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i := range r.verdicts {
		if v := &r.verdicts[i]; v.alive() {
			fmt.Fprintf(table, "%s\t%s\t%s", v.id(), v.status, v.row())
			if reason := r.listed[v.key()]; reason != "" {
				fmt.Fprintf(table, "\tlisted: %s", reason)
			}
			fmt.Fprintln(table)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, key := range r.stale() {
		fmt.Fprintf(w, "listed as equivalent, but killed: %s\n", key)
	}
	for _, key := range r.unknown {
		fmt.Fprintf(w, "listed as equivalent, but no mutant: %s\n", key)
	}
	_, err := fmt.Fprintln(w, r.totals())
	return err
}

// jsonRow is a mutant as it is written to JSON.
type jsonRow struct {
	ID       string  `json:"id"`
	Key      string  `json:"key"`
	File     string  `json:"file"`
	Line     int     `json:"line"`
	Column   int     `json:"column"`
	Function string  `json:"function"`
	Original string  `json:"original"`
	Mutated  string  `json:"mutated"`
	Status   status  `json:"status,omitempty"`
	By       string  `json:"by,omitempty"`
	Seconds  float64 `json:"seconds"`
	Reason   string  `json:"reason,omitempty"`
}

func (r *report) printJSON(w io.Writer) error {
	rows := []jsonRow{}
	for i := range r.verdicts {
		v := &r.verdicts[i]
		rows = append(rows, jsonRow{ID: v.id(), Key: v.key(), File: v.file, Line: v.line, Column: v.col,
			Function: v.function, Original: v.original, Mutated: v.mutated, Status: v.status, By: v.by,
			Seconds: v.took.Seconds(), Reason: r.listed[v.key()]})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(struct {
		Mutants []jsonRow `json:"mutants"`
		Totals  totals    `json:"totals"`
		Killed  []string  `json:"listed_but_killed,omitempty"`
		Unknown []string  `json:"listed_but_unknown,omitempty"`
	}{rows, r.totals(), r.stale(), r.unknown})
}

// printList writes the mutants, none of which was run.
func printList(w io.Writer, mutants []*mutant) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, m := range mutants {
		fmt.Fprintf(table, "%s\t%s\n", m.id(), m.row())
	}
	return table.Flush()
}
