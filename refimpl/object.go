package refimpl

import (
	"cmp"
	"slices"
)

// Dot names one write of a key: the N-th of a writer. A writer is one life of a node that coordinates writes,
// or a client that does so itself.
type Dot struct {
	Writer uint64
	N      int64
}

// Compare orders dots by N, those with the same N by writer.
func (d Dot) Compare(e Dot) int {
	return cmp.Or(cmp.Compare(d.N, e.N), cmp.Compare(d.Writer, e.Writer))
}

// Vector is a set of writes (a version vector; Parker et al. 1983): of each writer that it names, by rising
// number, the first N. A Vector is never changed.
type Vector []Dot

// Of returns how many writes of a writer are in v.
func (v Vector) Of(writer uint64) int64 {
	if at, found := v.find(writer); found {
		return v[at].N
	}
	return 0
}

// Has reports whether a write is in v.
func (v Vector) Has(d Dot) bool { return d.N <= v.Of(d.Writer) }

// With returns v with the first d.N writes of d's writer.
func (v Vector) With(d Dot) Vector {
	at, found := v.find(d.Writer)
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

func (v Vector) find(writer uint64) (at int, found bool) {
	return slices.BinarySearchFunc(v, writer, func(d Dot, w uint64) int { return cmp.Compare(d.Writer, w) })
}

// Sibling is a version that nobody knew when they wrote over the key.
type Sibling struct {
	Dot     Dot
	Value   Value
	Deleted bool // it is the trace of a delete
	// Past, in a Vectored object, is the write's version vector: the writes that it supersedes, and itself.
	Past Vector
}

// Versioning is how an Object tells which of two versions supersedes the other.
type Versioning uint8

// The ways.
const (
	Dotted   Versioning = iota // by the writes that each replica has seen
	Latest                     // a register: the greatest dot stays, Seen is empty
	Vectored                   // by version vectors, one a version; Seen is empty
)

// Object is what a replica holds of a key: the versions that no known write has superseded, by dot, and all
// the writes that it knows, those included (dotted version vectors: Preguiça, Baquero, Almeida, Fonte,
// Gonçalves 2012, "Brief Announcement: Efficient Causality Tracking in Distributed Storage Systems with
// Dotted Version Vectors"; kept for the whole set of a key's versions as in Almeida, Baquero, Gonçalves,
// Preguiça, Fonte 2014, "Scalable and Accurate Causality Tracking for Eventually Consistent Stores"). Other
// kinds of versions are there to be compared with. An Object is never changed; the zero Object is a key
// that was never written.
type Object struct {
	Siblings []Sibling
	Seen     Vector
	Kind     Versioning
}

// Empty reports whether the key was never written, or all trace of it is gone.
func (o Object) Empty() bool { return len(o.Siblings) == 0 && len(o.Seen) == 0 }

// Merge returns what two replicas know together. Of dotted versions, one that a replica lacks although it
// knows the write was superseded there.
func Merge(a, b Object) Object {
	switch {
	case a.Empty():
		return b
	case b.Empty():
		return a
	case a.Kind == Latest:
		if a.Greatest().Compare(b.Greatest()) < 0 {
			return b
		}
		return a
	case a.Kind == Vectored:
		return mergeVectored(a, b)
	}
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

// mergeVectored keeps the versions whose vectors no other one covers.
func mergeVectored(a, b Object) Object {
	all := slices.Clone(a.Siblings)
	for _, s := range b.Siblings {
		if !a.has(s.Dot) {
			all = append(all, s)
		}
	}
	kept := slices.DeleteFunc(slices.Clone(all), func(s Sibling) bool {
		return slices.ContainsFunc(all, func(t Sibling) bool {
			return t.Dot != s.Dot &&
				t.Past.Covers(s.Past)
		})
	})
	slices.SortFunc(kept, compareSiblings)
	return Object{Siblings: kept, Kind: Vectored}
}

// Greatest returns the greatest dot among the versions, the zero Dot when there is none.
func (o Object) Greatest() Dot {
	var d Dot
	for i := range o.Siblings {
		if i == 0 || d.Compare(o.Siblings[i].Dot) < 0 {
			d = o.Siblings[i].Dot
		}
	}
	return d
}

// Same reports whether two objects of one key are the same.
func (o Object) Same(p Object) bool {
	same := func(s, t Sibling) bool { return s.Dot == t.Dot }
	return slices.EqualFunc(o.Siblings, p.Siblings, same) && slices.Equal(o.Seen, p.Seen)
}

// Write returns o after a write by writer, who had read what is in context: that it supersedes, everything
// else stays beside it. o must hold all earlier writes of the writer, or two writes would have one name.
//
// context must be the Seen of an Object that the author of the write was shown, and, where the author is the
// writer, may have its own writes. A node's dots never stand for its client: they stand for all that the node
// coordinated before, of which the client may know nothing.
func (o Object) Write(writer uint64, context Vector, value Value, deleted bool) (Object, Dot) {
	seen := o.Seen.Join(context)
	dot := Dot{Writer: writer, N: seen.Of(writer) + 1}
	kept := slices.DeleteFunc(slices.Clone(o.Siblings), func(s Sibling) bool { return context.Has(s.Dot) })
	kept = append(kept, Sibling{Dot: dot, Value: value, Deleted: deleted})
	slices.SortFunc(kept, compareSiblings)
	return Object{Siblings: kept, Seen: seen.With(dot)}, dot
}

// Register returns the register with one version.
func Register(dot Dot, value Value, deleted bool) Object {
	return Object{Siblings: []Sibling{{Dot: dot, Value: value, Deleted: deleted}}, Kind: Latest}
}

// Dots returns the names of the versions.
func (o Object) Dots() []Dot {
	dots := make([]Dot, len(o.Siblings))
	for i := range o.Siblings {
		dots[i] = o.Siblings[i].Dot
	}
	return dots
}

// Size returns about how many bytes o takes on the wire.
func (o *Object) Size() int {
	if o == nil {
		return 0
	}
	n := 4 + 12*len(o.Seen)
	for i := range o.Siblings {
		n += 13 + o.Siblings[i].Value.Size() + 12*len(o.Siblings[i].Past)
	}
	return n
}

func (o Object) has(d Dot) bool {
	return slices.ContainsFunc(o.Siblings, func(s Sibling) bool { return s.Dot == d })
}

func compareSiblings(a, b Sibling) int {
	return cmp.Or(cmp.Compare(a.Dot.Writer, b.Dot.Writer), cmp.Compare(a.Dot.N, b.Dot.N))
}
