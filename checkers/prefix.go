package checkers

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// The kinds of anomalies of consistent prefix.
const (
	KindAnswerBeforeQuestion = "answer-before-question" // an effect is visible, its cause is not
	KindLongFork             = "long-fork"              // reads see writes in contradicting orders
	KindPrefixGap            = "prefix-gap"             // a write is visible, an earlier one is not
)

// PrefixConsistent returns the checker of consistent prefix reads (Terry 2013, "Replicated Data Consistency
// Explained Through Baseball"): there is one order of all writes, and what an answer shows is the state
// after some prefix of it. It looks at reads of several keys that one node answered at once, and finds
//
//   - an answer before its question, of two keys, the first the question's, the second the answer's: answer v
//     is shown while the question's key still has a value that was replaced by question v. Only where the
//     history proves the order: before answer v was called, question v had been read by somebody, or written
//     by the session that wrote the answer;
//   - a long fork (Sovran et al. 2011): each of two reads has a write that the other lacks, or several reads
//     lack a write of the next one in turn. Only where the writes of each key came one after the other;
//   - a gap: a write is shown, and one is lacking that the store, by the versions that it told when it
//     acknowledged them, ordered before. Only where versions of one source fit to what was acknowledged when.
//
// If the store claims monotonic reads as well, the prefixes that a session reads never get shorter: by the
// versions, what one read shows was there before what another read before it showed. That is named by both
// properties. Claims other than MonotonicReads change nothing.
//
// Opportunities are the answers shown whose order is proved, the reads that a fork could have shown in, and
// the reads that show a version where another of their keys has an earlier one.
func PrefixConsistent(claims ...string) Checker {
	return prefixChecker{monotonic: slices.Contains(claims, MonotonicReads)}
}

type prefixChecker struct{ monotonic bool }

// Properties implements Checker.
func (prefixChecker) Properties() []string { return []string{ConsistentPrefix} }

// Check implements Checker.
func (c prefixChecker) Check(ctx context.Context, h *history.History) []Verdict {
	p := &prefixes{tally: newTally(ConsistentPrefix)}
	reads := p.findReads(h)
	if len(reads) == 0 && !c.monotonic {
		return []Verdict{p.verdict("", "")}
	}
	p.accesses = accessesByKey(h)
	p.dialogues = make([]*dialogueKey, len(p.keys))
	p.bad, p.counted = make([]bool, h.Len()), make([]bool, h.Len())
	for i := range p.pairs {
		if ctx.Err() != nil {
			why := fmt.Sprintf("stopped after %d of %d pairs of keys: %v", i, len(p.pairs), ctx.Err())
			return []Verdict{p.verdict("", why)}
		}
		p.judge(&p.pairs[i])
	}
	if p.wide || p.pairsMeet() {
		p.judgeCircles(reads)
	}
	engine := ""
	if log := newCommitLog(p); log != nil {
		engine = "evidence"
		log.judgeReads(c.monotonic)
	}
	return []Verdict{p.verdict(engine, "")}
}

// prefixes is the work of the checker.
type prefixes struct {
	*tally
	*accesses
	pairs     []keyPair
	wide      bool           // there are reads of more than two keys
	dialogues []*dialogueKey // by place of the key in accesses, made when first needed
	bad       []bool         // by operation: it is part of an anomaly already
	counted   []bool         // by operation: it is an opportunity already
}

// keyPair is two keys that were read together, and the reads.
type keyPair struct {
	keys  [2]int32
	reads []int32
}

// findReads returns the successful reads of several keys, and puts those of two into their pairs.
func (p *prefixes) findReads(h *history.History) []int32 {
	var reads []int32
	place := map[[2]int32]int{}
	for i := range h.Len() {
		if h.F(i) != history.FRead || h.Type(i) != history.Ok || len(h.Keys(i)) < 2 {
			continue
		}
		reads = append(reads, int32(i))
		if len(h.Keys(i)) > 2 {
			p.wide = true
			continue
		}
		keys := [2]int32(h.Keys(i))
		at, known := place[keys]
		if !known {
			at = len(p.pairs)
			place[keys] = at
			p.pairs = append(p.pairs, keyPair{keys: keys})
		}
		p.pairs[at].reads = append(p.pairs[at].reads, int32(i))
	}
	return reads
}

// pairsMeet reports whether some key is in several pairs. Reads of one pair contradict each other two by two
// or not at all.
func (p *prefixes) pairsMeet() bool {
	used := map[int32]bool{}
	for i := range p.pairs {
		for _, key := range p.pairs[i].keys {
			if used[key] {
				return true
			}
			used[key] = true
		}
	}
	return false
}

// dialogue returns what the history proves about a key with accesses.
func (p *prefixes) dialogue(key int32) *dialogueKey {
	at := p.place[key]
	if p.dialogues[at] == nil {
		p.dialogues[at] = newDialogueKey(p.h, &p.keys[at])
	}
	return p.dialogues[at]
}

// judge judges the reads of a pair.
func (p *prefixes) judge(pair *keyPair) {
	var views []pairView
	for _, read := range pair.reads {
		shown, n := [2]access{}, 0
		p.each(int(read), func(_ int32, a access) {
			shown[n] = a
			n++
		})
		if n < 2 {
			continue // no two values were returned
		}
		question, answer := p.dialogue(pair.keys[0]), p.dialogue(pair.keys[1])
		p.judgeAnswer(pair, question, answer, &shown)
		if question.counting != nil && answer.counting != nil {
			v := pairView{read, question.version(&shown[0]), answer.version(&shown[1])}
			if v.a >= 0 && v.b >= 0 {
				views = append(views, v)
			}
		}
	}
	p.judgeForks(pair, views)
}

// KindPrefixFell is the anomaly of consistent prefix where monotonic reads are claimed too: a session read a
// prefix and then a shorter one.
const KindPrefixFell = ConsistentPrefix + " + " + MonotonicReads

// judgeAnswer judges one read by whether the question to the answer it shows is visible.
func (p *prefixes) judgeAnswer(pair *keyPair, question, answer *dialogueKey, shown *[2]access) {
	v, ok := shown[1].integer()
	if !ok {
		return
	}
	write, cause := answer.writeOf(v), question.writeOf(v)
	if write == none || cause == none {
		return
	}
	by := question.knownBefore(p.accesses, v, cause, write)
	if by == none {
		return
	}
	p.chances(1)
	older, replaced := question.replaced(&shown[0], cause)
	if !older {
		return
	}
	read, key := shown[0].op, p.name(pair.keys[1])
	p.bad[read] = true
	p.addAt(p.h, KindAnswerBeforeQuestion, key, func(w *witness) string {
		return fmt.Sprintf("%s and then %s (op %d); %s: the answer without its question", w.did(w.at(by)),
			answered(w.at(by), w.at(write), key, v), w.number(w.at(write)), w.did(w.at(read)))
	}, cause, by, write, read, replaced)
}

// answered says who wrote the answer, unless that is who is known to have known the question.
func answered(by, write *history.Op, key string, v int64) string {
	said := fmt.Sprintf("wrote the answer %s=%d", key, v)
	if by.Session != write.Session {
		return write.Session + " " + said
	}
	return said
}

// pairView is what a read shows of a pair of keys, in versions.
type pairView struct{ read, a, b int32 }

// judgeForks looks for reads that are each ahead of the other. By rising first version, a read must have
// at least the second version of all reads with a smaller first one.
func (p *prefixes) judgeForks(pair *keyPair, views []pairView) {
	slices.SortStableFunc(views, func(x, y pairView) int { return cmp.Compare(x.a, y.a) })
	ahead := pairView{} // the largest b among views with a smaller a
	for i := 0; i < len(views); {
		j := i
		for ; j < len(views) && views[j].a == views[i].a; j++ {
			p.judgeFork(pair, ahead, views[j])
		}
		for ; i < j; i++ {
			if views[i].b > ahead.b {
				ahead = views[i]
			}
		}
	}
}

// judgeFork judges a read by one with a smaller first version.
func (p *prefixes) judgeFork(pair *keyPair, x, y pairView) {
	if x.b == 0 {
		return
	}
	p.chances(1)
	p.counted[y.read] = true
	if y.b >= x.b {
		return
	}
	p.bad[x.read], p.bad[y.read] = true, true
	first, second := p.dialogue(pair.keys[0]), p.dialogue(pair.keys[1])
	p.addAt(p.h, KindLongFork, p.name(pair.keys[0]), func(w *witness) string {
		return fmt.Sprintf("%s; %s: each has a write that the other lacks", w.did(w.at(x.read)),
			w.did(w.at(y.read)))
	}, x.read, y.read, first.write(x.a), first.write(y.a), second.write(x.b), second.write(y.b))
}
