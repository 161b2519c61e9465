package edn

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

func isDelimiter(c byte) bool { return isSpace(c) || strings.IndexByte(`()[]{}";`, c) >= 0 }

// named has the bytes that stand in symbols and keywords; of characters that are not ASCII all do.
var named = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= utf8.RuneSelf || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' ||
			strings.IndexByte(".*+!-_?$%&=<>/#:'|", byte(c)) >= 0
	}
	return t
}()

// simple has those of them that are ASCII; quotable has the ASCII bytes that stand for themselves in a
// string.
var simple, quotable = func() (names, strings [256]bool) {
	for c := range utf8.RuneSelf {
		names[c] = named[c]
		strings[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return names, strings
}()

// atom reads a number, keyword, symbol, nil, true or false.
func (r *Reader) atom() (Value, error) {
	v := r.here(Symbol)
	r.token = r.token[:0]
	for {
		r.take(&simple)
		c, ok := r.peek()
		if !ok || isDelimiter(c) {
			break
		}
		if !named[c] {
			return Value{}, r.errorHere("the character %s cannot stand in a number or name",
				strconv.QuoteRune(rune(c)))
		}
		if len(r.token) >= r.limits.Token {
			return Value{}, v.malformed("a number or name has more than %d bytes", r.limits.Token)
		}
		r.token = append(r.token, c)
		r.step()
	}
	switch {
	case len(r.token) == 0:
		return Value{}, r.expected("a name")
	case len(r.token) > r.limits.Token:
		return Value{}, v.malformed("a number or name has more than %d bytes", r.limits.Token)
	case !utf8.Valid(r.token):
		return Value{}, v.malformed("a name is not UTF-8")
	case isNumber(r.token):
		return v, v.number(string(r.token))
	case r.token[0] == ':':
		return v, r.keyword(&v)
	}
	r.symbol(&v)
	return v, nil
}

func isNumber(token []byte) bool {
	if len(token) > 1 && (token[0] == '-' || token[0] == '+') {
		token = token[1:]
	}
	return token[0] >= '0' && token[0] <= '9'
}

func (r *Reader) keyword(v *Value) error {
	if len(r.token) == 1 || r.token[1] == ':' {
		return v.malformed("%q is no keyword; allowed: a colon and a name, such as :read",
			clip(string(r.token)))
	}
	v.Kind, v.Text = Keyword, r.nameOf(r.token[1:])
	return nil
}

func (r *Reader) symbol(v *Value) {
	switch string(r.token) {
	case "nil":
		v.Kind = Nil
	case "true":
		v.Kind, v.Int = Bool, 1
	case "false":
		v.Kind = Bool
	default:
		v.Text = r.nameOf(r.token)
	}
}

// nameOf returns the name as a string that is shared by all its uses.
func (r *Reader) nameOf(b []byte) string {
	if s, known := r.names[string(b)]; known {
		return s
	}
	return r.name(string(b))
}

func (r *Reader) name(s string) string {
	if len(r.names) < maxNames && len(s) <= 64 {
		r.names[s] = s
	}
	return s
}

// number sets v to the number in text.
func (v *Value) number(text string) error {
	digits := strings.TrimPrefix(text, "+")
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil && !zeroLed(digits) {
		v.Kind, v.Int = Int, n
		return nil
	}
	if hex, isHex := strings.CutPrefix(digits, "0x"); isHex { // in #object[some.Class 0x1b2f "..."]
		n, err := strconv.ParseUint(hex, 16, 63)
		if err != nil {
			return v.malformed("%s is no hexadecimal integer of 63 bits", clip(text))
		}
		v.Kind, v.Int = Int, int64(n)
		return nil
	}
	whole := strings.TrimSuffix(digits, "N")
	over, under, isRatio := strings.Cut(digits, "/")
	switch {
	case zeroLed(digits):
		return v.malformed("%s begins with a zero; allowed: decimal digits, a point, an exponent, N, M",
			clip(text))
	case isInteger(whole):
		v.integer(whole)
	case isRatio && isInteger(over) && isDigits(under) && strings.Trim(under, "0") != "":
		v.Kind, v.Text = Ratio, digits
	case isFloat(strings.TrimSuffix(digits, "M")):
		return v.float(digits)
	default:
		return v.malformed("%s is no number; allowed: 1, -1, 1N, 1.5, 1e9, 1.5M, 1/3", clip(text))
	}
	return nil
}

// integer sets v to an integer of any size.
func (v *Value) integer(digits string) {
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
		v.Kind, v.Int = Int, n
		return
	}
	v.Kind, v.Text = BigInt, digits
}

func (v *Value) float(text string) error {
	if digits, isDecimal := strings.CutSuffix(text, "M"); isDecimal {
		v.Kind, v.Text = Decimal, digits
		return nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return v.malformed("%s is beyond the range of 64-bit floats", clip(text))
	}
	v.Kind, v.Text = Float, FloatText(f)
	return nil
}

// FloatText returns the text that a Value of kind Float has for f, which must be a finite number.
func FloatText(f float64) string {
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text
}

// zeroLed reports whether digits has a zero before its first other digit of an integer part.
func zeroLed(digits string) bool {
	digits = strings.TrimPrefix(digits, "-")
	return len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9'
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func isInteger(s string) bool { return isDigits(strings.TrimPrefix(s, "-")) }

// isFloat reports whether s is an integer with a fraction, an exponent, or both.
func isFloat(s string) bool {
	mantissa, exponent, hasExponent := strings.Cut(strings.ToLower(s), "e")
	exponent = strings.TrimPrefix(strings.TrimPrefix(exponent, "+"), "-")
	if hasExponent && !isDigits(exponent) {
		return false
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	return isInteger(whole) && (fraction == "" || isDigits(fraction))
}

// clip shortens what an error message quotes.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + ".."
	}
	return s
}
