package checkers

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rashomon-harness/rashomon/history"
)

// Specified returns the checker of linearizability against the model of that name, one of Models, with the
// general engine alone. Each key is an object of its own (operations without key are on one object) and is
// searched by itself, several at a time, by the runner within the limits; a nil runner is InProcess. A read
// of several keys is taken apart into one of each. What the engine cannot decide is Unknown and says why.
//
// An opportunity is an answer that was called after an acknowledged change of its key had returned.
func Specified(model string, limits Limits, runner Runner) (Checker, error) {
	if _, ok := ModelNamed(model); !ok {
		return nil, fmt.Errorf("model %q; allowed: %s", model, strings.Join(modelNames(), ", "))
	}
	if runner == nil {
		runner = InProcess{}
	}
	return &specified{model, limits.OrDefault(), runner}, nil
}

type specified struct {
	model  string
	limits Limits
	runner Runner
}

// Properties implements Checker.
func (s *specified) Properties() []string { return []string{Linearizability} }

// Check implements Checker.
func (s *specified) Check(ctx context.Context, h *history.History) []Verdict {
	t := newTally(Linearizability)
	subjects, why := splitSubjects(h)
	if why != "" {
		return []Verdict{t.verdict("porcupine", why)}
	}
	chances := make([]int64, len(subjects))
	answers := make([]Answer, len(subjects))
	eachOf(len(subjects), func(i int) {
		job := subjects[i].job(h, s.model, s.limits)
		if p, why := compile(job); why == "" {
			chances[i] = p.opportunities()
		}
		answers[i] = s.runner.Run(ctx, job)
	})
	var unknown []string
	var illegal []int
	for i, answer := range answers {
		t.chances(chances[i])
		switch answer.Result {
		case Invalid:
			illegal = append(illegal, i)
		case Unknown:
			unknown = append(unknown, "key "+subjects[i].key+": "+answer.Reason)
		}
	}
	s.explain(ctx, h, t, subjects, answers, illegal)
	return []Verdict{t.verdict("porcupine", summary(unknown))}
}

// subject is a key with its operations.
type subject struct {
	key string
	ops []subjectOp
}

// subjectOp is an operation on a subject: the index of the operation, and which of its several keys the
// subject is, -1 when it has one.
type subjectOp struct{ op, at int32 }

// splitSubjects returns the subjects of a history, by key, or why it has none.
func splitSubjects(h *history.History) (subjects []subject, why string) {
	byKey := make([]subject, h.KeyCount())
	for i := range h.Len() {
		if h.F(i) == history.FTxn && h.Type(i) != history.Fail {
			return nil, fmt.Sprintf("the model has no txn (event %d)", h.Op(i).Invoked)
		}
		if k := h.Key(i); k >= 0 {
			byKey[k].ops = append(byKey[k].ops, subjectOp{int32(i), -1})
		}
		for at, k := range h.Keys(i) {
			byKey[k].ops = append(byKey[k].ops, subjectOp{int32(i), int32(at)})
		}
	}
	for k := range byKey {
		if byKey[k].key = h.KeyName(int32(k)); len(byKey[k].ops) > 0 {
			subjects = append(subjects, byKey[k])
		}
	}
	slices.SortFunc(subjects, func(a, b subject) int { return cmp.Compare(a.key, b.key) })
	return subjects, ""
}

// job returns the search of a subject. Of a read of several keys it takes what was read of this one.
func (o *subject) job(h *history.History, model string, limits Limits) *Job {
	job := &Job{Model: model, Limits: limits, Ops: make([]history.Op, len(o.ops))}
	for i, ref := range o.ops {
		op := h.Op(int(ref.op))
		list, _ := op.Result.AsList()
		if ref.at >= 0 && op.F == history.FRead && (op.Type != history.Ok || len(list) == len(op.Keys)) {
			if op.Type == history.Ok {
				op.Result = list[ref.at]
			}
			op.Key, op.Keys = o.key, nil
		}
		job.Ops[i] = op
	}
	return job
}
