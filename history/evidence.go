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
	acks    []int32                   // place in sets
	home    []int32                   // place in sets
	quorum  map[int32]*QuorumEvidence // by place; most histories have none
	sources names
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
	place := int32(len(c.by) - 1)
	if e.Quorum != nil {
		if c.quorum == nil {
			c.quorum = map[int32]*QuorumEvidence{}
		}
		c.quorum[place] = e.Quorum.clone()
	}
	return place
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
	e := &Evidence{By: cols.nodes.list[c.by[place]], Acks: c.sets[c.acks[place]], Home: c.sets[c.home[place]],
		Quorum: c.quorum[place]}
	switch source := c.source[place]; {
	case source >= 0:
		e.Ver = []Version{{c.sources.list[source], c.n[place]}}
	case source < -1:
		e.Ver = c.several[-2-source]
	}
	return e
}

// Ev returns the evidence of operation i, nil for none.
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
	list     []Evidence
	versions []Version
}

// reset takes all memory back.
func (s *spareEvidence) reset() { s.list, s.versions = s.list[:0], s.versions[:0] }

// take returns empty evidence.
func (s *spareEvidence) take() *Evidence {
	if len(s.list) == cap(s.list) { // those in use stay where they are
		s.list = make([]Evidence, 0, max(64, 2*cap(s.list)))
	}
	s.list = append(s.list, Evidence{})
	return &s.list[len(s.list)-1]
}

// addVersion appends a version to e. Nearly all evidence has one.
func (s *spareEvidence) addVersion(e *Evidence, v Version) {
	if len(e.Ver) > 0 {
		e.Ver = append(e.Ver, v)
		return
	}
	if len(s.versions) == cap(s.versions) {
		s.versions = make([]Version, 0, max(64, 2*cap(s.versions)))
	}
	n := len(s.versions)
	s.versions = append(s.versions, v)
	e.Ver = s.versions[n : n+1 : n+1]
}
