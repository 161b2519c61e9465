package powerloss

import (
	"math"
	"slices"
	"sort"
)

// endless is the end of a span that has no end.
const endless = math.MaxInt64

// spanCost is what a span takes, about.
const spanCost = 32

// span is the bytes from from up to to.
type span struct{ from, to int64 }

// spans is a set of bytes: sorted spans that neither overlap nor touch.
type spans []span

// add puts the bytes from from up to to into the set.
func (s *spans) add(from, to int64) {
	if from >= to {
		return
	}
	list := *s
	i := sort.Search(len(list), func(k int) bool { return list[k].to >= from })
	j := i + sort.Search(len(list)-i, func(k int) bool { return list[i+k].from > to })
	if i < j {
		from, to = min(from, list[i].from), max(to, list[j-1].to)
	}
	*s = slices.Replace(list, i, j, span{from, to})
}

// clear zeroes the bytes of dst, which lies at off, that are in the set.
func (s spans) clear(dst []byte, off int64) {
	end := off + int64(len(dst))
	i := sort.Search(len(s), func(k int) bool { return s[k].to > off })
	for ; i < len(s) && s[i].from < end; i++ {
		clear(dst[max(s[i].from, off)-off : min(s[i].to, end)-off])
	}
}
