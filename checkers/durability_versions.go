package checkers

import (
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// severalVersions says what lists mean that reads of a key returned.
type severalVersions struct {
	list bool   // they are the key's value
	odd  string // why that cannot be told
}

// severalVersions tells whether the lists that a key was read as are lists, or versions beside each other.
func (d *durability) severalVersions(k *keyAccesses, s *finalState) (v severalVersions) {
	written, appended, deleted, nested := false, false, false, false // nested: lists are among the values
	for i := range k.list {
		a := &k.list[i]
		written, appended = written || a.kind == writes, appended || a.kind == appends
		deleted = deleted || a.kind == deletes && a.outcome != history.Fail
		nested = nested || a.kind != reads && d.isList(a)
	}
	lists := func(list []access) bool {
		return slices.ContainsFunc(list, func(a access) bool { return a.kind == reads && d.isList(&a) })
	}
	switch {
	case appended:
		if !nested && slices.ContainsFunc(s.answers, d.hasLists) {
			v.odd = "is a list that was read as several lists"
		}
	case nested || !written:
		v.list = lists(s.answers)
	case deleted && (lists(s.answers) || lists(k.list)):
		v.odd = "was read as several versions, and deleted, which takes only what was known"
	}
	return v
}

// isList reports whether what was read or written is a list.
func (d *durability) isList(a *access) bool {
	switch a.form {
	case formResult:
		return d.h.ResultKind(int(a.op)) == history.List
	case formArg:
		return d.h.ArgKind(int(a.op)) == history.List
	case formOther:
		return d.others[a.value].Kind() == history.List
	}
	return false
}

// hasLists reports whether an answer is a list with a list in it.
func (d *durability) hasLists(a access) bool {
	if _, ints := d.h.ResultInts(int(a.op)); !d.isList(&a) || ints && a.form == formResult {
		return false
	}
	list, _ := d.value(&a).AsList()
	return slices.ContainsFunc(list, func(v history.Value) bool { return v.Kind() == history.List })
}

// eachVersion calls yield for every version of a register that an answer has: for null when it has none.
func (d *durability) eachVersion(a *access, yield func(version state)) {
	if !d.isList(a) {
		yield(d.state(a))
		return
	}
	none := true
	d.eachElement(a, func(version state) {
		none = false
		yield(version)
	})
	if none {
		yield(nullState)
	}
}
