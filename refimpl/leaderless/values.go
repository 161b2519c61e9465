package leaderless

import (
	"cmp"
	"slices"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// live returns the values of an object that are not traces of deletes.
func live(o *refimpl.Object) []refimpl.Value {
	var values []refimpl.Value
	for i := range o.Siblings {
		if !o.Siblings[i].Deleted {
			values = append(values, o.Siblings[i].Value)
		}
	}
	return values
}

// valueOf returns what a reader is shown of an object.
func valueOf(cfg *refimpl.Config, o *refimpl.Object) refimpl.Value {
	values := live(o)
	switch {
	case cfg.Siblings == refimpl.CRDT:
		if o.Empty() {
			return refimpl.Value{}
		}
		return refimpl.Value{Kind: refimpl.List, List: distinct(values)}
	case len(values) == 0:
		return refimpl.Value{}
	case len(values) == 1:
		return values[0]
	case cfg.Siblings == refimpl.MergeAll:
		return mergeValues(values)
	}
	return refimpl.Value{Kind: refimpl.List, List: values}
}

// mergeValues returns the union of lists, and of other values the greatest.
func mergeValues(values []refimpl.Value) refimpl.Value {
	var union []refimpl.Value
	lists, greatest := false, refimpl.Value{}
	for _, v := range values {
		switch {
		case v.Kind == refimpl.List:
			lists = true
			union = append(union, v.List...)
		case compareValues(v, greatest) > 0:
			greatest = v
		}
	}
	if !lists {
		return greatest
	}
	return refimpl.Value{Kind: refimpl.List, List: distinct(union)}
}

// compareValues orders values by kind, number and text.
func compareValues(a, b refimpl.Value) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Num, b.Num), cmp.Compare(a.Text, b.Text))
}

// distinct returns the values without those that were there before.
func distinct(values []refimpl.Value) []refimpl.Value {
	out := make([]refimpl.Value, 0, len(values))
	for _, v := range values {
		if !slices.ContainsFunc(out, v.Equal) {
			out = append(out, v)
		}
	}
	return out
}

// change returns the value of a key after an operation that reads before it writes. ok is false when the
// value does not fit the operation.
func change(op refimpl.OpKind, o *refimpl.Object, arg refimpl.Value) (v refimpl.Value, ok bool) {
	return mergeValues(live(o)).Changed(op, arg)
}
