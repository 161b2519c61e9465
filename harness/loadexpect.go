package harness

import (
	"maps"
	"math"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/targets"
)

// MarksProperty is the name under which expect asks for marks, the rare situations that nodes report.
const MarksProperty = "marks"

// sessionsGroup is a short name for the four session guarantees.
const sessionsGroup = "sessions"

// group returns the properties that a name in an experiment file stands for.
func group(name string) []string {
	if name == sessionsGroup {
		return []string{checkers.ReadYourWrites, checkers.MonotonicReads, checkers.MonotonicWrites,
			checkers.WritesFollowReads}
	}
	return []string{name}
}

// allProperties are the properties in the order in which they are shown.
var allProperties = []string{checkers.Linearizability, checkers.ReadYourWrites, checkers.MonotonicReads,
	checkers.MonotonicWrites, checkers.WritesFollowReads, checkers.SessionCausality,
	checkers.CausalConsistency, checkers.CausalConvergence, checkers.ConsistentPrefix,
	checkers.PropertyStaleness, checkers.PropertyQuorum, checkers.PropertyConflicts, checkers.PropertySet,
	checkers.PropertyCounter, checkers.Durability,
	checkers.Convergence, checkers.Availability}

// quorums returns what the target's configuration claims of quorums, nil for nothing.
func (e *Experiment) quorums(cat *Catalogue) *targets.Quorums {
	claimer, ok := cat.target(e).(targets.QuorumClaimer)
	if !ok {
		return nil
	}
	return claimer.Quorums(e.spec(0))
}

// possible returns the properties that the experiment's workloads and its target make possible, in the usual
// order, and those of them that are judged unasked. Availability always is.
func (e *Experiment) possible(cat *Catalogue) (all, unasked []string) {
	unasked = []string{checkers.Availability}
	var offered []string
	for _, w := range e.Workloads {
		if info := cat.workload(w.Name); info != nil {
			unasked = append(unasked, info.Makes...)
			offered = append(offered, info.Offers...)
		}
	}
	if e.quorums(cat) != nil {
		offered = append(offered, checkers.PropertyQuorum, checkers.PropertyConflicts)
	}
	made := slices.Concat(unasked, offered)
	for _, p := range slices.Concat(allProperties, made) {
		if slices.Contains(made, p) && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all, unasked
}

// Properties returns the properties that are judged, in the order in which they are shown: those of
// Checkers; or all that the workloads make possible, of those that have to be asked for the ones that Expect
// is about.
func (e *Experiment) Properties(cat *Catalogue) []string {
	all, unasked := e.possible(cat)
	return slices.DeleteFunc(all, func(p string) bool {
		if e.Checkers != nil {
			return !slices.Contains(e.Checkers, p)
		}
		return !slices.Contains(unasked, p) &&
			!slices.ContainsFunc(e.Expect, func(x Expectation) bool { return x.Property == p })
	})
}

// loadJudgement reads which properties are judged, and what they must show.
func (l *loader) loadJudgement(top map[string]field) {
	possible, _ := l.exp.possible(l.cat)
	words := append(slices.Clone(possible), sessionsGroup)
	if f, ok := top["checkers"]; ok {
		for _, name := range f.wordsOf(words) {
			l.exp.Checkers = append(l.exp.Checkers, l.members(f, name, possible)...)
		}
		if f.node.Kind == yaml.SequenceNode && len(f.node.Content) == 0 {
			f.wrong("an empty list; %s", allowed("", words))
		}
	}
	f, ok := top["expect"]
	if !ok {
		return
	}
	for _, place := range sortedFields(l.fields(f, append(words, MarksProperty))) {
		if place.key.Value == MarksProperty {
			l.expectMarks(place)
			continue
		}
		for _, property := range l.members(place, place.key.Value, possible) {
			if l.exp.Checkers != nil && !slices.Contains(l.exp.Checkers, property) {
				place.wrong("%s is not among the checkers", property)
			}
			for _, one := range place.elements() {
				l.expect(one, property)
			}
		}
	}
}

// sortedFields returns fields in the order of their names.
func sortedFields(fields map[string]field) []field {
	var out []field
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		out = append(out, fields[name])
	}
	return out
}

// members returns the properties that name stands for and that the workloads make possible.
func (l *loader) members(f field, name string, possible []string) []string {
	members := slices.DeleteFunc(group(name), func(p string) bool { return !slices.Contains(possible, p) })
	if len(members) == 0 {
		f.wrong("the workload makes none of the properties possible that %s stands for", name)
	}
	return members
}

// expect reads one expectation about a property.
func (l *loader) expect(f field, property string) {
	e := Expectation{Property: property, AtLeast: math.Inf(-1), AtMost: math.Inf(1), Line: f.at().Line}
	if f.node.Kind != yaml.MappingNode {
		e.Kind = ExpectKind(f.oneOf([]string{string(MustHold), string(MustViolate), string(MayViolate)}))
		l.exp.Expect = append(l.exp.Expect, e)
		return
	}
	fields := l.fields(f, []string{string(MustViolate), "measure", "at-least", "at-most"})
	violate, isViolate := fields[string(MustViolate)]
	measure, isBound := fields["measure"]
	switch {
	case isViolate && len(fields) > 1:
		violate.wrong("cannot stand together with a measure; write a list of two expectations")
	case isViolate:
		e.Kind, e.Anomaly = MustViolate, violate.text()
	case isBound:
		e.Kind, e.Measure = Bound, measure.text()
		l.bounds(f, fields, &e)
	default:
		f.wrong("what is expected? allowed: must-hold, must-violate, may-violate, {must-violate: kind}, " +
			"{measure: name, at-least: x, at-most: y}")
	}
	l.exp.Expect = append(l.exp.Expect, e)
}

// bounds reads the bounds of a measure.
func (l *loader) bounds(f field, fields map[string]field, e *Expectation) {
	least, hasLeast := fields["at-least"]
	most, hasMost := fields["at-most"]
	if hasLeast {
		e.AtLeast = least.bound(e.Measure)
	}
	if hasMost {
		e.AtMost = most.bound(e.Measure)
	}
	if !hasLeast && !hasMost {
		f.wrong("no bound; allowed: at-least, at-most, or both")
	}
	if e.AtLeast > e.AtMost {
		least.wrong("%s is more than at-most", least.what())
	}
}

// expectMarks reads what is expected of marks: {failover: {at-least: 1}}.
func (l *loader) expectMarks(f field) {
	marks, _ := f.entries()
	for _, mark := range marks {
		fields := l.fields(mark, []string{"at-least", "at-most"})
		e := Expectation{Property: MarksProperty, Kind: Bound, Measure: mark.key.Value,
			AtLeast: math.Inf(-1), AtMost: math.Inf(1), Line: mark.at().Line}
		l.bounds(mark, fields, &e)
		l.exp.Expect = append(l.exp.Expect, e)
	}
}
