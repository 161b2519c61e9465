package checkers

import (
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/rashomon-harness/rashomon/history"
)

// listSearch is a list's history for the general engine. It is used where elements were appended twice.
func listSearch(l *linList) *problem {
	p := &problem{keyHistory: l.keyHistory, model: listModel(), bytes: int64(4 * len(l.deeds))}
	for i := range l.deeds {
		if d := &l.deeds[i]; d.kind != goneDeed && (d.kind == readDeed || d.sure || l.elements[d.value].met) {
			p.all = append(p.all, int32(i))
		}
	}
	p.closed = func(core []int32) []int32 { return l.closed(p.all, core) }
	p.operations = l.operations
	return p
}

// linListStep is an operation of the list model: an append of the one element, or a read of all of them.
type linListStep struct {
	read     bool
	elements []int32
}

// linListState is the list's state. It is shared and never changed.
type linListState struct {
	elements []int32
	hash     uint64
}

// listModel is the sequential append-only list.
func listModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return &linListState{} },
		Step: func(state, input, _ any) (bool, any) {
			now, step := state.(*linListState), input.(*linListStep)
			if step.read {
				return slices.Equal(now.elements, step.elements), state
			}
			return true, &linListState{
				elements: append(slices.Clip(now.elements), step.elements...),
				hash:     (now.hash ^ uint64(step.elements[0])) * 0x9e3779b97f4a7c15,
			}
		},
		Equal: func(a, b any) bool {
			return slices.Equal(a.(*linListState).elements, b.(*linListState).elements)
		},
		Hash: func(state any) uint64 { return state.(*linListState).hash },
	}
}

// closed returns core with all appends of the elements that its reads returned. The appends that are left
// out come after all of its reads in any order that explains the whole, so the part is implied by it.
func (l *linList) closed(all, core []int32) []int32 {
	in := make([]bool, len(l.deeds))
	needed := make([]bool, len(l.elements))
	for _, i := range core {
		in[i] = true
		if d := &l.deeds[i]; d.kind == readDeed {
			for _, e := range l.numbers(d) {
				needed[e] = true
			}
		}
	}
	var out []int32
	for _, i := range all {
		if d := &l.deeds[i]; in[i] || d.kind == writeDeed && needed[d.value] {
			out = append(out, i)
		}
	}
	return out
}

// numbers returns the numbers of the elements that the read d returned.
func (l *linList) numbers(d *deedOf) []int32 {
	list := l.list(d)
	out := make([]int32, len(list))
	for i := range list {
		out[i] = l.values.number(&list[i])
	}
	return out
}

// operations returns the given deeds in the model's terms. An ambiguous append whose element has no other
// is closed when the first of the given reads with it returned.
func (l *linList) operations(deeds []int32) []porcupine.Operation {
	seen := make([]int64, len(l.elements))
	for e := range seen {
		seen[e] = history.Never
	}
	ops := make([]porcupine.Operation, len(deeds))
	for at, i := range deeds {
		d := &l.deeds[i]
		step := &linListStep{read: d.kind == readDeed, elements: []int32{d.value}}
		if step.read {
			step.elements = l.numbers(d)
			for _, e := range step.elements {
				seen[e] = min(seen[e], d.ret)
			}
		}
		ops[at] = porcupine.Operation{Input: step, Call: d.call, Return: d.ret}
	}
	for at, i := range deeds {
		if d := &l.deeds[i]; d.kind == writeDeed && !d.sure && l.elements[d.value].producers == 1 {
			ops[at].Return = seen[d.value]
		}
	}
	return ops
}
