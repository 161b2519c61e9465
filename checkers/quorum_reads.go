package checkers

import (
	"fmt"
	"math"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// quorumValues is which write wrote what, on one key.
type quorumValues struct {
	writes  map[string]int // by value: the write's place in the key's operations
	deleted bool           // the key was deleted, or null was written
	lists   bool           // some write wrote a list: reads of lists are not taken apart
}

// valuesOf returns the values of a key. ok is false when they do not tell which write a read saw.
func valuesOf(ops []history.Op) (v quorumValues, ok bool) {
	v.writes = map[string]int{}
	for i := range ops {
		op := &ops[i]
		switch op.F {
		case history.FRead:
			continue
		case history.FDelete:
			v.deleted = true
			continue
		case history.FWrite:
		default:
			return v, false
		}
		if op.Type == history.Fail {
			continue
		}
		switch op.Arg.Kind() {
		case history.Null:
			v.deleted = true
			continue
		case history.List:
			v.lists = true
		}
		text := op.Arg.String()
		if _, twice := v.writes[text]; twice {
			return v, false
		}
		v.writes[text] = i
	}
	return v, true
}

// seen is what a read returned, in terms of writes.
type seen struct {
	writes []int // places of the writes in the key's operations
	// there is when the last of them had been acknowledged: the beginning of time for the initial value.
	there   int64
	decided bool // all of them are acknowledged
}

// of returns what a read saw.
func (v *quorumValues) of(ops []history.Op, r *history.Op) seen {
	s := seen{there: math.MinInt64, decided: true}
	returned := []history.Value{r.Result}
	if list, isList := r.Result.AsList(); isList && !v.lists {
		returned = list
		s.decided = len(list) > 0
	}
	for _, value := range returned {
		if value.Kind() == history.Null {
			s.decided = s.decided && !v.deleted
			continue
		}
		at, known := v.writes[value.String()]
		if !known {
			s.decided = false
			continue
		}
		s.writes = append(s.writes, at)
		s.there = max(s.there, ops[at].Return)
		s.decided = s.decided && ops[at].Type == history.Ok
	}
	return s
}

// judgeReads finds the stale reads of a key, and the inversions.
func (f *quorumFindings) judgeReads(key string, ops []history.Op, v quorumValues) {
	byReturn := make([]int, 0, len(ops))
	for i := range ops {
		byReturn = append(byReturn, i)
	}
	slices.SortStableFunc(byReturn, func(a, b int) int {
		switch {
		case ops[a].Return < ops[b].Return:
			return -1
		case ops[a].Return > ops[b].Return:
			return 1
		}
		return 0
	})
	// of what had returned: the write called last, acknowledged or read
	latest, read, reader, next := -1, -1, -1, 0
	for i := range ops {
		r := &ops[i]
		for ; next < len(byReturn) && ops[byReturn[next]].Return < r.Call; next++ {
			at := byReturn[next]
			op := &ops[at]
			switch {
			case op.Type != history.Ok:
			case op.F == history.FWrite || op.F == history.FDelete:
				if latest < 0 || op.Call > ops[latest].Call {
					latest = at
				}
			default:
				for _, w := range v.of(ops, op).writes {
					if read < 0 || ops[w].Call > ops[read].Call {
						read, reader = w, at
					}
				}
			}
		}
		if r.F != history.FRead || r.Type != history.Ok || latest < 0 && read < 0 {
			continue
		}
		f.judgeRead(key, ops, r, v.of(ops, r), latest, read, reader)
	}
}

// judgeRead judges one read: before it was called, the write latest had been acknowledged, and the write read
// had been read by reader; -1 for none.
func (f *quorumFindings) judgeRead(key string, ops []history.Op, r *history.Op, s seen, latest, read,
	reader int) {
	if latest >= 0 {
		if !s.decided {
			f.undecided++
			return
		}
		f.decided++
		f.chances(1)
		f.gaps = append(f.gaps, gapOf(ops, r, &ops[latest]))
		if s.there < ops[latest].Call {
			f.stale++
			f.staleRead(key, ops, r, s, &ops[latest])
			return
		}
	}
	if read >= 0 && s.decided && s.there < ops[read].Call && !slices.Contains(s.writes, read) {
		f.inverted++
		f.count(KindReadInversion, 1)
		first, write := &ops[reader], &ops[read]
		f.explain(KindReadInversion, key, func(w *witness) string {
			return fmt.Sprintf("%s while %s had not been acknowledged, and then %s", w.did(first), w.whose(write),
				w.did(r))
		}, write, first, r, shownBy(ops, s))
	}
}

// shownBy returns the last of the writes that a read saw, nil when it saw the initial value.
func shownBy(ops []history.Op, s seen) *history.Op {
	if len(s.writes) == 0 {
		return nil
	}
	return &ops[slices.MaxFunc(s.writes, func(a, b int) int { return a - b })]
}
