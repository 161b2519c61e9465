package leaderless

import (
	"slices"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
)

// merge returns what two replicas know together, with the defects that the configuration asks for.
func merge(cfg *refimpl.Config, a, b refimpl.Object) refimpl.Object {
	o := refimpl.Merge(a, b)
	if cfg.Bugs == 0 {
		return o
	}
	if cfg.Bugs.Has(refimpl.BugEntryDropped) && !a.Empty() && !b.Empty() && len(o.Seen) > 1 {
		o.Seen = o.Seen[:len(o.Seen)-1]
	}
	if cfg.Bugs.Has(refimpl.BugSiblingDropped) && len(o.Siblings) > 2 {
		o.Siblings = o.Siblings[:2]
	}
	if cfg.Bugs.Has(refimpl.BugConcurrentOrdered) && len(o.Siblings) > 1 {
		greatest := o.Greatest()
		o.Siblings = slices.DeleteFunc(slices.Clone(o.Siblings), func(s refimpl.Sibling) bool {
			return s.Dot.N < greatest.N
		})
	}
	return o
}

// digest returns a hash of an object: equal objects have equal ones.
func digest(o *refimpl.Object) uint64 {
	h := keyed.New(uint64(o.Kind))
	for i := range o.Siblings {
		h = h.With2(o.Siblings[i].Dot.Writer, uint64(o.Siblings[i].Dot.N))
	}
	for _, d := range o.Seen {
		h = h.With2(d.Writer, uint64(d.N))
	}
	return h.With2(uint64(len(o.Siblings)), uint64(len(o.Seen))).Uint64()
}
