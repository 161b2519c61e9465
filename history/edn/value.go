package edn

// value reads a value at that depth.
func (r *Reader) value(depth int) (Value, error) {
	if depth > r.limits.Depth {
		return Value{}, r.errorHere("values are nested more than %d deep", r.limits.Depth)
	}
	if err := r.skip(depth); err != nil {
		return Value{}, err
	}
	if r.items++; r.items > r.limits.Items {
		return Value{}, r.errorHere("a value consists of more than %d values", r.limits.Items)
	}
	c, ok := r.peek()
	if !ok {
		return Value{}, r.expected("a value")
	}
	switch c {
	case '"':
		return r.str()
	case '\\':
		return r.char()
	case '[':
		return r.sequence(Vector, ']', depth)
	case '(':
		return r.sequence(List, ')', depth)
	case '{':
		return r.mapping(r.here(Map), "", depth)
	case '#':
		return r.dispatch(depth)
	case ')', ']', '}':
		return Value{}, r.expected("a value")
	}
	return r.atom()
}

// sequence reads the elements of v's kind up to the closing bracket. The opening one stands here.
func (r *Reader) sequence(kind Kind, closer byte, depth int) (Value, error) {
	v := r.here(kind)
	r.step()
	base := len(r.stack)
	for {
		if err := r.skip(depth); err != nil {
			return Value{}, err
		}
		c, ok := r.peek()
		switch {
		case !ok:
			return Value{}, r.unclosed(&v)
		case c == closer:
			r.step()
			v.Items = r.pop(base)
			return v, nil
		case c == ')' || c == ']' || c == '}':
			return Value{}, r.errorHere("expected %q, the end of the %s that begins at line %d, column %d, "+
				"found %q", closer, kind, v.Line, v.Column, c)
		}
		item, err := r.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		r.stack = append(r.stack, item)
	}
}

// pop takes what lies above base off the stack.
func (r *Reader) pop(base int) []Value {
	top := r.stack[base:]
	if len(top) == 0 {
		return nil
	}
	items := append(make([]Value, 0, len(top)), top...)
	clear(top)
	r.stack = r.stack[:base]
	return items
}

// mapping reads a map whose keywords without a namespace belong to the given one, "" for none.
func (r *Reader) mapping(begin Value, namespace string, depth int) (Value, error) {
	v, err := r.sequence(Map, '}', depth)
	if err != nil {
		return Value{}, err
	}
	v.Line, v.Column = begin.Line, begin.Column
	if len(v.Items)%2 != 0 {
		return Value{}, v.Items[len(v.Items)-1].malformed("the last key of a map has no value")
	}
	for i := 0; namespace != "" && i < len(v.Items); i += 2 {
		if key := &v.Items[i]; key.Kind == Keyword {
			key.Text = r.name(qualified(namespace, key.Text))
		}
	}
	return v, nil
}

// qualified returns the keyword name as it is meant inside #:namespace{..}: _/name has no namespace.
func qualified(namespace, name string) string {
	for i := range len(name) {
		if name[i] == '/' && i > 0 {
			if name[:i] == "_" {
				return name[i+1:]
			}
			return name
		}
	}
	return namespace + "/" + name
}

// dispatch reads what begins with #: a set, a tagged value, a map with a namespace, a symbolic float.
func (r *Reader) dispatch(depth int) (Value, error) {
	v := r.here(Tagged)
	r.step()
	c, ok := r.peek()
	switch {
	case ok && c == '{':
		set, err := r.sequence(Set, '}', depth)
		set.Line, set.Column = v.Line, v.Column
		return set, err
	case ok && c == '#':
		return r.symbolic(v)
	case ok && c == ':':
		return r.namespaced(v, depth)
	case !ok || isDelimiter(c):
		return Value{}, r.expected("a tag, such as inst, or {")
	}
	tag, err := r.atom()
	if err != nil {
		return Value{}, err
	}
	if tag.Kind != Symbol {
		return Value{}, tag.malformed("a tag must be a symbol, such as inst")
	}
	of, err := r.value(depth + 1)
	if err != nil {
		return Value{}, err
	}
	v.Text, v.Items = tag.Text, []Value{of}
	return v, nil
}

// symbolic reads ##Inf, ##-Inf or ##NaN. The second # stands here.
func (r *Reader) symbolic(v Value) (Value, error) {
	r.step()
	name, err := r.atom()
	if err != nil {
		return Value{}, err
	}
	if name.Text != "Inf" && name.Text != "-Inf" && name.Text != "NaN" || name.Kind != Symbol {
		return Value{}, name.malformed("## must be followed by Inf, -Inf or NaN")
	}
	v.Kind, v.Text = Float, "##"+name.Text
	return v, nil
}

// longestNamespace bounds what a namespace that is written once adds to each of a map's keys.
const longestNamespace = 256

// namespaced reads #:namespace{..}. The colon stands here.
func (r *Reader) namespaced(v Value, depth int) (Value, error) {
	namespace, err := r.atom()
	if err != nil {
		return Value{}, err
	}
	if len(namespace.Text) > longestNamespace {
		return Value{}, namespace.malformed("a namespace has more than %d bytes", longestNamespace)
	}
	if c, ok := r.peek(); !ok || c != '{' {
		return Value{}, r.expected("'{', the map whose keys have the namespace,")
	}
	return r.mapping(v, namespace.Text, depth)
}
