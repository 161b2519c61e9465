package checkers

import "github.com/rashomon-harness/rashomon/history"

// valueTable numbers the values of one key: 0 is null, the others follow in the order of their first use.
// Integers that are dense counters, as the bundled workloads write them, are looked up by direct address.
type valueTable struct {
	dense  []int32 // number of the integer at its place, 0 for none
	ints   map[int64]int32
	others map[scalar]int32
	nums   []int64                 // by number, of integers
	names  map[int32]history.Value // by number, of everything else but null
}

// scalar is a value as a map key: of all kinds but integers by its text, which tells different ones apart.
type scalar struct {
	kind history.Kind
	num  int64
	text string
}

// reset forgets all values, and keeps the memory.
func (t *valueTable) reset() {
	clear(t.dense)
	t.dense = t.dense[:0]
	clear(t.ints)
	clear(t.others)
	clear(t.names)
	t.nums = t.nums[:0]
}

// size returns how many numbers are in use.
func (t *valueTable) size() int { return max(len(t.nums), 1) }

// name returns the value with that number.
func (t *valueTable) name(number int32) history.Value {
	if v, known := t.names[number]; known || number == 0 {
		return v
	}
	return history.IntValue(t.nums[number])
}

// next takes the next number, for an integer, or for something else, with n 0.
func (t *valueTable) next(n int64) int32 {
	if len(t.nums) == 0 {
		t.nums = append(t.nums, 0)
	}
	t.nums = append(t.nums, n)
	return int32(len(t.nums) - 1)
}

// integer returns the number of an integer, a new one when it was not seen before.
func (t *valueTable) integer(n int64) int32 {
	direct := n >= 0 && n < int64(len(t.dense))
	if direct && t.dense[n] != 0 {
		return t.dense[n]
	}
	if id, known := t.ints[n]; known {
		return id
	}
	id := t.next(n)
	if n >= 0 && n < 64+16*int64(id) {
		t.grow(int(n) + 1)
		t.dense[n] = id
		return id
	}
	if t.ints == nil {
		t.ints = map[int64]int32{}
	}
	t.ints[n] = id
	return id
}

// number returns the number of v, a new one when v was not seen before.
func (t *valueTable) number(v history.Value) int32 {
	if v.IsNull() {
		return 0
	}
	if n, isInt := v.AsInt(); isInt {
		return t.integer(n)
	}
	s := scalarOf(&v)
	if id, known := t.others[s]; known {
		return id
	}
	if t.others == nil {
		t.others, t.names = map[scalar]int32{}, map[int32]history.Value{}
	}
	id := t.next(0)
	t.others[s], t.names[id] = id, v
	return id
}

func (t *valueTable) grow(size int) {
	if size <= len(t.dense) {
		return
	}
	size = max(size, 2*len(t.dense), 64)
	if size > cap(t.dense) {
		t.dense = append(make([]int32, 0, size), t.dense...)
	}
	t.dense = t.dense[:size] // which is zero behind its end, see reset
}

func scalarOf(v *history.Value) scalar {
	s := scalar{kind: v.Kind()}
	switch s.kind {
	case history.Int:
		s.num, _ = v.AsInt()
	case history.String:
		s.text, _ = v.AsString()
	default:
		s.text = v.String()
	}
	return s
}
