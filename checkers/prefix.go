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
	KindLongFork             = "long-fork"              // two reads see two writes in opposite orders
)

// PrefixConsistent returns the checker of consistent prefix reads (Terry 2013, "Replicated Data Consistency
// Explained Through Baseball"): there is one order of all writes, and what an answer shows is the state
// after some prefix of it. It looks at reads of two keys that one node answered at once, the first the
// question's, the second the answer's, and finds
//
//   - an answer before its question: answer v is shown while the question's key still has a value that was
//     replaced by question v. Only where the history proves the order: answer v was written by a session
//     that had read or written question v before;
//   - a long fork (Sovran et al. 2011; "two reads, two writes"): one read has a newer first and an older
//     second value than another. Only where the writes of each key came one after the other.
//
// Opportunities are the answers shown whose order is proved, and the reads that a fork could have shown in.
func PrefixConsistent() Checker { return prefixChecker{} }

type prefixChecker struct{}

// Properties implements Checker.
func (prefixChecker) Properties() []string { return []string{ConsistentPrefix} }

// Check implements Checker.
func (prefixChecker) Check(ctx context.Context, h *history.History) []Verdict {
	t := newTally(ConsistentPrefix)
	pairs := pairReads(h)
	keys := map[string]*dialogueKey{}
	if len(pairs) > 0 {
		for _, k := range accessesByKey(h) {
			keys[k.key] = newDialogueKey(k.list)
		}
	}
	for i := range pairs {
		if ctx.Err() != nil {
			why := fmt.Sprintf("stopped after %d of %d pairs of keys: %v", i, len(pairs), ctx.Err())
			return []Verdict{t.verdict("", why)}
		}
		p := &pairs[i]
		question, answer := keys[p.keys[0]], keys[p.keys[1]]
		for _, read := range p.reads {
			judgeAnswer(t, p.keys, question, answer, read)
		}
		judgeForks(t, p, question, answer)
	}
	return []Verdict{t.verdict("", "")}
}

// keyPair is two keys that were read together, and the reads.
type keyPair struct {
	keys  [2]string
	reads []*history.Op
}

// pairReads returns the successful reads of two keys, by pair.
func pairReads(h *history.History) []keyPair {
	var pairs []keyPair
	place := map[[2]string]int{}
	ops := h.Ops()
	for i := range ops {
		op := &ops[i]
		values, _ := op.Result.AsList()
		if op.F != history.FRead || op.Type != history.Ok || len(op.Keys) != 2 || len(values) != 2 {
			continue
		}
		keys := [2]string(op.Keys)
		at, known := place[keys]
		if !known {
			at = len(pairs)
			place[keys] = at
			pairs = append(pairs, keyPair{keys: keys})
		}
		pairs[at].reads = append(pairs[at].reads, op)
	}
	return pairs
}

// shown returns the values that a read of two keys returned.
func shown(read *history.Op) (question, answer *history.Value) {
	values, _ := read.Result.AsList()
	return &values[0], &values[1]
}

// dialogueKey is what the history proves about one key of a pair.
type dialogueKey struct {
	*counting                       // nil when the writes did not come one after the other
	written   map[int64]*history.Op // the one write that can have made a value; nil when there are two
	list      []access
	known     map[knower]*history.Op // by session and value: what it first knew the value by
	cleared   bool                   // null may stand for something else than the initial value
}

// knower is a session and a value that it has read or written.
type knower struct {
	session string
	value   int64
}

func newDialogueKey(list []access) *dialogueKey {
	k := &dialogueKey{counting: newCounting(list), list: list, written: map[int64]*history.Op{}}
	for i := range list {
		a := &list[i]
		if a.kind == reads || a.op.Type == history.Fail {
			continue
		}
		if a.kind == deletes || a.value.IsNull() {
			k.cleared = true
			continue
		}
		if v, ok := a.value.AsInt(); ok {
			_, twice := k.written[v]
			k.written[v] = a.op
			if twice {
				k.written[v] = nil
			}
		}
	}
	return k
}

// knew returns the operation by which the session of op certainly knew a value of the key before it
// called op, nil when there is none.
func (k *dialogueKey) knew(op *history.Op, value int64) *history.Op {
	if k.known == nil {
		k.known = map[knower]*history.Op{}
		for i := range k.list {
			a := &k.list[i]
			if a.op.Type != history.Ok || a.kind == deletes {
				continue
			}
			if v, ok := a.value.AsInt(); ok {
				who := knower{a.op.Session, v}
				if first := k.known[who]; first == nil || a.op.Return < first.Return {
					k.known[who] = a.op
				}
			}
		}
	}
	if by := k.known[knower{op.Session, value}]; by != nil && by.Precedes(op) {
		return by
	}
	return nil
}

// replaced reports whether a value of the key was certainly there before write: it is the initial value,
// or its write was acknowledged before write was called. by is its write.
func (k *dialogueKey) replaced(value *history.Value, write *history.Op) (certain bool, by *history.Op) {
	if value.IsNull() {
		return !k.cleared, nil
	}
	v, _ := value.AsInt()
	by = k.written[v]
	return by != nil && by.Type == history.Ok && by.Precedes(write), by
}

// judgeAnswer judges one read by whether the question to the answer it shows is visible.
func judgeAnswer(t *tally, keys [2]string, question, answer *dialogueKey, read *history.Op) {
	asked, answered := shown(read)
	v, ok := answered.AsInt()
	if !ok {
		return
	}
	write, cause := answer.written[v], question.written[v]
	if write == nil || cause == nil {
		return
	}
	by := question.knew(write, v)
	if by == nil {
		return
	}
	t.chances(1)
	older, replaced := question.replaced(asked, cause)
	if !older {
		return
	}
	t.add(KindAnswerBeforeQuestion, keys[1], func(w *witness) string {
		return fmt.Sprintf("%s and then wrote the answer %s=%s (op %d); %s: the answer without its question",
			w.did(by), keys[1], answered, w.number(write), w.did(read))
	}, cause, by, write, read, replaced)
}

// pairView is what a read shows of a pair of keys, in versions.
type pairView struct {
	read *history.Op
	a, b int
}

// judgeForks looks for reads that are each ahead of the other. By rising first version, a read must have
// at least the second version of all reads with a smaller first one.
func judgeForks(t *tally, p *keyPair, first, second *dialogueKey) {
	if first.counting == nil || second.counting == nil {
		return
	}
	var views []pairView
	for _, read := range p.reads {
		x, y := shown(read)
		if a, b := first.version(x), second.version(y); a >= 0 && b >= 0 {
			views = append(views, pairView{read, a, b})
		}
	}
	slices.SortStableFunc(views, func(x, y pairView) int { return cmp.Compare(x.a, y.a) })
	var ahead pairView // the largest b among views with a smaller a
	for i := 0; i < len(views); {
		j := i
		for ; j < len(views) && views[j].a == views[i].a; j++ {
			judgeFork(t, p, ahead, views[j], first, second)
		}
		for ; i < j; i++ {
			if ahead.read == nil || views[i].b > ahead.b {
				ahead = views[i]
			}
		}
	}
}

// judgeFork judges a read by one with a smaller first version.
func judgeFork(t *tally, p *keyPair, x, y pairView, first, second *dialogueKey) {
	if x.read == nil || x.b == 0 {
		return
	}
	t.chances(1)
	if y.b >= x.b {
		return
	}
	t.add(KindLongFork, p.keys[0], func(w *witness) string {
		return fmt.Sprintf("%s; %s: each has a write that the other lacks", w.did(x.read), w.did(y.read))
	}, x.read, y.read, first.write(x.a), first.write(y.a), second.write(x.b), second.write(y.b))
}
