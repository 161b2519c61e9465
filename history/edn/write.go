package edn

import (
	"strconv"
	"unicode/utf8"
)

// Append appends v as EDN and returns the extended buffer. Reading it gives an equal value.
func Append(buf []byte, v *Value) []byte {
	switch v.Kind {
	case Bool:
		return strconv.AppendBool(buf, v.Int != 0)
	case Int:
		return strconv.AppendInt(buf, v.Int, 10)
	case BigInt:
		return append(append(buf, v.Text...), 'N')
	case Decimal:
		return append(append(buf, v.Text...), 'M')
	case Float, Ratio, Symbol:
		return append(buf, v.Text...)
	case Char:
		return appendChar(buf, rune(v.Int))
	case String:
		return AppendString(buf, v.Text)
	case Keyword:
		return append(append(buf, ':'), v.Text...)
	case List:
		return append(appendItems(append(buf, '('), v.Items), ')')
	case Vector:
		return append(appendItems(append(buf, '['), v.Items), ']')
	case Set:
		return append(appendItems(append(buf, "#{"...), v.Items), '}')
	case Map:
		return append(appendItems(append(buf, '{'), v.Items), '}')
	case Tagged:
		buf = append(append(append(buf, '#'), v.Text...), ' ')
		return appendItems(buf, v.Items)
	}
	return append(buf, "nil"...)
}

func appendItems(buf []byte, items []Value) []byte {
	for i := range items {
		if i > 0 {
			buf = append(buf, ' ')
		}
		buf = Append(buf, &items[i])
	}
	return buf
}

func appendChar(buf []byte, code rune) []byte {
	buf = append(buf, '\\')
	for _, row := range charNames {
		if row.code == code {
			return append(buf, row.name...)
		}
	}
	if code > ' ' && code != 0x7f {
		return utf8.AppendRune(buf, code)
	}
	return appendHex(append(buf, 'u'), code)
}

func appendHex(buf []byte, code rune) []byte {
	const hex = "0123456789abcdef"
	return append(buf, hex[code>>12&15], hex[code>>8&15], hex[code>>4&15], hex[code&15])
}

// AppendString appends s as a string. Bytes that are no UTF-8 are written as U+FFFD.
func AppendString(buf []byte, s string) []byte {
	buf = append(buf, '"')
	for _, code := range s {
		switch {
		case code == '"' || code == '\\':
			buf = append(buf, '\\', byte(code))
		case code == '\n':
			buf = append(buf, '\\', 'n')
		case code == '\t':
			buf = append(buf, '\\', 't')
		case code < ' ' || code == 0x7f:
			buf = appendHex(append(buf, '\\', 'u'), code)
		default:
			buf = utf8.AppendRune(buf, code)
		}
	}
	return append(buf, '"')
}

// IsName reports whether a keyword can have the text s: it reads back when a colon is put before it.
func IsName(s string) bool {
	if s == "" || s[0] == ':' || !utf8.ValidString(s) {
		return false
	}
	for i := range len(s) {
		if !named[s[i]] {
			return false
		}
	}
	return true
}

// AppendName appends s as a keyword when a keyword can have that text, as a string otherwise.
func AppendName(buf []byte, s string) []byte {
	if IsName(s) {
		return append(append(buf, ':'), s...)
	}
	return AppendString(buf, s)
}
