package history

import (
	"cmp"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// The files in testdata/drawings have drawings as one writes them by hand, then a line "====", then how
// they are drawn. Notes are no part of a history: they are lost.
func TestDrawings(t *testing.T) {
	paths, err := filepath.Glob("testdata/drawings/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no drawings, error %v", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		given, _, _ := strings.Cut(string(data), "====\n")
		h, err := ParseDrawing(given)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		drawn := Draw(h.Ops(), DrawOptions{Faults: h.Faults, Phases: h.Phases, Versions: true})
		golden(t, strings.TrimPrefix(path, "testdata/"), given+"====\n"+drawn)
		again, err := ParseDrawing(drawn)
		if err != nil {
			t.Errorf("%s, drawn: %v", path, err)
			continue
		}
		twice := Draw(again.Ops(), DrawOptions{Faults: again.Faults, Phases: again.Phases, Versions: true})
		if twice != drawn {
			t.Errorf("%s: drawn again it is\n%s", path, twice)
		}
	}
}

func TestParseDrawing(t *testing.T) {
	h, err := ParseDrawing(`
	# comments, and a column is a microsecond
	s1 @n1       |--w k=1--|                           ok
	s2/d2 @n2       |cas k ∅→x--...                    info timeout
	s1 @n1                 |--r k=1 ver s0e1:7--|  |r k|  fail not-leader  and a note
	s3           !r [a b]=[∅ "b c"]!
	n1/n2,n3        ░░░ partition ░░░
	n1              ░░░ crash ░░░…
	phase        ^faults            ^final-reads
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []Op{
		{Process: 0, Session: "s1", F: FWrite, Key: "k", Arg: IntValue(1), Result: IntValue(1),
			Call: 13 * Column, Return: 23 * Column, Type: Ok, Node: "n1"},
		{Process: 4, Session: "s3", F: FRead, Keys: []string{"a", "b"},
			Result: ListValue(Value{}, StringValue("b c")), Call: 13 * Column, Return: 13 * Column, Type: Ok},
		{Process: 1, Session: "s2", Device: "d2", F: FCAS, Key: "k",
			Arg: ListValue(Value{}, StringValue("x")), Call: 16 * Column, Return: Never, Type: Info,
			Node: "n2", Err: Error{Code: Timeout}},
		{Process: 2, Session: "s1", F: FRead, Key: "k", Result: IntValue(1), Call: 23 * Column,
			Return: 44 * Column, Type: Ok, Node: "n1", Ev: &Evidence{By: "n1", Ver: []Version{{"s0e1", 7}}}},
		{Process: 3, Session: "s1", F: FRead, Key: "k", Call: 47 * Column, Return: 51 * Column, Type: Fail,
			Node: "n1", Err: Error{Code: NotLeader}},
	}
	if h.Len() != len(want) || len(h.Warns) > 0 {
		t.Fatalf("%d operations, warnings %q", h.Len(), h.Warns)
	}
	for i := range want {
		sameOp(t, &h.Ops()[i], &want[i])
		got := &h.Ops()[i]
		if got.Call != want[i].Call || got.Return != want[i].Return || got.Process != want[i].Process {
			t.Errorf("operation %d: %+v", i, got)
		}
	}
	if ops := h.Ops(); ops[0].Precedes(&ops[3]) || !ops[1].Precedes(&ops[3]) {
		t.Error("the order of the operations is wrong")
	}
	cut, crash := &h.Faults[0], &h.Faults[1]
	if len(h.Faults) != 2 || cut.From != 16*Column || cut.To != 32*Column || crash.To != Never {
		t.Errorf("faults %+v", h.Faults)
	}
	if h.FinalFrom() != 32*Column || strings.Join(h.Header.Nodes, " ") != "n1 n2" {
		t.Errorf("final reads from %d, nodes %v", h.FinalFrom(), h.Header.Nodes)
	}
}

func TestParseDrawingErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"s1 @n1", `line 1, column 7: expected a bar`},
		{"\n\ts1  w k=1", `line 2, column 11: expected a bar`},
		{"s1 n1 |--w k=1--|", `line 1, column 4: expected @node or a bar, found "n1 |--w k=1-"`},
		{"|--w k=1--|", `line 1, column 1: expected the name of a session, found "|--w k=1--|"`},
		{"s1 |--w k=1--",
			`line 1, column 14: expected the end of the bar ("|", "…", or "!" if it began with one), ` +
				`found the`},
		{"s1 |--w k=1--!", `column 14: expected the end of the bar`},
		{"s1 |--w k--|", `column 10: expected =, found "--|"`},
		{"s1 |--w k=--|", `column 11: expected an integer of 64 bits`},
		{"s1 |--w k=1x--|", `column 11: expected an integer of 64 bits; quote a string`},
		{"s1 |--w k=[1 2--|", `column 15: expected an integer`},
		{"s1 |--w k={a 2}--|", `column 13: expected a colon`},
		{"s1 |--w k={a:2 a:3}--|", `column 16: the key a stands twice`},
		{"s1 |--w k=" + strings.Repeat("[", 300), `column 112: values are nested more than 100 deep`},
		{`s1 |--w k="abc--|`, `column 11: the quoted text is not closed`},
		{"s1 |----|", `column 9: expected an operation`},
		{"s1 |--r k--|", `column 7: an ok read says what it found: k=1, k=∅`},
		{"s1 |--r k=1--| fail", `column 7: only an ok read says what it found`},
		{"s1 |--w k=1--| info", `column 16: a bar that ends in … is info, any other is ok or fail`},
		{"s1 |--w k=1--… ok", `column 16: a bar that ends in … is info`},
		{"s1 |--cas k 1--|", `column 14: expected ->`},
		{"s1 |--cas k 1→2 refused (is 3|", `column 30: expected )`},
		{"s1 |--txn [x a=1]--|",
			`column 12: expected a micro-operation: w a=1, r b=2, append c+=3, found "x a=1]--|"`},
		{"s1 |--txn [w a=1 r b=2]--|", `column 18: expected , or ]`},
		{"s1 |--incr k (5--|", `column 16: expected )`},
		{"s1 |--w k=1 ver s0--|", `column 19: expected a colon`},
		{"n1 ░░ crash ", `column 12: expected ░ or …`},
		{"n1 ░░ crash ░░ healed", `column 15: expected the end of the line`},
		{"n1 n2 ░░ crash ░░", `column 4: expected the bar of the fault`},
		{"phase ^a b", `column 10: expected ^ and the name of a phase`},
		{"s1 |--w\tk=1--|", `column 8: a tab has no column: use spaces`},
		{"\ts1 |--w k=1--|\n\t\ts1 |--w k=1--|",
			`line 2, column 3: 2 tabs before this line, 1 before the first`},
	}
	for _, test := range tests {
		if _, err := ParseDrawing(test.text); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q:\n got %v\nwant %s", test.text, err, test.want)
		}
	}
}

func TestDrawNotes(t *testing.T) {
	h, err := ParseDrawing(`
	s1 |--w k=1--|
	s2    |--w k=2--|  fail not-leader
	s3      |--r k=1--|
	s4        |--r k=1--|
	s5        |--w k=5--…`)
	if err != nil {
		t.Fatal(err)
	}
	drawn := Draw(h.Ops(), DrawOptions{Notes: []string{"(op 1)", "never\nthere", "timeout: no", "|--w"}})
	golden(t, "notes.golden", drawn)
	again, err := ParseDrawing(drawn)
	if err != nil {
		t.Fatal(err)
	}
	if again.Draw() != h.Draw() {
		t.Errorf("the notes changed the history to\n%s", again.Draw())
	}
}

// Eight operations fit into a terminal.
func TestDrawFits(t *testing.T) {
	var line strings.Builder
	line.WriteString("s1 @n1 ")
	for range 8 {
		line.WriteString(" |--w k12=345--|  ")
	}
	h, err := ParseDrawing(line.String())
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(h.Draw()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// sameOp compares two operations but for indices, times and process.
func sameOp(t *testing.T, got, want *Op) {
	t.Helper()
	sameEv := (got.Ev == nil) == (want.Ev == nil)
	if sameEv && got.Ev != nil {
		sameEv = string(got.appendVersions(nil)) == string(want.appendVersions(nil))
	}
	if got.Session != want.Session || got.Device != want.Device || got.Node != want.Node || got.F != want.F ||
		got.Type != want.Type || got.Err != want.Err || !sameEv || !got.Arg.Equal(want.Arg) ||
		!got.Result.Equal(want.Result) || got.Key != want.Key || !slices.Equal(got.Keys, want.Keys) {
		t.Errorf("got %+v\nwant %+v", *got, *want)
	}
}

// FuzzDraw draws operations made from the fuzzer's bytes and reads them back.
func FuzzDraw(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x05some operations \x00\x01\x02\x03\x04\x05\x06\x07 with equal \x09\x02\x01 times"))
	f.Fuzz(checkDraw)
}

func TestRandomDrawings(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		data := make([]byte, random.IntN(200))
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		if checkDraw(t, data); t.Failed() {
			return
		}
	}
}

// checkDraw draws the operations that data makes and reads the drawing back: the operations are the same,
// and so is the order of any two times.
func checkDraw(t *testing.T, data []byte) {
	d := &dice{data}
	var ops []Op
	for range 1 + d.n(8) {
		ops = append(ops, d.op())
	}
	text := Draw(ops, DrawOptions{Versions: true, Notes: []string{d.word(), d.word()}})
	h, err := ParseDrawing(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	ops = Build(nil, eventsOf(ops)).Ops()
	if h.Len() != len(ops) {
		t.Fatalf("%d operations of %d in\n%s", h.Len(), len(ops), text)
	}
	for i := range ops {
		sameOp(t, &h.Ops()[i], &ops[i])
		for j := range ops {
			a, b, c, e := &ops[i], &ops[j], &h.Ops()[i], &h.Ops()[j]
			same := cmp.Compare(a.Call, b.Call) == cmp.Compare(c.Call, e.Call) &&
				cmp.Compare(a.Call, b.Return) == cmp.Compare(c.Call, e.Return) &&
				cmp.Compare(a.Return, b.Return) == cmp.Compare(c.Return, e.Return)
			if !same {
				t.Fatalf("the order of operations %d and %d is another in\n%s", i, j, text)
			}
		}
	}
	if t.Failed() {
		t.Logf("in\n%s", text)
	}
}

// eventsOf returns the events of ops, each a process of its own.
func eventsOf(ops []Op) []Event {
	var events []Event
	for i := range ops {
		o := &ops[i]
		ev := Event{Time: o.Call, Process: int32(i), Session: o.Session, Device: o.Device, F: o.F, Key: o.Key,
			Keys: o.Keys, Value: o.Arg, Node: o.Node}
		done := ev
		done.Type, done.Time, done.Err, done.Ev, done.Value = o.Type, o.Return, o.Err, o.Ev, o.Result
		if o.Type == Info {
			done.Time = o.Call
		}
		events = append(events, ev, done)
	}
	return events
}

// op returns an operation of any function, with arguments that may or may not be of its shape.
func (d *dice) op() Op {
	o := Op{Session: d.word(), Device: d.word(), Node: d.word(), Call: int64(d.n(12)), Type: Type(1 + d.n(3))}
	o.Return = o.Call + int64(d.n(6))
	if o.Type == Info {
		o.Return = Never
	}
	if o.Type != Ok {
		o.Err.Code = Code(d.n(len(codeTable)))
	}
	if d.n(4) == 3 {
		o.Ev = &Evidence{By: o.Node, Ver: []Version{{d.word(), int64(d.n(9) - 4)}}}
	}
	o.F = d.pick(FRead, FWrite, FCAS, FAppend, FDelete, FTxn, FPeek, "w", "incr", d.word())
	if d.n(3) > 0 {
		d.fitting(&o)
		return o
	}
	o.Key, o.Arg = d.word(), d.value(2)
	if o.Key == "" {
		o.Keys = []string{d.word(), d.word()}
	}
	if o.Type == Ok {
		o.Result = d.value(2)
	}
	if o.F == FTxn && strings.HasPrefix(o.Short(), "txn [") {
		o.Key, o.Keys = "", nil // the micro-operations tell the keys
	}
	if single := len(o.Keys) == 0; single && (o.F == FWrite || o.F == FAppend) && o.Type == Ok {
		o.Result = o.Arg // the drawing shows it once
	} else if single && o.F == FDelete && o.Arg.IsNull() {
		o.Result = Value{}
	}
	return o
}

// fitting gives o arguments of the shape that its function has.
func (d *dice) fitting(o *Op) {
	o.Key = d.word()
	ok := o.Type == Ok
	switch o.F {
	case FRead, FPeek:
		if o.Key == "" || d.n(2) == 0 {
			o.Key, o.Keys = "", []string{d.word(), d.word()}
		}
		if ok {
			o.Result = d.value(2)
		}
	case FWrite, FAppend:
		o.Arg = d.value(2)
		if ok {
			o.Result = o.Arg
		}
	case FCAS:
		o.Arg = ListValue(d.value(2), d.value(2))
		if ok {
			no := BoolValue(false)
			o.Result = [...]Value{BoolValue(true), no, ListValue(no, d.value(2))}[d.n(3)]
		}
	case FTxn:
		o.Key = ""
		var args, results []Value
		for range d.n(4) {
			f, key, v := StringValue(d.pick("r", "w", "append")), StringValue(d.word()), d.value(1)
			results = append(results, ListValue(f, key, v))
			if f.text == "r" {
				v = Value{}
			}
			args = append(args, ListValue(f, key, v))
		}
		o.Arg = ListValue(args...)
		if ok {
			o.Result = ListValue(results...)
		}
	}
}

func FuzzParseDrawing(f *testing.F) {
	paths, _ := filepath.Glob("testdata/drawings/*.txt")
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := ParseDrawing(text)
		if err != nil {
			return
		}
		options := DrawOptions{Faults: h.Faults, Phases: h.Phases, Versions: true}
		drawn := Draw(h.Ops(), options)
		again, err := ParseDrawing(drawn)
		if err != nil {
			t.Fatalf("%v in\n%s", err, drawn)
		}
		options.Faults, options.Phases = again.Faults, again.Phases
		if twice := Draw(again.Ops(), options); twice != drawn {
			t.Fatalf("the drawing\n%sis drawn again as\n%s", drawn, twice)
		}
	})
}
