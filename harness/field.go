package harness

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document is a YAML file being read, with all that was found wrong in it so far.
type document struct {
	file     string
	flags    map[*yaml.Node]string // nodes that a flag brought in, and which
	problems Problems
}

// field is a place in a document. Reading it as something that it is not notes a problem and gives the
// zero value, so that one reading finds all problems.
type field struct {
	doc  *document
	path string
	key  *yaml.Node // what names it: its line is the field's; nil for elements of lists
	node *yaml.Node
}

// wrong notes a problem with f.
func (f field) wrong(format string, args ...any) {
	f.doc.note(f.at(), f.path, fmt.Sprintf(format, args...))
}

// at returns the node whose line is f's.
func (f field) at() *yaml.Node {
	if _, byFlag := f.doc.flags[f.node]; f.key == nil || byFlag {
		return f.node
	}
	return f.key
}

// note notes a problem at a node.
func (d *document) note(at *yaml.Node, path, text string) {
	p := Problem{File: d.file, Field: path, Text: text}
	if at != nil {
		p.Line, p.Flag = at.Line, d.flags[at]
	}
	d.problems = append(d.problems, p)
}

// child returns the place of a node below f.
func (f field) child(name string, key, node *yaml.Node) field {
	path := name
	if f.path != "" {
		path = f.path + "." + name
	}
	return field{doc: f.doc, path: path, key: key, node: node}
}

// name returns the last element of f's path.
func (f field) name() string { return f.path[strings.LastIndexByte(f.path, '.')+1:] }

// what names what stands at f, for people.
func (f field) what() string {
	switch f.node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		if f.node.Tag == "!!null" {
			return "nothing"
		}
		return strconv.Quote(shorten(f.node.Value))
	}
	return "something else"
}

// shorten cuts what a message quotes to a bearable length.
func shorten(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + ".."
	}
	return s
}

// entries returns the fields of the mapping f in their order, without those that are null: null means
// not given. ok is false when f is no mapping.
func (f field) entries() (fields []field, ok bool) {
	if f.node.Kind != yaml.MappingNode {
		f.wrong("%s; a mapping is wanted", f.what())
		return nil, false
	}
	for i := 0; i+1 < len(f.node.Content); i += 2 {
		key, node := f.node.Content[i], f.node.Content[i+1]
		if !isNull(node) {
			fields = append(fields, f.child(key.Value, key, node))
		}
	}
	return fields, true
}

// isNull reports whether nothing stands at a node.
func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// elements returns the elements of the list f; of anything else, f alone.
func (f field) elements() []field {
	if f.node.Kind != yaml.SequenceNode {
		return []field{f}
	}
	fields := make([]field, len(f.node.Content))
	for i, node := range f.node.Content {
		fields[i] = f.child(strconv.Itoa(i), nil, node)
	}
	return fields
}

// text reads f as a text; numbers and truth values are taken as they are written.
func (f field) text() string {
	if f.node.Kind != yaml.ScalarNode || isNull(f.node) {
		f.wrong("%s; a text is wanted", f.what())
		return ""
	}
	return f.node.Value
}

// oneOf reads f as one of the given words.
func (f field) oneOf(words []string) string {
	if f.node.Kind != yaml.ScalarNode {
		f.wrong("%s; %s", f.what(), allowed("", words))
		return ""
	}
	for _, w := range words {
		if w == f.node.Value {
			return w
		}
	}
	f.wrong("%s is not allowed; %s", f.what(), allowed(f.node.Value, words))
	return ""
}

// wordsOf reads f as one or a list of the given words.
func (f field) wordsOf(words []string) []string {
	var out []string
	for _, e := range f.elements() {
		if w := e.oneOf(words); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// integer reads f as a whole number in [lo, hi].
func (f field) integer(lo, hi int) int {
	n, err := strconv.Atoi(strings.ReplaceAll(f.node.Value, "_", ""))
	if f.node.Kind != yaml.ScalarNode || err != nil || n < lo || n > hi {
		f.wrong("%s; a whole number from %d to %d is wanted", f.what(), lo, hi)
		return lo
	}
	return n
}

// number reads f as a number in (0, hi].
func (f field) number(hi float64) float64 {
	x, err := strconv.ParseFloat(f.node.Value, 64)
	if f.node.Kind != yaml.ScalarNode || err != nil || !(x > 0 && x <= hi) {
		f.wrong("%s; a number above 0, up to %.0f, is wanted", f.what(), hi)
		return 1
	}
	return x
}

// value reads f as it stands: nil, string, int, bool, float64, []any or map[string]any.
func (f field) value() any {
	switch f.node.Kind {
	case yaml.MappingNode:
		fields, _ := f.entries()
		out := make(map[string]any, len(fields))
		for _, e := range fields {
			out[e.key.Value] = e.value()
		}
		return out
	case yaml.SequenceNode:
		out := make([]any, 0, len(f.node.Content))
		for _, e := range f.elements() {
			out = append(out, e.value())
		}
		return out
	}
	return f.scalar()
}

// scalar reads the scalar f by its tag.
func (f field) scalar() any {
	switch f.node.Tag {
	case "!!null":
		return nil
	case "!!bool", "!!int", "!!float":
		var out any
		if err := f.node.Decode(&out); err == nil {
			switch x := out.(type) {
			case bool, int:
				return x
			case float64:
				if !math.IsNaN(x) && !math.IsInf(x, 0) {
					return x
				}
			}
		}
		f.wrong("%s; a number from -2^63 to 2^63 is wanted", f.what())
		return nil
	}
	return f.node.Value
}
