package history

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// header reads a header line.
func (p *parser) header(h *Header) error {
	if err := object(p, &headerSchema, h); err != nil {
		return err
	}
	return p.end()
}

var headerSchema = schema[Header]{
	what:     "the header, a history's first line,",
	fields:   []string{"version", "experiment", "row", "seed", "env", "nodes", "build", "time"},
	required: []string{"version"},
	read: func(p *parser, field string, h *Header) (err error) {
		switch field {
		case "version":
			h.Version, err = p.version()
		case "experiment":
			h.Experiment, err = p.name("the name of an experiment")
		case "row":
			h.Row, err = p.name("the name of a configuration")
		case "seed":
			h.Seed, err = p.seed()
		case "env":
			h.Env, err = p.name("an environment")
		case "nodes":
			h.Nodes, err = p.nameList("the name of a node")
		case "build":
			h.Build, err = p.name("a build")
		case "time":
			h.Time, err = p.name("a time")
		}
		return err
	},
}

func (p *parser) version() (int, error) {
	at := p.pos
	v, err := p.integer("a version", 0, math.MaxInt32)
	if err == nil && v != FormatVersion {
		err = p.errorAt(at, "the record's format has version %d; allowed: %d", v, FormatVersion)
	}
	return int(v), err
}

func (p *parser) seed() (uint64, error) {
	text, at, err := p.number("a seed")
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, p.errorAt(at, "%s is no seed; allowed: integers from 0 to 2^64-1", text)
	}
	return n, nil
}

// event reads the line of an event.
func (p *parser) event(ev *Event) error {
	if err := object(p, &eventSchema, ev); err != nil {
		return err
	}
	return p.end()
}

var eventSchema = schema[Event]{
	what:     "an event",
	fields:   []string{"i", "t", "type", "p", "s", "d", "f", "id", "k", "v", "node", "op", "err", "ev"},
	required: []string{"t", "type", "p", "f"},
	read:     (*parser).eventField,
}

func (p *parser) eventField(field string, ev *Event) (err error) {
	switch field {
	case "i":
		var i int64
		i, err = p.integer("an index", 0, math.MaxInt64)
		ev.Index = int(i)
	case "t":
		ev.Time, err = p.integer("a time", math.MinInt64, math.MaxInt64-1)
	case "type":
		ev.Type, err = p.eventType()
	case "p":
		ev.Process, err = p.process()
	case "s":
		ev.Session, err = p.name("the name of a session")
	case "d":
		ev.Device, err = p.name("the name of a device")
	case "f":
		ev.F, err = p.name("the name of a function")
	case "k":
		if p.next() == '[' {
			ev.Keys, err = p.nameList("a key")
		} else {
			ev.Key, err = p.name("a key or a list of keys")
		}
	case "v":
		ev.Value, err = p.value(0)
	case "node":
		ev.Node, err = p.name("the name of a node")
	case "op":
		ev.Op, err = p.opID()
	case "id":
		ev.Fault, err = p.name("the id of a fault")
	case "err":
		err = object(p, &errorSchema, &ev.Err)
	case "ev":
		ev.Ev = p.spare.evidence.take()
		err = object(p, &evidenceSchema, ev.Ev)
	}
	return err
}

func (p *parser) eventType() (Type, error) {
	at := p.pos
	b, err := p.bytes("a type")
	if err != nil {
		return Info, err
	}
	for _, t := range [...]Type{Invoke, Ok, Fail, Info} {
		if t.String() == string(b) {
			return t, nil
		}
	}
	return Info, p.errorAt(at, "%q is no type of event; allowed: invoke, ok, fail, info", b)
}

func (p *parser) process() (int32, error) {
	at := p.pos
	if p.next() != '"' {
		n, err := p.integer(`a process ("nemesis", "harness" or a number)`, 0, math.MaxInt32)
		return int32(n), err
	}
	switch b, err := p.bytes("a process"); {
	case err != nil:
		return 0, err
	case string(b) == "nemesis":
		return Nemesis, nil
	case string(b) == "harness":
		return Harness, nil
	default:
		return 0, p.errorAt(at, `%q is no process; allowed: "nemesis", "harness", numbers from 0`, b)
	}
}

func (p *parser) opID() (OpID, error) {
	at := p.pos
	b, err := p.bytes("the id of an operation")
	if err != nil {
		return OpID{}, err
	}
	dot := bytes.IndexByte(b, '.')
	thread, okThread := shortInteger(b[:max(dot, 0)])
	n, okN := shortInteger(b[dot+1:])
	if !okThread || !okN || n == 0 {
		return OpID{}, p.errorAt(at, `%q is no id of an operation; allowed: thread and number, "3.17"`, b)
	}
	return OpID{Thread: thread, N: n}, nil
}

// shortInteger reads an integer of 32 bits that is written in the shortest way.
func shortInteger(b []byte) (int32, bool) {
	digits := bytes.TrimPrefix(b, []byte{'-'})
	if len(digits) == 0 || len(digits) > 10 || digits[0] == '0' && len(b) > 1 {
		return 0, false
	}
	n := int64(0)
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	if len(digits) < len(b) {
		n = -n
	}
	return int32(n), n == int64(int32(n))
}

var errorSchema = schema[Error]{
	what:   "an error",
	fields: []string{"code", "text"},
	read: func(p *parser, field string, e *Error) (err error) {
		if field == "text" {
			e.Text, err = p.name("a text")
			return err
		}
		at := p.pos
		b, err := p.bytes("an error code")
		if err != nil {
			return err
		}
		code, known := ParseCode(string(b))
		if !known {
			return p.errorAt(at, "%q is no error code; allowed: %s", b, codeNames())
		}
		e.Code = code
		return nil
	},
}

func codeNames() string {
	var names []string
	for _, row := range Codes() {
		names = append(names, row.Name)
	}
	return strings.Join(names, ", ")
}

var evidenceSchema = schema[Evidence]{
	what:   "evidence",
	fields: []string{"by", "ver", "acks", "home", "quorum"},
	read: func(p *parser, field string, e *Evidence) (err error) {
		switch field {
		case "by":
			e.By, err = p.name("the name of a node")
		case "ver":
			e.Ver, err = p.versions()
		case "acks":
			e.Acks, err = p.nameList("the name of a node")
		case "home":
			e.Home, err = p.nameList("the name of a node")
		case "quorum":
			p.space()
			e.Quorum = p.spare.quorums.take()
			err = object(p, &quorumSchema, e.Quorum)
		}
		return err
	},
}

var quorumSchema = schema[QuorumEvidence]{
	what:   "evidence of a quorum",
	fields: []string{"hints", "dots", "answers", "legs"},
	read: func(p *parser, field string, q *QuorumEvidence) (err error) {
		switch field {
		case "hints":
			q.Hints, err = p.nameList("the name of a node")
		case "dots":
			q.Dots, err = p.versions()
		case "answers":
			err = p.elements(func() error {
				a, err := p.answer()
				q.Answers = p.spare.answers.add(q.Answers, a)
				return err
			})
		case "legs":
			err = p.elements(func() error {
				l, err := p.leg()
				q.Legs = p.spare.legs.add(q.Legs, l)
				return err
			})
		}
		return err
	},
}

// versions reads a list of versions.
func (p *parser) versions() (list []Version, err error) {
	err = p.elements(func() error {
		v, err := p.versionEntry()
		list = p.spare.versions.add(list, v)
		return err
	})
	return list, err
}

// answer reads ["n1",[["s1",3]]].
func (p *parser) answer() (a Answer, err error) {
	if err = p.need('['); err != nil {
		return a, err
	}
	if a.Node, err = p.name("the name of a node"); err != nil {
		return a, err
	}
	if err = p.need(','); err != nil {
		return a, err
	}
	if a.Dots, err = p.versions(); err != nil {
		return a, err
	}
	return a, p.need(']')
}

// leg reads [true,400000,380000].
func (p *parser) leg() (l Leg, err error) {
	if err = p.need('['); err != nil {
		return l, err
	}
	word := "false"
	if l.Store = p.next() == 't'; l.Store {
		word = "true"
	}
	if err = p.literal(word); err != nil {
		return l, err
	}
	for _, to := range []*int64{&l.Out, &l.Back} {
		if err = p.need(','); err != nil {
			return l, err
		}
		p.space()
		if *to, err = p.integer("a time", math.MinInt64, math.MaxInt64); err != nil {
			return l, err
		}
	}
	return l, p.need(']')
}

// versionEntry reads ["n2",981].
func (p *parser) versionEntry() (v Version, err error) {
	if err = p.need('['); err != nil {
		return v, err
	}
	if v.Source, err = p.name("the source of a version"); err != nil {
		return v, err
	}
	if err = p.need(','); err != nil {
		return v, err
	}
	p.space()
	if v.N, err = p.integer("a counter", math.MinInt64, math.MaxInt64); err != nil {
		return v, err
	}
	return v, p.need(']')
}

// value reads any value.
func (p *parser) value(depth int) (Value, error) {
	if depth > maxDepth {
		return Value{}, p.errorAt(p.pos, "values are nested more than %d deep", maxDepth)
	}
	switch p.next() {
	case '"':
		b, err := p.bytes("a string")
		return StringValue(string(b)), err
	case '[':
		var list []Value
		err := p.elements(func() error {
			v, err := p.value(depth + 1)
			list = append(list, v)
			return err
		})
		return ListValue(list...), err
	case '{':
		return p.mapping(depth)
	case 'n':
		return Value{}, p.literal("null")
	case 't':
		return BoolValue(true), p.literal("true")
	case 'f':
		return BoolValue(false), p.literal("false")
	}
	n, err := p.integer("a value (null, true, an integer, a string, a list, an object)",
		math.MinInt64, math.MaxInt64)
	return IntValue(n), err
}

func (p *parser) literal(word string) error {
	for i := range len(word) {
		if p.pos >= len(p.data) || p.data[p.pos] != word[i] {
			return p.expected(word)
		}
		p.pos++
	}
	return nil
}

func (p *parser) mapping(depth int) (Value, error) {
	p.pos++ // the brace
	var entries []mapEntry
	for !p.accept('}') {
		if len(entries) > 0 && !p.accept(',') {
			return Value{}, p.expected("',' or '}'")
		}
		e, err := p.mapEntry(depth)
		if err != nil {
			return Value{}, err
		}
		entries = append(entries, e)
	}
	slices.SortStableFunc(entries, func(a, b mapEntry) int { return cmp.Compare(a.key, b.key) })
	list := make([]Value, 0, 2*len(entries))
	for i, e := range entries {
		if i > 0 && entries[i-1].key == e.key {
			return Value{}, p.errorAt(e.at, "the key %q stands twice", e.key)
		}
		list = append(list, StringValue(e.key), e.value)
	}
	return Value{kind: Map, list: list}, nil
}

// mapEntry is one entry of an object that is a value, and where it begins.
type mapEntry struct {
	at    int
	key   string
	value Value
}

func (p *parser) mapEntry(depth int) (e mapEntry, err error) {
	p.space()
	e.at = p.pos
	if e.key, err = p.name("a key"); err != nil {
		return e, err
	}
	if err = p.need(':'); err != nil {
		return e, err
	}
	e.value, err = p.value(depth + 1)
	return e, err
}
