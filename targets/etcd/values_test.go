package etcd

import (
	"encoding/json"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

var (
	list = history.ListValue
	num  = history.IntValue
	str  = history.StringValue
	yes  = history.BoolValue(true)
	no   = history.BoolValue(false)
	null = history.Value{}
)

func TestValues(t *testing.T) {
	inner := history.MapValue(map[string]history.Value{"x": list()})
	for text, v := range map[string]history.Value{
		"null":                    null,
		"-7":                      num(-7),
		"9223372036854775807":     num(1<<63 - 1),
		"true":                    yes,
		"false":                   no,
		`"7"`:                     str("7"),
		`"a \" ∅ \u003c"`:         str(`a " ∅ <`),
		"[]":                      list(),
		`[1,[null,"x"],true]`:     list(num(1), list(null, str("x")), yes),
		`{}`:                      history.MapValue(nil),
		`{"a":{"x":[]},"b":null}`: history.MapValue(map[string]history.Value{"b": null, "a": inner}),
	} {
		got, err := encode(v)
		if err != nil || got != text {
			t.Errorf("%v is written as %s (%v), want %s", v, got, err, text)
		}
		if back := decode([]byte(text)); !back.Equal(v) {
			t.Errorf("%s is read as %v, want %v", text, back, v)
		}
	}
}

func TestForeignTextsAreStrings(t *testing.T) {
	for _, text := range []string{"", "1.5", "1e3", "9223372036854775808", "[1", "1 2", "[1.5]", `{"a":0.5}`,
		"nul", "\xff"} {
		if got := decode([]byte(text)); !got.Equal(str(text)) {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

func TestOnlyUTF8IsWritten(t *testing.T) {
	for _, v := range []history.Value{str("\xff"), list(str("\xff")),
		history.MapValue(map[string]history.Value{"\xff": null}),
		history.MapValue(map[string]history.Value{"a": str("\xff")})} {
		if text, err := encode(v); err == nil {
			t.Errorf("%v is written as %s", v, text)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("[1,null,{\"a\":\"b\"}]")
	f.Fuzz(func(t *testing.T, text string) {
		v := decode([]byte(text))
		again, err := encode(v)
		if err != nil { // the text is no UTF-8, and so no JSON either
			if s, _ := v.AsString(); s != text {
				t.Fatalf("%q is read as %v, which cannot be written: %v", text, v, err)
			}
			return
		}
		if !json.Valid([]byte(again)) || !decode([]byte(again)).Equal(v) {
			t.Fatalf("%q is read as %v and written as %s", text, v, again)
		}
	})
}
