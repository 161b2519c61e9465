package harness

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/workloads"
)

// What a workload that does not say otherwise is like.
const (
	defaultKeys        = 10
	defaultRate        = 100
	defaultConcurrency = 10
)

// loadWorkloads reads one workload or a list of them.
func (l *loader) loadWorkloads(top map[string]field) {
	f, ok := top["workload"]
	if !ok {
		l.doc.note(nil, "workload", "is missing; "+allowed("", l.cat.workloadNames()))
		return
	}
	places := f.elements()
	if len(places) == 0 || len(places) > len(prefixes) {
		f.wrong("a list of %d; from 1 to %d workloads are allowed", len(places), len(prefixes))
		return
	}
	for _, place := range places {
		l.loadWorkload(place)
	}
}

// workloadNames returns the names of all workloads.
func (c *Catalogue) workloadNames() []string {
	var names []string
	for _, info := range c.Workloads {
		names = append(names, info.Name)
	}
	return names
}

// workload returns the workload of that name, nil when there is none.
func (c *Catalogue) workload(name string) *workloads.Info {
	for i := range c.Workloads {
		if c.Workloads[i].Name == name {
			return &c.Workloads[i]
		}
	}
	return nil
}

// loadWorkload reads one workload: the fields that all have, and its own options beside them.
func (l *loader) loadWorkload(f field) {
	if _, ok := f.entries(); !ok {
		return
	}
	place, ok := f.step("name")
	if !ok || isNull(place.node) {
		f.wrong("the workload has no name; %s", allowed("", l.cat.workloadNames()))
		return
	}
	info := l.cat.workload(place.oneOf(l.cat.workloadNames()))
	if info == nil {
		return
	}
	spec := WorkloadSpec{Name: info.Name, Keys: defaultKeys, Rate: defaultRate,
		Concurrency: defaultConcurrency}
	names := []string{"name", "keys", "rate", "concurrency", "mix"}
	for option := range info.Options {
		names = append(names, option)
	}
	before := len(l.doc.problems)
	for _, place := range sortedFields(l.fields(f, names)) {
		switch name := place.key.Value; name {
		case "name":
		case "keys":
			spec.Keys = place.integer(1, mostKeys)
		case "rate":
			spec.Rate = place.number(mostRate)
		case "concurrency":
			spec.Concurrency = place.integer(1, mostConcurrency)
		case "mix":
			spec.Mix = l.mix(place, info)
		default:
			if spec.Options == nil {
				spec.Options = make(map[string]any)
			}
			spec.Options[name] = place.value()
		}
	}
	l.exp.Workloads = append(l.exp.Workloads, spec)
	if len(l.doc.problems) == before { // else the workload may well be right, and only misread
		l.tryWorkload(f, info, &spec)
	}
}

// mix reads the weights of a workload's operations.
func (l *loader) mix(f field, info *workloads.Info) map[string]int {
	fields := l.fields(f, slices.Sorted(maps.Keys(info.Mix)))
	out := make(map[string]int, len(fields))
	total := 0
	before := len(l.doc.problems)
	for _, place := range sortedFields(fields) {
		weight := place.integer(0, 1_000_000)
		out[place.key.Value] = weight
		total += weight
	}
	if total == 0 && len(l.doc.problems) == before {
		f.wrong("all weights are 0; at least one operation must have a weight; %s",
			allowed("", slices.Sorted(maps.Keys(info.Mix))))
	}
	return out
}

// tryWorkload lets the workload say what is wrong with its options.
func (l *loader) tryWorkload(f field, info *workloads.Info, spec *WorkloadSpec) {
	_, err := info.New(&workloads.Params{
		Keys: spec.Keys, Rate: spec.Rate, Concurrency: spec.Concurrency, Mix: spec.Mix, Options: spec.Options,
		Nodes: l.exp.Nodes, Prefix: "w", Seed: keyed.New(0),
	})
	var wrong *workloads.ParamError
	switch {
	case errors.As(err, &wrong):
		place := l.doc.find(l.root, f.path+"."+wrong.Path)
		place.wrong("%s", strings.TrimPrefix(err.Error(), wrong.Path+": "))
	case err != nil:
		f.wrong("%v", err)
	}
}

// prefixes are what keys and sessions of a workload can begin with. None is the beginning of another.
const prefixes = "abcdefghijklmnopqrstuvwxyz"

// prefix returns what the keys and sessions of workload i begin with: the first letter of its name, or
// the first letter of the alphabet that no other workload has.
func (e *Experiment) prefix(i int) string {
	taken := make(map[byte]bool)
	for j := range i + 1 {
		letter := e.Workloads[j].Name[0]
		for k := 0; taken[letter] || letter < 'a' || letter > 'z'; k++ {
			letter = prefixes[k]
		}
		taken[letter] = true
		if j == i {
			return string(letter)
		}
	}
	return ""
}

// threads returns the number of threads of all workloads.
func (e *Experiment) threads() int {
	n := 0
	for _, w := range e.Workloads {
		n += w.Concurrency
	}
	return n
}

// build makes the workloads of a run.
func (e *Experiment) build(cat *Catalogue, seed uint64) ([]workloads.Workload, error) {
	key := keyed.New(seed).Named("workload")
	out := make([]workloads.Workload, len(e.Workloads))
	first := 0
	for i, spec := range e.Workloads {
		info := cat.workload(spec.Name)
		if info == nil {
			return nil, fmt.Errorf("workload %q: %s", spec.Name, allowed(spec.Name, cat.workloadNames()))
		}
		prefix := e.prefix(i)
		w, err := info.New(&workloads.Params{
			Keys: spec.Keys, Rate: spec.Rate, Concurrency: spec.Concurrency, Mix: spec.Mix,
			Options: spec.Options, Nodes: e.Nodes, Prefix: prefix, FirstThread: first,
			Seed: key.Named(prefix),
		})
		if err != nil {
			return nil, fmt.Errorf("workload %s: %w", spec.Name, err)
		}
		out[i], first = w, first+spec.Concurrency
	}
	return out, nil
}
