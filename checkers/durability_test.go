package checkers

import (
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// endOf is when the final reads of drawn histories begin.
const endOf = 40

// durabilityTwin decides which values a register can have at the end, by trying every order of its writes
// and every choice among the ambiguous ones.
type durabilityTwin struct {
	effects []*history.Op // writes and deletes that did not fail
}

// possible reports whether some order that respects real time ends in value.
func (tw *durabilityTwin) possible(value history.Value) bool {
	used := make([]bool, len(tw.effects))
	var try func(state history.Value) bool
	try = func(state history.Value) bool {
		left := false
		for i, op := range tw.effects {
			if used[i] {
				continue
			}
			left = left || op.Type == history.Ok
			first := !slices.ContainsFunc(tw.effects, func(x *history.Op) bool {
				return !used[slices.Index(tw.effects, x)] && x.Precedes(op)
			})
			if first {
				used[i] = true
				if try(op.Arg) {
					return true
				}
				used[i] = false
			}
		}
		return !left && state.Equal(value)
	}
	return try(history.Value{})
}

// endHistory draws a small history of one register with final reads and peeks.
func endHistory(d *dice) *history.History {
	ops := make([]history.Op, 1+d.n(5))
	for i := range ops {
		op := &ops[i]
		*op = history.Op{Session: "s", Key: "k", F: history.FWrite, Arg: history.IntValue(int64(1 + d.n(4)))}
		op.Call, op.Return = d.span(8)
		if d.bool(5) {
			op.F, op.Arg = history.FDelete, history.Value{}
		}
		d.outcome(op)
	}
	for i := range 1 + d.n(3) {
		op := history.Op{Session: "s", Key: "k", F: history.FRead, Type: history.Ok}
		op.Call, op.Return = endOf, endOf+1
		if i > 0 {
			op.F, op.Node = history.FPeek, string(rune('a'+i))
		}
		if v := d.n(6); v > 0 {
			op.Result = history.IntValue(int64(v))
		}
		if d.bool(5) && ops[0].F == history.FWrite {
			op.Result = history.IntsValue([]int64{1, 2, 3, 4, 5}[:d.n(4)]...)
		}
		if d.bool(8) {
			op.Type, op.Result = history.Fail, history.Value{}
		}
		ops = append(ops, op)
	}
	return historyOf(ops, endOf)
}

// versionsOf returns the values that an answer has: null when it has none.
func versionsOf(answer *history.Op) []history.Value {
	if list, ok := answer.Result.AsList(); ok && len(list) > 0 {
		return list
	} else if ok {
		return []history.Value{{}}
	}
	return []history.Value{answer.Result}
}

// durabilityAgrees compares the checker with its twin on registers.
func durabilityAgrees(t testing.TB, d *dice) {
	h := endHistory(d)
	v := checked(Durable(), h)[Durability]
	twin := durabilityTwin{}
	acknowledged, read, silent, answers, legal, explained := 0, false, false, 0, true, false
	for i := range h.Len() {
		switch op := &h.Ops()[i]; {
		case op.Call >= endOf && op.Type == history.Ok:
			answers++
			read = read || op.F == history.FRead
		case op.Call >= endOf:
			silent = silent || op.F == history.FPeek
		case op.Type == history.Fail:
		default:
			twin.effects = append(twin.effects, op)
			if op.Type == history.Ok {
				acknowledged++
			}
		}
	}
	several := false
	for i := range h.Len() {
		op := &h.Ops()[i]
		if op.Call < endOf || op.Type != history.Ok {
			continue
		}
		several = several || op.Result.Kind() == history.List
		for _, version := range versionsOf(op) {
			explained = explained || twin.possible(version)
			made := func(x *history.Op) bool { return x.Arg.Equal(version) }
			legal = legal && (version.IsNull() || slices.ContainsFunc(twin.effects, made))
		}
	}
	deleted := slices.ContainsFunc(twin.effects, func(x *history.Op) bool { return x.F == history.FDelete })
	want := Valid
	switch {
	case answers == 0 || !read && silent || several && deleted:
		want = Unknown
	case !legal || !explained:
		want = Invalid
	case acknowledged == 0:
		want = Unknown
	}
	if v.Result != want {
		sayHistory(t, h, "%+v, want %v", v, want)
	}
	provesItself(t, Durable(), v, endOf)
	if t.Failed() {
		sayHistory(t, h, "witness")
	}
}

func TestDurabilityAgreesWithTwin(t *testing.T) { many(t, 5_000, durabilityAgrees) }

func FuzzDurability(f *testing.F) { fuzz(f, durabilityAgrees) }

// endList draws a small history of one list with final reads and peeks.
func endList(d *dice) *history.History {
	ops := make([]history.Op, 1+d.n(5))
	for i := range ops {
		op := &ops[i]
		*op = history.Op{Session: "s", Key: "k", F: history.FAppend, Arg: history.IntValue(int64(i + 1))}
		op.Call, op.Return = d.span(8)
		d.outcome(op)
	}
	for i := range 1 + d.n(3) {
		op := history.Op{Session: "s", Key: "k", F: history.FRead, Type: history.Ok}
		op.Call, op.Return = endOf, endOf+1
		if i > 0 {
			op.F, op.Node = history.FPeek, string(rune('a'+i))
		}
		var list []int64
		for v := range int64(6) {
			for range min(d.n(12), 2) {
				list = slices.Insert(list, d.n(len(list)+1), v+1)
			}
			if d.bool(8) {
				list = slices.DeleteFunc(list, func(e int64) bool { return e == v+1 })
			}
		}
		op.Result = history.IntsValue(list...)
		ops = append(ops, op)
	}
	return historyOf(ops, endOf)
}

// listEndAgrees compares the checker with the definition on lists.
func listEndAgrees(t testing.TB, d *dice) {
	h := endList(d)
	v := checked(Durable(), h)[Durability]
	want := map[string]int64{}
	for e := range int64(6) {
		var by *history.Op
		shown, twice := false, false
		for i := range h.Len() {
			switch op := &h.Ops()[i]; {
			case op.F == history.FAppend && op.Arg.Equal(history.IntValue(e+1)):
				by = op
			case op.F != history.FAppend:
				list := ints(op.Result)
				at := slices.Index(list, e+1)
				shown = shown || at >= 0
				twice = twice || at >= 0 && slices.Contains(list[at+1:], e+1)
			}
		}
		for kind, found := range map[string]bool{
			KindLostAppend:  by != nil && by.Type == history.Ok && !shown,
			KindDuplicated:  twice,
			KindResurrected: by != nil && by.Type == history.Fail && shown,
			KindPhantom:     by == nil && shown,
		} {
			if found {
				want[kind]++
			}
		}
	}
	for _, kind := range []string{KindLostAppend, KindDuplicated, KindResurrected, KindPhantom} {
		if v.Counts[kind] != want[kind] {
			sayHistory(t, h, "%s: %d, want %d", kind, v.Counts[kind], want[kind])
		}
	}
	provesItself(t, Durable(), v, endOf)
}

func TestListEndsAgreeWithTwin(t *testing.T) { many(t, 5_000, listEndAgrees) }

func FuzzListEnds(f *testing.F) { fuzz(f, listEndAgrees) }
