package nemesis

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Problem is one thing wrong in an entry.
type Problem struct {
	// as in the experiment file: "shape", "targets", "clients", "every", "for", "amount", "after"
	Field   string
	Value   string // what stands there, "" for nothing
	Allowed string // what may stand there, for people
}

// Error returns the sentence for people, without the place in the file.
func (p Problem) Error() string {
	if p.Value == "" {
		return fmt.Sprintf("%s: %s", p.Field, p.Allowed)
	}
	return fmt.Sprintf("%s: %s is not allowed; allowed: %s", p.Field, p.Value, p.Allowed)
}

// Validate checks an entry for a cluster of the given nodes, and returns everything that is wrong with it.
func Validate(p *Params, nodes []string) []Problem {
	fam := find(p.Family)
	if fam == nil {
		var names []string
		for _, known := range families() {
			names = append(names, known.name)
		}
		return []Problem{{"family", quoted(p.Family), strings.Join(names, ", ")}}
	}
	v := &validator{p: p, fam: fam}
	v.words("shape", p.Shapes, fam.shapeNames())
	v.words("targets", p.Targets, append(slices.Clone(fam.targets), nodes...))
	v.targets()
	v.clients()
	v.times()
	v.amount()
	return v.found
}

type validator struct {
	p     *Params
	fam   *family
	found []Problem
}

func (v *validator) add(field, value, allowed string) {
	v.found = append(v.found, Problem{field, value, allowed})
}

func (v *validator) words(field string, given, allowed []string) {
	for _, word := range given {
		if !slices.Contains(allowed, word) {
			v.add(field, quoted(word), strings.Join(allowed, ", "))
		}
	}
}

func (v *validator) clients() {
	switch word := v.p.Clients; {
	case word == "":
	case v.fam.clients == nil:
		v.add("clients", quoted(word), "nothing: clients do not matter to "+v.fam.name)
	case slices.Contains(v.p.Shapes, Ring) && word != clientsBoth:
		v.add("clients", quoted(word), clientsBoth+": a ring has no sides")
	default:
		v.words("clients", []string{word}, v.fam.clients)
	}
}

// targets looks for combinations of shapes and targets that mean nothing.
func (v *validator) targets() {
	for _, name := range v.shapes() {
		s := v.fam.shape(name)
		switch {
		case s == nil:
		case s.own && len(v.p.Targets) > 0 && len(v.shapes()) == 1:
			v.add("targets", quoted(v.p.Targets[0]), "nothing: "+name+" says itself whom it hits")
		case !s.opposable && slices.Contains(v.p.Targets, opposedNodes):
			v.add("targets", quoted(opposedNodes), "with "+name+" any of "+strings.Join(groupWords, ", "))
		}
	}
}

// shapes returns the shapes that may be drawn.
func (v *validator) shapes() []string {
	if len(v.p.Shapes) == 0 {
		return v.fam.shapeNames()[:1]
	}
	return v.p.Shapes
}

func (v *validator) times() {
	if r := v.p.Every; r.Min <= 0 || r.Max < r.Min {
		v.add("every", r.format(nanos), "a duration above 0, or a range of them such as 5s..8s")
	}
	if v.p.After < 0 {
		v.add("after", nanos.format(v.p.After), "a duration of 0 or more")
	}
	switch r := v.p.For; {
	case v.fam.instant && r != Range{}:
		v.add("for", r.format(nanos), "nothing: "+v.fam.name+" is over at once")
	case !v.fam.instant && (r.Min <= 0 || r.Max < r.Min):
		v.add("for", r.format(nanos), "a duration above 0, or a range of them such as 1s..3s")
	}
}

// amount checks the amount against every shape that may be drawn with it.
func (v *validator) amount() {
	r := v.p.Amount
	if r == (Range{}) {
		return
	}
	var units []unit
	for _, name := range v.shapes() {
		s := v.fam.shape(name)
		if s == nil {
			continue
		}
		if !slices.Contains(units, s.unit) {
			units = append(units, s.unit)
		}
		switch {
		case s.unit == noAmount:
			v.add("amount", r.format(times), "nothing: "+name+" has no amount")
		case r.Min <= 0 || r.Max < r.Min || s.most > 0 && r.Max > s.most:
			v.add("amount", r.format(s.unit), s.limits())
		}
	}
	if len(units) > 1 {
		v.add("amount", r.format(times), "one for shapes that count the same; make the others entries of "+
			"their own")
	}
}

func (s *shape) limits() string {
	limits := fmt.Sprintf("for %s %s above 0, or a range", s.name, s.unit)
	if s.most > 0 {
		limits += ", up to " + s.unit.format(s.most)
	}
	return limits
}

func (fam *family) shapeNames() []string {
	var names []string
	for i := range fam.shapes {
		names = append(names, fam.shapes[i].name)
	}
	return names
}

// format draws r for people; the zero Range, which stands for nothing given, as "".
func (r Range) format(u unit) string {
	switch {
	case r == Range{}:
		return ""
	case r.Min == r.Max:
		return u.format(r.Min)
	case u == nanos:
		return time.Duration(r.Min).String() + ".." + time.Duration(r.Max).String()
	}
	return fmt.Sprintf("%d..%d", r.Min, r.Max)
}

func quoted(word string) string { return fmt.Sprintf("%q", word) }
