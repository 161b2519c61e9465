package checkers

import "github.com/rashomon-harness/rashomon/history"

// valueTable numbers the values of one key: 0 is null, the others follow in the order of their first use.
// Integers that are dense counters, as the bundled workloads write them, are looked up by direct address.
type valueTable struct {
	dense  []int32          // number of the integer at its place, 0 for none
	sparse map[scalar]int32 // of everything else
	names  []*history.Value // by number
}

// scalar is a value as a map key: lists and maps by their text, which tells different ones apart.
type scalar struct {
	kind history.Kind
	num  int64
	text string
}

// number returns the number of v, a new one when v was not seen before.
func (t *valueTable) number(v *history.Value) int32 {
	if len(t.names) == 0 {
		t.names = append(t.names, &history.Value{})
	}
	if v.IsNull() {
		return 0
	}
	n, isInt := v.AsInt()
	if isInt && n >= 0 && n < int64(len(t.dense)) && t.dense[n] != 0 {
		return t.dense[n]
	}
	var s scalar
	if !isInt || len(t.sparse) > 0 {
		s = scalarOf(v)
		if known, ok := t.sparse[s]; ok {
			return known
		}
	}
	id := int32(len(t.names))
	t.names = append(t.names, v)
	if isInt && n >= 0 && n < 64+16*int64(id) {
		t.grow(int(n) + 1)
		t.dense[n] = id
		return id
	}
	if t.sparse == nil {
		t.sparse = map[scalar]int32{}
	}
	t.sparse[scalarOf(v)] = id
	return id
}

func (t *valueTable) grow(size int) {
	if size > cap(t.dense) {
		t.dense = append(make([]int32, 0, max(2*cap(t.dense), size, 64)), t.dense...)
	}
	if size > len(t.dense) {
		t.dense = t.dense[:size]
	}
}

func scalarOf(v *history.Value) scalar {
	s := scalar{kind: v.Kind()}
	switch s.kind {
	case history.Int:
		s.num, _ = v.AsInt()
	case history.Bool:
		if b, _ := v.AsBool(); b {
			s.num = 1
		}
	case history.String:
		s.text, _ = v.AsString()
	default:
		s.text = v.String()
	}
	return s
}
