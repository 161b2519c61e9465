package checkers

import (
	"math"
	"slices"
	"sort"

	"github.com/rashomon-harness/rashomon/history"
)

// absent is the position of an element in a list that does not have it: behind all others.
const absent = math.MaxInt32

// mostBranches is for how many branches a list is judged.
const mostBranches = 256

// branch is a list that some read returned whole and that is no prefix of another read's list. A sane
// store has one branch a key; a store that lost appends, or lets two leaders append, has more.
type branch struct {
	list  []int64
	ids   []int32         // of the elements of list
	table []int32         // by element: where it stands first, plus one
	pos   map[int32]int32 // the same, where table would be much longer than list
	read  []int32         // the reads of this branch, longest list first
	size  []int32         // the lengths of their lists
}

// at returns the position of an element, absent when the branch does not have it.
func (b *branch) at(element int32) int32 {
	if b.pos != nil {
		if p, ok := b.pos[element]; ok {
			return p
		}
		return absent
	}
	if int(element) >= len(b.table) || b.table[element] == 0 {
		return absent
	}
	return b.table[element] - 1
}

// shortest returns the read with the shortest list of the branch that still has position p.
func (b *branch) shortest(p int32) int32 {
	return b.read[sort.Search(len(b.size), func(i int) bool { return b.size[i] <= p })-1]
}

// listKey is the history of one list, in terms of branches and of elements, which are numbered.
type listKey struct {
	f        *sessionFindings
	key      string
	elements valueIndex
	branches []*branch
}

// formList is the form of a read whose value is the first elements of a branch: access.value is the place
// of the branch, shifted by sizeBits, and their number.
const formList = formOther + 1

const sizeBits = 32

func branchOf(a *access) (branch int, size int32) { return int(a.value >> sizeBits), int32(a.value) }

// newListKey sorts the reads into branches. why tells what does not fit, "" when everything does. The
// accesses are changed: reads to formList, the values of appends to numbers of elements.
func newListKey(f *sessionFindings, k *keyAccesses) (l *listKey, why string) {
	l = &listKey{f: f, key: k.key}
	least, most := valueSpan(k.list)
	l.elements.reset(least, most, len(k.list))
	var lists [][]int64
	var order []uint64 // of the reads, longest list first: the complement of its length, its place in k.list
	for i := range k.list {
		a := &k.list[i]
		switch {
		case a.outcome == history.Fail:
		case a.kind == appends:
			if why := l.addAppend(a); why != "" {
				return nil, why
			}
		case a.kind != reads:
			return nil, "is written, not only appended to"
		default:
			list, ok := f.integers(a)
			if !ok || len(list) > math.MaxInt32 {
				value := f.value(a)
				return nil, "has a value that is no list of integers: " + value.String()
			}
			order = append(order, uint64(math.MaxUint32-uint32(len(list)))<<sizeBits|uint64(i))
			a.value = int64(len(lists))
			lists = append(lists, list)
		}
	}
	slices.Sort(order)
	for _, o := range order {
		a := &k.list[uint32(o)]
		if !l.enter(a, lists[a.value]) {
			return nil, "has too many lists that contradict each other"
		}
	}
	for _, b := range l.branches {
		l.place(b)
	}
	return l, ""
}

// addAppend enters an appended element, or tells why it does not fit.
func (l *listKey) addAppend(a *access) (why string) {
	e, ok := a.integer()
	if !ok || l.elements.find(e) >= 0 {
		value := l.f.value(a)
		return "has an element that is no integer, or was appended twice: " + value.String()
	}
	a.value = int64(l.elements.number(e))
	return ""
}

// integers returns the list of integers that a read returned, and whether it is one; null is the empty list.
func (all *accesses) integers(a *access) ([]int64, bool) {
	if a.form == formNull {
		return nil, true
	}
	if ints, ok := all.h.ResultInts(int(a.op)); ok && a.form == formResult {
		return ints, true
	}
	value := all.value(a)
	list, ok := value.AsList()
	ints := make([]int64, len(list))
	for i := range list {
		var isInt bool
		ints[i], isInt = list[i].AsInt()
		ok = ok && isInt
	}
	return ints, ok
}

// enter finds the branch of a read, or reports that there are too many. Reads come with their lists from
// longest to shortest.
func (l *listKey) enter(a *access, list []int64) bool {
	at := slices.IndexFunc(l.branches, func(b *branch) bool {
		return slices.Equal(list, b.list[:len(list)])
	})
	if at < 0 {
		if len(l.branches) == mostBranches {
			return false
		}
		at = len(l.branches)
		l.branches = append(l.branches, &branch{list: list})
	}
	b := l.branches[at]
	b.read, b.size = append(b.read, a.op), append(b.size, int32(len(list)))
	a.form, a.value = formList, int64(at)<<sizeBits|int64(len(list))
	return true
}

// place enters the positions of a branch's elements.
func (l *listKey) place(b *branch) {
	b.ids = make([]int32, len(b.list))
	for i, e := range b.list {
		b.ids[i] = l.elements.number(e)
	}
	count := int(l.elements.count)
	if count > 64+8*len(b.list) {
		b.pos = make(map[int32]int32, len(b.list))
		for i := len(b.ids) - 1; i >= 0; i-- {
			b.pos[b.ids[i]] = int32(i)
		}
		return
	}
	b.table = make([]int32, count)
	for i := len(b.ids) - 1; i >= 0; i-- {
		b.table[b.ids[i]] = int32(i) + 1
	}
}
