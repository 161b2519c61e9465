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

// Changed returns the value v after an OpAdd, OpRemove or OpIncr with arg: v as a set, kept as a list
// without duplicates in the order of addition, with or without the element, or as an integer plus arg. The
// value Nil is the empty set, and 0. ok is false when v or arg is not of that kind.
func (v Value) Changed(op OpKind, arg Value) (after Value, ok bool) {
	if op == OpIncr {
		if v.Kind != Int && v.Kind != Nil || arg.Kind != Int {
			return v, false
		}
		return Value{Kind: Int, Num: v.Num + arg.Num}, true
	}
	if v.Kind != List && v.Kind != Nil {
		return v, false
	}
	at := slices.IndexFunc(v.List, arg.Equal)
	list := slices.Clone(v.List)
	switch {
	case op == OpAdd && at < 0:
		list = append(list, arg)
	case op == OpRemove && at >= 0:
		list = slices.Delete(list, at, at+1)
	}
	return Value{Kind: List, List: list}, true
}
