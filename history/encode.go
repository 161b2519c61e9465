package history

import (
	"strconv"
	"unicode/utf8"
)

// AppendEvent appends the line of the record that holds ev, without the newline, and returns the
// extended buffer. It allocates nothing when buf has room, and equal events give equal bytes.
//
// A line is a JSON object with these fields, in this order. All but i, t, type, p and f are left out
// when they are empty:
//
//	i     index of the event, from 0
//	t     nanoseconds since the start of the run
//	type  "invoke", "ok", "fail" or "info"
//	p     the process: a number, "nemesis" or "harness"
//	s, d  session and device
//	f     function; of nemesis events the fault's family
//	id    id of the fault
//	k     key, or the list of keys. An event with both Key and Keys writes the list
//	v     value as JSON: null, integer, boolean, string, list, object. Null is left out, except in an
//	      ok completion, where it is an answer ("nothing there") and stands as null
//	node  see Event.Node
//	op    id of the operation in the plan: "3.17"
//	err   {"code":"timeout","text":".."}
//	ev    evidence: {"by":"n2","ver":[["n2",981]],"acks":["n1","n2"],"home":["n1","n2","n3"]};
//	      of a quorum operation also "quorum":{"hints":["n4"],"dots":[["s1",3]],
//	      "answers":[["n1",[["s1",3]]]],"legs":[[true,400000,380000]]}, a leg being
//	      [store, out, back] in nanoseconds
//
// Bytes of a string that are no UTF-8 are written as U+FFFD.
func AppendEvent(buf []byte, ev *Event) []byte {
	buf = append(buf, `{"i":`...)
	buf = strconv.AppendInt(buf, int64(ev.Index), 10)
	buf = append(buf, `,"t":`...)
	buf = strconv.AppendInt(buf, ev.Time, 10)
	buf = append(buf, `,"type":"`...)
	buf = append(buf, ev.Type.String()...)
	buf = append(buf, `","p":`...)
	buf = appendProcess(buf, ev.Process)
	buf = appendField(buf, `,"s":`, ev.Session)
	buf = appendField(buf, `,"d":`, ev.Device)
	buf = append(buf, `,"f":`...)
	buf = appendString(buf, ev.F)
	buf = appendField(buf, `,"id":`, ev.Fault)
	buf = appendKeys(buf, ev)
	if ev.Value.kind != Null || ev.Type == Ok {
		buf = append(buf, `,"v":`...)
		buf = appendJSON(buf, &ev.Value)
	}
	buf = appendField(buf, `,"node":`, ev.Node)
	if ev.Op.N != 0 {
		buf = append(buf, `,"op":"`...)
		buf = strconv.AppendInt(buf, int64(ev.Op.Thread), 10)
		buf = append(buf, '.')
		buf = strconv.AppendInt(buf, int64(ev.Op.N), 10)
		buf = append(buf, '"')
	}
	if ev.Err != (Error{}) {
		buf = append(buf, `,"err":{"code":`...)
		buf = appendString(buf, ev.Err.Code.String())
		buf = appendField(buf, `,"text":`, ev.Err.Text)
		buf = append(buf, '}')
	}
	if ev.Ev != nil {
		buf = append(buf, `,"ev":`...)
		buf = appendEvidence(buf, ev.Ev)
	}
	return append(buf, '}')
}

// appendHeader appends the header line, without the newline.
func appendHeader(buf []byte, h *Header) []byte {
	buf = append(buf, `{"version":`...)
	buf = strconv.AppendInt(buf, int64(h.Version), 10)
	buf = append(buf, `,"experiment":`...)
	buf = appendString(buf, h.Experiment)
	buf = appendField(buf, `,"row":`, h.Row)
	buf = append(buf, `,"seed":`...)
	buf = strconv.AppendUint(buf, h.Seed, 10)
	buf = appendField(buf, `,"env":`, h.Env)
	if len(h.Nodes) > 0 {
		buf = append(buf, `,"nodes":`...)
		buf = appendStrings(buf, h.Nodes)
	}
	buf = appendField(buf, `,"build":`, h.Build)
	buf = appendField(buf, `,"time":`, h.Time)
	return append(buf, '}')
}

func appendProcess(buf []byte, p int32) []byte {
	switch p {
	case Nemesis:
		return append(buf, `"nemesis"`...)
	case Harness:
		return append(buf, `"harness"`...)
	}
	return strconv.AppendInt(buf, int64(p), 10)
}

// appendField appends name and the quoted s, or nothing when s is empty.
func appendField(buf []byte, name, s string) []byte {
	if s == "" {
		return buf
	}
	return appendString(append(buf, name...), s)
}

func appendKeys(buf []byte, ev *Event) []byte {
	if len(ev.Keys) == 0 {
		return appendField(buf, `,"k":`, ev.Key)
	}
	return appendStrings(append(buf, `,"k":`...), ev.Keys)
}

func appendStrings(buf []byte, list []string) []byte {
	buf = append(buf, '[')
	for i, s := range list {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = appendString(buf, s)
	}
	return append(buf, ']')
}

// appendEvidence appends e with the separator before every field, then repairs the first.
func appendEvidence(buf []byte, e *Evidence) []byte {
	start := len(buf)
	buf = append(buf, '{')
	buf = appendField(buf, `,"by":`, e.By)
	if len(e.Ver) > 0 {
		buf = appendVersions(append(buf, `,"ver":`...), e.Ver)
	}
	if len(e.Acks) > 0 {
		buf = appendStrings(append(buf, `,"acks":`...), e.Acks)
	}
	if len(e.Home) > 0 {
		buf = appendStrings(append(buf, `,"home":`...), e.Home)
	}
	if e.Quorum != nil {
		buf = appendQuorum(append(buf, `,"quorum":`...), e.Quorum)
	}
	return closeObject(buf, start)
}

// closeObject ends the object that begins at start and whose fields were all appended with a separator
// before.
func closeObject(buf []byte, start int) []byte {
	if len(buf) > start+1 {
		copy(buf[start+1:], buf[start+2:])
		buf = buf[:len(buf)-1]
	}
	return append(buf, '}')
}

func appendVersions(buf []byte, list []Version) []byte {
	buf = append(buf, '[')
	for i := range list {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = append(buf, '[')
		buf = appendString(buf, list[i].Source)
		buf = append(buf, ',')
		buf = strconv.AppendInt(buf, list[i].N, 10)
		buf = append(buf, ']')
	}
	return append(buf, ']')
}

func appendQuorum(buf []byte, q *QuorumEvidence) []byte {
	start := len(buf)
	buf = append(buf, '{')
	if len(q.Hints) > 0 {
		buf = appendStrings(append(buf, `,"hints":`...), q.Hints)
	}
	if len(q.Dots) > 0 {
		buf = appendVersions(append(buf, `,"dots":`...), q.Dots)
	}
	if len(q.Answers) > 0 {
		buf = append(buf, `,"answers":[`...)
		for i := range q.Answers {
			if i > 0 {
				buf = append(buf, ',')
			}
			buf = appendString(append(buf, '['), q.Answers[i].Node)
			buf = append(appendVersions(append(buf, ','), q.Answers[i].Dots), ']')
		}
		buf = append(buf, ']')
	}
	if len(q.Legs) > 0 {
		buf = append(buf, `,"legs":[`...)
		for i, l := range q.Legs {
			if i > 0 {
				buf = append(buf, ',')
			}
			buf = append(strconv.AppendBool(append(buf, '['), l.Store), ',')
			buf = append(strconv.AppendInt(buf, l.Out, 10), ',')
			buf = append(strconv.AppendInt(buf, l.Back, 10), ']')
		}
		buf = append(buf, ']')
	}
	return closeObject(buf, start)
}

// AppendHeader appends h as it stands in the record's first line, without the newline.
func AppendHeader(buf []byte, h *Header) []byte { return appendHeader(buf, h) }

// AppendValue appends v as it stands in the record: as JSON.
func AppendValue(buf []byte, v Value) []byte { return appendJSON(buf, &v) }

// AppendEvidence appends e as it stands in the record: as JSON.
func AppendEvidence(buf []byte, e *Evidence) []byte { return appendEvidence(buf, e) }

// appendJSON appends v as JSON.
func appendJSON(buf []byte, v *Value) []byte {
	switch v.kind {
	case Int:
		return strconv.AppendInt(buf, v.num, 10)
	case Bool:
		return strconv.AppendBool(buf, v.num != 0)
	case String:
		return appendString(buf, v.text)
	case List:
		buf = append(buf, '[')
		for i := range v.list {
			if i > 0 {
				buf = append(buf, ',')
			}
			buf = appendJSON(buf, &v.list[i])
		}
		return append(buf, ']')
	case Map:
		buf = append(buf, '{')
		for i := 0; i+1 < len(v.list); i += 2 {
			if i > 0 {
				buf = append(buf, ',')
			}
			buf = append(appendString(buf, v.list[i].text), ':')
			buf = appendJSON(buf, &v.list[i+1])
		}
		return append(buf, '}')
	}
	return append(buf, "null"...)
}

// plain has the bytes that stand for themselves inside a JSON string and are ASCII.
var plain = func() (t [256]bool) {
	for c := byte(' '); c < utf8.RuneSelf-1; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendString appends s as a JSON string. Names, keys and nodes are almost always plain.
func appendString(buf []byte, s string) []byte {
	buf = append(buf, '"')
	i := 0
	for i < len(s) && plain[s[i]] {
		i++
	}
	buf = append(buf, s[:i]...)
	if i < len(s) {
		buf = appendEscaped(buf, s[i:])
	}
	return append(buf, '"')
}

func appendEscaped(buf []byte, s string) []byte {
	const hex = "0123456789abcdef"
	for _, r := range s { // a byte that is no UTF-8 arrives as U+FFFD
		switch {
		case r < utf8.RuneSelf && plain[r]:
			buf = append(buf, byte(r))
		case r == '"' || r == '\\':
			buf = append(buf, '\\', byte(r))
		case r == '\n':
			buf = append(buf, '\\', 'n')
		case r == '\t':
			buf = append(buf, '\\', 't')
		case r < ' ' || r == 0x7f:
			buf = append(buf, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			buf = utf8.AppendRune(buf, r)
		}
	}
	return buf
}
