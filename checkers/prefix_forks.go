package checkers

import (
	"slices"
	"strings"
)

// judgeCircles looks for several reads that cannot all show prefixes of one order, where two of one pair of
// keys could. A read comes after the writes it shows, and before the writes that replaced those: the
// circles of that. Circles with a read that is part of an anomaly already are passed over.
//
// The order in which the writes were called explains nearly all reads of a sane store. Only a read that it
// does not explain leads back in it, from a write it shows to an earlier one that it lacks; so a circle lies
// wholly within the spans that such reads go back over, and only those are looked at.
func (p *prefixes) judgeCircles(reads []int32) {
	g := &forkGraph{prefixes: p}
	var back []interval
	shows := 0 // reads that show something
	for _, read := range reads {
		if !g.look(read) {
			continue
		}
		if shows++; shows > 1 && !g.counted[read] {
			g.chances(1)
		}
		if first := g.lacks(); first <= g.latest() {
			back = append(back, interval{int64(first), int64(g.latest())})
		}
	}
	if back = united(back); len(back) == 0 {
		return
	}
	reads = slices.DeleteFunc(slices.Clone(reads), func(read int32) bool {
		return !g.look(read) || !during(back, int64(g.latest()))
	})
	g.layOut(reads)
	g.search()
}

// forkGraph has a node for each read, and one for each version of each key between the first and the last
// that the reads show.
type forkGraph struct {
	*prefixes
	shown []placedVersion // what the read that was looked at last shows
	keys  []versionSpan   // by place of a key
	owner []int32         // by node: the place of the key that it is a version of, none of a read
	edges []orderEdge
	graph digraph
}

// placedVersion is a version of the key at a place.
type placedVersion struct{ key, version int32 }

// versionSpan is the versions of a key that have nodes: from least to most, the node of least being node.
type versionSpan struct {
	least, most, node int32
	used              bool
}

// look takes the versions that a read shows into shown. It reports whether there are two or more, not all
// initial.
func (g *forkGraph) look(read int32) bool {
	g.shown = g.shown[:0]
	some := false
	g.each(int(read), func(key int32, a access) {
		if k := g.dialogue(key); k.counting != nil {
			if v := k.version(&a); v >= 0 {
				g.shown = append(g.shown, placedVersion{g.place[key], v})
				some = some || v > 0
			}
		}
	})
	return some && len(g.shown) > 1
}

// latest returns the write that was called last among those shown.
func (g *forkGraph) latest() int32 {
	latest := none
	for _, v := range g.shown {
		latest = max(latest, g.dialogues[v.key].write(v.version))
	}
	return latest
}

// lacks returns the write that was called first among those that replaced what is shown.
func (g *forkGraph) lacks() int32 {
	first := int32(1<<31 - 1)
	for _, v := range g.shown {
		if k := g.dialogues[v.key]; int(v.version) < len(k.writes) {
			first = min(first, k.writes[v.version])
		}
	}
	return first
}

// layOut makes the graph of some reads.
func (g *forkGraph) layOut(reads []int32) {
	g.keys = make([]versionSpan, len(g.dialogues))
	for _, read := range reads {
		g.look(read)
		for _, v := range g.shown {
			s := &g.keys[v.key]
			if !s.used {
				*s = versionSpan{least: v.version, most: v.version, used: true}
			}
			s.least, s.most = min(s.least, v.version), max(s.most, v.version)
		}
	}
	for key := range g.keys {
		g.addVersions(int32(key))
	}
	for _, read := range reads {
		g.look(read)
		g.addRead(read)
	}
	g.graph.build(len(g.owner), g.edges)
}

// addVersions adds the nodes of a key's versions, one after the other.
func (g *forkGraph) addVersions(key int32) {
	s := &g.keys[key]
	if !s.used {
		return
	}
	s.node = int32(len(g.owner))
	for v := s.least; v <= s.most; v++ {
		if n := int32(len(g.owner)); n > s.node {
			g.edges = append(g.edges, orderEdge{n - 1, n, none, 1})
		}
		g.owner = append(g.owner, key)
	}
}

// addRead adds the node of a read that was looked at.
func (g *forkGraph) addRead(read int32) {
	self := int32(len(g.owner))
	g.owner = append(g.owner, none)
	for _, v := range g.shown {
		s := &g.keys[v.key]
		node := s.node + v.version - s.least
		g.edges = append(g.edges, orderEdge{node, self, none, 1})
		if v.version < s.most {
			g.edges = append(g.edges, orderEdge{self, node + 1, read, 1})
		}
	}
}

// circle is a circle of reads, each of which lacks what the next one shows.
type circle struct {
	reads  []int32
	writes []int32 // what made the versions that the circle goes through
	key    int32   // place of a key of them
	tries  int
}

// mostCircles is how many circles of a component are compared.
const mostCircles = 32

// search reports a short circle for each component of the graph.
func (g *forkGraph) search() {
	components := g.graph.components(1)
	if int(components) == len(g.owner) {
		return
	}
	known := make([]bool, components) // what has a read that is part of an anomaly already
	for i := range g.edges {
		if e := &g.edges[i]; e.op != none && g.bad[e.op] {
			known[g.graph.component[e.from]] = true
		}
	}
	best := make([]circle, components)
	for i := range g.edges {
		e := &g.edges[i]
		if c := g.graph.component[e.from]; e.op != none && g.graph.component[e.to] == c && !known[c] {
			g.improve(&best[c], e)
		}
	}
	for i := range best {
		if len(best[i].reads) > 0 {
			g.report(&best[i])
		}
	}
}

// improve replaces c by the shortest circle through an edge out of a read if that has fewer reads.
func (g *forkGraph) improve(c *circle, out *orderEdge) {
	if c.tries == mostCircles {
		return
	}
	c.tries++
	back, _ := g.graph.path(1, out.to, out.from)
	reads, writes := []int32{out.op}, []int32{g.write(out.to - 1)}
	for _, at := range back {
		switch e := &g.edges[at]; {
		case e.op != none: // a read and what it lacks: it shows the version before
			reads, writes = append(reads, e.op), append(writes, g.write(e.to-1))
		case g.owner[e.to] == none: // a version and who reads it
			writes = append(writes, g.write(e.from))
		}
	}
	if len(c.reads) == 0 || len(reads) < len(c.reads) {
		c.reads, c.writes, c.key = reads, writes, g.owner[out.to]
	}
}

// report counts a circle.
func (g *forkGraph) report(c *circle) {
	reads := c.reads
	g.addAt(g.h, KindLongFork, g.prefixes.keys[c.key].key, func(w *witness) string {
		said := make([]string, len(reads))
		for i, read := range reads {
			said[i] = w.did(w.at(read))
		}
		if len(reads) == 2 {
			return strings.Join(said, "; ") + ": each has a write that the other lacks"
		}
		return strings.Join(said, "; ") +
			": each lacks a write that the next one has, and the last one that the first has"
	}, append(reads[:len(reads):len(reads)], c.writes...)...)
}

// write returns the write that made the version of a node, none for the initial one.
func (g *forkGraph) write(node int32) int32 {
	key := g.owner[node]
	s := &g.keys[key]
	return g.dialogues[key].write(node - s.node + s.least)
}
