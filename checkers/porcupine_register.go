package checkers

import (
	"slices"

	"github.com/anishathalye/porcupine"
)

// registerSearch is a register's history for the general engine.
func registerSearch(r *register) *problem {
	p := &problem{keyHistory: r.keyHistory, model: registerModel(len(r.blocks))}
	for i := range r.deeds {
		if r.deeds[i].kind != goneDeed {
			p.all = append(p.all, int32(i))
		}
	}
	c := cutter{register: r, all: p.all, producers: make([][]int32, len(r.blocks))}
	for _, i := range p.all {
		if d := &r.deeds[i]; d.produces() {
			c.producers[d.value] = append(c.producers[d.value], i)
		}
	}
	p.closed = c.closed
	p.operations = c.operations
	return p
}

// registerModel is the sequential register over so many values. The state is the number of the value.
func registerModel(values int) porcupine.Model {
	states := make([]any, values) // made once: an integer in an interface is an allocation
	for v := range states {
		states[v] = int32(v)
	}
	return porcupine.Model{
		Init: func() any { return states[0] },
		Step: func(state, input, _ any) (bool, any) {
			now, d := state.(int32), input.(*deedOf)
			switch d.kind {
			case readDeed:
				return now == d.value, state
			case writeDeed:
				return true, states[d.value]
			case notDeed:
				return now != d.old, state
			}
			if now == d.old {
				return true, states[d.value]
			}
			return !d.sure, state // an ambiguous cas may have found something else, and done nothing
		},
		Equal: func(a, b any) bool { return a.(int32) == b.(int32) },
		Hash:  func(state any) uint64 { return uint64(state.(int32)) * 0x9e3779b97f4a7c15 },
	}
}

// cutter cuts a register's history down to a part of its deeds. The part is implied by the whole (if that
// is linearizable, so is the part) when these hold:
//
//   - all producers of a value that a read of the part found are in it. Then take an order that explains
//     the whole, and leave the others out: what was found is still what was set last;
//   - a cas of the part, of whose expected value some producer is missing, is taken for a mere write;
//   - what made an ambiguous deed sure is in it too;
//   - with a blind refusal in it ("anything but old"), all producers are in it.
type cutter struct {
	*register
	all       []int32
	producers [][]int32 // by value
}

func (c *cutter) closed(core []int32) []int32 {
	in := make([]bool, len(c.deeds))
	var todo []int32
	add := func(i int32) {
		if i >= 0 && !in[i] {
			in[i] = true
			todo = append(todo, i)
		}
	}
	for _, i := range core {
		add(i)
	}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		add(c.closerOf(i))
		for _, j := range c.needed(&c.deeds[i]) {
			add(j)
		}
	}
	var out []int32
	for _, i := range c.all {
		if in[i] {
			out = append(out, i)
		}
	}
	return out
}

// needed returns the producers without which d would mean something else.
func (c *cutter) needed(d *deedOf) []int32 {
	switch d.kind {
	case readDeed:
		return c.producers[d.value]
	case notDeed:
		return slices.Concat(c.producers...)
	}
	return nil
}

func (c *cutter) operations(deeds []int32) []porcupine.Operation {
	producers := make([]int32, len(c.blocks))
	producers[0] = 1
	for _, i := range deeds {
		if d := &c.deeds[i]; d.produces() {
			producers[d.value]++
		}
	}
	ops := make([]porcupine.Operation, len(deeds))
	for at, i := range deeds {
		d := &c.deeds[i]
		if d.kind == casDeed && producers[d.old] < c.blocks[d.old].producers {
			d = &deedOf{call: d.call, ret: d.ret, value: d.value, kind: writeDeed, sure: d.sure}
		}
		ops[at] = porcupine.Operation{Input: d, Call: d.call, Return: d.ret}
	}
	return ops
}
