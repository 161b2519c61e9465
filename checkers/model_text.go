package checkers

import (
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"

	"github.com/rashomon-harness/rashomon/history"
)

// readyKV returns the machine of a key: that of a register, unless something is appended to it.
func readyKV(p *plan) (m machine, why string) {
	appends := false
	for i := range p.acts {
		appends = appends || p.acts[i].kind == actConcat
	}
	if !appends {
		return readyNumbers(p)
	}
	p.pruneTexts()
	t := newTexts(p)
	for i := range p.acts {
		if a := &p.acts[i]; (a.kind == actWrite || a.kind == actCAS) && !t.isText[a.value] {
			return m, fmt.Sprintf("append to what is no string (event %d)", p.job.Ops[a.op].Invoked)
		}
	}
	t.settle()
	t.closeAll()
	return t.machine(), ""
}

// pruneTexts leaves out the ambiguous writes and appends of a text that is part of no string that anybody
// found or expected. Exact: until the next write every string has it in it, so none of them was found, and
// no ambiguous cas fitted; only "anything but old" could have been answered.
func (p *plan) pruneTexts() {
	text := func(v int32) string {
		s, _ := p.values.names[v].AsString()
		return s
	}
	var found []string
	for i := range p.acts {
		switch a := &p.acts[i]; a.kind {
		case actRead:
			found = append(found, text(a.value))
		case actCAS:
			found = append(found, text(a.old))
		}
	}
	p.acts = slices.DeleteFunc(p.acts, func(a act) bool {
		part := text(a.value)
		if p.blind || a.sure || a.kind != actConcat && a.kind != actWrite || part == "" {
			return false
		}
		return !slices.ContainsFunc(found, func(s string) bool { return strings.Contains(s, part) })
	})
}

// texts looks into the strings that were found in a key to which strings are appended. A string found is
// the text of a write, or nothing, and then the texts of appends. Where there is only one way to put it
// together from the texts of the history, and only one act with one of these texts, it is known what the
// string was when this act had happened: the part of the string found up to there. That act can follow one
// string only, which leaves the search little to try.
type texts struct {
	*plan
	text    []string         // by number of the value
	isText  []bool           // the same; null is the empty text
	numbers map[string]int32 // of the texts that are written or appended, but the empty one
	follows map[string]bool  // of these, those that are appended
	lengths []int            // of these, rising, each once
	makers  []int32          // by value: how many acts may have added or written it
	maker   []int32          // one of them
}

// newTexts returns the texts of a plan whose acts are taken but not yet indexed.
func newTexts(p *plan) *texts {
	n := len(p.values.names)
	t := &texts{plan: p, text: make([]string, n), isText: make([]bool, n), makers: make([]int32, n),
		maker: make([]int32, n), numbers: map[string]int32{}, follows: map[string]bool{}}
	for v, name := range p.values.names {
		t.text[v], t.isText[v] = name.AsString()
		t.isText[v] = t.isText[v] || name.IsNull()
	}
	lengths := map[int]bool{}
	for i := range p.acts {
		a := &p.acts[i]
		if a.kind != actConcat && a.kind != actWrite && a.kind != actCAS || t.text[a.value] == "" {
			continue
		}
		text := t.text[a.value]
		t.numbers[text] = a.value
		t.follows[text] = t.follows[text] || a.kind == actConcat
		lengths[len(text)] = true
		t.makers[a.value]++
		t.maker[a.value] = int32(i)
	}
	t.lengths = slices.Sorted(maps.Keys(lengths))
	return t
}

// parse returns the ends of the texts of which s is made, when there is exactly one way; ways is 0, 1, or 2
// for several.
func (t *texts) parse(s string) (ends []int, ways int) {
	from := make([]int, len(s)+1)    // where the last text of a way to get here begins
	reached := make([]int, len(s)+1) // in how many ways, 2 for several
	reached[0] = 1
	for at := range len(s) {
		if reached[at] == 0 {
			continue
		}
		for _, n := range t.lengths {
			if at+n > len(s) {
				break
			}
			text := s[at : at+n]
			if _, begins := t.numbers[text]; at == 0 && begins || t.follows[text] {
				reached[at+n] = min(2, reached[at+n]+reached[at])
				from[at+n] = at
			}
		}
	}
	if reached[len(s)] == 1 {
		for at := len(s); at > 0; at = from[at] {
			ends = append(ends, at)
		}
		slices.Reverse(ends)
	}
	return ends, reached[len(s)]
}

// settle derives what every string found tells about the acts that made it. It runs when the acts are in
// the order of their calls.
func (t *texts) settle() {
	parsed := map[int32]bool{} // values
	for i := range t.acts {
		a := &t.acts[i]
		if a.kind != actRead && a.kind != actCAS || !a.sure {
			continue
		}
		v := a.value
		if a.kind == actCAS {
			v = a.old
		}
		ends, ways := t.parse(t.text[v])
		if !t.isText[v] || ways == 0 {
			t.wrong = []int32{int32(i)}
			return
		}
		if t.derive(int32(i), t.text[v], ends, !parsed[v]); t.wrong != nil {
			return
		}
		parsed[v] = true
	}
}

// derive notes what act i tells, which found s, made of texts with these ends. fresh is false when another
// act told the same already, except for its times.
func (t *texts) derive(i int32, s string, ends []int, fresh bool) {
	begin := 0
	for _, end := range ends {
		v := t.numbers[s[begin:end]]
		begin = end
		if t.makers[v] != 1 {
			continue
		}
		m, by := &t.acts[t.maker[v]], &t.acts[i]
		switch {
		case by.ret < m.call:
			t.wrong = []int32{i, t.maker[v]}
			return
		case !m.sure && by.ret < m.ret:
			m.ret, m.closer = by.ret, i // it happened; closeAll makes it sure
		}
		if m.kind != actConcat || !fresh {
			continue
		}
		if m.after == nil {
			m.after, m.fixer = s[:end], i
		} else if m.after != any(s[:end]) {
			t.wrong = []int32{m.fixer, i, t.maker[v]}
			return
		}
	}
}

// closeAll makes sure the acts that were seen.
func (t *texts) closeAll() {
	for i := range t.acts {
		if a := &t.acts[i]; a.ret != history.Never {
			a.sure = true
		}
	}
}

// machine returns the machine of the string. The state is the string.
func (t *texts) machine() machine {
	seed := maphash.MakeSeed()
	states := make([]any, len(t.text))
	for v, text := range t.text {
		states[v] = text
	}
	is := func(now string, v int32) bool { return t.isText[v] && now == t.text[v] }
	return machine{
		init: any(""),
		step: func(state any, a *act) (bool, any) {
			now := state.(string)
			switch a.kind {
			case actRead:
				return is(now, a.value), state
			case actWrite:
				return true, states[a.value]
			case actNot:
				return !is(now, a.old), state
			case actCAS:
				if is(now, a.old) {
					return true, states[a.value]
				}
				return !a.sure, state
			case actConcat:
				return concat(now, t.text[a.value], a.after)
			}
			return false, state
		},
		equal: func(x, y any) bool { return x.(string) == y.(string) },
		hash:  func(state any) uint64 { return maphash.String(seed, state.(string)) },
		size:  func(state any) int64 { return int64(len(state.(string))) + 16 },
	}
}

// concat returns the string with text behind it, and whether it may be: it has to be after, unless that is
// nil.
func concat(now, text string, after any) (ok bool, next any) {
	if after == nil {
		return true, now + text
	}
	known := after.(string)
	return len(now)+len(text) == len(known) && strings.HasPrefix(known, now), after
}
