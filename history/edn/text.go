package edn

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// str reads a string. The quote stands here.
func (r *Reader) str() (Value, error) {
	v := r.here(String)
	r.step()
	r.token = r.token[:0]
	for {
		r.take(&quotable)
		c, ok := r.peek()
		switch {
		case !ok:
			return Value{}, r.unclosed(&v)
		case len(r.token) > r.limits.Token:
			return Value{}, v.malformed("a string has more than %d bytes", r.limits.Token)
		case c == '"':
			r.step()
			if !utf8.Valid(r.token) {
				return Value{}, v.malformed("a string is not UTF-8")
			}
			v.Text = string(r.token)
			return v, nil
		case c == '\\':
			if err := r.escape(); err != nil {
				return Value{}, err
			}
		default:
			r.token = append(r.token, c)
			r.step()
		}
	}
}

// escapes has what stands for what behind a backslash in a string.
var escapes = map[byte]byte{'t': '\t', 'r': '\r', 'n': '\n', 'b': '\b', 'f': '\f', '"': '"', '\\': '\\',
	'/': '/'}

// escape reads an escape sequence into the token. The backslash stands here.
func (r *Reader) escape() error {
	begin := r.here(String)
	r.step()
	c, ok := r.peek()
	switch plain := escapes[c]; {
	case !ok:
		return r.expected("the rest of an escape")
	case plain != 0:
		r.step()
		r.token = append(r.token, plain)
		return nil
	case c >= '0' && c <= '7':
		code, err := r.octal()
		r.token = utf8.AppendRune(r.token, code)
		return err
	case c != 'u':
		return begin.malformed(`no such escape; allowed: \" \\ \/ \b \f \n \r \t \u0000 \000`)
	}
	r.step()
	code, err := r.hex4()
	if err != nil {
		return err
	}
	if utf16.IsSurrogate(code) {
		if code, err = r.low(code, &begin); err != nil {
			return err
		}
	}
	r.token = utf8.AppendRune(r.token, code)
	return nil
}

// low reads the second half of a character that is written as two escapes.
func (r *Reader) low(high rune, begin *Value) (rune, error) {
	if c, _ := r.peek(); c == '\\' && r.second() == 'u' {
		r.step()
		r.step()
		low, err := r.hex4()
		if err != nil {
			return 0, err
		}
		if both := utf16.DecodeRune(high, low); both != utf8.RuneError {
			return both, nil
		}
	}
	return 0, begin.malformed(`\u%04x is half a character; the other half must follow`, high)
}

func (r *Reader) hex4() (rune, error) {
	var digits [4]byte
	for i := range digits {
		c, ok := r.peek()
		if !ok {
			return 0, r.expected("four hexadecimal digits")
		}
		digits[i] = c
		r.step()
	}
	n, err := strconv.ParseUint(string(digits[:]), 16, 16)
	if err != nil {
		return 0, r.errorHere(`\u takes four hexadecimal digits`)
	}
	return rune(n), nil
}

// octal reads up to three octal digits.
func (r *Reader) octal() (rune, error) {
	n := rune(0)
	for range 3 {
		c, ok := r.peek()
		if !ok || c < '0' || c > '7' {
			break
		}
		n = 8*n + rune(c-'0')
		r.step()
	}
	if n > 0o377 {
		return 0, r.errorHere(`an octal escape goes up to \377`)
	}
	return n, nil
}

// charNames has the names of the characters that have one.
var charNames = []struct {
	name string
	code rune
}{{"newline", '\n'}, {"return", '\r'}, {"space", ' '}, {"tab", '\t'}, {"backspace", '\b'}, {"formfeed", '\f'}}

// char reads a character: \c, \newline, \u0041, \o101. The backslash stands here.
func (r *Reader) char() (Value, error) {
	v := r.here(Char)
	r.step()
	r.token = r.token[:0]
	for {
		c, ok := r.peek()
		if !ok || len(r.token) > 0 && isDelimiter(c) {
			break
		}
		if len(r.token) > len("backspace") {
			return Value{}, v.malformed("no such character; allowed: \\c, \\newline, \\u0041")
		}
		r.token = append(r.token, c)
		r.step()
	}
	code, ok := charOf(string(r.token))
	if !ok {
		return Value{}, v.malformed("no such character; allowed: \\c, \\newline, \\u0041")
	}
	v.Int = int64(code)
	return v, nil
}

func charOf(name string) (rune, bool) {
	if code, n := utf8.DecodeRuneInString(name); n == len(name) && (code != utf8.RuneError || n == 3) {
		return code, true
	}
	for _, row := range charNames {
		if row.name == name {
			return row.code, true
		}
	}
	base := map[string]int{"u": 16, "o": 8}[name[:min(1, len(name))]]
	if base == 0 || base == 16 && len(name) != 5 {
		return 0, false
	}
	n, err := strconv.ParseUint(name[1:], base, 16)
	return rune(n), err == nil && !utf16.IsSurrogate(rune(n))
}
