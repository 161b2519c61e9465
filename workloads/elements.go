package workloads

import (
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/plan"
)

// elements is what players of sets have in common. Every element is added once in the run, and removed once
// at the most, by a session that has seen it.
type elements struct {
	*pool
	removes bool        // whether elements are removed at all; otherwise nothing is kept of what was seen
	at      []int       // by thread: the place of its operation
	seen    []sightings // by thread
	gone    map[int64]bool
}

// sightings are what a session has seen, by place.
type sightings map[int]glimpse

// glimpse is what a session saw last of a set.
type glimpse struct {
	key  string // of which set; the place's key may have changed since
	list []int64
}

func newElements(p *pool, threads int, removes bool) elements {
	e := elements{pool: p, removes: removes, at: make([]int, threads), seen: make([]sightings, threads),
		gone: make(map[int64]bool)}
	for i := range e.seen {
		e.seen[i] = make(sightings)
	}
	return e
}

// change makes op a change of the set of its key, at place i: if remove, of an element that the thread's
// session has seen there and nobody has tried to remove yet; otherwise, or when there is none, the add of
// a new element.
func (e *elements) change(t turn, i int, remove bool, op *plan.Op) {
	if remove {
		var left []int64
		for _, n := range e.glimpse(t.thread, i, op.Key).list {
			if !e.gone[n] {
				left = append(left, n)
			}
		}
		if len(left) > 0 {
			n := left[t.draw.Named("element").N(len(left))]
			e.gone[n] = true
			op.F, op.Value = history.FRemove, history.IntValue(n)
			return
		}
	}
	op.F, op.Value = history.FAdd, e.unique()
}

// glimpse returns what the thread's session has seen of the key, which is at place i.
func (e *elements) glimpse(thread, i int, key string) glimpse {
	if g := e.seen[thread][i]; g.key == key {
		return g
	}
	return glimpse{key: key}
}

func (e *elements) ended(t turn, ev *history.Event) {
	switch i := e.at[t.thread]; {
	case !e.removes:
	case ev.Err.Code == history.TokenLost:
		clear(e.seen[t.thread]) // the new session has seen nothing
	case ev.Type != history.Ok || ev.Key != e.places[i].key:
	case ev.F == history.FRead:
		e.seen[t.thread][i] = glimpse{key: ev.Key, list: integers(nil, ev.Value)}
	case ev.F == history.FAdd:
		g := e.glimpse(t.thread, i, ev.Key)
		g.list = integers(g.list, ev.Value)
		e.seen[t.thread][i] = g
	}
}

// integers appends those in a value to list: its elements, and those of lists in it, which a store returns
// that shows several versions of a set.
func integers(list []int64, v history.Value) []int64 {
	if n, ok := v.AsInt(); ok {
		return append(list, n)
	}
	inner, _ := v.AsList()
	for _, one := range inner {
		list = integers(list, one)
	}
	return list
}
