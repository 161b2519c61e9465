package main

import (
	"bytes"
	"cmp"
	"slices"
)

// edit replaces a part of a file. Offsets are of the file's text.
type edit struct {
	from, to int
	pieces   []piece
}

// piece is a text, or, where that is empty, a part of the file with the edits that lie in it.
type piece struct {
	text     string
	from, to int
}

// rewrite applies the edits, of which one may lie in another's pieces, to the text. No line moves: what
// stands between two operands, comments and line ends with it, is among the pieces.
func rewrite(text []byte, edits []edit) []byte {
	slices.SortStableFunc(edits, func(a, b edit) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to))
	})
	var out bytes.Buffer
	render(&out, text, 0, len(text), edits)
	return out.Bytes()
}

// render writes text[from:to]; the edits are all that lie in it, the outer ones first.
func render(out *bytes.Buffer, text []byte, from, to int, edits []edit) {
	for len(edits) > 0 {
		e := edits[0]
		n := 1
		for n < len(edits) && edits[n].from < e.to {
			n++
		}
		out.Write(text[from:e.from])
		for _, p := range e.pieces {
			out.WriteString(p.text)
			if p.text == "" {
				render(out, text, p.from, p.to, within(edits[1:n], p))
			}
		}
		from, edits = e.to, edits[n:]
	}
	out.Write(text[from:to])
}

// within returns the edits that lie in the piece.
func within(edits []edit, p piece) []edit {
	var in []edit
	for _, e := range edits {
		if p.from <= e.from && e.to <= p.to {
			in = append(in, e)
		}
	}
	return in
}
