package history

import (
	"slices"
	"strconv"
	"strings"
)

// Kind is the type of a Value.
type Kind uint8

// The kinds of values. The zero Kind is Null, so the zero Value is "no value".
const (
	Null Kind = iota
	Int
	Bool
	String
	List
	Map
)

// Value is what an operation writes or reads: null, an integer, a boolean, a string, a list, or a map
// from strings to values. Values are immutable; the zero Value is null, "no value".
type Value struct {
	kind Kind
	num  int64
	text string
	list []Value // List: the elements; Map: key, value, key, value, .. by rising key
}

// IntValue returns the integer value n.
func IntValue(n int64) Value { return Value{kind: Int, num: n} }

// BoolValue returns the boolean value b.
func BoolValue(b bool) Value {
	if b {
		return Value{kind: Bool, num: 1}
	}
	return Value{kind: Bool}
}

// StringValue returns the string value s.
func StringValue(s string) Value { return Value{kind: String, text: s} }

// ListValue returns the list of the given values. The caller must not change the slice afterwards.
func ListValue(values ...Value) Value { return Value{kind: List, list: values} }

// IntsValue returns the list of the given integers.
func IntsValue(ns ...int64) Value {
	list := make([]Value, len(ns))
	for i, n := range ns {
		list[i] = IntValue(n)
	}
	return Value{kind: List, list: list}
}

// MapValue returns the map with the given entries.
func MapValue(entries map[string]Value) Value {
	keys := make([]string, 0, len(entries))
	for k := range entries {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	list := make([]Value, 0, 2*len(keys))
	for _, k := range keys {
		list = append(list, StringValue(k), entries[k])
	}
	return Value{kind: Map, list: list}
}

// Kind returns the type of v.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether v is "no value".
func (v Value) IsNull() bool { return v.kind == Null }

// AsInt returns the integer v holds, and whether v is an integer; 0 when it is not.
func (v Value) AsInt() (int64, bool) {
	if v.kind != Int {
		return 0, false
	}
	return v.num, true
}

// AsBool returns the boolean v holds, and whether v is a boolean; false when it is not.
func (v Value) AsBool() (value, ok bool) { return v.kind == Bool && v.num != 0, v.kind == Bool }

// AsString returns the string v holds, and whether v is a string.
func (v Value) AsString() (string, bool) { return v.text, v.kind == String }

// AsList returns the elements of the list v, and whether v is a list; none when it is not. The caller
// must not change them.
func (v Value) AsList() ([]Value, bool) {
	if v.kind != List {
		return nil, false
	}
	return v.list, true
}

// Get returns the value under key in the map v, or null when there is none or v is no map.
func (v Value) Get(key string) Value {
	if v.kind != Map {
		return Value{}
	}
	for i := 0; i+1 < len(v.list); i += 2 {
		if v.list[i].text == key {
			return v.list[i+1]
		}
	}
	return Value{}
}

// Entries calls yield for every entry of the map v by rising key until yield returns false.
func (v Value) Entries(yield func(key string, value Value) bool) {
	if v.kind != Map {
		return
	}
	for i := 0; i+1 < len(v.list); i += 2 {
		if !yield(v.list[i].text, v.list[i+1]) {
			return
		}
	}
}

// Equal reports whether v and w are the same value: same kind, same contents.
func (v Value) Equal(w Value) bool {
	return v.kind == w.kind && v.num == w.num && v.text == w.text &&
		slices.EqualFunc(v.list, w.list, Value.Equal)
}

// String draws v for people and for the text drawing: ∅, 42, true, abc, [1 2], {a:1 b:2}. In lists, four
// or more integers that count up are drawn as a range: [1..5 7] is [1 2 3 4 5 7].
// A string that could be taken for something else is quoted.
func (v Value) String() string { return string(v.appendText(nil)) }

func (v Value) appendText(b []byte) []byte {
	switch v.kind {
	case Int:
		return strconv.AppendInt(b, v.num, 10)
	case Bool:
		return strconv.AppendBool(b, v.num != 0)
	case String:
		return appendWord(b, v.text)
	case List:
		return appendList(b, v.list)
	case Map:
		b = append(b, '{')
		for i := 0; i+1 < len(v.list); i += 2 {
			if i > 0 {
				b = append(b, ' ')
			}
			b = append(appendWord(b, v.list[i].text), ':')
			b = v.list[i+1].appendText(b)
		}
		return append(b, '}')
	}
	return append(b, "∅"...)
}

// appendList draws a list, its runs of integers as ranges.
func appendList(b []byte, list []Value) []byte {
	b = append(b, '[')
	for i := 0; i < len(list); {
		if i > 0 {
			b = append(b, ' ')
		}
		n := min(countUp(list[i:]), longestRange)
		b = list[i].appendText(b)
		if n >= shortestRange {
			b = append(b, ".."...)
			b = list[i+n-1].appendText(b)
		} else {
			n = 1
		}
		i += n
	}
	return append(b, ']')
}

// shortestRange is the number of elements from which on a run is drawn as a range.
const shortestRange = 4

// countUp returns how many elements from the first on are integers that count up by one.
func countUp(list []Value) int {
	n := 1
	for n < len(list) && list[0].kind == Int && list[n].kind == Int && list[n].num == list[0].num+int64(n) {
		n++
	}
	return n
}

// appendWord appends s bare when it reads back as a string, quoted otherwise.
func appendWord(b []byte, s string) []byte {
	if isBare(s) && s != "true" && s != "false" && s != "null" && !strings.Contains("-0123456789", s[:1]) {
		return append(b, s...)
	}
	return strconv.AppendQuote(b, s)
}
