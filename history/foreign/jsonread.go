package foreign

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rashomon-harness/rashomon/history/edn"
)

const (
	jsonDepth = 128
	jsonToken = 16 << 20
	jsonItems = 2 << 20
)

// readJSON reads objects, one after another or in arrays.
func (l *loader) readJSON(src io.Reader) error {
	in := &jsonSource{src: src, line: 1, column: 1}
	r := &jsonReader{in: in, tokens: json.NewDecoder(in)}
	r.tokens.UseNumber()
	inside, rec := 0, record{}
	for {
		r.items = 0
		token, err := r.next()
		switch {
		case err == io.EOF && inside == 0:
			return nil
		case err != nil:
			return r.explain(err)
		case token == json.Delim('[') && inside == 0:
			inside++
			continue
		case token == json.Delim(']'):
			inside--
			continue
		}
		v, err := r.value(token, 0)
		if err != nil {
			return r.explain(err)
		}
		if err := rec.fill(&v); err != nil {
			return err
		}
		if err := l.add(&rec); err != nil {
			return err
		}
	}
}

// jsonReader makes EDN values of JSON.
type jsonReader struct {
	in     *jsonSource
	tokens *json.Decoder
	items  int
}

// next returns the next token; the source then stands at its end.
func (r *jsonReader) next() (json.Token, error) {
	token, err := r.tokens.Token()
	if err != nil {
		return nil, err
	}
	raw := r.in.advance(r.tokens.InputOffset())
	text, isText := token.(string)
	if isText && (!utf8.Valid(raw) || strings.ContainsRune(text, utf8.RuneError) && !saysReplacement(raw)) {
		at := r.here(edn.String)
		return nil, at.Errorf("a string is not UTF-8, or has half a character")
	}
	return token, nil
}

// saysReplacement reports whether U+FFFD stands in a string, and is not what the decoder put there.
func saysReplacement(raw []byte) bool {
	return bytes.ContainsRune(raw, utf8.RuneError) || bytes.Contains(bytes.ToLower(raw), []byte(`\ufffd`))
}

// explain gives an error of the decoder its place.
func (r *jsonReader) explain(err error) error {
	var placed *edn.Error
	if errors.As(err, &placed) {
		return err
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		r.in.advance(r.tokens.InputOffset())
	}
	at := edn.Value{Line: int32(r.in.line), Column: int32(r.in.column)}
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return at.Errorf("the text ends inside an array or object")
	}
	if syntax != nil {
		return at.Errorf("not JSON: %w", err)
	}
	return &edn.Error{Line: int(at.Line), Column: int(at.Column), Err: err}
}

func (r *jsonReader) here(kind edn.Kind) edn.Value {
	return edn.Value{Kind: kind, Line: int32(r.in.begin.Line), Column: int32(r.in.begin.Column)}
}

// value returns the value that begins with token.
func (r *jsonReader) value(token json.Token, depth int) (edn.Value, error) {
	v := r.here(edn.Nil)
	if r.items++; r.items > jsonItems {
		return v, v.Errorf("a value consists of more than %d values", jsonItems)
	}
	if depth > jsonDepth {
		return v, v.Errorf("values are nested more than %d deep", jsonDepth)
	}
	switch of := token.(type) {
	case bool:
		v.Kind = edn.Bool
		if of {
			v.Int = 1
		}
	case string:
		v.Kind, v.Text = edn.String, of
	case json.Number:
		return v, numberOf(&v, string(of))
	case json.Delim:
		v.Kind = edn.Vector
		if of == '{' {
			v.Kind = edn.Map
		}
		for r.tokens.More() {
			token, err := r.next()
			if err != nil {
				return v, err
			}
			item, err := r.value(token, depth+1)
			if err != nil {
				return v, err
			}
			v.Items = append(v.Items, item)
		}
		_, err := r.next()
		return v, err
	}
	return v, nil
}

// numberOf sets v to a number. For JSON 1.0 and 1 are the same.
func numberOf(v *edn.Value, text string) error {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		v.Kind, v.Int = edn.Int, n
		return nil
	}
	if !strings.ContainsAny(text, ".eE") {
		v.Kind, v.Text = edn.BigInt, text
		return nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return v.Errorf("a number is beyond the range of 64-bit floats")
	}
	if limit := float64(1 << 53); f == math.Trunc(f) && math.Abs(f) <= limit {
		v.Kind, v.Int = edn.Int, int64(f)
		return nil
	}
	v.Kind, v.Text = edn.Float, edn.FloatText(f)
	return nil
}

// jsonSource counts the lines and columns of what a decoder has taken, and bounds what it reads ahead.
type jsonSource struct {
	src    io.Reader
	ahead  []byte // read by the decoder, not taken
	taken  int64
	line   int
	column int
	begin  edn.Error // where what was taken last begins, behind white space and separators
}

func (s *jsonSource) Read(p []byte) (int, error) {
	if len(s.ahead) > jsonToken {
		at := edn.Value{Line: int32(s.line), Column: int32(s.column)}
		return 0, at.Errorf("a string or number has more than %d bytes", jsonToken)
	}
	n, err := s.src.Read(p)
	s.ahead = append(s.ahead, p[:n]...)
	return n, err
}

// advance takes what stands before the given offset and returns it, without separators before it.
func (s *jsonSource) advance(offset int64) []byte {
	part := s.ahead[:min(max(offset-s.taken, 0), int64(len(s.ahead)))]
	s.ahead = s.ahead[len(part):]
	s.taken += int64(len(part))
	token := bytes.TrimLeft(part, " \t\r\n,:")
	s.step(part[:len(part)-len(token)])
	s.begin = edn.Error{Line: s.line, Column: s.column}
	s.step(token)
	return token
}

// step counts the lines and columns of part.
func (s *jsonSource) step(part []byte) {
	if newlines := bytes.Count(part, []byte("\n")); newlines > 0 {
		s.line, s.column = s.line+newlines, 1
		part = part[bytes.LastIndexByte(part, '\n')+1:]
	}
	s.column += utf8.RuneCount(part)
}
