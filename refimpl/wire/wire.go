// Package wire is how the store's messages and log records look as bytes: a compact binary form between
// nodes and on disk, and JSON between clients and nodes. It does no input or output. Whatever
// the bytes, it returns a value or an error.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// Version is the version of the binary form. Nodes of different versions do not talk to each other, and a log
// of another version is not read.
const Version = 2

// maxDepth is how deep lists in values can be nested.
const maxDepth = 16

// AppendMessage appends the binary form of m to b.
func AppendMessage(b []byte, m *refimpl.Message) []byte {
	b = append(b, byte(m.Kind), present(m.Flag, m.Req != nil, m.Reply != nil,
		len(m.Hashes) > 0 || len(m.Items) > 0))
	b = signed(b, int64(m.Shard), int64(m.Leader), m.Index, m.Commit)
	b = unsigned(b, m.Epoch, m.PrevEpoch, m.Seq, uint64(len(m.Entries)))
	for i := range m.Entries {
		b = appendEntry(b, &m.Entries[i])
	}
	if m.Req != nil {
		b = appendRequest(b, m.Req)
	}
	if m.Reply != nil {
		b = appendReply(b, m.Reply)
	}
	if len(m.Hashes) > 0 || len(m.Items) > 0 {
		b = appendItems(b, m)
	}
	return b
}

// DecodeMessage reads a message that takes up all of b. The message shares no memory with b.
func DecodeMessage(b []byte) (refimpl.Message, error) {
	d := decoder{b: b}
	m := refimpl.Message{Kind: refimpl.MsgKind(d.byte())}
	flags := d.flags(4)
	m.Flag = flags&1 != 0
	m.Shard, m.Leader, m.Index, m.Commit = d.int32(), refimpl.Addr(d.int32()), d.signed(), d.signed()
	m.Epoch, m.PrevEpoch, m.Seq = d.unsigned(), d.unsigned(), d.unsigned()
	if n := d.count(2); n > 0 {
		m.Entries = make([]refimpl.Entry, n)
		for i := range m.Entries {
			m.Entries[i] = d.entry()
		}
	}
	if flags&2 != 0 {
		m.Req = d.request()
	}
	if flags&4 != 0 {
		m.Reply = d.reply()
	}
	if flags&8 != 0 {
		d.items(&m)
	}
	return m, d.end("a message")
}

// AppendRecord appends the binary form of r to b.
func AppendRecord(b []byte, r *refimpl.Record) []byte {
	b = append(b, byte(r.Kind))
	b = signed(b, int64(r.Shard), r.Index, int64(r.Vote))
	b = unsigned(b, r.Epoch, uint64(r.Flags), r.Led)
	if r.Kind >= refimpl.RecObject {
		return appendObject(appendText(b, r.Key), r.Object)
	}
	return appendEntry(b, &r.Entry)
}

// DecodeRecord reads a record that takes up all of b. The record shares no memory with b.
func DecodeRecord(b []byte) (refimpl.Record, error) {
	d := decoder{b: b}
	r := refimpl.Record{Kind: refimpl.RecordKind(d.byte())}
	r.Shard, r.Index, r.Vote = d.int32(), d.signed(), refimpl.Addr(d.int32())
	r.Epoch = d.unsigned()
	flags := d.unsigned()
	r.Flags, r.Led = uint32(flags), d.unsigned()
	if r.Kind >= refimpl.RecObject {
		r.Key, r.Object = d.text(), d.object()
	} else {
		r.Entry = d.entry()
	}
	switch {
	case r.Kind >= refimpl.NumRecords:
		d.fail("record kind %d is unknown", r.Kind)
	case flags>>32 != 0:
		d.fail("flags %d are out of range", flags)
	}
	return r, d.end("a record")
}

func appendEntry(b []byte, e *refimpl.Entry) []byte {
	b = unsigned(b, e.Epoch)
	b = append(b, present(e.Req != nil))
	if e.Req != nil {
		b = appendRequest(b, e.Req)
	}
	return b
}

func (d *decoder) entry() refimpl.Entry {
	e := refimpl.Entry{Epoch: d.unsigned()}
	if d.flags(1) != 0 {
		e.Req = d.request()
	}
	return e
}

func appendRequest(b []byte, r *refimpl.Request) []byte {
	quorum := r.Object != nil || r.Hint != 0
	b = append(b, byte(r.Op), present(r.Local, quorum))
	b = unsigned(b, r.Client, r.Seq)
	b = appendText(b, r.Key)
	b = unsigned(b, uint64(len(r.Keys)))
	for _, k := range r.Keys {
		b = appendText(b, k)
	}
	b = appendValue(appendValue(b, &r.Old), &r.Value)
	b = unsigned(b, uint64(len(r.Txn)))
	for i := range r.Txn {
		m := &r.Txn[i]
		b = appendValue(appendText(append(b, byte(m.Op)), m.Key), &m.Value)
	}
	b = appendPositions(b, r.Token)
	if quorum {
		b = appendObject(signed(b, int64(r.Hint)), r.Object)
	}
	return b
}

func (d *decoder) request() *refimpl.Request {
	r := &refimpl.Request{Op: refimpl.OpKind(d.byte())}
	flags := d.flags(2)
	r.Local = flags&1 != 0
	r.Client, r.Seq = d.unsigned(), d.unsigned()
	r.Key = d.text()
	if n := d.count(1); n > 0 {
		r.Keys = make([]string, n)
		for i := range r.Keys {
			r.Keys[i] = d.text()
		}
	}
	r.Old, r.Value = d.value(0), d.value(0)
	if n := d.count(3); n > 0 {
		r.Txn = make([]refimpl.Micro, n)
		for i := range r.Txn {
			r.Txn[i] = refimpl.Micro{Op: d.op(), Key: d.text(), Value: d.value(0)}
		}
	}
	r.Token = d.positions()
	if flags&2 != 0 {
		r.Hint, r.Object = refimpl.Addr(d.int32()), d.objectOf(r.Op)
	}
	if r.Op >= refimpl.NumOps {
		d.fail("operation %d is unknown", r.Op)
	}
	return r
}

func (d *decoder) op() refimpl.OpKind {
	op := refimpl.OpKind(d.byte())
	if op >= refimpl.NumOps {
		d.fail("operation %d is unknown", op)
	}
	return op
}

func appendReply(b []byte, r *refimpl.Reply) []byte {
	quorum := hasQuorum(r)
	b = unsigned(append(b, byte(r.Err), present(quorum)), r.Seq)
	b = appendValue(b, &r.Value)
	b = unsigned(b, uint64(len(r.Values)))
	for i := range r.Values {
		b = appendValue(b, &r.Values[i])
	}
	b = appendPosition(b, r.At)
	b = appendPositions(appendPositions(b, r.Token), r.Causes)
	b = signed(b, int64(r.Leader), int64(r.By), int64(r.Shard), r.Index)
	b = unsigned(b, r.Epoch, r.Acks)
	if quorum {
		b = appendQuorum(b, r)
	}
	return b
}

func (d *decoder) reply() *refimpl.Reply {
	r := &refimpl.Reply{Err: refimpl.ErrCode(d.byte())}
	if r.Err >= refimpl.NumErrCodes {
		d.fail("error code %d is unknown", r.Err)
	}
	quorum := d.flags(1) != 0
	r.Seq = d.unsigned()
	r.Value = d.value(0)
	if n := d.count(1); n > 0 {
		r.Values = make([]refimpl.Value, n)
		for i := range r.Values {
			r.Values[i] = d.value(0)
		}
	}
	r.At = d.position()
	r.Token, r.Causes = d.positions(), d.positions()
	r.Leader, r.By, r.Shard, r.Index = refimpl.Addr(d.int32()), refimpl.Addr(d.int32()), d.int32(), d.signed()
	r.Epoch, r.Acks = d.unsigned(), d.unsigned()
	if quorum {
		d.quorum(r)
	}
	return r
}

func appendValue(b []byte, v *refimpl.Value) []byte {
	b = append(b, byte(v.Kind))
	switch v.Kind {
	case refimpl.Int, refimpl.Bool:
		b = signed(b, v.Num)
	case refimpl.Str:
		b = appendText(b, v.Text)
	case refimpl.List:
		b = unsigned(b, uint64(len(v.List)))
		for i := range v.List {
			b = appendValue(b, &v.List[i])
		}
	}
	return b
}

func (d *decoder) value(depth int) refimpl.Value {
	v := refimpl.Value{Kind: refimpl.ValueKind(d.byte())}
	switch v.Kind {
	case refimpl.Nil:
	case refimpl.Int, refimpl.Bool:
		v.Num = d.signed()
	case refimpl.Str:
		v.Text = d.text()
	case refimpl.List:
		if depth == maxDepth {
			d.fail("lists are nested more than %d deep", maxDepth)
			return refimpl.Value{}
		}
		v.List = make([]refimpl.Value, d.count(1))
		for i := range v.List {
			v.List[i] = d.value(depth + 1)
		}
	default:
		d.fail("value kind %d is unknown", v.Kind)
	}
	return v
}

func appendPosition(b []byte, p refimpl.Position) []byte {
	return unsigned(signed(b, int64(p.Shard), p.Index), p.Epoch)
}

func (d *decoder) position() refimpl.Position {
	return refimpl.Position{Shard: d.int32(), Index: d.signed(), Epoch: d.unsigned()}
}

func appendPositions(b []byte, list []refimpl.Position) []byte {
	b = unsigned(b, uint64(len(list)))
	for _, p := range list {
		b = appendPosition(b, p)
	}
	return b
}

func (d *decoder) positions() []refimpl.Position {
	n := d.count(3)
	if n == 0 {
		return nil
	}
	list := make([]refimpl.Position, n)
	for i := range list {
		list[i] = d.position()
	}
	return list
}

// present packs up to eight booleans, the first in the lowest bit.
func present(flags ...bool) byte {
	var b byte
	for i, f := range flags {
		if f {
			b |= 1 << i
		}
	}
	return b
}

func signed(b []byte, values ...int64) []byte {
	for _, v := range values {
		b = binary.AppendVarint(b, v)
	}
	return b
}

func unsigned(b []byte, values ...uint64) []byte {
	for _, v := range values {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// decoder reads from b. After the first error it only returns zeros.
type decoder struct {
	b      []byte
	err    error
	client bool // b is from a client, who is not trusted as nodes are
}

var errShort = errors.New("it ends too early")

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
	d.b = nil
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail("%w", errShort)
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

// flags reads n booleans.
func (d *decoder) flags(n int) byte {
	c := d.byte()
	if c>>n != 0 {
		d.fail("flags %#x are out of range", c)
	}
	return c
}

func (d *decoder) signed() int64 {
	v, n := binary.Varint(d.b)
	d.skip(n)
	return v
}

func (d *decoder) unsigned() uint64 {
	v, n := binary.Uvarint(d.b)
	d.skip(n)
	return v
}

// skip passes n bytes; n <= 0 is how package binary says that there is no number.
func (d *decoder) skip(n int) {
	if n <= 0 {
		d.fail("%w", errShort)
		return
	}
	d.b = d.b[n:]
}

func (d *decoder) int32() int32 {
	v := d.signed()
	if int64(int32(v)) != v {
		d.fail("%d is out of range", v)
		return 0
	}
	return int32(v)
}

// count reads a number of elements that take at least size bytes each.
func (d *decoder) count(size uint64) int {
	n := d.unsigned()
	if n > uint64(len(d.b))/size {
		d.fail("%d elements do not fit into %d bytes", n, len(d.b))
		return 0
	}
	return int(n)
}

func (d *decoder) text() string {
	n := d.count(1)
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

// end returns the first error, or that bytes are left.
func (d *decoder) end(what string) error {
	if d.err == nil && len(d.b) > 0 {
		d.fail("%d bytes are left over", len(d.b))
	}
	if d.err != nil {
		return fmt.Errorf("%s cannot be read: %w", what, d.err)
	}
	return nil
}
