package history

import (
	"slices"
	"strings"
)

// evidenceColumns holds the evidence of operations. Most has one version, and the same few sets of nodes.
type evidenceColumns struct {
	by      []int32 // number in columns.nodes
	source  []int32 // number in sources; -1 for no version, -2-n for the n-th of several
	n       []int64
	acks    []int32      // place in sets
	home    []int32      // place in sets
	quorum  packedQuorum // most histories have none
	sources names        // of versions and of dots
	several [][]Version
	sets    [][]string
	setIDs  map[string]int32 // by the names, joined
}

// add takes e in and returns its place, -1 for none.
func (c *evidenceColumns) add(cols *columns, e *Evidence) int32 {
	if e == nil {
		return -1
	}
	source, n := int32(-1), int64(0)
	switch len(e.Ver) {
	case 0:
	case 1:
		source, n = c.sources.number(e.Ver[0].Source), e.Ver[0].N
	default:
		source = -2 - int32(len(c.several))
		c.several = append(c.several, slices.Clone(e.Ver))
	}
	c.by = append(c.by, cols.nodes.number(e.By))
	c.source, c.n = append(c.source, source), append(c.n, n)
	c.acks, c.home = append(c.acks, c.set(e.Acks)), append(c.home, c.set(e.Home))
	place := len(c.by) - 1
	if e.Quorum != nil {
		c.addQuorum(cols, place, e.Quorum)
	}
	return int32(place)
}

// set returns the place of a set of nodes.
func (c *evidenceColumns) set(names []string) int32 {
	var buf [128]byte
	key := buf[:0]
	for _, name := range names {
		key = append(append(key, name...), 0)
	}
	if at, known := c.setIDs[string(key)]; known {
		return at
	}
	if c.setIDs == nil {
		c.setIDs = map[string]int32{}
	}
	at := int32(len(c.sets))
	var copied []string
	for _, name := range names {
		copied = append(copied, strings.Clone(name))
	}
	c.sets = append(c.sets, copied)
	c.setIDs[string(key)] = at
	return at
}

// at returns the evidence at a place, nil for -1.
func (c *evidenceColumns) at(cols *columns, place int32) *Evidence {
	if place < 0 {
		return nil
	}
	var e *Evidence
	if c.hasQuorum(place) {
		both := &struct {
			Evidence
			quorum QuorumEvidence
		}{}
		e, both.Quorum = &both.Evidence, &both.quorum
		c.unpackQuorum(cols, place, e.Quorum)
	} else {
		e = &Evidence{}
	}
	e.By, e.Acks, e.Home = cols.nodes.list[c.by[place]], c.sets[c.acks[place]], c.sets[c.home[place]]
	switch source := c.source[place]; {
	case source >= 0:
		e.Ver = []Version{{c.sources.list[source], c.n[place]}}
	case source < -1:
		e.Ver = c.several[-2-source]
	}
	return e
}

// Ev returns the evidence of operation i, nil for none. It is made anew, except for its sets of nodes, which
// the caller must not change.
func (h *History) Ev(i int) *Evidence { return h.cols.evidence.at(&h.cols, h.cols.ev[i]) }

// Version returns the version in the evidence of operation i: the number of its source and its counter.
// ok is false unless there is exactly one.
func (h *History) Version(i int) (source int32, n int64, ok bool) {
	e := &h.cols.evidence
	place := h.cols.ev[i]
	if place < 0 || e.source[place] < 0 {
		return 0, 0, false
	}
	return e.source[place], e.n[place], true
}

// SourceName returns the name of the source of versions with that number.
func (h *History) SourceName(source int32) string { return h.cols.evidence.sources.list[source] }

// clone returns a copy of e that shares no memory that is used again.
func (e *Evidence) clone() *Evidence {
	if e == nil {
		return nil
	}
	c := *e
	c.Ver, c.Quorum = slices.Clone(e.Ver), e.Quorum.clone()
	return &c
}

// clone returns a copy of q that shares no memory with it but names.
func (q *QuorumEvidence) clone() *QuorumEvidence {
	if q == nil {
		return nil
	}
	c := &QuorumEvidence{Hints: slices.Clone(q.Hints), Dots: slices.Clone(q.Dots), Legs: slices.Clone(q.Legs),
		Answers: slices.Clone(q.Answers)}
	for i := range c.Answers {
		c.Answers[i].Dots = slices.Clone(c.Answers[i].Dots)
	}
	return c
}

// spareEvidence is memory for evidence that is read and soon forgotten.
type spareEvidence struct {
	evidence slab[Evidence]
	quorums  slab[QuorumEvidence]
	versions slab[Version]
	answers  slab[Answer]
	legs     slab[Leg]
}

// reset takes all memory back.
func (s *spareEvidence) reset() {
	s.evidence.reset()
	s.quorums.reset()
	s.versions.reset()
	s.answers.reset()
	s.legs.reset()
}

// slab is memory for lists, of which one at a time grows.
type slab[T any] struct{ used []T }

func (s *slab[T]) reset() { s.used = s.used[:0] }

// add appends x to a list, which must be empty or the one that was added to last.
func (s *slab[T]) add(list []T, x T) []T {
	if len(s.used) == cap(s.used) { // other lists stay where they are
		s.used = append(make([]T, 0, max(64, 2*cap(s.used))), list...)
	}
	from := len(s.used) - len(list)
	s.used = append(s.used, x)
	return s.used[from:len(s.used):len(s.used)]
}

// take returns room for one x, which is empty.
func (s *slab[T]) take() *T {
	var empty T
	return &s.add(nil, empty)[0]
}
