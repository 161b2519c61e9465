package workloads

import (
	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/plan"
)

// CounterInfo describes the workload of counters.
func CounterInfo() Info {
	return Info{
		Name:    "counter",
		Summary: "everybody increments every counter and reads it",
		Mix:     map[string]int{history.FRead: 5, history.FIncr: 5},
		Options: map[string]string{
			"most": "the greatest increment; each is drawn, from 1 up to it; 5 (default)",
			"ops_per_key": "operations after which a counter retires and a fresh one takes its place; " +
				"100 (default), 0 for never",
		},
		Makes:  properties(counterCheckers()),
		Offers: properties(counterOffers()),
		New:    newCounter,
	}
}

func counterCheckers() []checkers.Checker {
	return []checkers.Checker{checkers.Counter(checkers.CounterOptions{}), checkers.Convergent(),
		checkers.Available()}
}

// counterOffers returns the checker of linearizability, which it takes a search to decide.
func counterOffers() []checkers.Checker {
	c, err := checkers.Specified(checkers.ModelCounter, checkers.Limits{}, nil)
	if err != nil {
		return nil
	}
	return []checkers.Checker{c}
}

func newCounter(p *Params) (Workload, error) {
	info := CounterInfo()
	s := newSettings(p, info)
	c := &counters{
		pool: newPool(p.Prefix, s.places(), s.opsPerKey(100)),
		mix:  s.mix(info.Mix, history.FRead, history.FIncr),
		most: s.integer("most", 5, 1, 1_000_000),
	}
	return s.workload(c, counterCheckers(), counterOffers())
}

// counters is the player of the workload counter.
type counters struct {
	*pool
	mix  mix
	most int
}

func (c *counters) play(t turn, op *plan.Op) {
	at := c.use(t.draw.Named("key").N(len(c.places)))
	op.F, op.Key = c.mix.pick(t.draw.Named("f")), at.key
	if op.F == history.FIncr {
		op.Value = history.IntValue(t.draw.Named("by").Between(1, int64(c.most)))
	}
}

func (c *counters) ended(turn, *history.Event) {}
