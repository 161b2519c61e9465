package checkers

import (
	"cmp"
	"fmt"
	"slices"
	"sort"

	"github.com/rashomon-harness/rashomon/history"
)

// commitLog is the order of acknowledged writes that the store told: by source, by the counter of the
// version.
type commitLog struct {
	*prefixes
	entries []logEntry // by key, source and counter
	heads   []int32    // entries of the key at a place: entries[heads[place]:heads[place+1]]
	at      []int32    // by operation: the place of its entry plus one, 0 for none
	marks   marks      // of a read: the latest version shown, by source
	shown   []shownEntry
}

// logEntry is an acknowledged write with its version.
type logEntry struct {
	toldVersion
	key, op int32 // key by place
}

// newCommitLog returns the order that was told, nil when none was. A source whose versions are not one for
// each write, or contradict the times of the writes, has no order.
func newCommitLog(p *prefixes) *commitLog {
	log := &commitLog{prefixes: p, heads: make([]int32, len(p.keys)+1)}
	for at := range p.keys {
		for i := range p.keys[at].list {
			a := &p.keys[at].list[i]
			if a.kind == reads || !a.certain() || p.h.F(int(a.op)) == history.FTxn {
				continue
			}
			if source, n, ok := p.h.Version(int(a.op)); ok {
				log.entries = append(log.entries, logEntry{toldVersion{source, n}, int32(at), a.op})
			}
		}
	}
	log.dropDisorder()
	slices.SortFunc(log.entries, func(x, y logEntry) int {
		if x.key != y.key {
			return cmp.Compare(x.key, y.key)
		}
		return x.compare(y.toldVersion)
	})
	log.at = make([]int32, p.h.Len())
	for i := range log.entries {
		log.heads[log.entries[i].key+1] = int32(i + 1)
		log.at[log.entries[i].op] = int32(i + 1)
	}
	for at := range p.keys {
		log.heads[at+1] = max(log.heads[at+1], log.heads[at])
	}
	if len(log.entries) == 0 {
		return nil
	}
	return log
}

func (v toldVersion) compare(o toldVersion) int {
	if v.source != o.source {
		return cmp.Compare(v.source, o.source)
	}
	return cmp.Compare(v.n, o.n)
}

// dropDisorder drops the entries of sources that have no order.
func (log *commitLog) dropDisorder() {
	slices.SortFunc(log.entries, func(x, y logEntry) int { return x.compare(y.toldVersion) })
	bad := map[int32]bool{}
	earliest := history.Never // return among the entries of the source that come later
	for i := len(log.entries) - 1; i >= 0; i-- {
		e := &log.entries[i]
		if i+1 == len(log.entries) || log.entries[i+1].source != e.source {
			earliest = history.Never
		} else if log.entries[i+1].n == e.n {
			bad[e.source] = true
		}
		if earliest < log.h.Call(int(e.op)) {
			bad[e.source] = true
		}
		earliest = min(earliest, log.h.Return(int(e.op)))
	}
	log.entries = slices.DeleteFunc(log.entries, func(e logEntry) bool { return bad[e.source] })
}

// first returns the first write of a key in the log of a source, nil for none.
func (log *commitLog) first(key, source int32) *logEntry {
	list := log.entries[log.heads[key]:log.heads[key+1]]
	if len(list) > 0 && list[0].source == source { // as nearly always
		return &list[0]
	}
	at := sort.Search(len(list), func(i int) bool { return list[i].source >= source })
	return log.entryOf(key, source, log.heads[key]+int32(at))
}

// entryOf returns the entry at a place if it is one of a key and of a source, nil otherwise.
func (log *commitLog) entryOf(key, source, at int32) *logEntry {
	if at >= log.heads[key+1] || log.entries[at].source != source {
		return nil
	}
	return &log.entries[at]
}

// take takes what a read shows into shown, and into marks the latest versions; the operation of a mark is
// the write.
func (log *commitLog) take(read int32) {
	log.shown, log.marks = log.shown[:0], log.marks[:0]
	log.each(int(read), func(key int32, a access) {
		place := log.place[key]
		k := log.dialogue(key)
		s := shownEntry{key: place, write: none, known: a.form == formNull && !k.cleared}
		if v, isInt := a.integer(); isInt {
			s.write = k.writeOf(v)
			s.known = s.write != none && log.at[s.write] > 0
		}
		if s.known && s.write != none {
			log.marks.learn(log.entries[log.at[s.write]-1].toldVersion, s.write)
		}
		log.shown = append(log.shown, s)
	})
}

// shownEntry is what a read shows of a key.
type shownEntry struct {
	key   int32 // by place
	write int32 // what made it, none for the initial value
	known bool  // it is the initial value, or its write is in the log
}

// lacking returns a write that comes, by the log, no later than a mark, and that is lacking where s is shown;
// nil for none. could reports whether there could have been one.
func (log *commitLog) lacking(s shownEntry, m *mark) (lacks *logEntry, could bool) {
	first := log.first(s.key, m.source)
	if first == nil || first.n > m.n || !s.known {
		return nil, false
	}
	lacks = first
	if s.write != none {
		at := log.at[s.write]
		if log.entries[at-1].source != m.source {
			return nil, false
		}
		lacks = log.entryOf(s.key, m.source, at)
	}
	if lacks == nil || lacks.n > m.n {
		return nil, true
	}
	return lacks, true
}

// judgeReads judges reads by the latest write that each shows: every write before it is there. If prefixes
// are monotonic, also by what earlier reads of the session showed.
func (log *commitLog) judgeReads(monotonic bool) {
	sessions := make([]floors, log.accesses.count)
	for i := range log.h.Len() {
		if log.h.Type(i) != history.Ok || log.h.F(i) != history.FRead || log.h.Key(i) >= 0 && !monotonic {
			continue
		}
		read := int32(i)
		log.take(read)
		log.judgeGap(read)
		if monotonic {
			s := &sessions[log.session(i)]
			s.raise(log.h, read)
			log.judgeFall(read, s.seen)
			for _, m := range log.marks {
				s.open = append(s.open, floor{m, read})
			}
		}
	}
}

// judgeGap judges what take took of a read by itself.
func (log *commitLog) judgeGap(read int32) {
	counted := false
	for _, s := range log.shown {
		for j := range log.marks {
			m := &log.marks[j]
			if log.entries[log.at[m.op]-1].key == s.key {
				continue
			}
			lacks, could := log.lacking(s, m)
			if could && !counted {
				counted = true
				log.chances(1)
			}
			if lacks != nil && !log.bad[read] {
				log.bad[read] = true
				log.addGap(read, *m, *lacks, s.write)
			}
		}
	}
}

func (log *commitLog) addGap(read int32, m mark, lacks logEntry, shown int32) {
	log.addAt(log.h, KindPrefixGap, log.keys[lacks.key].key, func(w *witness) string {
		w.versions = true
		return fmt.Sprintf("%s with %s, %s, and without %s, %s", w.did(w.at(read)), w.whose(w.at(m.op)),
			log.entryName(m.toldVersion), w.whose(w.at(lacks.op)), log.entryName(lacks.toldVersion))
	}, read, m.op, lacks.op, shown)
}

func (log *commitLog) entryName(v toldVersion) string {
	return fmt.Sprintf("entry %d of %s", v.n, log.h.SourceName(v.source))
}

// floor is the latest version that a session has seen of a source, and by which read.
type floor struct {
	mark
	read int32
}

// floors are what a session has seen: of each source the latest version, and what reads show that had not
// returned when the last one was called.
type floors struct{ seen, open []floor }

// raise makes what had returned before read was called part of what is seen.
func (s *floors) raise(h *history.History, read int32) {
	still := s.open[:0]
	for _, f := range s.open {
		if !precedes(h, f.read, read) {
			still = append(still, f)
			continue
		}
		at := slices.IndexFunc(s.seen, func(x floor) bool { return x.source == f.source })
		if at < 0 {
			s.seen = append(s.seen, f)
		} else if f.n > s.seen[at].n {
			s.seen[at] = f
		}
	}
	s.open = still
}

// judgeFall judges what take took of a read.
func (log *commitLog) judgeFall(read int32, floors []floor) {
	counted := false
	for _, s := range log.shown {
		for i := range floors {
			lacks, could := log.lacking(s, &floors[i].mark)
			if could && !counted {
				counted = true
				log.chances(1)
			}
			if lacks != nil && !log.bad[read] {
				log.bad[read] = true
				log.addFall(read, floors[i], *lacks, s.write)
			}
		}
	}
}

func (log *commitLog) addFall(read int32, f floor, lacks logEntry, shown int32) {
	log.addAt(log.h, KindPrefixFell, log.keys[lacks.key].key, func(w *witness) string {
		w.versions = true
		return fmt.Sprintf("%s, without %s, %s, although op %d has %s, %s", then(w, f.read, read),
			w.whose(w.at(lacks.op)), log.entryName(lacks.toldVersion), w.number(w.at(f.read)),
			w.whose(w.at(f.op)), log.entryName(f.toldVersion))
	}, f.read, f.op, read, lacks.op, shown)
}
