package powerloss

import (
	"maps"
	"slices"
	"sort"
)

// cellBytes is how large an extent gets at most, and what extents are aligned to: it bounds the bytes that
// one write has to copy beside its own.
const cellBytes = 64 << 10

// extentCost is what an extent takes beside its bytes, about: slice header, allocation, share of the map.
const extentCost = 96

// extent is a run of bytes that were written.
type extent struct {
	off  int64
	data []byte
}

func (e extent) end() int64 { return e.off + int64(len(e.data)) }

// extents is what was written to a file, by offset, the newest at each. The zero value is empty.
//
// The file is cut into cells of cellBytes; each cell has a sorted list of extents, which neither overlap nor
// touch, nor leave their cell. So what is kept depends on which bytes were written, and not on the number of
// writes; and finding a byte takes a look into a map and a binary search.
type extents struct {
	cells map[int64][]extent // by offset / cellBytes, never an empty list
	bytes int64              // in all extents
	count int                // of extents
}

// cost is the memory that the extents take. Their spare capacity, up to as much again, is not counted.
func (x *extents) cost() int64 { return x.bytes + int64(x.count)*extentCost }

// costOfWrite is the most that a write of n bytes can add to cost.
func costOfWrite(n int) int64 { return int64(n) + (int64(n)/cellBytes+2)*extentCost }

// put writes p at off. It keeps a copy.
func (x *extents) put(off int64, p []byte) {
	if x.cells == nil {
		x.cells = map[int64][]extent{}
	}
	for len(p) > 0 {
		n := min(int64(len(p)), cellBytes-off%cellBytes)
		x.merge(off, p[:n])
		off, p = off+n, p[n:]
	}
}

// merge writes p, which lies in one cell.
func (x *extents) merge(off int64, p []byte) {
	cell, end := off/cellBytes, off+int64(len(p))
	list := x.cells[cell]
	i := sort.Search(len(list), func(k int) bool { return list[k].end() >= off })
	j := i + sort.Search(len(list)-i, func(k int) bool { return list[i+k].off > end })
	x.bytes -= bytesOf(list[i:j])
	x.count += 1 - (j - i)
	var grown extent
	if i == j {
		grown = extent{off, slices.Clone(p)}
	} else {
		grown = joined(list[i], list[j-1], off, p)
	}
	x.bytes += int64(len(grown.data))
	x.cells[cell] = slices.Replace(list, i, j, grown)
}

func bytesOf(list []extent) int64 {
	n := int64(0)
	for _, e := range list {
		n += int64(len(e.data))
	}
	return n
}

// joined is p at off together with the first and the last of the extents that it overlaps or touches. It
// reuses the first one's memory where it can.
func joined(first, last extent, off int64, p []byte) extent {
	end := off + int64(len(p))
	start, stop := min(off, first.off), max(end, last.end())
	if start == first.off && stop == first.end() {
		copy(first.data[off-start:], p)
		return first
	}
	var data []byte
	if start == first.off {
		data = resized(first.data, int(stop-start), cellBytes-int(start%cellBytes))
	} else {
		data = make([]byte, stop-start)
	}
	copy(data[off-start:], p)
	if last.end() > end {
		copy(data[end-start:], last.data[end-last.off:])
	}
	return extent{start, data}
}

// resized returns data with n bytes, more than it has; what is added is undefined. The capacity doubles, up
// to most, so that many small appends copy little.
func resized(data []byte, n, most int) []byte {
	if n <= cap(data) {
		return data[:n]
	}
	more := make([]byte, n, max(n, min(2*cap(data), most)))
	copy(more, data)
	return more
}

// cut removes what was written from from up to to.
func (x *extents) cut(from, to int64) {
	if from >= to {
		return
	}
	first, last := from/cellBytes, (to-1)/cellBytes
	if last-first < int64(len(x.cells)) {
		for cell := first; cell <= last; cell++ {
			x.cutCell(cell, from, to)
		}
		return
	}
	for cell := range x.cells {
		if cell >= first && cell <= last {
			x.cutCell(cell, from, to)
		}
	}
}

func (x *extents) cutCell(cell, from, to int64) {
	list := x.cells[cell]
	i := sort.Search(len(list), func(k int) bool { return list[k].end() > from })
	j := i + sort.Search(len(list)-i, func(k int) bool { return list[i+k].off >= to })
	if i == j {
		return
	}
	var keep []extent
	first, last := list[i], list[j-1]
	if last.end() > to {
		keep = append(keep, extent{to, slices.Clone(last.data[to-last.off:])})
	}
	if first.off < from {
		keep = slices.Insert(keep, 0, extent{first.off, fitted(first.data[:from-first.off])})
	}
	x.bytes += bytesOf(keep) - bytesOf(list[i:j])
	x.count += len(keep) - (j - i)
	if list = slices.Replace(list, i, j, keep...); len(list) == 0 {
		delete(x.cells, cell)
		return
	}
	x.cells[cell] = list
}

// fitted returns data in memory of at most twice its size.
func fitted(data []byte) []byte {
	if cap(data) > 2*len(data) {
		return slices.Clone(data)
	}
	return data
}

// overlay copies what was written at off and after into dst.
func (x *extents) overlay(dst []byte, off int64) {
	x.within(off, int64(len(dst)), func(e extent) {
		from := max(e.off, off)
		copy(dst[from-off:], e.data[from-e.off:])
	})
}

// covers reports whether all n bytes at off were written.
func (x *extents) covers(off, n int64) bool {
	missing := n
	x.within(off, n, func(e extent) {
		missing -= min(e.end(), off+n) - max(e.off, off)
	})
	return missing == 0
}

// within calls visit with the extents that have any of the n bytes at off, in order.
func (x *extents) within(off, n int64, visit func(extent)) {
	if n <= 0 || len(x.cells) == 0 {
		return
	}
	end := off + n
	for cell := off / cellBytes; cell <= (end-1)/cellBytes; cell++ {
		list := x.cells[cell]
		i := sort.Search(len(list), func(k int) bool { return list[k].end() > off })
		for ; i < len(list) && list[i].off < end; i++ {
			visit(list[i])
		}
	}
}

// all returns the extents in order.
func (x *extents) all() []extent {
	list := make([]extent, 0, x.count)
	for _, cell := range slices.Sorted(maps.Keys(x.cells)) {
		list = append(list, x.cells[cell]...)
	}
	return list
}
