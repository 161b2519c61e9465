package edn

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// all reads every value of the text, each drawn anew, joined by " | ".
func all(r *Reader, next func() (Value, error)) (string, error) {
	var out []string
	for {
		v, err := next()
		if err == io.EOF {
			return strings.Join(out, " | "), nil
		}
		if err != nil {
			return strings.Join(out, " | "), err
		}
		out = append(out, v.Kind.String()+" "+string(Append(nil, &v)))
	}
}

func read(text string) (string, error) {
	r := NewReader(strings.NewReader(text), Limits{})
	return all(r, r.Next)
}

func TestValues(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"", ""},
		{" ,\t\r\n ; nothing\n", ""},
		{"nil true false", "nil nil | boolean true | boolean false"},
		{"nill truefalse", "symbol nill | symbol truefalse"},
		{"0 -1 +7 42N", "integer 0 | integer -1 | integer 7 | integer 42"},
		{"9223372036854775807 -9223372036854775808",
			"integer 9223372036854775807 | integer -9223372036854775808"},
		{"9223372036854775808 -9223372036854775809N",
			"integer 9223372036854775808N | integer -9223372036854775809N"},
		{"1.0 1.50 -0.5 1e3 1E+3 2e-7 1.",
			"float 1.0 | float 1.5 | float -0.5 | float 1000.0 | float 1000.0 | " +
				"float 2e-07 | float 1.0"},
		{"1M 1.50M 1/3 -4/6", "decimal 1M | decimal 1.50M | ratio 1/3 | ratio -4/6"},
		{"##Inf ##-Inf ##NaN", "float ##Inf | float ##-Inf | float ##NaN"},
		{":a :a/b :a.b/c-d :1 :n1:2",
			"keyword :a | keyword :a/b | keyword :a.b/c-d | keyword :1 | keyword :n1:2"},
		{"a - + -a .x a' ü/é",
			"symbol a | symbol - | symbol + | symbol -a | symbol .x | symbol a' | symbol ü/é"},
		{`"a\tb\n\"\\\u00e9\ud83d\ude00\101é"` + "\"two\nlines\"",
			`string "a\tb\n\"\\é😀Aé" | string "two\nlines"`},
		{`\a \newline \space \u0041 \o101 \( \\ \é`,
			`character \a | character \newline | character \space | ` +
				`character \A | character \A | character \( | character \\ | character \é`},
		{"[1 [2,3] ()]", "vector [1 [2 3] ()]"},
		{"{:a 1, :b {}} #{1 2}", "map {:a 1 :b {}} | set #{1 2}"},
		{"#_1 2 #_#_3 4 5 [#_[6] 7 #_8]", "integer 2 | integer 5 | vector [7]"},
		{`#inst "2020-01-01" #object[a.B 0x1bF "a.B@1bf"]`, `tagged value #inst "2020-01-01" | ` +
			`tagged value #object [a.B 447 "a.B@1bf"]`},
		{`#a/b c #jepsen.history.Op{:f :r}`, "tagged value #a/b c | tagged value #jepsen.history.Op {:f :r}"},
		{"#:a{:b 1 :c/d 2 :_/e 3 f 4}", "map {:a/b 1 :c/d 2 :e 3 f 4}"},
		{"(1;x\n2)", "list (1 2)"},
		{"{:a 1}{:b 2}[3]4", "map {:a 1} | map {:b 2} | vector [3] | integer 4"},
	} {
		got, err := read(tc.text)
		if err != nil || got != tc.want {
			t.Errorf("%s: got %s, error %v, want %s", tc.text, got, err, tc.want)
		}
	}
}

func TestErrors(t *testing.T) {
	deep := strings.Repeat("[", 200)
	discards := strings.Repeat("#_", 200)
	for _, tc := range []struct{ text, want string }{
		{"[1 2",
			"line 1, column 5: not EDN: the text ends inside the vector that begins at line 1, column 1"},
		{"{:a\n [1 }",
			`line 2, column 5: not EDN: expected ']', the end of the vector that begins at line 2, column 2`},
		{"]", "line 1, column 1: not EDN: expected a value, found ']'"},
		{"{:a 1 :b}", "line 1, column 7: not EDN: the last key of a map has no value"},
		{`"ab`, "line 1, column 4: not EDN: the text ends inside the string that begins at line 1, column 1"},
		{`ü "\x"`, `line 1, column 4: not EDN: no such escape`},
		{`"\ud83d"`, "half a character"},
		{`"\u12"`, "four hexadecimal digits"},
		{`"\477"`, "octal"},
		{"\"\xff\"", "a string is not UTF-8"},
		{"a\xff", "a name is not UTF-8"},
		{"1a", "1a is no number; allowed: 1, -1"},
		{"007", "007 begins with a zero"},
		{"0x", "0x is no hexadecimal integer"},
		{"0xg", "0xg is no hexadecimal integer"},
		{"1/0", "no number"},
		{"1e", "no number"},
		{"1e999", "beyond the range"},
		{": ", "is no keyword"},
		{"::a", "is no keyword"},
		{"a^b", "line 1, column 2: not EDN: the character '^' cannot stand"},
		{`\abc`, "no such character"},
		{`\ud800`, "no such character"},
		{"\\", "no such character"},
		{"#", "a tag"},
		{"#1 2", "a tag must be a symbol"},
		{"#a", "the text ends where a value should stand"},
		{"#_", "the text ends where a value should stand"},
		{"##nan", "Inf, -Inf or NaN"},
		{"#:a [1]", "'{'"},
		{deep, "line 1, column 130: not EDN: values are nested more than 128 deep"},
		{discards, "values are nested more than 128 deep"},
		{strings.Repeat("#a ", 200), "nested more than"},
		{"#:" + strings.Repeat("a", 300) + "{}", "a namespace has more than 256 bytes"},
	} {
		got, err := read(tc.text)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%.40s: got %s, error %v, want %s", tc.text, got, err, tc.want)
		}
		if err != nil && !errors.Is(err, ErrSyntax) {
			t.Errorf("%.40s: %v does not wrap ErrSyntax", tc.text, err)
		}
	}
}

func TestLimits(t *testing.T) {
	limits := Limits{Depth: 2, Token: 4, Items: 5}
	for text, want := range map[string]string{
		"[[1]]":        "",
		"[[[1]]]":      "nested more than 2",
		"abcd":         "",
		"abcde":        "more than 4 bytes",
		`"abcd"`:       "",
		`"abcde"`:      "more than 4 bytes",
		`"é\n\u00e9é"`: "more than 4 bytes",
		`"abc" :abc`:   "",
		"[1 2 3 4]":    "",
		"[1 2 3 4 5]":  "more than 5 values",
		"[1][2][3][4]": "",
	} {
		r := NewReader(strings.NewReader(text), limits)
		_, err := all(r, r.Next)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

func TestElement(t *testing.T) {
	for _, tc := range []struct{ text, want, err string }{
		{"[{:a 1}, {:b 2}]", "map {:a 1} | map {:b 2}", ""},
		{"; c\n({:a 1}\n)({}) {:b [1]}", "map {:a 1} | map {} | map {:b [1]}", ""},
		{"[[1]]", "vector [1]", ""},
		{"[]", "", ""},
		{"[1", "integer 1", "the text ends inside the vector that begins at line 1, column 1"},
		{"[1)", "integer 1", "expected a value, found ')'"},
		{"1]", "integer 1", "expected a value"},
	} {
		r := NewReader(strings.NewReader(tc.text), Limits{})
		got, err := all(r, r.Element)
		if got != tc.want || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(),
			tc.err) {
			t.Errorf("%s: got %s, error %v; want %s, error %s", tc.text, got, err, tc.want, tc.err)
		}
	}
}

func TestSource(t *testing.T) {
	long := "[" + strings.Repeat("{:value \"é, \\n\"} #_x ;\n", 10000) + "]"
	r := NewReader(iotest.OneByteReader(strings.NewReader(long)), Limits{})
	one, err := all(r, r.Element)
	if err != nil {
		t.Fatal(err)
	}
	whole := NewReader(strings.NewReader(long), Limits{})
	two, err := all(whole, whole.Element)
	if err != nil || one != two || strings.Count(two, "|") != 9999 {
		t.Errorf("a slow source gives other values than a fast one, or error %v", err)
	}
	broken := NewReader(iotest.TimeoutReader(iotest.HalfReader(strings.NewReader(long))), Limits{})
	if _, err := all(broken, broken.Next); !errors.Is(err, iotest.ErrTimeout) || errors.Is(err, ErrSyntax) {
		t.Errorf("a broken source gives %v", err)
	}
}

func TestPositions(t *testing.T) {
	r := NewReader(strings.NewReader("é\n [a \"\n\" b]"), Limits{})
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	v, err := r.Next()
	if err != nil || v.Line != 2 || v.Column != 2 || v.Items[0].Column != 3 || v.Items[2].Line != 3 ||
		v.Items[2].Column != 3 {
		t.Errorf("got %+v, %v", v, err)
	}
}

func TestNames(t *testing.T) {
	for _, s := range []string{"a", "a/b", "1", "a:b", "é", "n1.x"} {
		if got, err := read(string(AppendName(nil, s))); err != nil || got != "keyword :"+s {
			t.Errorf("%s reads back as %s, %v", s, got, err)
		}
	}
	for _, s := range []string{"", ":a", "a b", "a,b", "a;", "a\"", "a(", "\xff", "a\\", "a@"} {
		if IsName(s) {
			t.Errorf("%q cannot be a keyword", s)
		}
	}
}

// FuzzRead holds that reading never panics and that what was read is written so that it reads back.
func FuzzRead(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReader(strings.NewReader(string(data)), Limits{Depth: 20, Token: 1000, Items: 1000})
		for {
			v, err := r.Next()
			if err != nil {
				return
			}
			text := Append(nil, &v)
			again := NewTextReader(Limits{})
			again.Reset(text, 1, 1)
			w, err := again.Next()
			if err != nil {
				t.Fatalf("%q was written as %q, which does not read: %v", data, text, err)
			}
			if back := Append(nil, &w); string(back) != string(text) || w.Kind != v.Kind {
				t.Fatalf("%q was written as %q and then as %q", data, text, back)
			}
			if len(again.Rest()) != 0 {
				t.Fatalf("%q was written as %q, of which %q is left", data, text, again.Rest())
			}
		}
	})
}
