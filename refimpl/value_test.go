package refimpl

import (
	"fmt"
	"testing"
)

func TestChanged(t *testing.T) {
	num := func(n int64) Value { return Value{Kind: Int, Num: n} }
	list := func(ns ...int64) Value {
		v := Value{Kind: List, List: []Value{}}
		for _, n := range ns {
			v.List = append(v.List, num(n))
		}
		return v
	}
	text := Value{Kind: Str, Text: "a"}
	for _, c := range []struct {
		before Value
		op     OpKind
		arg    Value
		after  Value
		ok     bool
	}{
		{Value{}, OpAdd, num(1), list(1), true},
		{list(1), OpAdd, num(2), list(1, 2), true},
		{list(1, 2), OpAdd, num(1), list(1, 2), true},
		{list(1, 2, 3), OpRemove, num(2), list(1, 3), true},
		{list(1), OpRemove, num(2), list(1), true},
		{Value{}, OpRemove, num(2), list(), true},
		{Value{}, OpIncr, num(2), num(2), true},
		{num(3), OpIncr, num(-1), num(2), true},
		{num(3), OpIncr, text, num(3), false},
		{list(1), OpIncr, num(1), list(1), false},
		{text, OpIncr, num(1), text, false},
		{num(3), OpAdd, num(1), num(3), false},
		{text, OpRemove, num(1), text, false},
	} {
		before := fmt.Sprint(c.before)
		after, ok := c.before.Changed(c.op, c.arg)
		if !after.Equal(c.after) || ok != c.ok {
			t.Errorf("%v op %d %v: %v %v, want %v %v", c.before, c.op, c.arg, after, ok, c.after, c.ok)
		}
		if fmt.Sprint(c.before) != before {
			t.Errorf("%s was changed into %v", before, c.before)
		}
	}
}
