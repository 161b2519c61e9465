package checkers

import (
	"fmt"

	"github.com/rashomon-harness/rashomon/history"
)

// explain looks for small witnesses of keys that a search found to be not linearizable.
func (r *linRun) explain(t *tally, keys []int) {
	witnesses := make([][]int32, len(keys))
	eachOf(len(keys), func(i int) {
		d := r.decide(r.take(keys[i]), newTally(Linearizability))
		d.job.Witness, d.job.Refuted = true, r.keys[keys[i]].refuted
		answer := r.search(d.job)
		witnesses[i] = d.job.witness(&answer)
	})
	for i, places := range witnesses {
		if len(places) > 0 {
			explainSearched(t, r.h, r.split.names[keys[i]], places)
		}
	}
}

// explainSearched explains operations that no order explains. It names the one that tells most, and of those
// the one that returned last.
func explainSearched(t *tally, h *history.History, key string, places []int32) {
	last, told := places[0], h.Op(int(places[0]))
	for _, i := range places[1:] {
		if op := h.Op(int(i)); op.Type == history.Ok && (told.Type != history.Ok || later(&op, &told)) {
			last, told = i, op
		}
	}
	t.explainAt(h, NotLinearizable, key, func(w *witness) string {
		return fmt.Sprintf("%s, and no order of the %d operations agrees with both their times and their "+
			"answers", w.did(w.at(last)), len(w.ops))
	}, places...)
}
