package checkers

import (
	"context"
	"fmt"

	"github.com/rashomon-harness/rashomon/history"
)

// explain counts the illegal subjects, and looks for small witnesses of the first.
func (s *specified) explain(
	ctx context.Context, h *history.History, t *tally, subjects []subject, found []Answer, illegal []int,
) {
	shown := illegal[:min(len(illegal), MaxExplained)]
	t.count(NotLinearizable, int64(len(illegal)))
	jobs := make([]*Job, len(shown))
	answers := make([]Answer, len(shown))
	eachOf(len(shown), func(i int) {
		jobs[i] = subjects[shown[i]].job(h, s.model, s.limits)
		jobs[i].Witness, jobs[i].Refuted = true, found[illegal[i]].Steps
		answers[i] = s.runner.Run(ctx, jobs[i])
	})
	for i, answer := range answers {
		var ops []*history.Op
		var last *history.Op
		for _, at := range answer.Witness {
			op := &jobs[i].Ops[at]
			ops = append(ops, op)
			if op.Type == history.Ok && (last == nil || later(op, last)) {
				last = op
			}
		}
		if last == nil {
			continue // the search for it was stopped
		}
		t.explain(NotLinearizable, subjects[shown[i]].key, func(w *witness) string {
			did := fmt.Sprintf("%s did %s (op %d)", last.Session, shorten(last.Short()), w.number(last))
			if len(w.ops) == 1 {
				return did + ", which nothing explains"
			}
			return fmt.Sprintf("%s, and no order of the %d operations agrees with both their times and "+
				"their answers", did, len(w.ops))
		}, ops...)
	}
}

// later reports whether a is to be named rather than b: it told something, or it returned later.
func later(a, b *history.Op) bool {
	if tellsA, tellsB := !a.Result.IsNull(), !b.Result.IsNull(); tellsA != tellsB {
		return tellsA
	}
	return a.Return >= b.Return
}

// shorten leaves out the middle of a long text.
func shorten(text string) string {
	const most = 60 // runes
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most/2]) + " .. " + string(runes[len(runes)-most/2:])
}
