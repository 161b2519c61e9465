package checkers

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// keySplit is a history taken apart into its keys. Linearizability is local (Herlihy and Wing 1990,
// theorem 1): a history is linearizable iff that of every key is.
type keySplit struct {
	names  []string
	places [][]int32 // by key: the operations that touch it, by call
	odd    string    // why no key can be judged, "" for none
}

// splitKeys returns the keys of a history in the order of their names, each with the places of the operations
// that touch it. Peeks touch nothing.
func splitKeys(h *history.History) *keySplit {
	s := &keySplit{}
	numbers := make([]int32, h.KeyCount()) // by the history's number of a key: operations on it alone
	var several []int32                    // operations over several keys
	for i := range h.Len() {
		switch key := h.Key(i); {
		case h.F(i) == history.FPeek:
		case key < 0 || h.F(i) == history.FTxn:
			several = append(several, int32(i))
		default:
			numbers[key]++
		}
	}
	place := make([]int32, len(numbers)) // by the history's number: the place in names, -1 for none
	for key, n := range numbers {
		place[key] = -1
		if n > 0 {
			place[key] = int32(len(s.names))
			s.names = append(s.names, h.KeyName(int32(key)))
			s.places = append(s.places, make([]int32, 0, n))
		}
	}
	for i := range h.Len() {
		if key := h.Key(i); key >= 0 && h.F(i) != history.FPeek && h.F(i) != history.FTxn {
			s.places[place[key]] = append(s.places[place[key]], int32(i))
		}
	}
	s.addSeveral(h, several)
	s.order()
	return s
}

// addSeveral adds the operations over several keys to each of theirs.
func (s *keySplit) addSeveral(h *history.History, several []int32) {
	if len(several) == 0 {
		return
	}
	byName := make(map[string]int, len(s.names))
	for at, name := range s.names {
		byName[name] = at
	}
	for _, i := range several {
		op := h.Op(int(i))
		add := func(key string) {
			at, known := byName[key]
			if !known {
				at = len(s.names)
				byName[key] = at
				s.names, s.places = append(s.names, key), append(s.places, nil)
			}
			if n := len(s.places[at]); n == 0 || s.places[at][n-1] != i {
				s.places[at] = append(s.places[at], i)
			}
		}
		for _, key := range op.Keys {
			add(key)
		}
		if op.F == history.FTxn {
			wrong := eachMicroOf(&op, func(_, key string, _ history.Value) { add(key) })
			if wrong != "" && s.odd == "" && op.Type != history.Fail {
				s.odd = fmt.Sprintf("%s (event %d)", wrong, op.Invoked)
			}
		}
	}
}

// order orders the keys by name, and the operations on each by their places, which is by call.
func (s *keySplit) order() {
	by := make([]int, len(s.names))
	for i := range by {
		by[i] = i
		slices.Sort(s.places[i])
	}
	slices.SortFunc(by, func(a, b int) int { return cmp.Compare(s.names[a], s.names[b]) })
	names, places := make([]string, len(by)), make([][]int32, len(by))
	for to, from := range by {
		names[to], places[to] = s.names[from], s.places[from]
	}
	s.names, s.places = names, places
}
