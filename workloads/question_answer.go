package workloads

import (
	"strconv"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/plan"
)

// QuestionAnswerInfo describes the workload that consistent prefix is tested with.
func QuestionAnswerInfo() Info {
	return Info{
		Name: "question-answer",
		Summary: "askers write question v, answerers write answer v once they have read question v, askers " +
			"go on to v+1 once they have read the answer, observers read both keys at once; keys is the " +
			"number of such pairs",
		Options: map[string]string{
			"colocate": "true: the keys of a pair are in one shard; false (default): they are hashed apart",
		},
		Makes:  properties(questionAnswerCheckers()),
		Offers: properties(registerOffers()),
		New:    newQuestionAnswer,
	}
}

func questionAnswerCheckers() []checkers.Checker {
	return append([]checkers.Checker{checkers.PrefixConsistent()}, stateCheckers()...)
}

func newQuestionAnswer(p *Params) (Workload, error) {
	s := newSettings(p, QuestionAnswerInfo())
	s.within("concurrency", p.Concurrency, 3, maxThreads)
	if len(p.Mix) > 0 {
		s.fail("mix", "a mix", "none: what a thread does follows from what it has read")
	}
	threads := s.threads()
	d := &dialogue{
		prefix:    p.Prefix,
		colocate:  s.boolean("colocate", false),
		askers:    max(1, threads*3/10),
		answerers: max(1, threads*3/10),
		pairs:     make([]*pair, s.places()),
		talking:   make([]*pair, threads),
	}
	for i := range d.pairs {
		d.pairs[i] = d.open()
	}
	return s.workload(d, questionAnswerCheckers(), registerOffers())
}

// dialogue is the player of the workload question-answer. The first threads are askers, the next ones
// answerers, the others observers. Pair i has asker i and answerer i, counted modulo their numbers; both
// write to keys of their own. Who has nothing to write or to wait for observes. All writes to a pair are in
// one causal order: a pair whose round does not end is left for a fresh one.
type dialogue struct {
	prefix    string
	colocate  bool
	askers    int
	answerers int
	pairs     []*pair // in use
	talking   []*pair // by thread: the pair of its operation
	names     []string
	opened    int // pairs so far
}

// pair is a question's key and its answer's. Both hold the number of the round.
type pair struct {
	question, answer string
	both             []string // question, answer
	asked            int64    // the last question planned
	askedAt          int64    // nanoseconds since the start of the run
	heard            int64    // the last question that the answerer has read
	answered         int64    // the last answer planned
	seen             int64    // the last answer that the asker has read
	spoilt           bool     // an outcome is not what it should be: the round will not end
}

// patience is how long an asker waits for the answer before it begins with a fresh pair, nanoseconds.
const patience = 2_000_000_000

// open returns a fresh pair. The last letters of keys that are hashed apart, q(uestion) and r(eply), differ
// in their lowest bits: with q and a, which agree in the lowest four, simple hashes modulo a small power
// of two would put every pair into one shard.
func (d *dialogue) open() *pair {
	d.opened++
	n := strconv.Itoa(d.opened)
	p := &pair{question: d.prefix + n + "q", answer: d.prefix + n + "r"}
	if d.colocate {
		// A key's shard is the hash of what stands before the first slash.
		p.question, p.answer = d.prefix+n+"/q", d.prefix+n+"/r"
	}
	p.both = []string{p.question, p.answer}
	d.names = append(d.names, p.both...)
	return p
}

func (d *dialogue) keys() []string { return d.names }

func (d *dialogue) play(t turn, op *plan.Op) {
	from := t.draw.Named("pair").N(len(d.pairs))
	switch role := t.thread; {
	case role < d.askers && d.ask(t, from, op):
	case role >= d.askers && role < d.askers+d.answerers && d.reply(t, from, op):
	default:
		p := d.pairs[from]
		d.talking[t.thread] = p
		op.F, op.Keys = history.FRead, p.both
	}
}

// ask writes the next question of the first of the thread's pairs, from a drawn one on, whose answer it has
// read, or reads an answer that may have been given meanwhile; a pair that is spoilt, or has waited for too
// long, is replaced. It reports whether there is one.
func (d *dialogue) ask(t turn, from int, op *plan.Op) bool {
	i := d.find(from, t.thread, d.askers, func(p *pair) bool {
		return p.seen == p.asked || p.spoilt || t.now-p.askedAt >= patience
	})
	if i < 0 {
		return d.listen(t, from, op)
	}
	if d.pairs[i].seen != d.pairs[i].asked || d.pairs[i].spoilt {
		d.pairs[i] = d.open()
	}
	p := d.pairs[i]
	d.talking[t.thread] = p
	p.asked++
	p.askedAt = t.now
	op.F, op.Key, op.Value = history.FWrite, p.question, history.IntValue(p.asked)
	return true
}

// listen reads the answer of the first of the asker's pairs that has one to come.
func (d *dialogue) listen(t turn, from int, op *plan.Op) bool {
	i := d.find(from, t.thread, d.askers, func(p *pair) bool { return p.answered > p.seen })
	if i < 0 {
		return false
	}
	d.talking[t.thread] = d.pairs[i]
	op.F, op.Key = history.FRead, d.pairs[i].answer
	return true
}

// reply writes the answer to a question that the thread has read, or else reads a question that may have
// been asked meanwhile. It reports whether there is one.
func (d *dialogue) reply(t turn, from int, op *plan.Op) bool {
	role := t.thread - d.askers
	if i := d.find(from, role, d.answerers, func(p *pair) bool {
		return p.heard > p.answered &&
			!p.spoilt
	}); i >= 0 {
		p := d.pairs[i]
		d.talking[t.thread] = p
		p.answered = p.heard
		op.F, op.Key, op.Value = history.FWrite, p.answer, history.IntValue(p.answered)
		return true
	}
	i := d.find(from, role, d.answerers, func(p *pair) bool { return p.asked > p.heard && !p.spoilt })
	if i < 0 {
		return false
	}
	d.talking[t.thread] = d.pairs[i]
	op.F, op.Key = history.FRead, d.pairs[i].question
	return true
}

// find returns the first pair at or after a drawn one, wrapping around, that belongs to the given one of
// n threads and fits; -1 when there is none.
func (d *dialogue) find(from, role, n int, fits func(p *pair) bool) int {
	count := (len(d.pairs) - role + n - 1) / n // pairs role, role+n, role+2n, ..
	for j := range count {
		i := role + n*((from+j)%count)
		if fits(d.pairs[i]) {
			return i
		}
	}
	return -1
}

func (d *dialogue) ended(t turn, ev *history.Event) {
	p := d.talking[t.thread]
	v, _ := ev.Value.AsInt()
	switch {
	case ev.F == history.FWrite:
		p.spoilt = p.spoilt || ev.Type != history.Ok
	case ev.Type == history.Ok && ev.Key == p.question:
		p.heard = max(p.heard, v)
	case ev.Type == history.Ok && ev.Key == p.answer:
		p.seen = max(p.seen, v)
	}
	if ev.Err.Code == history.TokenLost {
		d.forget(t.thread)
	}
}

// forget spoils the pairs of a thread whose session is lost: what it had read is not behind what it writes
// from now on.
func (d *dialogue) forget(thread int) {
	for i, p := range d.pairs {
		asks := thread < d.askers && i%d.askers == thread
		answers := thread >= d.askers && i%d.answerers == thread-d.askers
		p.spoilt = p.spoilt || asks || answers
	}
}
