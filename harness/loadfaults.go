package harness

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/rashomon-harness/rashomon/nemesis"
)

// What an entry of the faults that does not say otherwise is like.
var (
	defaultEvery = nemesis.Range{Min: int64(5 * time.Second), Max: int64(10 * time.Second)}
	defaultFor   = nemesis.Range{Min: int64(time.Second), Max: int64(3 * time.Second)}
)

// entryFields are the fields of every entry. Beside them stands the name of a shape for short, with its
// amount: {step: 500ms..5s} is {shape: step, amount: 500ms..5s}; {freeze: true} is {shape: freeze}.
var entryFields = []string{"shape", "targets", "clients", "every", "for", "after", "amount"}

// unsyncedField is crash's own word for its shapes: {unsynced: lose} is {shape: lose-unsynced}.
const unsyncedField = "unsynced"

// loadFaults reads the list of faults.
func (l *loader) loadFaults(top map[string]field) {
	f, ok := top["faults"]
	if !ok {
		return
	}
	if f.node.Kind != yaml.SequenceNode {
		f.wrong("%s; a list of faults is wanted, each with its family: - partition: {shape: halves}",
			f.what())
		return
	}
	for _, place := range f.elements() {
		l.loadFault(place)
	}
}

// families returns the names of the families of faults.
func (c *Catalogue) families() []string {
	var names []string
	for _, info := range c.Faults {
		names = append(names, info.Family)
	}
	return names
}

// loadFault reads one entry: a family alone ("- crash") or with its fields ("- crash: {for: 2s}").
func (l *loader) loadFault(f field) {
	family, fields := f, field{}
	if f.node.Kind == yaml.MappingNode {
		if len(f.node.Content) != 2 {
			f.wrong("%d fields; an entry names one family of faults: %s", len(f.node.Content)/2,
				allowed("", l.cat.families()))
			return
		}
		key, node := f.node.Content[0], f.node.Content[1]
		fields = f.child(key.Value, key, node)
		family = field{doc: l.doc, path: f.path, key: key, node: key}
	}
	i := slices.Index(l.cat.families(), family.oneOf(l.cat.families()))
	if i < 0 {
		return
	}
	entry := l.entry(&l.cat.Faults[i], fields)
	if entry != nil {
		l.exp.Faults = append(l.exp.Faults, *entry)
	}
}

// entry reads the fields of an entry. fields is empty when there are none. It returns nil when there was
// a problem.
func (l *loader) entry(info *nemesis.Info, fields field) *nemesis.Params {
	p := &nemesis.Params{Family: info.Family, Every: defaultEvery, For: defaultFor}
	if info.Family == "operator" {
		p.For = nemesis.Range{} // a deed, over at once
	}
	if fields.node == nil || isNull(fields.node) {
		return p
	}
	before := len(l.doc.problems)
	places := make(map[string]field)
	var amounts []field
	list, _ := fields.entries()
	for _, place := range list {
		places[place.key.Value] = place
		if l.entryField(info, p, place) {
			amounts = append(amounts, place)
		}
	}
	switch {
	case len(amounts) > 1:
		amounts[1].wrong("the entry has an amount already, %s", amounts[0].name())
	case len(amounts) == 1 && len(l.doc.problems) == before:
		p.Amount, places["amount"] = l.amount(info, p, amounts[0]), amounts[0]
	}
	if len(l.doc.problems) > before {
		return nil
	}
	for _, problem := range nemesis.Validate(p, l.exp.Nodes) {
		place, given := places[problem.Field]
		if !given {
			place = fields
		}
		if problem.Field == "amount" {
			problem.Value = place.what() // as it stands in the file, not in the unit of the shape
		}
		place.wrong("%s", strings.TrimPrefix(problem.Error(), problem.Field+": "))
	}
	return p
}

// entryField reads one field of an entry, but for the amount: amount says that f holds it, to be read when
// the shape is known.
func (l *loader) entryField(info *nemesis.Info, p *nemesis.Params, f field) (amount bool) {
	name := f.key.Value
	switch _, isShape := info.Shapes[name]; {
	case name == "shape":
		l.addShapes(p, f, f.wordsOf(slices.Sorted(maps.Keys(info.Shapes))))
	case name == unsyncedField && info.Family == "crash":
		l.addShapes(p, f, l.unsynced(info, f))
	case isShape:
		l.addShapes(p, f, []string{name})
		return l.shorthand(info, p, f)
	case name == "targets":
		p.Targets = f.wordsOf(append(slices.Clone(info.Targets), l.exp.Nodes...))
	case name == "clients":
		p.Clients = f.oneOf(info.Clients)
	case name == "every":
		p.Every = f.durations(time.Millisecond)
	case name == "for":
		p.For = f.durations(time.Millisecond)
	case name == "after":
		p.After = f.duration(0)
	case name == "amount":
		return true
	default:
		names := append(slices.Clone(entryFields), slices.Sorted(maps.Keys(info.Shapes))...)
		if info.Family == "crash" {
			names = append(names, unsyncedField)
		}
		f.wrong("unknown field; %s", allowed(name, names))
	}
	return false
}

// addShapes notes the shapes of an entry; they are given in one place.
func (l *loader) addShapes(p *nemesis.Params, f field, shapes []string) {
	if len(p.Shapes) > 0 && len(shapes) > 0 {
		f.wrong("the entry has the shape %s already; shapes that differ in their amount are entries of "+
			"their own",
			strings.Join(p.Shapes, ", "))
		return
	}
	p.Shapes = shapes
}

// unsynced reads crash's word for its shapes.
func (l *loader) unsynced(info *nemesis.Info, f field) []string {
	words := make(map[string]string)
	for shape := range info.Shapes {
		word, _, _ := strings.Cut(shape, "-")
		words[word] = shape
	}
	var shapes []string
	for _, word := range f.wordsOf(slices.Sorted(maps.Keys(words))) {
		shapes = append(shapes, words[word])
	}
	return shapes
}

// shorthand reads what stands behind a shape's name: true, one of the words for targets, or (amount) an
// amount.
func (l *loader) shorthand(info *nemesis.Info, p *nemesis.Params, f field) (amount bool) {
	switch {
	case f.node.Kind == yaml.ScalarNode && f.node.Value == "true":
	case f.node.Kind == yaml.ScalarNode && slices.Contains(info.Targets, f.node.Value):
		p.Targets = []string{f.node.Value}
	default:
		return true
	}
	return false
}

// amount reads an entry's amount, in the unit of its shapes.
func (l *loader) amount(info *nemesis.Info, p *nemesis.Params, f field) nemesis.Range {
	shapes := p.Shapes
	if len(shapes) == 0 {
		shapes = []string{info.Shape}
	}
	unit := info.Units[shapes[0]]
	for _, shape := range shapes {
		switch other := info.Units[shape]; {
		case other == "":
			f.wrong("%s; %s has no amount", f.what(), shape)
			return nemesis.Range{}
		case other != unit:
			f.wrong("the amount of %s is %s, that of %s is %s; shapes that differ in it are entries of "+
				"their own", shapes[0], unit, shape, other)
			return nemesis.Range{}
		}
	}
	return f.quantity(unit)
}

// faultKind names a fault's kind for people and in outcomes: "partition/halves".
func faultKind(family, shape string) string { return fmt.Sprintf("%s/%s", family, shape) }
