package workloads

import (
	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/plan"
)

// RegisterInfo describes the workload of plain registers: everybody reads and writes every key, and every
// value is written once.
func RegisterInfo() Info {
	return Info{
		Name:    "register",
		Summary: "everybody reads and writes every key; each key's written values count from 1",
		Mix:     map[string]int{history.FRead: 5, history.FWrite: 5},
		Options: map[string]string{
			"ops_per_key": "operations after which a key retires and a fresh one takes its place; " +
				"0 (default) for never",
		},
		Makes:  properties(registerCheckers()),
		Offers: properties(registerOffers()),
		New:    newRegister,
	}
}

func registerCheckers() []checkers.Checker {
	return append([]checkers.Checker{
		checkers.Linearizable(checkers.Register, checkers.LinOptions{}),
		checkers.Sessions(checkers.AnyOrder),
	}, stateCheckers()...)
}

func newRegister(p *Params) (Workload, error) {
	info := RegisterInfo()
	s := newSettings(p, info)
	r := &register{
		mix:  s.mix(info.Mix, history.FRead, history.FWrite),
		pool: newPool(p.Prefix, s.places(), s.opsPerKey(0)),
	}
	return s.workload(r, registerCheckers(), registerOffers())
}

// register is the player of the workload register.
type register struct {
	*pool
	mix mix
}

func (r *register) play(t turn, op *plan.Op) {
	at := r.use(t.draw.Named("key").N(len(r.places)))
	op.F, op.Key = r.mix.pick(t.draw.Named("f")), at.key
	if op.F == history.FWrite {
		op.Value = at.fresh()
	}
}

func (r *register) ended(turn, *history.Event) {}
