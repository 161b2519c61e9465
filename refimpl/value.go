package refimpl

import "slices"

// ValueKind is the type of a Value.
type ValueKind uint8

// The types of values; the zero Value is Nil, "no value".
const (
	Nil ValueKind = iota
	Int
	Bool
	Str
	List
)

// Value is what a key holds. Values are immutable; slices are shared and never written to.
type Value struct {
	Kind ValueKind
	Num  int64
	Text string
	List []Value
}

// Equal reports whether v and w are the same value.
func (v Value) Equal(w Value) bool {
	return v.Kind == w.Kind && v.Num == w.Num && v.Text == w.Text && slices.EqualFunc(v.List, w.List,
		Value.Equal)
}

// Size returns about how many bytes v takes on the wire.
func (v Value) Size() int { return 8 + len(v.Text) + 8*len(v.List) }
