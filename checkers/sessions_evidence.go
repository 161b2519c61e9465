package checkers

import (
	"fmt"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// toldVersion is a version as the answer to an operation tells it: a counter at a source.
type toldVersion struct {
	source int32
	n      int64
}

// toldBy returns the version in the evidence of an access; ok is false unless the operation is on this key
// alone, and happened, and there is exactly one.
func (f *sessionFindings) toldBy(a *access) (v toldVersion, ok bool) {
	i := int(a.op)
	if !a.certain() || f.h.Key(i) < 0 || f.h.F(i) == history.FTxn {
		return toldVersion{}, false
	}
	v.source, v.n, ok = f.h.Version(i)
	return v, ok
}

// evidenceFits reports whether answers tell versions of the key's values, and consistently: the same
// version whenever the same value is written or read, and different ones for different values. The values
// are the nodes of g.
func (g *orderGraph) evidenceFits(f *sessionFindings, k *keyAccesses) bool {
	g.told, g.byTold = slices.Grow(g.told[:0], len(g.write))[:len(g.write)], g.byTold[:0]
	clear(g.told)
	for i := range k.list {
		a := &k.list[i]
		version, ok := f.toldBy(a)
		v := g.node(a)
		if !ok || v <= 0 {
			continue
		}
		switch known := g.told[v]; {
		case known == toldVersion{}:
			g.told[v] = toldVersion{version.source + 1, version.n}
			g.byTold = append(g.byTold, version)
		case known != toldVersion{version.source + 1, version.n}:
			return false
		}
	}
	slices.SortFunc(g.byTold, toldVersion.compare)
	return len(g.byTold) > 0 && len(slices.Compact(g.byTold)) == len(g.byTold)
}

// mark is the greatest version of a source that a session knows, and by which operation.
type mark struct {
	toldVersion
	op int32
}

// marks are what a session has written, or read, of a key so far: a mark a source.
type marks []mark

func (m marks) of(source int32) *mark {
	at := slices.IndexFunc(m, func(x mark) bool { return x.source == source })
	if at < 0 {
		return nil
	}
	return &m[at]
}

func (m *marks) learn(v toldVersion, op int32) {
	switch known := m.of(v.source); {
	case known == nil:
		*m = append(*m, mark{v, op})
	case v.n > known.n:
		*known = mark{v, op}
	}
}

// judgeEvidence judges a key by the versions that answers tell: of one source a later version has a greater
// counter, of two sources nothing is known. It reports whether something is violated.
func (f *sessionFindings) judgeEvidence(g *orderGraph, k *keyAccesses) bool {
	before := f.tallies[guarantees].total
	var own, seen marks
	for _, run := range f.split.split(k.list) {
		own, seen = own[:0], seen[:0]
		f.split.inSessionOrder(f.h, run, func(a *access) {
			v, ok := f.toldBy(a)
			switch {
			case !ok || g.node(a) <= 0:
			case a.kind == reads:
				seen.learn(v, a.op)
			default:
				own.learn(v, a.op)
			}
		}, func(a *access) {
			v, ok := f.toldBy(a)
			if !ok || g.node(a) <= 0 {
				return
			}
			byOwn, bySeen := ryw, mr
			if a.kind != reads {
				byOwn, bySeen = mw, wfr
			}
			f.compareTold(g, byOwn, own.of(v.source), mark{v, a.op})
			f.compareTold(g, bySeen, seen.of(v.source), mark{v, a.op})
		})
	}
	return f.tallies[guarantees].total > before
}

// compareTold judges an access by the greatest version of the source that its session knew before, nil for
// none. The opportunities of reads are those of the order graph.
func (f *sessionFindings) compareTold(g *orderGraph, by guarantee, past *mark, now mark) {
	if past == nil {
		return
	}
	if by == mw || by == wfr {
		f.tallies[by].chances(1)
	}
	if now.n >= past.n {
		return
	}
	p := *past
	f.violated(by, g.key, func(w *witness) string {
		w.versions = true
		return fmt.Sprintf("%s: by the store's own count, version %d of %s after version %d",
			then(w, p.op, now.op), now.n, f.h.SourceName(now.source), p.n)
	}, p.op, now.op)
}
