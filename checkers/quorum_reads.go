package checkers

import (
	"cmp"
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

// valuesOf returns the values of a key, or why they do not tell which write a read saw.
func valuesOf(ops []history.Op) (v quorumValues, why string) {
	v.writes = map[string]int{}
	for i := range ops {
		op := &ops[i]
		switch {
		case op.F == history.FRead || op.Type == history.Fail:
			continue
		case op.F == history.FDelete || op.F == history.FWrite && op.Arg.IsNull():
			v.deleted = true
			continue
		case op.F != history.FWrite:
			return v, "it is used by " + op.F
		case op.Arg.Kind() == history.List:
			v.lists = true
		}
		text := op.Arg.String()
		if _, twice := v.writes[text]; twice {
			return v, brief(op.Arg) + " was written twice"
		}
		v.writes[text] = i
	}
	return v, ""
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

// before is what had returned when a read was called, as places in the key's operations, -1 for none.
type before struct {
	latest       int // of the acknowledged writes, the one called last
	read, reader int // of the writes that had been read, the one called last; a read that saw it
}

// judgeReads finds the stale reads of a key, and the inversions.
func (f *quorumFindings) judgeReads(k *quorumKey, v quorumValues) {
	ops := k.ops
	byReturn := make([]int, len(ops))
	for i := range ops {
		byReturn[i] = i
	}
	slices.SortStableFunc(byReturn, func(a, b int) int { return cmp.Compare(ops[a].Return, ops[b].Return) })
	b, next := before{-1, -1, -1}, 0
	for i := range ops {
		r := &ops[i]
		for ; next < len(byReturn) && ops[byReturn[next]].Return < r.Call; next++ {
			b.add(ops, byReturn[next], &v)
		}
		if isOkRead(*r) && (b.latest >= 0 || b.read >= 0) {
			f.judgeRead(k, r, v.of(ops, r), b, &v)
		}
	}
}

// add takes in an operation that returned later than all others so far.
func (b *before) add(ops []history.Op, at int, v *quorumValues) {
	op := &ops[at]
	switch {
	case op.Type != history.Ok:
	case op.F != history.FRead:
		if b.latest < 0 || op.Call > ops[b.latest].Call {
			b.latest = at
		}
	default:
		for _, w := range v.of(ops, op).writes {
			// what was read before it was written is out of thin air
			if ops[w].Call <= op.Return && (b.read < 0 || ops[w].Call > ops[b.read].Call) {
				b.read, b.reader = w, at
			}
		}
	}
}

// judgeRead judges one read, which saw s.
func (f *quorumFindings) judgeRead(k *quorumKey, r *history.Op, s seen, b before, v *quorumValues) {
	if !s.decided {
		if b.latest >= 0 {
			f.undecided++
		}
		return
	}
	f.chances(1)
	stale := false
	if b.latest >= 0 {
		newer := &k.ops[b.latest]
		f.decided++
		if !v.deleted { // null would not be decided
			f.gaps = append(f.gaps, gapOf(k.ops, r, newer))
		}
		if stale = s.there < newer.Call; stale {
			f.stale++
			f.staleRead(k, r, s, newer)
		}
	}
	if b.read < 0 {
		return
	}
	f.followed++
	first, write := &k.ops[b.reader], &k.ops[b.read]
	if stale || s.there >= write.Call {
		return
	}
	f.inverted++
	f.count(KindReadInversion, 1)
	f.explain(KindReadInversion, k.name, func(w *witness) string {
		return fmt.Sprintf("%s while %s had not been acknowledged, and then %s", w.did(first), w.whose(write),
			w.did(r))
	}, append(shownBy(k.ops, s), write, first, r)...)
}

// shownBy returns the writes that a read saw.
func shownBy(ops []history.Op, s seen) []*history.Op {
	list := make([]*history.Op, 0, len(s.writes))
	for _, w := range s.writes {
		list = append(list, &ops[w])
	}
	return list
}

// judgeNames compares what the reads of a key returned with the writes that they name.
func (f *quorumFindings) judgeNames(k *quorumKey) {
	lists := slices.ContainsFunc(k.ops, func(op history.Op) bool { return op.Arg.Kind() == history.List })
	for i := range k.ops {
		r := &k.ops[i]
		if !isOkRead(*r) || r.Ev == nil || r.Ev.Quorum == nil {
			continue
		}
		_, list := r.Result.AsList()
		if several := len(r.Ev.Quorum.Dots) > 1; several && (lists || !list) {
			continue // the store may have made one value of them
		}
		for _, name := range r.Ev.Quorum.Dots {
			wrote := k.write(name)
			if wrote == nil || !contradicts(r, wrote) {
				continue
			}
			f.count(KindEvidenceDisagrees, 1)
			f.explain(KindEvidenceDisagrees, k.name, func(w *witness) string {
				return fmt.Sprintf("%s and says that this is %s", w.did(r), w.whose(wrote))
			}, wrote, r)
			break
		}
	}
}

// contradicts reports whether a read that says it returned a write certainly did not.
func contradicts(r, wrote *history.Op) bool {
	value := wrote.Arg
	switch {
	case wrote.F == history.FDelete && len(r.Ev.Quorum.Dots) > 1:
		return false // traces of deletes need not be shown among other versions
	case wrote.F == history.FDelete:
		value = history.Value{}
	case wrote.F != history.FWrite:
		return false
	}
	list, _ := r.Result.AsList()
	empty := value.IsNull() && r.Result.Kind() == history.List && len(list) == 0
	return !empty && !r.Result.Equal(value) && !slices.ContainsFunc(list, value.Equal)
}
