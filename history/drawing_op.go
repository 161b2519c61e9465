package history

import "slices"

// parseOps reads the label of a session and all bars of the line.
func (p *drawingParser) parseOps(s *scanner) error {
	var inv Event
	var err error
	s.skip(' ')
	if inv.Session, err = s.name("the name of a session", false); err != nil {
		return err
	}
	if s.accept("/") {
		if inv.Device, err = s.name("the name of a device", false); err != nil {
			return err
		}
	}
	s.skip(' ')
	if s.accept("@") {
		if inv.Node, err = s.name("the name of a node", true); err != nil {
			return err
		}
		p.nodes = append(p.nodes, inv.Node)
	}
	for first := true; ; first = false {
		s.skip(' ')
		if c := s.peek(0); c != '|' && c != '!' {
			if first {
				return s.expected("@node or a bar")
			}
			return nil
		}
		if err := p.parseOp(s, inv); err != nil {
			return err
		}
	}
}

// form is what the text of a bar says about an operation, before its outcome is known.
type form struct {
	f       string
	key     string
	keys    []string
	arg     Value
	result  Value // the result if the operation is ok
	told    bool  // the text has a result
	mustSay bool  // an ok operation of this function has a result
	ver     []Version
}

// parseOp reads one bar and its outcome.
func (p *drawingParser) parseOp(s *scanner, inv Event) error {
	start := s.pos
	instant := s.peek(0) == '!'
	s.pos++
	s.skip('-')
	at := s.pos
	f, err := s.form()
	if err != nil {
		return err
	}
	// No bare name ends in a dash, and no value does.
	s.skip('-')
	end, typ := s.pos, Ok
	switch {
	case instant && s.accept("!"):
		end = start
	case !instant && s.accept("|"):
	case !instant && (s.accept("…") || s.accept("...")):
		typ = Info
	default:
		return s.expected(`the end of the bar ("|", "…", or "!" if it began with one)`)
	}
	typ, code, err := s.outcome(typ)
	if err != nil {
		return err
	}
	if typ == Ok && f.mustSay && !f.told {
		return s.errorAt(at, "an ok %s says what it found: k=1, k=∅", f.f)
	}
	if typ != Ok && f.told {
		return s.errorAt(at, "only an ok %s says what it found", f.f)
	}
	p.addOp(inv, f, int64(start)*Column, int64(end)*Column, typ, code)
	return nil
}

func (p *drawingParser) addOp(inv Event, f form, call, ret int64, typ Type, code Code) {
	inv.Process, inv.Time, inv.Type = p.ops, call, Invoke
	inv.F, inv.Key, inv.Keys, inv.Value = f.f, f.key, f.keys, f.arg
	p.ops++
	p.events = append(p.events, inv)
	if typ == Info && code == NoError && f.ver == nil {
		return // it was never heard of again
	}
	done := inv
	done.Time, done.Type, done.Err.Code = max(ret, call), typ, code
	if typ == Ok {
		done.Value = f.result
	}
	if f.ver != nil {
		done.Ev = &Evidence{By: inv.Node, Ver: f.ver}
	}
	p.events = append(p.events, done)
}

// outcome reads what stands behind a bar. typ is what the bar's end says.
func (s *scanner) outcome(typ Type) (Type, Code, error) {
	back := s.pos
	s.skip(' ')
	at := s.pos
	word := slices.Index(outcomeWords, s.bare(true))
	if word < 0 {
		s.pos = back
		return typ, NoError, nil
	}
	told := [...]Type{Ok, Fail, Info}[word]
	if (told == Info) != (typ == Info) {
		return typ, NoError, s.errorAt(at, "a bar that ends in … is info, any other is ok or fail")
	}
	if told == Ok {
		return told, NoError, nil
	}
	back = s.pos
	s.skip(' ')
	code, ok := ParseCode(s.bare(true))
	if !ok || code == NoError {
		s.pos = back
		return told, NoError, nil
	}
	return told, code, nil
}

// form reads an operation in one of the forms of Op.Short.
func (s *scanner) form() (form, error) {
	var f form
	quoted := s.peek(0) == '"'
	word, err := s.name("an operation: r k=1, w k=1, cas k 1→2, ..", true)
	if err != nil {
		return f, err
	}
	f.f = word
	if known, ok := shortForms[word]; ok && !quoted {
		f.f = known
		err = s.known(&f)
	} else {
		err = s.generic(&f)
	}
	if err == nil && s.acceptWord("ver") {
		err = s.versions(&f)
	}
	return f, err
}

// known reads what follows the name of a function with a form of its own.
func (s *scanner) known(f *form) error {
	s.skip(' ')
	if f.f == FTxn {
		return s.txn(f)
	}
	if f.f == FRead || f.f == FPeek {
		f.mustSay = true
		return s.keysAndResult(f)
	}
	var err error
	if f.key, err = s.name("a key", true); err != nil {
		return err
	}
	switch f.f {
	case FWrite:
		f.arg, err = s.after("=")
	case FAppend:
		f.arg, err = s.after("+=")
	case FCAS:
		return s.cas(f)
	}
	f.result = f.arg
	return err
}

// after reads a token and the value behind it.
func (s *scanner) after(token string) (Value, error) {
	s.skip(' ')
	if !s.accept(token) {
		return Value{}, s.expected(token)
	}
	s.skip(' ')
	return s.value(0)
}

// keysAndResult reads a key or a list of keys, and then perhaps "=" and a result.
func (s *scanner) keysAndResult(f *form) (err error) {
	if s.peek(0) == '[' {
		f.keys, err = s.names("a key")
	} else {
		f.key, err = s.name("a key", true)
	}
	if err == nil {
		err = s.result(f)
	}
	return err
}

func (s *scanner) result(f *form) (err error) {
	if s.peek(0) == '=' {
		f.told = true
		f.result, err = s.after("=")
	}
	return err
}

func (s *scanner) cas(f *form) error {
	s.skip(' ')
	from, err := s.value(0)
	if err != nil {
		return err
	}
	s.skip(' ')
	arrow := "→"
	if s.peek(0) == '-' {
		arrow = "->"
	}
	to, err := s.after(arrow)
	if err != nil {
		return err
	}
	f.arg, f.result = ListValue(from, to), BoolValue(true)
	if !s.acceptWord("refused") {
		return nil
	}
	f.told, f.result = true, BoolValue(false)
	if !s.acceptWord("(is") {
		return nil
	}
	found, err := s.after("")
	if err != nil {
		return err
	}
	if !s.accept(")") {
		return s.expected(")")
	}
	f.result = ListValue(BoolValue(false), found)
	return nil
}

// generic reads what follows the name of a function without a form of its own.
func (s *scanner) generic(f *form) error {
	if s.peek(0) == ' ' && !s.atVersions() {
		s.skip(' ')
		if s.peek(0) != '(' {
			if err := s.keysAndResult(f); err != nil {
				return err
			}
			if !s.atVersions() {
				s.skip(' ')
			}
		}
	}
	if s.accept("(") {
		var err error
		if f.arg, err = s.value(0); err != nil {
			return err
		}
		if !s.accept(")") {
			return s.expected(")")
		}
	}
	return s.result(f)
}

// atVersions reports whether the versions of the evidence come next.
func (s *scanner) atVersions() bool {
	back := s.pos
	defer func() { s.pos = back }()
	return s.acceptWord("ver")
}

func (s *scanner) versions(f *form) error {
	s.skip(' ')
	for {
		source, err := s.name("the source of a version: s0e1:7", true)
		if err != nil {
			return err
		}
		if !s.accept(":") {
			return s.expected("a colon")
		}
		n, err := s.integer()
		if err != nil {
			return err
		}
		f.ver = append(f.ver, Version{Source: source, N: n.num})
		if !s.accept(",") {
			return nil
		}
	}
}

// txn reads [w a=1, r b=2, append c+=3]. Of an ok transaction the reads' values are its result, and its
// argument has null in their place.
func (s *scanner) txn(f *form) error {
	if !s.accept("[") {
		return s.expected("[ and micro-operations: [w a=1, r b=2]")
	}
	var args, results []Value
	for s.skip(' '); !s.accept("]"); s.skip(' ') {
		if len(args) > 0 && !s.accept(",") {
			return s.expected(", or ]")
		}
		s.skip(' ')
		arg, result, err := s.micro(f)
		if err != nil {
			return err
		}
		args, results = append(args, arg), append(results, result)
	}
	f.arg, f.result = ListValue(args...), ListValue(results...)
	return nil
}

func (s *scanner) micro(f *form) (arg, result Value, err error) {
	at := s.pos
	name := s.bare(true)
	op, token := name, "="
	switch name {
	case microWrite, FWrite:
		op = microWrite
	case microRead, FRead:
		op = microRead
	case microAppend:
		token = "+="
	default:
		s.pos = at
		return arg, result, s.expected("a micro-operation: w a=1, r b=2, append c+=3")
	}
	s.skip(' ')
	key, err := s.name("a key", true)
	if err != nil {
		return arg, result, err
	}
	var value Value
	if op != microRead || s.peek(0) == '=' {
		if value, err = s.after(token); err != nil {
			return arg, result, err
		}
	}
	result = ListValue(StringValue(op), StringValue(key), value)
	if op == microRead {
		f.told = f.told || !value.IsNull()
		value = Value{}
	}
	return ListValue(StringValue(op), StringValue(key), value), result, nil
}
