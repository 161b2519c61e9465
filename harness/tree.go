package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parse reads data as one YAML document whose root is a mapping. On problems it returns nil.
func (d *document) parse(data []byte) *yaml.Node {
	node, err := parseYAML(data)
	if err != nil {
		line, text := splitYAMLError(err)
		d.problems = append(d.problems, Problem{File: d.file, Line: line, Text: text})
		return nil
	}
	if node == nil || isNull(node) {
		d.note(nil, "", "the file is empty; an experiment needs at least a workload")
		return nil
	}
	if node.Kind != yaml.MappingNode {
		d.note(node, "", "an experiment is a mapping of fields (name: .., workload: ..)")
		return nil
	}
	before := len(d.problems)
	d.checkTree(field{doc: d, node: node})
	if len(d.problems) > before {
		return nil
	}
	return node
}

// parseYAML returns the root of the one document in data, nil when there is none.
func parseYAML(data []byte) (root *yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil { // defects of the parser are errors of this one file only
			root, err = nil, fmt.Errorf("the YAML cannot be read: %v", p)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("the file holds more than one YAML document; one is allowed")
	}
	if len(doc.Content) != 1 {
		return nil, nil
	}
	return doc.Content[0], nil
}

var yamlErrorLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// splitYAMLError takes the line out of an error of the YAML parser, 0 when it names none.
func splitYAMLError(err error) (line int, text string) {
	text = err.Error()
	if m := yamlErrorLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	return line, "no valid YAML: " + text
}

// checkTree refuses what would make a file mean something else than what it looks like: keys given
// twice, and aliases, which would also let a small file stand for a huge one.
func (d *document) checkTree(f field) {
	switch {
	case f.node.Kind == yaml.AliasNode:
		d.note(f.node, f.path, "aliases are not allowed; what several configurations share stands once, "+
			"above variants")
	case f.node.Anchor != "":
		d.note(f.node, f.path, "anchors are not allowed; what several configurations share stands once, "+
			"above variants")
	case f.node.Kind == yaml.SequenceNode:
		for _, e := range f.elements() {
			d.checkTree(e)
		}
	case f.node.Kind == yaml.MappingNode:
		lines := make(map[string]int)
		for i := 0; i+1 < len(f.node.Content); i += 2 {
			key, node := f.node.Content[i], f.node.Content[i+1]
			child := f.child(key.Value, key, node)
			switch first, twice := lines[key.Value]; {
			case key.Kind != yaml.ScalarNode || key.Tag == "!!merge":
				d.note(key, f.path, "the key is no text")
			case twice:
				child.wrong("given twice, first in line %d", first)
			}
			lines[key.Value] = key.Line
			d.checkTree(child)
		}
	}
}

// lookup returns the key and the value under name in a mapping, nil when it is not there.
func lookup(mapping *yaml.Node, name string) (key, value *yaml.Node) {
	if i := indexOf(mapping, name); i >= 0 {
		return mapping.Content[i], mapping.Content[i+1]
	}
	return nil, nil
}

// indexOf returns where name's key stands in a mapping's content, -1 when it is not there.
func indexOf(mapping *yaml.Node, name string) int {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return -1
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return i
		}
	}
	return -1
}

// with returns a copy of a mapping in which name stands for value.
func with(mapping, key, value *yaml.Node) *yaml.Node {
	out := *mapping
	out.Content = slices.Clone(mapping.Content)
	if i := indexOf(mapping, key.Value); i >= 0 {
		out.Content[i], out.Content[i+1] = key, value
	} else {
		out.Content = append(out.Content, key, value)
	}
	return &out
}

// without returns a copy of a mapping that lacks name.
func without(mapping *yaml.Node, name string) *yaml.Node {
	out := *mapping
	out.Content = slices.Clone(mapping.Content)
	if i := indexOf(mapping, name); i >= 0 {
		out.Content = slices.Delete(out.Content, i, i+2)
	}
	return &out
}

// merged lays over over base: mappings are merged, everything else replaces what stood there. Nodes keep
// their lines, so a value's line is that of the last place that gave it.
func merged(base, over *yaml.Node) *yaml.Node {
	if base == nil || base.Kind != yaml.MappingNode || over.Kind != yaml.MappingNode {
		return over
	}
	out := base
	for i := 0; i+1 < len(over.Content); i += 2 {
		key, value := over.Content[i], over.Content[i+1]
		if baseKey, old := lookup(base, key.Value); old != nil {
			if old.Kind == yaml.MappingNode && value.Kind == yaml.MappingNode {
				key = baseKey
			}
			value = merged(old, value)
		}
		out = with(out, key, value)
	}
	return out
}

// override applies a flag's "path=value" to a tree and returns the changed copy.
func (d *document) override(root *yaml.Node, flag, setting string) *yaml.Node {
	path, text, found := strings.Cut(setting, "=")
	wrong := func(format string, args ...any) *yaml.Node {
		what := fmt.Sprintf(format, args...)
		d.problems = append(d.problems, Problem{File: d.file, Flag: flag, Field: path, Text: what})
		return root
	}
	if !found || path == "" {
		path = ""
		return wrong("wanted: a field's path, =, and its value, such as config.replication=async")
	}
	value, err := parseYAML([]byte(text))
	if err != nil {
		_, what := splitYAMLError(err)
		return wrong("%s", what)
	}
	if value == nil {
		value = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	}
	d.mark(value, flag)
	before := len(d.problems)
	if d.checkTree(field{doc: d, path: path, node: value}); len(d.problems) > before {
		return root
	}
	changed, err := d.set(root, strings.Split(path, "."), value, flag)
	if err != nil {
		return wrong("%v", err)
	}
	return changed
}

// mark notes that a flag brought in all nodes of a tree.
func (d *document) mark(n *yaml.Node, flag string) {
	d.flags[n] = flag
	for _, c := range n.Content {
		d.mark(c, flag)
	}
}

// set returns a copy of node in which value stands at path. Mappings on the way are made where missing.
func (d *document) set(node *yaml.Node, path []string, value *yaml.Node, flag string) (*yaml.Node, error) {
	if len(path) == 0 {
		return value, nil
	}
	if node != nil && node.Kind == yaml.SequenceNode {
		return d.setElement(node, path, value, flag)
	}
	if node == nil || isNull(node) {
		node = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		d.flags[node] = flag
	}
	if node.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s is %s and has no field %s", "what stands there",
			field{node: node}.what(), path[0])
	}
	key, old := lookup(node, path[0])
	changed, err := d.set(old, path[1:], value, flag)
	if err != nil {
		return nil, err
	}
	if key == nil || len(path) == 1 {
		key = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: path[0]}
		d.flags[key] = flag
	}
	return with(node, key, changed), nil
}

// setElement is set for a list, whose elements are named by number from 0.
func (d *document) setElement(list *yaml.Node, path []string, value *yaml.Node, flag string) (*yaml.Node,
	error) {
	i, err := strconv.Atoi(path[0])
	if err != nil || i < 0 || i >= len(list.Content) {
		return nil, fmt.Errorf("a list stands before %q; allowed there: the number of an element, from 0 "+
			"to %d",
			shorten(path[0]), len(list.Content)-1)
	}
	changed, err := d.set(list.Content[i], path[1:], value, flag)
	if err != nil {
		return nil, err
	}
	out := *list
	out.Content = slices.Clone(list.Content)
	out.Content[i] = changed
	return &out, nil
}

// find returns the place that a path leads to below root, or the deepest place on the way to it that
// exists.
func (d *document) find(root *yaml.Node, path string) field {
	f := field{doc: d, node: root}
	for name := range strings.SplitSeq(path, ".") {
		next, ok := f.step(name)
		if !ok {
			break
		}
		f = next
	}
	f.path = path
	return f
}

// step returns the place named name right below f.
func (f field) step(name string) (field, bool) {
	if f.node.Kind == yaml.SequenceNode {
		for _, e := range f.elements() {
			if e.name() == name {
				return e, true
			}
		}
		return field{}, false
	}
	key, node := lookup(f.node, name)
	if node == nil {
		return field{}, false
	}
	return f.child(name, key, node), true
}
