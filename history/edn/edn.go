// Package edn reads and writes EDN, the notation in which Clojure programs, Jepsen among them, keep their
// data (https://github.com/edn-format/edn). Reading is a stream: one value at a time, in bounded memory.
package edn

import "strconv"

// Kind is the type of a Value.
type Kind uint8

// The kinds of values. The zero Kind is Nil.
const (
	Nil     Kind = iota
	Bool         // Int is 1 for true
	Int          // Int; of 64 bits, whether it was written with N or without
	BigInt       // Text has the digits of an integer that has more than 64 bits
	Float        // Text has the shortest digits that read back the same, or ##Inf, ##-Inf, ##NaN
	Decimal      // Text has the digits without the M
	Ratio        // Text is "1/3", not reduced
	Char         // Int is the Unicode code point
	String       // Text
	Keyword      // Text, without the colon
	Symbol       // Text
	List         // Items
	Vector       // Items
	Set          // Items; whether one stands twice is not checked
	Map          // Items: key, value, key, value, ..; whether a key stands twice is not checked
	Tagged       // Text is the tag without #, Items has the one value that is tagged
)

var kindNames = [...]string{"nil", "boolean", "integer", "integer", "float", "decimal", "ratio", "character",
	"string", "keyword", "symbol", "list", "vector", "set", "map", "tagged value"}

// String returns the kind's name for error messages.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// Value is a value and where in the text it began. The zero Value is nil.
type Value struct {
	Kind   Kind
	Line   int32 // from 1
	Column int32 // from 1, in characters
	Int    int64
	Text   string
	Items  []Value
}

// IsSequence reports whether v is a vector or a list.
func (v *Value) IsSequence() bool { return v.Kind == Vector || v.Kind == List }

// Name returns the text of a keyword, string or symbol, and whether v is one.
func (v *Value) Name() (string, bool) {
	return v.Text, v.Kind == Keyword || v.Kind == String || v.Kind == Symbol
}
