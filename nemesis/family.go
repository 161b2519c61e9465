package nemesis

import (
	"fmt"
	"time"

	"github.com/rashomon-harness/rashomon/plan"
)

// family is everything the package knows about one family of faults; each has a file of its own.
type family struct {
	name    string
	summary string
	needs   string   // the capability in package targets
	shapes  []shape  // the first is the default
	targets []string // the words, the first is the default
	clients []string // the words, the first is the default; nil when clients do not matter
	instant bool     // the fault is a deed, not an interval: For is 0
	resolve func(f *plan.Fault, v *View, a *Action)
}

// shape is one variant of a family.
type shape struct {
	name      string
	about     string
	unit      unit  // of the amount
	usual     Range // the amount when the entry gives none
	most      int64 // the largest amount allowed, 0 for no limit
	sign      sign
	own       bool // the shape says itself whom it hits, words for targets do not matter
	opposable bool // clock: may be aimed at opposed clocks
}

// unit says what an amount counts.
type unit string

const (
	noAmount unit = ""
	nanos    unit = UnitTime
	ppm      unit = UnitPPM
	times    unit = UnitFactor
)

// sign says in which direction an amount, always given as a positive number, goes.
type sign int8

const (
	plus   sign = iota
	minus       // the fault's amount is negative
	either      // a draw decides for each fault
)

// families returns all families, in the order in which they are shown to people.
func families() []*family {
	return []*family{&partition, &crash, &pause, &clock, &link, &disk, &operator}
}

func find(name string) *family {
	for _, fam := range families() {
		if fam.name == name {
			return fam
		}
	}
	return nil
}

func (fam *family) shape(name string) *shape {
	for i := range fam.shapes {
		if fam.shapes[i].name == name {
			return &fam.shapes[i]
		}
	}
	return nil
}

// All describes every family.
func All() []Info {
	var all []Info
	for _, fam := range families() {
		info := Info{Family: fam.name, Summary: fam.summary, Shape: fam.shapes[0].name, Needs: fam.needs,
			Shapes:  map[string]string{},
			Units:   map[string]string{},
			Targets: append([]string(nil), fam.targets...),
			Clients: append([]string(nil), fam.clients...),
		}
		for i := range fam.shapes {
			info.Shapes[fam.shapes[i].name] = fam.shapes[i].describe()
			info.Units[fam.shapes[i].name] = string(fam.shapes[i].unit)
		}
		all = append(all, info)
	}
	return all
}

func (s *shape) describe() string {
	if s.unit == noAmount {
		return s.about
	}
	return fmt.Sprintf("%s (amount: %s, default %s..%s)", s.about, s.unit,
		s.unit.format(s.usual.Min), s.unit.format(s.usual.Max))
}

// format draws an amount for people.
func (u unit) format(n int64) string {
	switch u {
	case nanos:
		return time.Duration(n).String()
	case ppm:
		return fmt.Sprintf("%dppm", n)
	}
	return fmt.Sprint(n)
}
