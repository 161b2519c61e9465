package history

import (
	"fmt"
	"strconv"
	"strings"
)

// scanner reads the words of one line of a drawing. Its position counts in runes, as columns do.
type scanner struct {
	text  []rune
	pos   int
	line  int // from 1
	shift int // columns that were taken off the line's beginning
}

// errorAt returns the error that something is wrong at a position.
func (s *scanner) errorAt(pos int, format string, args ...any) error {
	return fmt.Errorf("line %d, column %d: %s", s.line, s.shift+pos+1, fmt.Sprintf(format, args...))
}

// expected returns the error that something else should stand here.
func (s *scanner) expected(what string) error {
	found := "the end of the line"
	if rest := string(s.text[s.pos:min(s.pos+12, len(s.text))]); rest != "" {
		found = strconv.Quote(rest)
	}
	return s.errorAt(s.pos, "expected %s, found %s", what, found)
}

// peek returns the rune i places on, or 0 behind the end.
func (s *scanner) peek(i int) rune {
	if s.pos+i < len(s.text) {
		return s.text[s.pos+i]
	}
	return 0
}

func (s *scanner) skip(c rune) {
	for s.peek(0) == c {
		s.pos++
	}
}

// accept steps over token when it stands here.
func (s *scanner) accept(token string) bool {
	n := 0
	for _, c := range token {
		if s.peek(n) != c {
			return false
		}
		n++
	}
	s.pos += n
	return true
}

// acceptWord steps over the spaces before a word and over the word, when exactly this one stands here.
func (s *scanner) acceptWord(word string) bool {
	back := s.pos
	s.skip(' ')
	if s.pos > back && s.accept(word) && !isName(s.peek(0)) {
		return true
	}
	s.pos = back
	return false
}

// bare reads a bare name: see isName for what a '-' in it must be followed by. It may be empty.
func (s *scanner) bare(slash bool) string {
	start := s.pos
	for {
		c := s.peek(0)
		dash := c == '-' && s.pos > start && isAlnum(s.peek(1))
		if !dash && (!isName(c) || c == '/' && !slash) {
			return string(s.text[start:s.pos])
		}
		s.pos++
	}
}

// name reads a name, bare or quoted; slash says whether a bare one may contain a '/'.
func (s *scanner) name(what string, slash bool) (string, error) {
	if s.peek(0) == '"' {
		return s.quoted()
	}
	if word := s.bare(slash); word != "" {
		return word, nil
	}
	return "", s.expected(what)
}

func (s *scanner) quoted() (string, error) {
	end := s.quoteEnd(s.pos)
	text, err := strconv.Unquote(string(s.text[s.pos:end]))
	if err != nil {
		return "", s.errorAt(s.pos, "the quoted text is not closed, or has a wrong escape")
	}
	s.pos = end
	return text, nil
}

// quoteEnd returns the position behind the quoted text that begins at pos.
func (s *scanner) quoteEnd(pos int) int {
	for i := pos + 1; i < len(s.text); i++ {
		switch s.text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s.text)
}

// names reads a list of names: [k1 k2].
func (s *scanner) names(what string) ([]string, error) {
	s.pos++ // the bracket
	names := []string{}
	for {
		s.skip(' ')
		if s.accept("]") {
			return names, nil
		}
		name, err := s.name(what+" or ]", true)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
}

// maxDepth bounds how deep values are nested, in drawings and in records.
const maxDepth = 100

// value reads a value as Value.String writes it.
func (s *scanner) value(depth int) (Value, error) {
	c := s.peek(0)
	switch {
	case depth > maxDepth:
		return Value{}, s.errorAt(s.pos, "values are nested more than %d deep", maxDepth)
	case s.accept("∅"):
		return Value{}, nil
	case c == '[':
		return s.list(depth)
	case c == '{':
		return s.mapping(depth)
	case c == '"':
		text, err := s.quoted()
		return StringValue(text), err
	case c == '-' || c >= '0' && c <= '9':
		return s.integer()
	}
	word := s.bare(true)
	switch word {
	case "":
		return Value{}, s.expected(`a value (1, abc, "a b", true, ∅, [1 2], {a:1})`)
	case "true", "false":
		return BoolValue(word == "true"), nil
	case "null":
		return Value{}, nil
	}
	return StringValue(word), nil
}

func (s *scanner) integer() (Value, error) {
	start := s.pos
	s.accept("-")
	for c := s.peek(0); c >= '0' && c <= '9'; c = s.peek(0) {
		s.pos++
	}
	n, err := strconv.ParseInt(string(s.text[start:s.pos]), 10, 64)
	isRange := s.peek(0) == '.' && s.peek(1) == '.'
	if err != nil || isName(s.peek(0)) && !isRange {
		s.pos = start
		return Value{}, s.expected("an integer of 64 bits; quote a string that begins with a digit")
	}
	return IntValue(n), nil
}

func (s *scanner) list(depth int) (Value, error) {
	s.pos++ // the bracket
	var list []Value
	for {
		s.skip(' ')
		if s.accept("]") {
			return ListValue(list...), nil
		}
		v, err := s.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		if s.accept("..") {
			if list, err = s.rangeFrom(list, v, depth); err != nil {
				return Value{}, err
			}
			continue
		}
		list = append(list, v)
	}
}

// longestRange bounds what a few characters can make of memory.
const longestRange = 10_000

// rangeFrom reads the end of a range of integers that begins with first, and appends all of it to list.
func (s *scanner) rangeFrom(list []Value, first Value, depth int) ([]Value, error) {
	at := s.pos
	last, err := s.value(depth + 1)
	if err != nil {
		return nil, err
	}
	lo, hi := first.num, last.num
	if first.kind != Int || last.kind != Int || hi < lo || uint64(hi-lo) >= longestRange {
		s.pos = at
		return nil, s.expected("the end of a range of integers that count up, such as 1..9, of at most 10000")
	}
	for n := lo; ; n++ {
		list = append(list, IntValue(n))
		if n == hi {
			return list, nil
		}
	}
}

func (s *scanner) mapping(depth int) (Value, error) {
	s.pos++ // the brace
	entries := map[string]Value{}
	for {
		s.skip(' ')
		if s.accept("}") {
			return MapValue(entries), nil
		}
		at := s.pos
		key, err := s.name("a key or }", true)
		if err != nil {
			return Value{}, err
		}
		if _, twice := entries[key]; twice {
			return Value{}, s.errorAt(at, "the key %s stands twice", strings.TrimSpace(key))
		}
		if !s.accept(":") {
			return Value{}, s.expected("a colon")
		}
		if entries[key], err = s.value(depth + 1); err != nil {
			return Value{}, err
		}
	}
}
