package history

// cellKind is how a value is held: as its own kind, or as a list of integers. The zero cellKind is null.
type cellKind uint8

// cellInts is a list of integers, none of them missing; its elements lie together in valueStore.ints.
const cellInts = cellKind(Map + 1)

// cells is a column of values.
type cells struct {
	kinds []cellKind
	nums  []int64 // the integer, 1 for true, or the place in the store
}

func (c *cells) kindOf(i int) Kind {
	if c.kinds[i] == cellInts {
		return List
	}
	return Kind(c.kinds[i])
}

func (c *cells) integer(i int) (int64, bool) {
	if c.kinds[i] != cellKind(Int) {
		return 0, false
	}
	return c.nums[i], true
}

// valueStore has what does not fit into a cell.
type valueStore struct {
	ints  []int64
	texts []string
	rest  []Value
}

// The place of a list of integers is its offset in ints and, in the lowest bits, its length.
const (
	lengthBits = 24
	lengthMax  = 1<<lengthBits - 1
)

// add appends v to a column.
func (s *valueStore) add(c *cells, v *Value) {
	kind, num := s.cell(v)
	c.kinds, c.nums = append(c.kinds, kind), append(c.nums, num)
}

// put replaces the value at place i of a column by v.
func (s *valueStore) put(c *cells, i int, v *Value) { c.kinds[i], c.nums[i] = s.cell(v) }

// cell returns the cell of v.
func (s *valueStore) cell(v *Value) (cellKind, int64) {
	switch v.kind {
	case Null, Int, Bool:
		return cellKind(v.kind), v.num
	case String:
		s.texts = append(s.texts, v.text)
		return cellKind(String), int64(len(s.texts) - 1)
	case List:
		if place, ok := s.addInts(v.list); ok {
			return cellInts, place
		}
	}
	s.rest = append(s.rest, *v)
	return cellKind(v.kind), int64(len(s.rest) - 1)
}

// addInts stores a list of integers, when it is one.
func (s *valueStore) addInts(list []Value) (place int64, ok bool) {
	if len(list) == 0 || len(list) > lengthMax {
		return 0, false
	}
	for i := range list {
		if list[i].kind != Int {
			return 0, false
		}
	}
	place = int64(len(s.ints))<<lengthBits | int64(len(list))
	for i := range list {
		s.ints = append(s.ints, list[i].num)
	}
	return place, true
}

// value returns the value at place i of a column.
func (s *valueStore) value(c *cells, i int) Value {
	num := c.nums[i]
	switch kind := c.kinds[i]; kind {
	case cellInts:
		ints, _ := s.integers(c, i)
		return IntsValue(ints...)
	case cellKind(String):
		return Value{kind: String, text: s.texts[num]}
	case cellKind(List), cellKind(Map):
		return s.rest[num]
	default:
		return Value{kind: Kind(kind), num: num}
	}
}

// integers returns the list of integers at place i of a column, and whether it is one.
func (s *valueStore) integers(c *cells, i int) ([]int64, bool) {
	if c.kinds[i] != cellInts {
		return nil, false
	}
	from, n := c.nums[i]>>lengthBits, c.nums[i]&lengthMax
	return s.ints[from : from+n : from+n], true
}
