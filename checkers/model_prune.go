package checkers

import (
	"math"

	"github.com/rashomon-harness/rashomon/history"
)

// making is how one value came to be in the object, and who saw it.
type making struct {
	makers int32   // how many acts may have made it, the initial state included
	taken  int32   // how often it was certainly dequeued
	first  int32   // the maker that was called first, -1 for none or the initial state
	acts   []int32 // makers, and what takes it away again
	by     int32   // the act that certainly saw it and returned first, -1 for none
	maybe  bool    // an ambiguous cas would have needed it
}

// makes reports whether a puts its value into the object.
func (a *act) makes() bool {
	switch a.kind {
	case actWrite, actCAS, actAppend, actAdd, actEnqueue:
		return true
	}
	return false
}

// sees calls see for every value that a certainly found in the object.
func (a *act) sees(see func(v int32)) {
	switch {
	case !a.sure:
	case a.kind == actRead, a.kind == actHas && a.yes, a.kind == actDequeue && a.yes:
		see(a.value)
	case a.kind == actCAS:
		see(a.old)
	case a.kind == actReadAll:
		for _, e := range a.list {
			see(e)
		}
	}
}

// index looks up who made what, finds what is impossible by itself, and prunes.
func (p *plan) index() {
	p.made = make([]making, len(p.values.names))
	for v := range p.made {
		p.made[v].first, p.made[v].by = -1, -1
	}
	if p.initial {
		p.made[0].makers = 1
	}
	for i := range p.acts {
		p.enter(int32(i))
	}
	if p.wrong == nil {
		p.findWrong()
	}
	if p.wrong != nil || !p.byValue {
		return
	}
	for range maxPruning {
		if !p.prune() {
			return
		}
	}
}

// maxPruning is the most passes that pruning makes. One is enough but for chains of ambiguous cas that are
// not in the order of their calls.
const maxPruning = 64

// enter notes act i under the value that it is about.
func (p *plan) enter(i int32) {
	a := &p.acts[i]
	about := a.value
	if a.kind == actCAS && p.spec.Name == "mutex" && a.value == 0 {
		about = a.old // a release is about its holder
	}
	switch m := &p.made[about]; {
	case a.kind == actDequeue && !a.sure:
		p.anyway = append(p.anyway, i)
	case a.changes():
		m.acts = append(m.acts, i)
	}
	if a.makes() {
		m := &p.made[a.value]
		if m.makers++; m.first < 0 {
			m.first = i
		}
	}
}

// findWrong looks for an act that no order explains, because of what it saw: a value that nothing made, or
// only something that was called later, or more often than it was made. The search would find that too,
// but only after it tried every order of what came before.
func (p *plan) findWrong() {
	for i := range p.acts {
		a := &p.acts[i]
		if a.kind == actWrong {
			p.wrong = []int32{int32(i)}
			return
		}
		if p.byValue {
			p.findUnmade(int32(i), a)
		}
		if p.wrong != nil {
			return
		}
	}
}

func (p *plan) findUnmade(i int32, a *act) {
	var times map[int32]int32
	a.sees(func(v int32) {
		m := &p.made[v]
		switch {
		case m.makers == 0:
			p.wrong = []int32{i}
		case p.initial && v == 0:
		case a.ret < p.acts[m.first].call:
			p.wrong = []int32{i, m.first}
		case a.kind == actDequeue:
			if m.taken++; m.taken > m.makers {
				p.wrong = m.acts
			}
		case p.spec.Name == "list":
			if times == nil {
				times = make(map[int32]int32, len(a.list))
			}
			if times[v]++; times[v] > m.makers {
				p.wrong = append([]int32{i}, m.acts...)
			}
		}
	})
}

// prune makes the plan smaller, and its ambiguous acts sure, without changing whether it is linearizable.
// It reports whether it did; then another pass may find more.
//
// An ambiguous act that makes a value which nobody saw, and no ambiguous cas needed, is left out. Exact: in
// an order that explains the history leave it out. Of a register whatever was found is still what was set
// last; of a list, a set or a queue all that was seen are other elements, and what was not there still is
// not (an ambiguous dequeue that took the element is left out as well; it may be). Only "anything but old"
// may become wrong, so with it in the history nothing is left out.
//
// An ambiguous act that alone makes a value which was seen certainly happened, before the first that saw it
// returned. Exact: it is closed at that moment.
func (p *plan) prune() (more bool) {
	for i := range p.acts {
		p.note(int32(i))
	}
	for i := len(p.acts) - 1; i >= 0; i-- { // backwards, because a chain of cas runs forwards
		a := &p.acts[i]
		if a.sure || !a.makes() {
			continue
		}
		m := &p.made[a.value]
		switch {
		case m.by >= 0 && m.makers == 1 && p.acts[m.by].ret >= a.call:
			a.ret, a.sure, a.closer, more = p.acts[m.by].ret, true, m.by, true
			p.note(int32(i))
		case m.by < 0 && !m.maybe && !p.blind:
			a.kind, more = noAct, true
		}
	}
	for v := range p.made {
		p.made[v].maybe = false
	}
	return more
}

// note enters what act i saw, or would have needed.
func (p *plan) note(i int32) {
	a := &p.acts[i]
	if a.kind == actCAS && !a.sure {
		p.made[a.old].maybe = true
	}
	a.sees(func(v int32) {
		if m := &p.made[v]; m.by < 0 || a.ret < p.acts[m.by].ret {
			m.by = i
		}
	})
}

// all returns the acts that the search has to order.
func (p *plan) all() []int32 {
	all := make([]int32, 0, len(p.acts))
	for i := range p.acts {
		if p.acts[i].kind != noAct {
			all = append(all, int32(i))
		}
	}
	return all
}

// closed returns the given acts and those without which they would mean something else.
func (p *plan) closed(core []int32) []int32 {
	in := make([]bool, len(p.acts))
	var todo []int32
	add := func(i int32) {
		if !in[i] && p.acts[i].kind != noAct {
			in[i] = true
			todo = append(todo, i)
		}
	}
	for _, i := range core {
		add(i)
	}
	for _, i := range p.anyway {
		add(i)
	}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if c := p.acts[i].closer; c >= 0 {
			add(c)
		}
		p.spec.needs(p, i, add)
	}
	return p.timely(in)
}

// timely returns the acts of a part, without the ambiguous ones that were called when everything that saw
// something had returned: they may as well not have happened. What a cas that stays may have found stays, for
// without it that would be taken for a mere write.
func (p *plan) timely(in []bool) []int32 {
	last := int64(math.MinInt64)
	for i := range p.acts {
		if a := &p.acts[i]; in[i] && a.observes() {
			last = max(last, a.ret)
		}
	}
	stays := make([]bool, len(p.acts))
	for i := range p.acts {
		if a := &p.acts[i]; in[i] && (a.sure || a.call <= last) {
			p.stay(int32(i), in, stays)
		}
	}
	var part []int32
	for i, yes := range stays {
		if yes {
			part = append(part, int32(i))
		}
	}
	return part
}

// stay has act i stay, and what made the value that it found if it is a cas.
func (p *plan) stay(i int32, in, stays []bool) {
	if stays[i] {
		return
	}
	stays[i] = true
	if a := &p.acts[i]; p.weakens && a.kind == actCAS {
		for _, maker := range p.made[a.old].acts {
			if in[maker] {
				p.stay(maker, in, stays)
			}
		}
	}
}

// needsMakers: what was read needs all that may have made it. Without those of other values it is still
// what was made last; and those of other elements of a list come after all the reads of the part.
// "Anything but old" needs everything. What a cas found is dealt with in part.
func needsMakers(p *plan, i int32, add func(int32)) {
	switch a := &p.acts[i]; a.kind {
	case actRead, actReadAll:
		a.sees(func(v int32) { p.addAll(v, add) })
	case actNot:
		for v := range p.made {
			p.addAll(int32(v), add)
		}
	}
}

func (p *plan) addAll(v int32, add func(int32)) {
	for _, j := range p.made[v].acts {
		add(j)
	}
}

// needsSet: of one element what changed it, of all elements all that was called before.
func needsSet(p *plan, i int32, add func(int32)) {
	if a := &p.acts[i]; a.kind == actHas {
		p.addAll(a.value, add)
	} else {
		needsChangesBefore(p, i, add)
	}
}

// needsChangesBefore: what was seen needs every change that may have come before.
func needsChangesBefore(p *plan, i int32, add func(int32)) {
	a := &p.acts[i]
	if !a.observes() {
		return
	}
	for j := range p.acts {
		if b := &p.acts[j]; b.changes() && b.call <= a.ret {
			add(int32(j))
		}
	}
}

// needsSameElement: a queue from which an element is left out everywhere is still a queue. Ambiguous
// dequeues, which may have taken any, are in every part.
func needsSameElement(p *plan, i int32, add func(int32)) {
	if a := &p.acts[i]; a.kind == actEnqueue || a.sure && a.yes {
		p.addAll(a.value, add)
	}
}

// needsSameHolder: a mutex from which a holder is left out everywhere is only free more often.
func needsSameHolder(p *plan, i int32, add func(int32)) {
	a := &p.acts[i]
	p.addAll(max(a.value, a.old), add)
}

// part returns the given acts as the engine takes them. A cas that may have found what an act outside of
// the part made is taken for a mere write; and what an act outside of the part told is forgotten.
func (p *plan) part(acts []int32) []*act {
	in := make([]bool, len(p.acts))
	for _, i := range acts {
		in[i] = true
	}
	out := make([]*act, len(acts))
	for at, i := range acts {
		a := &p.acts[i]
		switch {
		case p.weakens && a.kind == actCAS && !p.hasMakers(in, a):
			weak := *a
			weak.kind, a = actWrite, &weak
		case a.after != nil && !in[a.fixer]:
			free := *a
			free.after, a = nil, &free
		}
		out[at] = a
	}
	return out
}

// hasMakers reports whether everything that may have made what the cas a found is in the part.
func (p *plan) hasMakers(in []bool, a *act) bool {
	for _, j := range p.made[a.old].acts {
		if m := &p.acts[j]; !in[j] && m.kind != noAct && m.call <= a.ret {
			return false
		}
	}
	return true
}

// opportunities counts the answers that were called after an acknowledged change had returned: each could
// have missed it.
func (p *plan) opportunities() (n int64) {
	changed := history.Never
	for i := range p.acts {
		if a := &p.acts[i]; a.changes() && p.job.Ops[a.op].Type == history.Ok {
			changed = min(changed, a.ret)
		}
	}
	for i := range p.acts {
		a := &p.acts[i]
		if p.job.Ops[a.op].Type == history.Ok && a.observes() && a.call > changed {
			n++
		}
	}
	return n
}
