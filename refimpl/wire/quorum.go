package wire

import (
	"encoding/base64"
	"fmt"
	"math"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// What only the mode without leaders has: objects and how a coordinator came to its answer. A message that
// has nothing of it takes no byte for it.

// appendObject appends o, which may be nil.
func appendObject(b []byte, o *refimpl.Object) []byte {
	b = append(b, present(o != nil))
	if o == nil {
		return b
	}
	b = unsigned(append(b, byte(o.Kind)), uint64(len(o.Siblings)))
	for i := range o.Siblings {
		s := &o.Siblings[i]
		b = append(appendDot(b, s.Dot), present(s.Deleted))
		b = appendDots(appendValue(b, &s.Value), s.Past)
	}
	return appendDots(b, o.Seen)
}

// object reads an object. What the package refimpl relies on is checked: that versions and entries of vectors
// are sorted, that no two have one name, that they count from 1, and that an object has what its kind says.
// Not checked is that Seen has all versions: the named bug entry-dropped makes objects of which that is not
// so.
func (d *decoder) object() *refimpl.Object {
	o := d.naming()
	if o == nil || o.Kind != refimpl.Vectored {
		return o
	}
	for i := range o.Siblings {
		if s := &o.Siblings[i]; !s.Past.Has(s.Dot) {
			d.fail("a version is not in its own past")
			return nil
		}
	}
	return o
}

// naming reads an object whose versions need no past: that of an undo, which only names a write.
func (d *decoder) naming() *refimpl.Object {
	if d.flags(1) == 0 {
		return nil
	}
	o := &refimpl.Object{Kind: refimpl.Versioning(d.byte())}
	if o.Kind > refimpl.Vectored {
		d.fail("versioning %d is unknown", o.Kind)
	}
	n := d.count(5)
	if n > 1 && o.Kind == refimpl.Latest {
		d.fail("a register has one version, not %d", n)
		return nil
	}
	if n > 0 {
		o.Siblings = make([]refimpl.Sibling, n)
		for i := range o.Siblings {
			s := &o.Siblings[i]
			s.Dot, s.Deleted, s.Value = d.name(), d.flags(1) != 0, d.value(0)
			s.Past = d.vector()
			if i > 0 && !sorted(o.Siblings[i-1].Dot, s.Dot) {
				d.fail("versions are not in order")
				return nil
			}
		}
	}
	if o.Seen = d.vector(); len(o.Seen) > 0 && o.Kind != refimpl.Dotted {
		d.fail("only an object with dotted versions tells what it has seen")
		return nil
	}
	return o
}

// objectOf reads the object of an operation.
func (d *decoder) objectOf(op refimpl.OpKind) *refimpl.Object {
	if op == refimpl.OpUndo {
		return d.naming()
	}
	return d.object()
}

func sorted(a, b refimpl.Dot) bool { return a.Writer < b.Writer || a.Writer == b.Writer && a.N < b.N }

func appendDot(b []byte, d refimpl.Dot) []byte { return signed(unsigned(b, d.Writer), d.N) }

func (d *decoder) dot() refimpl.Dot { return refimpl.Dot{Writer: d.unsigned(), N: d.signed()} }

func appendDots(b []byte, list []refimpl.Dot) []byte {
	b = unsigned(b, uint64(len(list)))
	for _, dot := range list {
		b = appendDot(b, dot)
	}
	return b
}

func (d *decoder) dots() []refimpl.Dot {
	n := d.count(2)
	if n == 0 {
		return nil
	}
	list := make([]refimpl.Dot, n)
	for i := range list {
		list[i] = d.dot()
	}
	return list
}

// The greatest numbers of writes. Those of clients leave room for all the writes that come after: a node
// never makes an object that it cannot read from its disk.
const (
	mostOfClients = 1 << 62
	mostOfNodes   = math.MaxInt64 - 1
)

// name reads the dot of a write.
func (d *decoder) name() refimpl.Dot {
	dot := d.dot()
	d.counts(dot)
	return dot
}

// counts checks the number of a write. Writers count from 1, and there must be a number for their next write.
func (d *decoder) counts(dot refimpl.Dot) bool {
	most := int64(mostOfNodes)
	if d.client {
		most = mostOfClients
	}
	if d.err == nil && (dot.N < 1 || dot.N > most) {
		d.fail("%d is not the number of a write; allowed: 1 to %d", dot.N, most)
	}
	return d.err == nil
}

// vector reads a list of dots with one entry a writer.
func (d *decoder) vector() refimpl.Vector {
	list := d.dots()
	for i := range list {
		if i > 0 && list[i-1].Writer >= list[i].Writer {
			d.fail("entries of a vector are not in order")
		}
		if !d.counts(list[i]) {
			return nil
		}
	}
	return list
}

// appendItems appends what nodes compare.
func appendItems(b []byte, m *refimpl.Message) []byte {
	b = unsigned(b, uint64(len(m.Hashes)))
	b = unsigned(b, m.Hashes...)
	b = unsigned(b, uint64(len(m.Items)))
	for i := range m.Items {
		it := &m.Items[i]
		b = appendObject(unsigned(appendText(b, it.Key), it.Hash), it.Object)
	}
	return b
}

func (d *decoder) items(m *refimpl.Message) {
	if n := d.count(1); n > 0 {
		m.Hashes = make([]uint64, n)
		for i := range m.Hashes {
			m.Hashes[i] = d.unsigned()
		}
	}
	if n := d.count(3); n > 0 {
		m.Items = make([]refimpl.Item, n)
		for i := range m.Items {
			m.Items[i] = refimpl.Item{Key: d.text(), Hash: d.unsigned(), Object: d.object()}
		}
	}
}

// hasQuorum reports whether an answer has anything that appendQuorum appends.
func hasQuorum(r *refimpl.Reply) bool {
	return r.Home|r.Hints != 0 || r.Wall != 0 || r.Object != nil || len(r.Dots)+len(r.Answers)+len(r.Legs) > 0
}

func appendQuorum(b []byte, r *refimpl.Reply) []byte {
	b = signed(unsigned(b, r.Home, r.Hints), r.Wall)
	b = appendDots(appendObject(b, r.Object), r.Dots)
	b = unsigned(b, uint64(len(r.Answers)))
	for _, a := range r.Answers {
		b = appendDots(signed(b, int64(a.By)), a.Dots)
	}
	b = unsigned(b, uint64(len(r.Legs)))
	for _, l := range r.Legs {
		b = signed(append(b, present(l.Store)), l.Out, l.Back)
	}
	return b
}

func (d *decoder) quorum(r *refimpl.Reply) {
	r.Home, r.Hints, r.Wall = d.unsigned(), d.unsigned(), d.signed()
	r.Object, r.Dots = d.object(), d.dots()
	if n := d.count(2); n > 0 {
		r.Answers = make([]refimpl.Answer, n)
		for i := range r.Answers {
			r.Answers[i] = refimpl.Answer{By: refimpl.Addr(d.int32()), Dots: d.dots()}
		}
	}
	if n := d.count(3); n > 0 {
		r.Legs = make([]refimpl.Leg, n)
		for i := range r.Legs {
			r.Legs[i] = refimpl.Leg{Store: d.flags(1) != 0, Out: d.signed(), Back: d.signed()}
		}
	}
}

// toObject returns an object as a text, "" for nil.
func toObject(o *refimpl.Object) string {
	if o == nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(appendObject(nil, o))
}

// fromObject reads the object of a client's request.
func fromObject(text string, op refimpl.OpKind) (*refimpl.Object, error) {
	if text == "" {
		return nil, nil
	}
	d, err := opaque(text)
	if err != nil {
		return nil, err
	}
	d.client = true
	o := d.objectOf(op)
	return o, d.end("an object")
}

// toQuorum returns what appendQuorum appends as a text, "" for nothing.
func toQuorum(r *refimpl.Reply) string {
	if !hasQuorum(r) {
		return ""
	}
	return base64.StdEncoding.EncodeToString(appendQuorum(nil, r))
}

func fromQuorum(text string, r *refimpl.Reply) error {
	if text == "" {
		return nil
	}
	d, err := opaque(text)
	if err != nil {
		return err
	}
	d.quorum(r)
	return d.end("the evidence")
}

func opaque(text string) (*decoder, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("no base64: %w", err)
	}
	return &decoder{b: b}, nil
}
