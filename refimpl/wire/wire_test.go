package wire

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
)

// draw makes messages and records from luck.
type draw struct{ key keyed.Key }

func (d *draw) n(most int) int {
	d.key = d.key.With(1)
	return d.key.N(most)
}

func (d *draw) num() int64 {
	return [...]int64{0, 1, -1, 1 << 40, -1 << 62, int64(d.n(1 << 20))}[d.n(6)]
}

func (d *draw) text() string { return [...]string{"", "k", "a/b", "∅\x00\xff", "läng"}[d.n(5)] }

func (d *draw) value(depth int) refimpl.Value {
	switch d.n(5 - min(depth, 1)) {
	case 0:
		return refimpl.Value{}
	case 1:
		return refimpl.Value{Kind: refimpl.Int, Num: d.num()}
	case 2:
		return refimpl.Value{Kind: refimpl.Bool, Num: int64(d.n(2))}
	case 3:
		return refimpl.Value{Kind: refimpl.Str, Text: strings.ToValidUTF8(d.text(), "?")}
	}
	v := refimpl.Value{Kind: refimpl.List, List: []refimpl.Value{}}
	for range d.n(4) {
		v.List = append(v.List, d.value(depth+1))
	}
	return v
}

func (d *draw) positions() []refimpl.Position {
	var out []refimpl.Position
	for range d.n(3) {
		out = append(out, refimpl.Position{Shard: int32(d.n(9)), Epoch: uint64(d.num()), Index: d.num()})
	}
	return out
}

func (d *draw) request() *refimpl.Request {
	r := &refimpl.Request{Client: uint64(d.num()), Seq: uint64(d.num()),
		Op:    refimpl.OpKind(d.n(int(refimpl.NumOps))),
		Local: d.n(2) > 0, Key: "k" + strings.ToValidUTF8(d.text(), "?"), Old: d.value(0), Value: d.value(0),
		Token: d.positions()}
	for range d.n(3) {
		r.Keys = append(r.Keys, strings.ToValidUTF8(d.text(), "?"))
	}
	if r.Op == refimpl.OpTxn {
		for range 1 + d.n(3) {
			op := [...]refimpl.OpKind{refimpl.OpRead, refimpl.OpWrite, refimpl.OpAppend}[d.n(3)]
			r.Txn = append(r.Txn, refimpl.Micro{Op: op, Key: "t", Value: d.value(0)})
		}
	}
	if r.Object, r.Hint = d.object(), refimpl.Addr(d.n(3)); r.Object == nil {
		r.Object = &refimpl.Object{}
	}
	if r.Op == refimpl.OpIncr {
		r.Value = refimpl.Value{Kind: refimpl.Int, Num: d.num()}
	}
	if d.n(2) > 0 && r.Op != refimpl.OpStore && r.Op != refimpl.OpUndo {
		r.Object, r.Hint = nil, 0
	}
	return r
}

func (d *draw) dots() []refimpl.Dot {
	var out []refimpl.Dot
	for i := range d.n(3) {
		out = append(out, refimpl.Dot{Writer: uint64(d.n(9) + 10*i),
			N: [...]int64{1, 2, 1 << 40, 1 << 62, 1 + int64(d.n(1<<20))}[d.n(5)]})
	}
	return out
}

func (d *draw) object() *refimpl.Object {
	if d.n(3) == 0 {
		return nil
	}
	o := &refimpl.Object{Kind: refimpl.Versioning(d.n(3))}
	if o.Kind == refimpl.Dotted {
		o.Seen = d.dots()
	}
	for _, dot := range d.dots() {
		s := refimpl.Sibling{Dot: dot, Value: d.value(0), Deleted: d.n(2) > 0, Past: d.dots()}
		if o.Kind == refimpl.Vectored {
			s.Past = s.Past.With(dot)
		}
		if o.Kind != refimpl.Latest || len(o.Siblings) == 0 {
			o.Siblings = append(o.Siblings, s)
		}
	}
	return o
}

func (d *draw) message() refimpl.Message {
	m := refimpl.Message{Kind: refimpl.MsgKind(d.n(256)), Flag: d.n(2) > 0, Shard: int32(d.n(99)) - 1,
		Leader: refimpl.Addr(d.n(9)) - 1, Epoch: uint64(d.num()), Index: d.num(), PrevEpoch: uint64(d.num()),
		Commit: d.num(), Seq: uint64(d.num())}
	for range d.n(4) {
		e := refimpl.Entry{Epoch: uint64(d.num())}
		if d.n(3) > 0 {
			e.Req = d.request()
		}
		m.Entries = append(m.Entries, e)
	}
	if d.n(2) > 0 {
		m.Req = d.request()
	}
	if d.n(2) > 0 {
		m.Reply = d.reply()
	}
	for range d.n(3) {
		m.Hashes = append(m.Hashes, uint64(d.num()))
		m.Items = append(m.Items, refimpl.Item{Key: "k", Hash: uint64(d.num()), Object: d.object()})
	}
	return m
}

func (d *draw) reply() *refimpl.Reply {
	r := &refimpl.Reply{Seq: uint64(d.num()), Err: refimpl.ErrCode(d.n(int(refimpl.NumErrCodes))),
		Value: d.value(0), At: refimpl.Position{Shard: 3, Epoch: 1, Index: d.num()}, Token: d.positions(),
		Causes: d.positions(), Leader: refimpl.Addr(d.n(5)) - 1, By: refimpl.Addr(d.n(5)),
		Shard: int32(d.n(5)),
		Epoch: uint64(d.num()), Index: d.num(), Acks: uint64(d.num())}
	for range d.n(3) {
		r.Values = append(r.Values, d.value(0))
		r.Home, r.Hints, r.Wall, r.Object, r.Dots = uint64(d.n(3)), uint64(d.n(3)), d.num(), d.object(),
			d.dots()
		r.Answers = append(r.Answers, refimpl.Answer{By: refimpl.Addr(d.n(4)), Dots: d.dots()})
		r.Legs = append(r.Legs, refimpl.Leg{Store: d.n(2) > 0, Out: d.num(), Back: d.num()})
	}
	return r
}

func TestBinaryForm(t *testing.T) {
	for seed := range uint64(2000) {
		d := &draw{keyed.New(seed)}
		m := d.message()
		b := AppendMessage(nil, &m)
		back, err := DecodeMessage(b)
		if err != nil || !reflect.DeepEqual(back, m) {
			t.Fatalf("seed %d: %v\n%+v came back as\n%+v", seed, err, m, back)
		}
		for cut := range b {
			if _, err := DecodeMessage(b[:cut]); err == nil {
				t.Fatalf("seed %d: the first %d of %d bytes are a message too", seed, cut, len(b))
			}
		}
		if _, err := DecodeMessage(append(b, 0)); err == nil {
			t.Fatalf("seed %d: a byte left over is no error", seed)
		}
		r := refimpl.Record{Kind: refimpl.RecordKind(d.n(4)), Shard: int32(d.n(4)), Index: d.num(),
			Epoch: uint64(d.num()), Vote: refimpl.Addr(d.n(4)) - 1, Flags: uint32(d.n(9)),
			Led:   uint64(d.num()),
			Entry: refimpl.Entry{Epoch: 3, Req: d.request()}}
		if r.Kind = refimpl.RecordKind(d.n(int(refimpl.NumRecords))); r.Kind >= refimpl.RecObject {
			r.Entry, r.Key, r.Object = refimpl.Entry{}, "k", d.object()
		}
		again, err := DecodeRecord(AppendRecord(nil, &r))
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("seed %d: %v\n%+v came back as\n%+v", seed, err, r, again)
		}
	}
}

func TestJSONForm(t *testing.T) {
	for seed := range uint64(2000) {
		d := &draw{keyed.New(seed)}
		m := refimpl.Message{Kind: refimpl.MsgRequest, Shard: 2, Epoch: 7, Seq: 9, Req: d.request()}
		var req Request
		through(t, ToRequest(&m), &req)
		if back, err := req.Message(); err != nil || !reflect.DeepEqual(back, m) {
			t.Fatalf("seed %d: %v\n%+v came back as\n%+v", seed, err, m.Req, back.Req)
		}
		m = refimpl.Message{Kind: refimpl.MsgReply, Shard: 2, Seq: 9, Reply: d.reply()}
		var reply Reply
		through(t, ToReply(&m), &reply)
		if back, err := reply.Message(); err != nil || !reflect.DeepEqual(back, m) {
			t.Fatalf("seed %d: %v\n%+v came back as\n%+v", seed, err, m.Reply, back.Reply)
		}
	}
	for _, leader := range []refimpl.Addr{refimpl.Nobody, 0, 3} {
		m := refimpl.Message{Kind: refimpl.MsgTell, Shard: 1, Leader: leader, Epoch: 4}
		var l Leader
		through(t, ToLeader(&m), &l)
		if back := l.Message(); !reflect.DeepEqual(back, m) {
			t.Errorf("%+v came back as %+v", m, back)
		}
	}
}

// through sends a value through JSON.
func through(t *testing.T, from, to any) {
	t.Helper()
	b, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(b, to)
	}
	if err != nil {
		t.Fatalf("%s: %v", b, err)
	}
}

func TestWhatJSONRefuses(t *testing.T) {
	for _, tc := range []struct{ body, want string }{
		{`{"op":"swap","key":"k"}`,
			`op "swap" is unknown; allowed: read, write, cas, append, delete, txn, peek, add, remove, ` +
				`incr, fetch, store, undo`},
		{`{"op":"incr","key":"k","value":"a"}`, "incr needs a whole number as its value"},
		{`{"op":"store","key":"k"}`, "store needs an object"},
		{`{"op":"undo","key":"k"}`, "undo needs an object"},
		{`{"op":"store","key":"k","object":"%"}`,
			"object: no base64: illegal base64 data at input byte 0"},
		{`{"op":"store","key":"k","object":"AQ=="}`, "object: an object cannot be read: it ends too early"},
		{`{"op":"read"}`, "read needs a key"},
		{`{"op":"fetch"}`, "fetch needs a key"},
		{`{"op":"store","key":"k","object":"` + toObject(&refimpl.Object{Seen: []refimpl.Dot{{Writer: 1,
			N: 1<<62 + 1}}}) + `"}`, "object: an object cannot be read: 4611686018427387905 is not the " +
			"number of a write; allowed: 1 to 4611686018427387904"},
		{`{"op":"txn"}`, "a txn needs at least one operation in the list txn"},
		{`{"op":"txn","txn":[{"op":"cas","key":"k"}]}`,
			`op "cas" is not allowed in a txn; allowed: read, write, append`},
		{`{"op":"write","key":"k","value":{}}`, "the store has no values such as objects"},
		{`{"op":"write","key":"k","value":1.5}`, "1.5 is no whole number of 64 bits"},
		{`{"op":"write","key":"k","token":[[1,2]]}`, "a position is [shard, epoch, index], not [1,2]"},
		{`{"op":"write","key":"k","value":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`,
			"lists are nested more than 16 deep"},
	} {
		var r Request
		err := json.Unmarshal([]byte(tc.body), &r)
		if err == nil {
			_, err = r.Message()
		}
		if err == nil || err.Error() != tc.want {
			t.Errorf("%s: got %v, want %s", tc.body, err, tc.want)
		}
	}
	if _, err := (&Reply{Error: "on-fire"}).Message(); err == nil {
		t.Error("an unknown error code is taken")
	}
}

// TestOneKey: what works on one key is refused without, also when there is a list of keys.
func TestOneKey(t *testing.T) {
	for op, name := range opNames {
		r := Request{Op: name, Keys: []string{"a", "b"}, Value: Value{Kind: refimpl.Int},
			Object: toObject(&refimpl.Object{})}
		_, err := r.Message()
		want := name + " needs one key, in the field key; only read and peek take the list keys"
		switch refimpl.OpKind(op) {
		case refimpl.OpRead, refimpl.OpPeek:
			want = ""
		case refimpl.OpTxn:
			want = "a txn needs at least one operation in the list txn"
		}
		if got := fmt.Sprint(err); got != want && (want != "" || err != nil) {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		r.Key = "k"
		if _, err := r.Message(); err != nil && refimpl.OpKind(op) != refimpl.OpTxn {
			t.Errorf("%s with a key: %v", name, err)
		}
	}
}

// TestObjectsInDisorder: what the store relies on is checked, whatever the bytes and wherever they stand.
func TestObjectsInDisorder(t *testing.T) {
	two := []refimpl.Dot{{Writer: 2, N: 1}, {Writer: 1, N: 1}}
	same := []refimpl.Dot{{Writer: 2, N: 1}, {Writer: 2, N: 2}}
	at := func(n int64) []refimpl.Dot { return []refimpl.Dot{{Writer: 2, N: n}} }
	of := func(kind refimpl.Versioning, past refimpl.Vector, dots ...refimpl.Dot) *refimpl.Object {
		o := &refimpl.Object{Kind: kind}
		for _, d := range dots {
			o.Siblings = append(o.Siblings, refimpl.Sibling{Dot: d, Past: past})
		}
		return o
	}
	for what, o := range map[string]*refimpl.Object{
		"versions": of(refimpl.Dotted, nil, two...), "one name": of(refimpl.Dotted, nil, two[0], two[0]),
		"seen": {Seen: two}, "seen twice": {Seen: same}, "kind": {Kind: 7},
		"past":         of(refimpl.Dotted, same, two[0]),
		"version 0":    of(refimpl.Dotted, nil, at(0)...),
		"version -1":   of(refimpl.Latest, nil, at(-1)...),
		"last version": of(refimpl.Latest, nil, at(math.MaxInt64)...),
		"seen 0":       {Seen: at(0)}, "seen -1": {Seen: at(-1)}, "seen all": {Seen: at(math.MaxInt64)},
		"past 0":       of(refimpl.Vectored, at(0), two[1]),
		"past all":     of(refimpl.Vectored, at(math.MaxInt64), two[0]),
		"register":     of(refimpl.Latest, nil, same...),
		"no past":      of(refimpl.Vectored, nil, two[0]),
		"short past":   of(refimpl.Vectored, at(1), same...),
		"latest sees":  {Kind: refimpl.Latest, Seen: at(1)},
		"vectors seen": {Kind: refimpl.Vectored, Seen: at(1)},
	} {
		if _, err := fromObject(toObject(o), refimpl.OpStore); err == nil {
			t.Errorf("%s: a request with it is taken", what)
		}
		m := refimpl.Message{Reply: &refimpl.Reply{Object: o}}
		if _, err := DecodeMessage(AppendMessage(nil, &m)); err == nil {
			t.Errorf("%s: an answer with it is taken", what)
		}
		m = refimpl.Message{Items: []refimpl.Item{{Object: o}}}
		if _, err := DecodeMessage(AppendMessage(nil, &m)); err == nil {
			t.Errorf("%s: an item with it is taken", what)
		}
		r := refimpl.Record{Kind: refimpl.RecObject, Key: "k", Object: o}
		if _, err := DecodeRecord(AppendRecord(nil, &r)); err == nil {
			t.Errorf("%s: a record with it is taken", what)
		}
	}
	for what, o := range map[string]*refimpl.Object{
		"two versions of one writer": of(refimpl.Dotted, nil, same...),
		"entry-dropped":              {Siblings: of(0, nil, two[0]).Siblings, Seen: two[1:]},
		"past":                       of(refimpl.Vectored, at(2), same...),
	} {
		if back, err := fromObject(toObject(o), refimpl.OpStore); err != nil || !back.Same(*o) {
			t.Errorf("%s: %v, %v", what, back, err)
		}
	}
}

// TestUndoOfAVector: an undo names a write, and has no past of it.
func TestUndoOfAVector(t *testing.T) {
	o := &refimpl.Object{Kind: refimpl.Vectored, Siblings: []refimpl.Sibling{{Dot: refimpl.Dot{Writer: 1,
		N: 1}}}}
	m := refimpl.Message{Kind: refimpl.MsgRequest,
		Req: &refimpl.Request{Op: refimpl.OpUndo, Key: "k", Object: o}}
	if _, err := DecodeMessage(AppendMessage(nil, &m)); err != nil {
		t.Error(err)
	}
	if _, err := ToRequest(&m).Message(); err != nil {
		t.Error(err)
	}
	m.Req.Op = refimpl.OpStore
	if _, err := DecodeMessage(AppendMessage(nil, &m)); err == nil {
		t.Error("a store of it is taken")
	}
}

// FuzzDecode: whatever the bytes, there is a value or an error, and a value comes back from its own bytes.
func FuzzDecode(f *testing.F) {
	for seed := range uint64(20) {
		d := &draw{keyed.New(seed)}
		m := d.message()
		f.Add(AppendMessage(nil, &m))
		m.Req, m.Reply = d.request(), d.reply()
		for _, form := range []any{ToRequest(&m), ToReply(&m), ToLeader(&m)} {
			b, err := json.Marshal(form)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := DecodeMessage(b); err == nil {
			again, err := DecodeMessage(AppendMessage(nil, &m))
			if err != nil || !reflect.DeepEqual(again, m) {
				t.Fatalf("%v: %+v came back as %+v", err, m, again)
			}
		}
		if r, err := DecodeRecord(b); err == nil {
			again, err := DecodeRecord(AppendRecord(nil, &r))
			if err != nil || !reflect.DeepEqual(again, r) {
				t.Fatalf("%v: %+v came back as %+v", err, r, again)
			}
		}
		var req Request
		if json.Unmarshal(b, &req) == nil {
			if m, err := req.Message(); err == nil {
				again, err := ToRequest(&m).Message()
				if err != nil || !reflect.DeepEqual(again.Req.Object, m.Req.Object) {
					t.Fatalf("%v: %+v came back as %+v", err, m.Req, again.Req)
				}
			}
		}
		var reply Reply
		if json.Unmarshal(b, &reply) == nil {
			_, _ = reply.Message()
		}
	})
}
