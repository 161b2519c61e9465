package etcd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/rashomon-harness/rashomon/history"
)

// encode writes a value as the JSON text that stands in the store. Equal values have equal texts: etcd
// compares bytes.
func encode(v history.Value) (string, error) {
	text, err := appendValue(nil, v)
	return string(text), err
}

func appendValue(b []byte, v history.Value) ([]byte, error) {
	switch v.Kind() {
	case history.Null:
		return append(b, "null"...), nil
	case history.Int:
		n, _ := v.AsInt()
		return strconv.AppendInt(b, n, 10), nil
	case history.Bool:
		yes, _ := v.AsBool()
		return strconv.AppendBool(b, yes), nil
	case history.String:
		s, _ := v.AsString()
		return appendText(b, s)
	case history.List:
		return appendList(b, v)
	}
	return appendMap(b, v)
}

func appendText(b []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("the string %q is not UTF-8", s)
	}
	text, err := json.Marshal(s)
	return append(b, text...), err
}

func appendList(b []byte, v history.Value) (_ []byte, err error) {
	list, _ := v.AsList()
	b = append(b, '[')
	for i, e := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendValue(b, e); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

func appendMap(b []byte, v history.Value) (_ []byte, err error) {
	b = append(b, '{')
	first := true
	v.Entries(func(key string, value history.Value) bool {
		if !first {
			b = append(b, ',')
		}
		first = false
		if b, err = appendText(b, key); err == nil {
			b, err = appendValue(append(b, ':'), value)
		}
		return err == nil
	})
	return append(b, '}'), err
}

// decode reads a value again. A text that no encode has written is the string that it is, so that checkers
// see a value that nobody wrote.
func decode(text []byte) history.Value {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var raw any
	if err := d.Decode(&raw); err != nil {
		return history.StringValue(string(text))
	}
	v, ok := fromJSON(raw)
	if _, err := d.Token(); !ok || !errors.Is(err, io.EOF) {
		return history.StringValue(string(text))
	}
	return v
}

// fromJSON converts what the decoder of JSON made. It is false for numbers that are no integers.
func fromJSON(raw any) (v history.Value, ok bool) {
	switch x := raw.(type) {
	case nil:
		return history.Value{}, true
	case bool:
		return history.BoolValue(x), true
	case string:
		return history.StringValue(x), true
	case json.Number:
		n, err := strconv.ParseInt(x.String(), 10, 64)
		return history.IntValue(n), err == nil
	case []any:
		list := make([]history.Value, len(x))
		for i := range x {
			if list[i], ok = fromJSON(x[i]); !ok {
				return v, false
			}
		}
		return history.ListValue(list...), true
	case map[string]any:
		entries := make(map[string]history.Value, len(x))
		for k := range x {
			if entries[k], ok = fromJSON(x[k]); !ok {
				return v, false
			}
		}
		return history.MapValue(entries), true
	}
	return v, false
}
