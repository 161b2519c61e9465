package history

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func sampleFile(t testing.TB) []byte {
	data, err := os.ReadFile(filepath.Join("testdata", "sample.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestReadFile(t *testing.T) {
	header, events := sample()
	h, err := ReadFile(filepath.Join("testdata", "sample.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(h, Build(header, events)) {
		t.Errorf("got %+v", h)
	}
	if _, err := ReadFile("testdata/none.jsonl"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// A record may be cut anywhere: what stands in whole lines is read.
func TestReadCutAnywhere(t *testing.T) {
	data := sampleFile(t)
	_, all := sample()
	for n := range data {
		h, err := Read(bytes.NewReader(data[:n]))
		lines := bytes.Count(data[:n+1], []byte("\n")) // whole lines, the newline of the last may be missing
		if lines == 0 {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("cut in the header, at byte %d: %v", n, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("cut at byte %d: %v", n, err)
		}
		cut := data[n-1] != '\n' && data[n] != '\n'
		if h.EventCount() != lines-1 || (len(h.Warns) == 1) != cut {
			t.Fatalf("cut at byte %d: %d events, want %d; warnings %q", n, h.EventCount(), lines-1, h.Warns)
		}
		if lines > 1 && !reflect.DeepEqual(recorded(h), all[:lines-1]) {
			t.Fatalf("cut at byte %d: other events", n)
		}
	}
}

func TestReadWarnsOfTheCut(t *testing.T) {
	data := sampleFile(t)
	h, err := Read(bytes.NewReader(data[:len(data)-5]))
	if err != nil || len(h.Warns) != 1 || h.Warns[0] != "line 17 is cut in the middle; read up to there" {
		t.Errorf("error %v, warnings %q", err, h.Warns)
	}
}

const head = `{"version":1}` + "\n"

// readErrors has texts that cannot be read, and what of the error matters.
var readErrors = []struct{ text, want string }{
	{"", "not a recorded history: it is empty, without even a header line"},
	{"\n \n", "it is empty"},
	{`{"version":2,"new":1}` + "\n", "line 1, column 12: the record's format has version 2; allowed: 1"},
	{`{"seed":1}` + "\n", `line 1, column 1: the header, a history's first line, lacks the field "version"`},
	{`{"i":0}` + "\n",
		`line 1, column 2: the header, a history's first line, has no field "i"; allowed: version, `},
	{`{"version":1,"seed":-1}`, "line 1, column 21: -1 is no seed; allowed: integers from 0 to 2^64-1"},
	{`{"version":1`, "line 1, column 13: the line ends where ',' or '}' should stand"},
	{"no json\n", "line 1, column 1: expected '{', found \"no json\""},
	{head + `{"t":1}` + "\n", `line 2, column 1: an event lacks the field "type"`},
	{head + `{"t":1,"type":"ok","p":1,"f":"é","q":1}` + "\n",
		`line 2, column 34: an event has no field "q"; allowed: i, t, `},
	{head + `{"t":1,"t":2}` + "\n", `line 2, column 8: the field "t" stands twice`},
	{head + `{"t":1.5}` + "\n", "line 2, column 6: 1.5 is not a time; allowed: integers from"},
	{head + `{"t":012}` + "\n", "line 2, column 6: 012 is not how JSON writes an integer"},
	{head + `{"t":9223372036854775807}` + "\n", "9223372036854775807 is not a time"},
	{head + `{"type":"done"}` + "\n",
		`line 2, column 9: "done" is no type of event; allowed: invoke, ok, fail, info`},
	{head + `{"p":"client"}` + "\n", `"client" is no process; allowed: "nemesis", "harness", numbers from 0`},
	{head + `{"p":-1}` + "\n", `-1 is not a process`},
	{head + `{"op":"3.0"}` + "\n", `"3.0" is no id of an operation; allowed: thread and number, "3.17"`},
	{head + `{"err":{"code":"oops"}}` + "\n",
		`"oops" is no error code; allowed: timeout, connection-refused`},
	{head + `{"ev":{"by":"n1","ver":[["n1"]]}}` + "\n", `expected ',', found "]]}}"`},
	{head + `{"ev":{"quorum":{"hint":[]}}}` + "\n",
		`evidence of a quorum has no field "hint"; allowed: hints, dots,`},
	{head + `{"ev":{"quorum":[]}}` + "\n", "expected '{'"},
	{head + `{"ev":{"quorum":{"dots":[["s1"]]}}}` + "\n", "expected ','"},
	{head + `{"ev":{"quorum":{"answers":[["n1"]]}}}` + "\n", "expected ','"},
	{head + `{"ev":{"quorum":{"answers":[["n1",[],1]]}}}` + "\n", "expected ']'"},
	{head + `{"ev":{"quorum":{"legs":[[1,2,3]]}}}` + "\n", "expected false"},
	{head + `{"ev":{"quorum":{"legs":[[true,2]]}}}` + "\n", "expected ','"},
	{head + `{"ev":{"quorum":{"legs":[[true,2,1.5]]}}}` + "\n", "1.5 is not a time"},
	{head + `{"v":{"a":1,"b":2,"a":3}}` + "\n", `line 2, column 19: the key "a" stands twice`},
	{head + `{"v":[1,]}` + "\n", "line 2, column 9: expected a value"},
	{head + `{"v":1}x` + "\n", "an event lacks"},
	{head + `{"t":1,"type":"invoke","p":1,"f":"read"}x` + "\n",
		`line 2, column 41: expected the end of the line, found "x"`},
	{head + `{"v":"a\q"}` + "\n", `no escape \q; allowed:`},
	{head + `{"v":"a\u12x4"}` + "\n", `\u takes four hexadecimal digits`},
	{head + "{\"v\":\"a\tb\"}\n", `a control character in a string; write it as \u0009`},
	{head + "{\"v\":\"a\xffb\"}\n", "line 2, column 8: the byte 0xff is no UTF-8"},
	{head + `{"v":` + strings.Repeat("[", 200) + "\n", "values are nested more than 100 deep"},
	{head + `{"t":1,"type":"ok","p":1,"f":"read"}` + "\n",
		"line 2, column 1: impossible event order: ok read of process 1"},
	{head + `{"i":1,"t":1,"type":"invoke","p":1,"f":"read"}` + "\n",
		"line 2, column 1: the index is 1, but this is event 0"},
	{head + "{\n" + `{"t":1,"type":"invoke","p":1,"f":"read"}`, "line 2, column 2: the line ends where"},
}

func TestReadErrors(t *testing.T) {
	for _, test := range readErrors {
		_, err := Read(strings.NewReader(test.text))
		if err == nil || !strings.Contains(err.Error(), test.want) || !errors.Is(err, ErrFormat) {
			t.Errorf("%q:\n got %v\nwant %s", test.text, err, test.want)
		}
	}
}

func TestReadByHand(t *testing.T) {
	h, err := Read(strings.NewReader("\n{ \"version\" : 1 }\r\n\n" +
		`{"f":"write","p":0,"type":"invoke","t":-5,"k":[],` +
		`"v":{"b":[true,false,null,"\ud83d\ude00\u00e9\ud800\/"],"a":-7}}` + "\n" +
		`  { "t" : 9 , "type":"fail", "p": 0, "f":"write", "err": {} }  `))
	if err != nil {
		t.Fatal(err)
	}
	op := h.Op(0)
	want := MapValue(map[string]Value{"a": IntValue(-7),
		"b": ListValue(BoolValue(true), BoolValue(false), Value{}, StringValue("😀é\ufffd/"))})
	if !op.Arg.Equal(want) || op.Call != -5 || op.Return != 9 || op.Type != Fail || op.Keys != nil {
		t.Errorf("got %+v", op)
	}
}

func TestReadBounds(t *testing.T) {
	_, events := sample()
	long := events[1]
	long.Index, long.Value = 0, StringValue(strings.Repeat("x", 300<<10)) // longer than the reader's buffer
	file := append([]byte(head), AppendEvent(nil, &long)...)
	h, err := Read(bytes.NewReader(append(file, '\n')))
	if err != nil || !h.Op(0).Arg.Equal(long.Value) {
		t.Fatalf("a long line: %v", err)
	}
	d := newDecoder(bytes.NewReader(file), 1000)
	if err := d.run(); err == nil || !strings.Contains(err.Error(), "line 2 is longer than 1000 bytes") {
		t.Errorf("a line over the limit: %v", err)
	}
	if _, err := Read(iotest.ErrReader(errDisk)); !errors.Is(err, errDisk) {
		t.Errorf("a reader that fails: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	data := sampleFile(f)
	f.Add(data)
	for _, test := range readErrors {
		f.Add([]byte(test.text))
	}
	for _, line := range bytes.Split(data, []byte("\n"))[1:] {
		f.Add(append([]byte(head), line...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := Read(bytes.NewReader(data))
		if err != nil {
			if h != nil || !errors.Is(err, ErrFormat) {
				t.Fatalf("error %v", err)
			}
			return
		}
		again := rewritten(t, h)
		if !reflect.DeepEqual(h.Ops(), again.Ops()) || !reflect.DeepEqual(h.Header, again.Header) {
			t.Fatalf("written and read again\n%+v became\n%+v", h.Ops(), again.Ops())
		}
		text := h.Draw()
		parsed, err := ParseDrawing(text)
		if err != nil {
			t.Fatalf("%v in its drawing\n%s", err, text)
		}
		if parsed.Draw() != text {
			t.Fatalf("the drawing\n%sis drawn again as\n%s", text, parsed.Draw())
		}
	})
}

// rewritten records the events of h and reads the record.
func rewritten(t *testing.T, h *History) *History {
	t.Helper()
	var file bytes.Buffer
	rec, err := NewRecorder(&file, &h.Header)
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range recorded(h) {
		if _, err := rec.Record(ev); err != nil {
			t.Fatal(err)
		}
	}
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func FuzzEvent(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("an event with everything in it: \x00\x01\x02\x03\x04\x05\x06\x07\xff\x80 and more"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := &dice{data}
		ev := d.event()
		line := AppendEvent(nil, &ev)
		p := newParser()
		p.begin(line)
		var read Event
		if err := p.event(&read); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if again := AppendEvent(nil, &read); !bytes.Equal(line, again) {
			t.Fatalf("%s\nwas read and written as\n%s", line, again)
		}
	})
}

func (d *dice) event() Event {
	ev := Event{Index: d.n(200), Time: int64(d.n(256)) * 1e12, Type: Type(d.n(4)), Process: int32(d.n(9) - 2),
		Session: d.word(), Device: d.word(), F: d.word(), Value: d.value(3), Node: d.word(), Fault: d.word(),
		Op: OpID{int32(d.n(3)), int32(d.n(3))}, Err: Error{Code(d.n(len(codeTable))), d.word()}}
	if d.n(2) == 0 {
		ev.Key = d.word()
	}
	for ev.Key == "" && d.n(3) > 0 {
		ev.Keys = append(ev.Keys, d.word())
	}
	if d.n(2) == 1 {
		ev.Ev = &Evidence{By: d.word()}
		if d.n(2) == 1 {
			ev.Ev.Quorum = &QuorumEvidence{}
			for range d.n(3) {
				v := []Version{{d.word(), int64(d.n(9) - 4)}}
				q := ev.Ev.Quorum
				q.Hints, q.Dots = append(q.Hints, d.word()), append(q.Dots, v...)
				q.Answers = append(q.Answers, Answer{d.word(), v[:d.n(2)]})
				q.Legs = append(q.Legs, Leg{d.n(2) == 1, int64(d.n(99) - 9), int64(d.n(99))})
			}
		}
		for d.n(3) > 0 {
			ev.Ev.Ver = append(ev.Ev.Ver, Version{d.word(), int64(d.n(9) - 4)})
			ev.Ev.Acks = append(ev.Ev.Acks, d.word())
			ev.Ev.Home = append(ev.Ev.Home, d.word())
		}
	}
	return ev
}
