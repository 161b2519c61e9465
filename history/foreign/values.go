package foreign

import (
	"slices"
	"strings"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/history/edn"
)

// otherKind is the key of the map that stands for a value for which history.Value has no kind: a keyword,
// a float, a tagged value. {"edn": ":x"} is the keyword :x. So it is equal to no string and no integer.
const otherKind = "edn"

// valueOf returns v as a history holds it. Sets become lists, sorted; vectors and lists become lists.
func valueOf(v *edn.Value) (history.Value, error) {
	switch v.Kind {
	case edn.Nil:
		return history.Value{}, nil
	case edn.Bool:
		return history.BoolValue(v.Int != 0), nil
	case edn.Int:
		return history.IntValue(v.Int), nil
	case edn.String:
		return history.StringValue(v.Text), nil
	case edn.List, edn.Vector:
		list, err := valuesOf(v.Items)
		return history.ListValue(list...), err
	case edn.Set:
		return setOf(v)
	case edn.Map:
		return mapOf(v)
	case edn.Tagged:
		of, err := valueOf(&v.Items[0])
		return history.MapValue(map[string]history.Value{otherKind: history.StringValue("#" + v.Text),
			"of": of}), err
	}
	text := history.StringValue(string(edn.Append(nil, v)))
	return history.MapValue(map[string]history.Value{otherKind: text}), nil
}

func valuesOf(items []edn.Value) ([]history.Value, error) {
	list := make([]history.Value, len(items))
	for i := range items {
		v, err := valueOf(&items[i])
		if err != nil {
			return nil, err
		}
		list[i] = v
	}
	return list, nil
}

func setOf(v *edn.Value) (history.Value, error) {
	list, err := valuesOf(v.Items)
	if err != nil {
		return history.Value{}, err
	}
	slices.SortFunc(list, compare)
	for i := 1; i < len(list); i++ {
		if list[i].Equal(list[i-1]) {
			return history.Value{}, v.Errorf("%s stands twice in a set", list[i])
		}
	}
	return history.ListValue(list...), nil
}

// compare orders values by kind and contents.
func compare(a, b history.Value) int {
	if a.Kind() != b.Kind() {
		return int(a.Kind()) - int(b.Kind())
	}
	if x, isInt := a.AsInt(); isInt {
		y, _ := b.AsInt()
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	return strings.Compare(a.String(), b.String())
}

func mapOf(v *edn.Value) (history.Value, error) {
	entries := make(map[string]history.Value, len(v.Items)/2)
	for i := 0; i < len(v.Items); i += 2 {
		key := textOf(&v.Items[i])
		if _, twice := entries[key]; twice {
			return history.Value{}, v.Items[i].Errorf("the key %s stands twice in a map", key)
		}
		of, err := valueOf(&v.Items[i+1])
		if err != nil {
			return history.Value{}, err
		}
		entries[key] = of
	}
	return history.MapValue(entries), nil
}

// textOf returns a name for v: a string as it is, anything else as EDN.
func textOf(v *edn.Value) string {
	if v.Kind == edn.String {
		return v.Text
	}
	return string(edn.Append(nil, v))
}

// maxKeys bounds the keys of a history.
const maxKeys = 4 << 20

// keyOf returns the name of a key. A history does not distinguish the key 5 from the key "5"; a file that
// has both is refused.
func (l *loader) keyOf(v *edn.Value) (string, error) {
	if v.Kind == edn.Nil {
		return "", v.Errorf("nil is no key; allowed: strings, integers, keywords and other values")
	}
	name := textOf(v)
	kind, known := l.keys[name]
	switch {
	case !known && len(l.keys) == maxKeys:
		return "", v.Errorf("the history has more than %d keys", maxKeys)
	case !known:
		l.keys[name] = v.Kind
	case kind != v.Kind:
		return "", v.Errorf("two keys would have the name %s: here it is of type %s, before of type %s", name,
			v.Kind, kind)
	}
	return name, nil
}

// nameOf returns the text of a field that names something: a string, a keyword or an integer.
func nameOf(v *edn.Value, what string) (string, error) {
	if name, ok := v.Name(); ok {
		return name, nil
	}
	if v.Kind == edn.Int {
		return textOf(v), nil
	}
	return "", v.Errorf("%s is no %s; allowed: a string, a keyword, an integer", shown(v), what)
}

// maxSessions bounds the names of sessions that are shared by all their uses.
const maxSessions = 1 << 16

// sessionOf returns the name of a process's session.
func (l *loader) sessionOf(process int32) string {
	if name, known := l.sessions[process]; known {
		return name
	}
	name := defaultSession(process)
	if len(l.sessions) < maxSessions {
		l.sessions[process] = name
	}
	return name
}
