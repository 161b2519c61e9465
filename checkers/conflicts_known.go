package checkers

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// knowledge is who knows whom, by the contexts of clients. A context is what an author was shown until the
// end of some operation of its: that and the context before.
type knowledge struct {
	contexts []authorContext // by the return of their operations
	of       []int32         // by place in list of a write: what its author was shown, none for nothing
	latest   map[int32]int32 // by author, while contexts are made

	stamp    int32
	visited  []int32           // by context: stamp of the search that met it
	met      []int32           // by value: stamp of the search that found it known
	how      []knownBy         // by value met
	found    [][]int32         // by value: what is known by its write, called at its horizon or later
	horizons []int64           // by value: of found, 0 for not searched yet
	here     []int32           // by value: the read looked at last that has it, by place in list
	pairs    map[[2]int32]bool // false conflicts that were counted
	queue    []int32
}

// authorContext is what an author was shown by one operation, a read, or (own writes) made.
type authorContext struct {
	place  int32 // of the operation in list
	before int32 // the author's context before
}

// knownBy says how a write is known: a context of another one's author has it.
type knownBy struct{ by, context int32 }

// enterContexts makes the contexts of a key.
func (f *conflictFindings) enterContexts() {
	k := &f.knowledge
	k.contexts, k.of = k.contexts[:0], slices.Grow(k.of[:0], len(f.list))[:len(f.list)]
	for i := range f.list {
		if a := &f.list[i]; a.kind == reads || a.kind == writes && f.OwnWritesKnown && a.certain() {
			k.contexts = append(k.contexts, authorContext{int32(i), none})
		}
	}
	slices.SortStableFunc(k.contexts, func(a, b authorContext) int {
		return compareReturns(f.h, f.list[a.place].op, f.list[b.place].op)
	})
	k.latest = map[int32]int32{}
	next := 0
	for i := range f.list { // by call
		for next < len(k.contexts) && f.end(k.contexts[next].place) < f.call(int32(i)) {
			f.addContext(int32(next))
			next++
		}
		k.of[i] = none
		if last, any := k.latest[f.author(int32(i))]; any {
			k.of[i] = last
		}
	}
	k.stamp, k.pairs = 0, map[[2]int32]bool{}
	k.visited = append(k.visited[:0], make([]int32, len(k.contexts))...)
	k.met = append(k.met[:0], make([]int32, len(f.puts))...)
	k.how = append(k.how[:0], make([]knownBy, len(f.puts))...)
	k.here = append(k.here[:0], make([]int32, len(f.puts))...)
	k.horizons = append(k.horizons[:0], make([]int64, len(f.puts))...)
	k.found = append(k.found[:0], make([][]int32, len(f.puts))...)
	for id := range k.here {
		k.here[id], k.horizons[id] = none, history.Never
	}
}

// author returns the number of the author of the access at a place in list.
func (f *conflictFindings) author(place int32) int32 {
	return f.authors[f.h.Actor(int(f.list[place].op))]
}

func (f *conflictFindings) addContext(at int32) {
	author := f.author(f.contexts[at].place)
	if before, any := f.latest[author]; any {
		f.contexts[at].before = before
	}
	f.latest[author] = at
}

// judgeConflict finds the pairs of versions in the read at a place in list of which one knows the other.
func (f *conflictFindings) judgeConflict(k *conflictKey, i int) {
	horizon := history.Never
	for _, id := range f.shown(i) {
		f.here[id] = int32(i)
		if put := f.puts[id]; put != none {
			horizon = min(horizon, f.call(put))
		}
	}
	for _, y := range f.shown(i) {
		for _, x := range f.knownTo(y, horizon) {
			if f.here[x] != int32(i) || x == y || f.pairs[[2]int32{x, y}] {
				continue
			}
			f.pairs[[2]int32{x, y}] = true
			f.count(KindFalseConflict, 1)
			f.explainConflict(k, x, y, int32(i))
		}
	}
}

// knownTo returns the values that the write of y knows, of those written by calls at the horizon or later,
// and maybe more.
func (f *conflictFindings) knownTo(y int32, horizon int64) []int32 {
	if f.puts[y] == none || f.of[f.puts[y]] == none || horizon >= f.horizons[y] {
		return f.found[y]
	}
	f.horizons[y] = horizon
	f.found[y] = f.search(y, horizon, f.found[y][:0])
	return f.found[y]
}

// search appends what the write of y knows. It goes back from write to write, the nearest first. Nothing that
// was shown before the horizon can have a part in that.
func (f *conflictFindings) search(y int32, horizon int64, known []int32) []int32 {
	f.stamp++
	f.met[y] = f.stamp
	f.queue = append(f.queue[:0], y)
	for at := 0; at < len(f.queue); at++ {
		by := f.queue[at]
		for c := f.of[f.puts[by]]; c != none && f.visited[c] != f.stamp; c = f.contexts[c].before {
			ended := f.end(f.contexts[c].place)
			if ended < horizon || !f.goesOn() {
				break
			}
			f.visited[c] = f.stamp
			for _, x := range f.shown(int(f.contexts[c].place)) {
				f.effort--
				put := f.puts[x]
				if put == none || f.met[x] == f.stamp || f.call(put) > ended || f.call(put) < horizon {
					continue
				}
				f.met[x], f.how[x] = f.stamp, knownBy{by, c}
				known, f.queue = append(known, x), append(f.queue, x)
			}
		}
	}
	return known
}

// goesOn takes a step of a search, and reports whether there is effort left for it.
func (f *conflictFindings) goesOn() bool {
	f.effort--
	if f.effort <= 0 {
		f.stopped = cmp.Or(f.stopped, "it takes too long to find out which versions knew which")
	}
	return f.effort > 0
}

// explainConflict explains that a read returned x and y although y knows x, by the shortest way.
func (f *conflictFindings) explainConflict(k *conflictKey, x, y, read int32) {
	if !f.wants(4, int(f.list[read].op)) {
		return
	}
	f.search(y, f.call(f.puts[x]), nil)
	if f.met[x] != f.stamp {
		return // out of effort
	}
	var ways [][3]int32 // the write known, the operation that showed it, the write that knows it
	for x != y {
		h := f.how[x]
		ways = append(ways, [3]int32{f.list[f.puts[x]].op, f.list[f.contexts[h.context].place].op,
			f.list[f.puts[h.by]].op})
		x = h.by
	}
	op := f.list[read].op
	ops := []int32{op}
	for _, way := range ways {
		ops = append(ops, way[:]...)
	}
	f.explainAt(f.h, KindFalseConflict, k.key, func(w *witness) string {
		said := ""
		for _, way := range ways {
			if way[0] == way[1] {
				said += w.told(way[0]) + " and then " + w.told(way[2]) + "; "
			} else {
				said += w.whose(w.at(way[0])) + " was known when " + w.told(way[2]) + ": " + w.told(way[1]) +
					"; "
			}
		}
		return fmt.Sprintf("%s%s, as if they were concurrent", said, w.told(op))
	}, ops...)
}
