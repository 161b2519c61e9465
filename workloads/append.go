package workloads

import (
	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/plan"
)

// AppendInfo describes the workload of lists that grow at the end.
func AppendInfo() Info {
	return Info{
		Name: "append",
		Summary: "everybody appends to every list and reads it whole; " +
			"each list's elements are unique and count from 1",
		Mix: map[string]int{history.FRead: 5, history.FAppend: 5},
		Options: map[string]string{
			"ops_per_key": "operations after which a list retires and a fresh one takes its place, " +
				"so that lists stay short; 80 (default), 0 for never",
		},
		Makes:  properties(appendCheckers()),
		Offers: properties(staleness()),
		New:    newAppend,
	}
}

func appendCheckers() []checkers.Checker {
	return append([]checkers.Checker{
		checkers.Linearizable(checkers.AppendList, checkers.LinOptions{}),
		checkers.Sessions(checkers.ListOrder),
	}, stateCheckers()...)
}

func newAppend(p *Params) (Workload, error) {
	info := AppendInfo()
	s := newSettings(p, info)
	l := &lists{
		pool: newPool(p.Prefix, s.places(), s.opsPerKey(80)),
		mix:  s.mix(info.Mix, history.FRead, history.FAppend),
	}
	return s.workload(l, appendCheckers(), staleness())
}

// lists is the player of the workload append.
type lists struct {
	*pool
	mix mix
}

func (l *lists) play(t turn, op *plan.Op) {
	at := l.use(t.draw.Named("key").N(len(l.places)))
	op.F, op.Key = l.mix.pick(t.draw.Named("f")), at.key
	if op.F == history.FAppend {
		op.Value = at.fresh()
	}
}

func (l *lists) ended(turn, *history.Event) {}
