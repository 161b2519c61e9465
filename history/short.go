package history

import (
	"slices"
	"strconv"
	"strings"
)

// Short returns the operation in the short form of drawings and sentences:
//
//	w k=1            r k=∅              r [k1 k2]=[1 ∅]     peek k=1       delete k
//	append k+=4      cas k 1→2          cas k 1→2 refused   cas k 1→2 refused (is 3)
//	txn [w a=1, r b=∅, append c+=3]
//
// The keys of a transaction are those of its micro-operations. What a read found is left out unless the
// read is Ok. Any other function, and any of these with arguments of another shape, has the form
// f key (argument)=result, with f quoted where it would be taken for one of the above: incr k (5)=6,
// "cas" k (7).
func (o *Op) Short() string { return string(o.appendShort(nil)) }

func (o *Op) appendShort(b []byte) []byte {
	single := len(o.Keys) == 0
	switch {
	case (o.F == FRead || o.F == FPeek) && o.Arg.IsNull():
		return o.appendRead(b)
	case o.F == FWrite && single:
		return o.Arg.appendText(append(appendName(append(b, "w "...), o.Key), '='))
	case o.F == FAppend && single:
		return o.Arg.appendText(append(appendName(append(b, "append "...), o.Key), "+="...))
	case o.F == FDelete && single && o.Arg.IsNull():
		return appendName(append(b, "delete "...), o.Key)
	case o.F == FCAS && single:
		if out, ok := o.appendCAS(b); ok {
			return out
		}
	case o.F == FTxn:
		if out, ok := o.appendTxn(b); ok {
			return out
		}
	}
	return o.appendGeneric(b)
}

func (o *Op) appendRead(b []byte) []byte {
	if o.F == FRead {
		b = append(b, "r "...)
	} else {
		b = append(b, "peek "...)
	}
	b = o.appendKeys(b)
	if o.Type == Ok {
		b = o.Result.appendText(append(b, '='))
	}
	return b
}

func (o *Op) appendKeys(b []byte) []byte {
	if len(o.Keys) == 0 {
		return appendName(b, o.Key)
	}
	b = append(b, '[')
	for i, k := range o.Keys {
		if i > 0 {
			b = append(b, ' ')
		}
		b = appendName(b, k)
	}
	return append(b, ']')
}

func (o *Op) appendCAS(b []byte) (out []byte, ok bool) {
	pair, _ := o.Arg.AsList()
	if len(pair) != 2 {
		return b, false
	}
	b = appendName(append(b, "cas "...), o.Key)
	b = pair[0].appendText(append(b, ' '))
	b = pair[1].appendText(append(b, "→"...))
	if o.Type != Ok {
		return b, true
	}
	swapped, found, ok := o.CASResult()
	if ok && !swapped {
		b = append(b, " refused"...)
	}
	if len(found) == 1 {
		b = append(found[0].appendText(append(b, " (is "...)), ')')
	}
	return b, ok
}

// CASResult takes the result of an Ok compare-and-set apart: whether it set the value, and of a refused
// one the value found instead, when the store told it (a list of one, so that null can be told). ok is
// false when the result has no shape a compare-and-set completes with.
func (o *Op) CASResult() (swapped bool, found []Value, ok bool) {
	if b, is := o.Result.AsBool(); is {
		return b, nil, true
	}
	list, _ := o.Result.AsList()
	if len(list) != 2 || !list[0].Equal(BoolValue(false)) {
		return false, nil, false
	}
	return false, list[1:], true
}

// The micro-operations of a transaction.
const (
	microRead   = "r"
	microWrite  = "w"
	microAppend = "append"
)

func (o *Op) appendTxn(b []byte) (out []byte, ok bool) {
	micros, ok := o.Arg.AsList()
	if o.Type == Ok {
		done, isList := o.Result.AsList()
		ok = ok && isList && slices.EqualFunc(micros, done, answers)
		micros = done
	}
	b = append(b, "txn ["...)
	for i := range micros {
		if i > 0 {
			b = append(b, ", "...)
		}
		fields, _ := micros[i].AsList()
		if len(fields) != 3 || fields[1].kind != String {
			return b, false
		}
		f, key, value := fields[0].text, fields[1].text, fields[2]
		b = appendName(append(append(b, f...), ' '), key)
		switch {
		case f == microRead && o.Type != Ok:
			if !value.IsNull() {
				return b, false
			}
		case f == microRead, f == microWrite:
			b = value.appendText(append(b, '='))
		case f == microAppend:
			b = value.appendText(append(b, "+="...))
		default:
			return b, false
		}
	}
	return append(b, ']'), ok
}

// answers reports whether the micro-operation done is the one asked, with the value filled in if it is a
// read.
func answers(asked, done Value) bool {
	return len(asked.list) == 3 && len(done.list) == 3 && asked.list[0].Equal(done.list[0]) &&
		asked.list[1].Equal(done.list[1]) && (asked.list[2].Equal(done.list[2]) ||
		asked.list[0].text == microRead && asked.list[2].IsNull())
}

// appendGeneric appends the form for everything that has no form of its own.
func (o *Op) appendGeneric(b []byte) []byte {
	if _, taken := shortForms[o.F]; taken {
		b = strconv.AppendQuote(b, o.F)
	} else {
		b = appendName(b, o.F)
	}
	switch {
	case o.Key == "ver" && len(o.Keys) == 0: // as a bare word it announces a version
		b = append(b, ` "ver"`...)
	case o.Key != "" || len(o.Keys) > 0:
		b = o.appendKeys(append(b, ' '))
	}
	if !o.Arg.IsNull() {
		b = append(o.Arg.appendText(append(b, " ("...)), ')')
	}
	if o.Type == Ok && !o.Result.IsNull() {
		b = o.Result.appendText(append(b, '='))
	}
	return b
}

// shortForms has the words that begin a short form, and the functions they stand for.
var shortForms = map[string]string{
	"w": FWrite, FWrite: FWrite, "r": FRead, FRead: FRead, FPeek: FPeek, FAppend: FAppend,
	FDelete: FDelete, FCAS: FCAS, FTxn: FTxn,
}

// appendVersions appends " ver s0e1:7,n2:4", or nothing when there is no such evidence.
func (o *Op) appendVersions(b []byte) []byte {
	if o.Ev == nil {
		return b
	}
	for i, v := range o.Ev.Ver {
		if i == 0 {
			b = append(b, " ver "...)
		} else {
			b = append(b, ',')
		}
		b = append(appendName(b, v.Source), ':')
		b = strconv.AppendInt(b, v.N, 10)
	}
	return b
}

// isName reports whether c may stand anywhere in a bare name. A '-' may too, except at the beginning,
// when a letter, digit or '_' follows it; so a name never runs into the dashes of a bar.
func isName(c rune) bool { return isAlnum(c) || c == '/' || c == '.' }

func isAlnum(c rune) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// isBare reports whether s reads back when it is drawn as it is.
func isBare(s string) bool {
	for i := 0; i < len(s); i++ {
		dash := s[i] == '-' && i > 0 && i+1 < len(s) && isAlnum(rune(s[i+1]))
		if !dash && !isName(rune(s[i])) {
			return false
		}
	}
	return s != ""
}

// appendName appends a key, function or node: bare when it reads back, quoted otherwise.
func appendName(b []byte, s string) []byte {
	if isBare(s) {
		return append(b, s...)
	}
	return strconv.AppendQuote(b, s)
}

// appendSession is appendName for sessions and devices, between which a '/' stands.
func appendSession(b []byte, s string) []byte {
	if strings.Contains(s, "/") {
		return strconv.AppendQuote(b, s)
	}
	return appendName(b, s)
}
