package checkers

import "slices"

// valueIndex numbers integers from 0 on. Where they lie close together it is a table, else a map. Its
// memory is used again after reset.
type valueIndex struct {
	first  int64   // the integer of direct[0]
	direct []int32 // the number plus one, 0 for none
	spread map[int64]int32
	count  int32
}

// reset forgets all. The integers to come, as many as n or fewer, mostly lie between least and most.
func (x *valueIndex) reset(least, most int64, n int) {
	width := uint64(0)
	if least <= most {
		width = uint64(most) - uint64(least) + 1 // 0 for all there are
	}
	x.first, x.count = least, 0
	x.direct = x.direct[:0]
	if width <= 4*uint64(n)+64 {
		x.direct = slices.Grow(x.direct, int(width))[:width]
		clear(x.direct)
	}
	clear(x.spread)
}

// find returns the number of an integer, -1 for none.
func (x *valueIndex) find(v int64) int32 {
	if at := uint64(v) - uint64(x.first); at < uint64(len(x.direct)) {
		return x.direct[at] - 1
	}
	if n, known := x.spread[v]; known {
		return n
	}
	return -1
}

// number returns the number of an integer, the next one when it has none.
func (x *valueIndex) number(v int64) int32 {
	n := x.find(v)
	if n < 0 {
		n = x.count
		x.set(v, n)
	}
	return n
}

// set gives an integer a number of the caller's choice.
func (x *valueIndex) set(v int64, n int32) {
	x.count = max(x.count, n+1)
	if at := uint64(v) - uint64(x.first); at < uint64(len(x.direct)) {
		x.direct[at] = n + 1
		return
	}
	if x.spread == nil {
		x.spread = map[int64]int32{}
	}
	x.spread[v] = n
}

// valueSpan returns the least and the greatest integer among accesses; least is the greater when there is
// none.
func valueSpan(list []access) (least, most int64) {
	least, most = 1<<63-1, -1<<63
	for i := range list {
		if v, ok := list[i].integer(); ok {
			least, most = min(least, v), max(most, v)
		}
	}
	return least, most
}
