package history

import "encoding/binary"

// packedQuorum holds the evidence of quorum operations as bytes, one after the other: some 50 an operation,
// where the lists of QuorumEvidence take several hundred. Of each:
//
//	hints                          place in evidenceColumns.sets
//	dots in all                    those in answers included
//	dots, answers, legs            how many
//	of each dot                    source; counter less that of the dot before
//	of each answer                 node; how many dots; the dots
//	of each leg                    1 for a store; out; back
type packedQuorum struct {
	// by place in evidenceColumns: where it begins, plus one, 0 for none; later places have none
	begins []int64
	bytes  []byte
}

// addQuorum takes in the quorum evidence of the evidence at a place, the last one.
func (c *evidenceColumns) addQuorum(cols *columns, place int, q *QuorumEvidence) {
	p := &c.quorum
	p.begins = append(p.begins, make([]int64, place+1-len(p.begins))...)
	p.begins[place] = int64(len(p.bytes)) + 1
	dots := len(q.Dots)
	for i := range q.Answers {
		dots += len(q.Answers[i].Dots)
	}
	b := p.bytes
	for _, n := range [...]int{int(c.set(q.Hints)), dots, len(q.Dots), len(q.Answers), len(q.Legs)} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	last := int64(0)
	b = c.appendDots(b, q.Dots, &last)
	for i := range q.Answers {
		a := &q.Answers[i]
		b = binary.AppendUvarint(b, uint64(cols.nodes.number(a.Node)))
		b = c.appendDots(binary.AppendUvarint(b, uint64(len(a.Dots))), a.Dots, &last)
	}
	for _, l := range q.Legs {
		store := byte(0)
		if l.Store {
			store = 1
		}
		b = binary.AppendVarint(binary.AppendVarint(append(b, store), l.Out), l.Back)
	}
	p.bytes = b
}

// appendDots appends dots; last is the counter of the one before.
func (c *evidenceColumns) appendDots(b []byte, list []Version, last *int64) []byte {
	for _, v := range list {
		b = binary.AppendUvarint(b, uint64(c.sources.number(v.Source)))
		b = binary.AppendVarint(b, v.N-*last)
		*last = v.N
	}
	return b
}

// hasQuorum reports whether the evidence at a place is of a quorum operation.
func (c *evidenceColumns) hasQuorum(place int32) bool {
	return int(place) < len(c.quorum.begins) && c.quorum.begins[place] > 0
}

// unpackQuorum makes the quorum evidence at a place, which must be there, into q.
func (c *evidenceColumns) unpackQuorum(cols *columns, place int32, q *QuorumEvidence) {
	r := unpacker{b: c.quorum.bytes[c.quorum.begins[place]-1:], sources: c.sources.list}
	q.Hints = c.sets[r.count()]
	if n := r.count(); n > 0 {
		r.dots = make([]Version, 0, n)
	}
	dots, answers, legs := r.count(), r.count(), r.count()
	q.Dots = r.take(dots)
	if answers > 0 {
		q.Answers = make([]Answer, answers)
	}
	for i := range q.Answers {
		q.Answers[i].Node = cols.nodes.list[r.count()]
		q.Answers[i].Dots = r.take(r.count())
	}
	if legs > 0 {
		q.Legs = make([]Leg, legs)
	}
	for i := range q.Legs {
		q.Legs[i] = Leg{Store: r.count() == 1, Out: r.integer(), Back: r.integer()}
	}
}

// unpacker reads packed evidence.
type unpacker struct {
	b       []byte
	sources []string
	dots    []Version // those read so far; it has room for all
	last    int64     // the counter of the last of them
}

func (r *unpacker) count() int {
	v, n := binary.Uvarint(r.b)
	r.b = r.b[n:]
	return int(v)
}

func (r *unpacker) integer() int64 {
	v, n := binary.Varint(r.b)
	r.b = r.b[n:]
	return v
}

// take reads n dots, nil for none.
func (r *unpacker) take(n int) []Version {
	if n == 0 {
		return nil
	}
	from := len(r.dots)
	for range n {
		source := r.sources[r.count()]
		r.last += r.integer()
		r.dots = append(r.dots, Version{source, r.last})
	}
	return r.dots[from:len(r.dots):len(r.dots)]
}
