package checkers

import (
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// accessKind says what an access does to its key.
type accessKind uint8

const (
	reads accessKind = iota
	writes
	appends
	deletes
)

// valueForm says where the value of an access is.
type valueForm uint8

const (
	formNull   valueForm = iota // it is null
	formInt                     // it is the integer access.value
	formArg                     // it is the operation's argument
	formResult                  // it is the operation's result
	formOther                   // it is accesses.others[access.value]
)

// access is what one operation did to one key: an operation over several keys is an access to each, a
// transaction one for each micro-operation. A compare-and-set that succeeded writes its new value; one
// that was refused reads the value it met, if it was told.
type access struct {
	op      int32 // place of the operation in the history
	session int32 // see sessionNumbers
	value   int64
	kind    accessKind
	form    valueForm
	outcome history.Type // how the operation ended
}

// certain reports whether the access happened.
func (a *access) certain() bool { return a.outcome == history.Ok }

// integer returns the integer that was read or written, and whether it was one.
func (a *access) integer() (int64, bool) { return a.value, a.form == formInt }

// keyAccesses are the accesses to one key by call time: what was read for certain, and every attempt to
// write, the outcome telling how it ended.
type keyAccesses struct {
	key  string
	list []access
	odd  string // why nobody knows what the key holds, "" for no such reason
}

// accesses are the accesses of a history. Peeks are none: they are served without any guarantee.
type accesses struct {
	h        *history.History
	keys     []keyAccesses // that have accesses, or are odd, in the order of their numbers
	place    []int32       // by number of a key: its place in keys, -1 for none
	sessions []int32       // by actor: see sessionNumbers
	count    int32         // of numbers of sessions
	others   []history.Value
	known    map[string]int32 // numbers of keys, made when a transaction names one
	names    []string         // of keys that only transactions name; their numbers follow the history's
	odd      map[int32]string // by key: the first function that may have changed it in an unknown way
}

// newAccesses returns the accesses of h, not yet by key.
func newAccesses(h *history.History) *accesses {
	all := &accesses{h: h}
	all.sessions, all.count = sessionNumbers(h)
	return all
}

// accessesByKey returns the accesses of the history by key. It goes through the history twice, to count
// and to fill, so that nothing is held but the accesses themselves.
func accessesByKey(h *history.History) *accesses {
	all := newAccesses(h)
	counts := make([]int32, h.KeyCount())
	total := 0
	for i := range h.Len() {
		all.each(i, func(key int32, _ access) {
			if int(key) >= len(counts) {
				counts = append(counts, make([]int32, int(key)+1-len(counts))...)
			}
			counts[key]++
			total++
		})
	}
	all.makeLists(counts, total)
	all.others = nil
	for i := range h.Len() {
		all.each(i, func(key int32, a access) {
			k := &all.keys[all.place[key]]
			k.list = append(k.list, a)
		})
	}
	return all
}

// makeLists makes a list of the right size for each key that has accesses.
func (all *accesses) makeLists(counts []int32, total int) {
	all.place = make([]int32, len(counts))
	backing := make([]access, total)
	for key, n := range counts {
		f, odd := all.odd[int32(key)]
		if all.place[key] = -1; n == 0 && !odd {
			continue
		}
		all.place[key] = int32(len(all.keys))
		k := keyAccesses{key: all.name(int32(key)), list: backing[:0:n]}
		if odd {
			k.odd = "is used by " + f + ", which is no read, write, cas, append, delete or txn"
		}
		all.keys = append(all.keys, k)
		backing = backing[n:]
	}
}

// sessionNumbers numbers the sessions by actor. An operation without a session belongs to one that its
// process has for itself.
func sessionNumbers(h *history.History) (byActor []int32, count int32) {
	byActor = make([]int32, h.ActorCount())
	for i := range byActor {
		byActor[i] = -1
	}
	count = int32(h.SessionCount())
	processes := map[int32]int32{}
	for i := range h.Len() {
		at := &byActor[h.Actor(i)]
		if *at >= 0 {
			continue
		}
		if *at = h.Session(i); h.SessionName(*at) != "" {
			continue
		}
		n, known := processes[h.Process(i)]
		if !known {
			n = count
			processes[h.Process(i)] = n
			count++
		}
		*at = n
	}
	return byActor, count
}

// session returns the number of operation i's session.
func (all *accesses) session(i int) int32 { return all.sessions[all.h.Actor(i)] }

// name returns the name of the key with that number.
func (all *accesses) name(key int32) string {
	if n := all.h.KeyCount(); int(key) >= n {
		return all.names[int(key)-n]
	}
	return all.h.KeyName(key)
}

// onlyKey returns the number of operation i's key; of one that should have one and has several, that of the
// empty name.
func (all *accesses) onlyKey(i int) int32 {
	if key := all.h.Key(i); key >= 0 {
		return key
	}
	return all.number("")
}

// number returns the number of a key that a transaction names.
func (all *accesses) number(key string) int32 {
	n := all.h.KeyCount()
	if all.known == nil {
		all.known = make(map[string]int32, n)
		for k := range n {
			all.known[all.h.KeyName(int32(k))] = int32(k)
		}
	}
	at, known := all.known[key]
	if !known {
		at = int32(n + len(all.names))
		all.known[key] = at
		all.names = append(all.names, key)
	}
	return at
}

// value returns the value that was read or written.
func (all *accesses) value(a *access) history.Value {
	switch a.form {
	case formInt:
		return history.IntValue(a.value)
	case formArg:
		return all.h.Arg(int(a.op))
	case formResult:
		return all.h.Result(int(a.op))
	case formOther:
		return all.others[a.value]
	}
	return history.Value{}
}

// each calls yield for every access of operation i.
func (all *accesses) each(i int, yield func(key int32, a access)) {
	a := access{op: int32(i), session: all.session(i), outcome: all.h.Type(i)}
	switch all.h.F(i) {
	case history.FRead:
		if a.certain() {
			all.eachRead(a, yield)
		}
	case history.FWrite:
		all.setArg(&a, writes)
		yield(all.onlyKey(i), a)
	case history.FAppend:
		all.setArg(&a, appends)
		yield(all.onlyKey(i), a)
	case history.FDelete:
		a.kind = deletes
		yield(all.onlyKey(i), a)
	case history.FCAS:
		all.eachCAS(a, yield)
	case history.FTxn:
		all.eachMicro(a, yield)
	case history.FPeek:
	default:
		all.noteOdd(i)
	}
}

// noteOdd notes that operation i may have changed its keys in an unknown way.
func (all *accesses) noteOdd(i int) {
	if all.h.Type(i) == history.Fail {
		return
	}
	keys := all.h.Keys(i)
	if key := all.h.Key(i); key >= 0 {
		keys = []int32{key}
	}
	for _, key := range keys {
		if _, known := all.odd[key]; known {
			continue
		}
		if all.odd == nil {
			all.odd = map[int32]string{}
		}
		all.odd[key] = all.h.F(i)
	}
}

// setArg makes a an access of a kind with the operation's argument.
func (all *accesses) setArg(a *access, kind accessKind) {
	a.kind = kind
	if n, ok := all.h.ArgInt(int(a.op)); ok {
		a.value, a.form = n, formInt
	} else if all.h.ArgKind(int(a.op)) != history.Null {
		a.form = formArg
	}
}

// setResult gives a the operation's result.
func (all *accesses) setResult(a *access) {
	if n, ok := all.h.ResultInt(int(a.op)); ok {
		a.value, a.form = n, formInt
	} else if all.h.ResultKind(int(a.op)) != history.Null {
		a.form = formResult
	}
}

// set gives a the value v.
func (all *accesses) set(a *access, v *history.Value) {
	if n, ok := v.AsInt(); ok {
		a.value, a.form = n, formInt
	} else if a.form = formNull; !v.IsNull() {
		a.value, a.form = int64(len(all.others)), formOther
		all.others = append(all.others, *v)
	}
}

// eachRead is each of a read of one or several keys.
func (all *accesses) eachRead(a access, yield func(key int32, a access)) {
	i := int(a.op)
	key := all.h.Key(i)
	if key >= 0 {
		all.setResult(&a)
		yield(key, a)
		return
	}
	keys := all.h.Keys(i)
	if ints, ok := all.h.ResultInts(i); ok {
		a.form = formInt
		for at := range min(len(ints), len(keys)) {
			if a.value = ints[at]; len(ints) == len(keys) {
				yield(keys[at], a)
			}
		}
		return
	}
	if values, _ := all.h.Result(i).AsList(); len(values) == len(keys) {
		for at := range values {
			all.set(&a, &values[at])
			yield(keys[at], a)
		}
	}
}

// eachCAS is each of a compare-and-set.
func (all *accesses) eachCAS(a access, yield func(key int32, a access)) {
	op := history.Op{Type: a.outcome, F: history.FCAS, Result: all.h.Result(int(a.op))}
	key := all.onlyKey(int(a.op))
	if refused, current := casRefused(&op); refused {
		if current != nil {
			all.set(&a, current)
			yield(key, a)
		}
		return
	}
	a.kind = writes
	if args, _ := all.h.Arg(int(a.op)).AsList(); len(args) == 2 {
		all.set(&a, &args[1])
		yield(key, a)
	}
}

// eachMicro is each of a transaction.
func (all *accesses) eachMicro(a access, yield func(key int32, a access)) {
	from := all.h.Arg(int(a.op))
	if a.certain() {
		from = all.h.Result(int(a.op))
	}
	micros, _ := from.AsList()
	for i := range micros {
		m, _ := micros[i].AsList()
		if len(m) != 3 {
			continue
		}
		f, _ := m[0].AsString()
		key, _ := m[1].AsString()
		switch {
		case f == "w":
			a.kind = writes
		case f == "append":
			a.kind = appends
		case f == "r" && a.certain():
			a.kind = reads
		default:
			continue
		}
		all.set(&a, &m[2])
		yield(all.number(key), a)
	}
}

// sessionSplit splits the accesses of a key by session. Its memory is used again for each key.
type sessionSplit struct {
	counts []int32 // by session; 0 between two splits
	met    []int32 // sessions in the order of first use
	space  []access
	runs   [][]access
	order  []access // see inSessionOrder
}

func newSessionSplit(sessions int32) *sessionSplit {
	return &sessionSplit{counts: make([]int32, sessions)}
}

// split returns the accesses that certainly happened by session, the sessions in the order of first use,
// each by call time. It is good until the next call.
func (s *sessionSplit) split(list []access) [][]access {
	s.met, s.runs = s.met[:0], s.runs[:0]
	for i := range list {
		if a := &list[i]; a.certain() {
			if s.counts[a.session] == 0 {
				s.met = append(s.met, a.session)
			}
			s.counts[a.session]++
		}
	}
	s.space = slices.Grow(s.space[:0], len(list))
	rest := s.space[:cap(s.space)]
	for at, session := range s.met {
		n := s.counts[session]
		s.runs = append(s.runs, rest[:0:n])
		rest = rest[n:]
		s.counts[session] = int32(at)
	}
	for i := range list {
		if a := &list[i]; a.certain() {
			run := &s.runs[s.counts[a.session]]
			*run = append(*run, *a)
		}
	}
	for _, session := range s.met {
		s.counts[session] = 0
	}
	return s.runs
}

// inSessionOrder walks a session's accesses: judge is called with each by call time, after learn was
// called with those that had returned before. Accesses that overlap, by two devices of the session, are
// unordered: neither is learned before the other is judged.
func (s *sessionSplit) inSessionOrder(h *history.History, list []access, learn, judge func(a *access)) {
	if oneByOne(h, list) {
		for i := range list {
			judge(&list[i])
			learn(&list[i])
		}
		return
	}
	s.order = append(s.order[:0], list...)
	slices.SortStableFunc(s.order, func(a, b access) int { return compareReturns(h, a.op, b.op) })
	next := 0
	for i := range list {
		call := h.Call(int(list[i].op))
		for next < len(s.order) && h.Return(int(s.order[next].op)) < call {
			learn(&s.order[next])
			next++
		}
		judge(&list[i])
	}
}

// oneByOne reports whether each access returned before the next was called.
func oneByOne(h *history.History, list []access) bool {
	for i := 1; i < len(list); i++ {
		if h.Return(int(list[i-1].op)) >= h.Call(int(list[i].op)) {
			return false
		}
	}
	return true
}
