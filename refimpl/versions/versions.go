// Package versions tells which of two writes of a key was made by somebody who knew the other, and which are
// concurrent: dotted version vectors (Preguiça, Baquero, Almeida, Fonte, Gonçalves 2012, "Brief Announcement:
// Efficient Causality Tracking in Distributed Storage Systems with Dotted Version Vectors"), kept for the
// whole set of a key's versions (Almeida, Baquero, Gonçalves, Preguiça, Fonte 2014, "Scalable and Accurate
// Causality Tracking for Eventually Consistent Stores").
package versions

import (
	"cmp"
	"slices"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// Dot names one write of a key: the N-th, from 1, that a node coordinated.
type Dot struct {
	Node int32
	N    int64
}

// Vector is a set of writes (a version vector; Parker et al. 1983): of each node that it names, by rising
// number, the first N that it coordinated. A Vector is never changed.
type Vector []Dot

// Of returns how many writes of a node are in v.
func (v Vector) Of(node int32) int64 {
	if at, found := v.find(node); found {
		return v[at].N
	}
	return 0
}

// Has reports whether a write is in v.
func (v Vector) Has(d Dot) bool { return d.N <= v.Of(d.Node) }

// With returns v with the first d.N writes of d's node.
func (v Vector) With(d Dot) Vector {
	at, found := v.find(d.Node)
	switch {
	case !found && d.N > 0:
		return slices.Insert(slices.Clone(v), at, d)
	case found && d.N > v[at].N:
		w := slices.Clone(v)
		w[at] = d
		return w
	}
	return v
}

// Join returns the writes that are in v or in w.
func (v Vector) Join(w Vector) Vector {
	for _, d := range w {
		v = v.With(d)
	}
	return v
}

// Covers reports whether all writes in w are in v.
func (v Vector) Covers(w Vector) bool {
	return !slices.ContainsFunc(w, func(d Dot) bool { return !v.Has(d) })
}

func (v Vector) find(node int32) (at int, found bool) {
	return slices.BinarySearchFunc(v, node, func(d Dot, node int32) int { return cmp.Compare(d.Node, node) })
}

// Sibling is a version that nobody knew when they wrote over the key.
type Sibling struct {
	Dot     Dot
	Value   refimpl.Value
	Deleted bool // it is the trace of a delete
}

// Object is what a replica holds of a key: the versions that no known write has superseded, by dot, and all
// the writes that it knows, those included. An Object is never changed; the zero Object is a key that was
// never written.
type Object struct {
	Siblings []Sibling
	Seen     Vector
}

// Merge returns what two replicas know together. A version that one of them lacks although it knows the write
// was superseded there.
func Merge(a, b Object) Object {
	var kept []Sibling
	for _, s := range a.Siblings {
		if b.has(s.Dot) || !b.Seen.Has(s.Dot) {
			kept = append(kept, s)
		}
	}
	for _, s := range b.Siblings {
		if !a.has(s.Dot) && !a.Seen.Has(s.Dot) {
			kept = append(kept, s)
		}
	}
	slices.SortFunc(kept, compareSiblings)
	return Object{Siblings: kept, Seen: a.Seen.Join(b.Seen)}
}

// Write returns o after a write, coordinated by node, whose writer had read what is in context: that it
// supersedes, everything else stays beside it. The node must know all its own earlier writes of the key, or
// two writes would have one name.
//
// context must be the Seen of an Object that the writer was shown. That the writer made an earlier write does
// not put the dot of that into its context: the dot stands for all that its node coordinated before, too, and
// of those the writer may know nothing.
func (o Object) Write(node int32, context Vector, value refimpl.Value, deleted bool) (Object, Dot) {
	seen := o.Seen.Join(context)
	dot := Dot{Node: node, N: seen.Of(node) + 1}
	kept := slices.DeleteFunc(slices.Clone(o.Siblings), func(s Sibling) bool { return context.Has(s.Dot) })
	kept = append(kept, Sibling{Dot: dot, Value: value, Deleted: deleted})
	slices.SortFunc(kept, compareSiblings)
	return Object{Siblings: kept, Seen: seen.With(dot)}, dot
}

func (o Object) has(d Dot) bool {
	return slices.ContainsFunc(o.Siblings, func(s Sibling) bool { return s.Dot == d })
}

func compareSiblings(a, b Sibling) int {
	return cmp.Or(cmp.Compare(a.Dot.Node, b.Dot.Node), cmp.Compare(a.Dot.N, b.Dot.N))
}
