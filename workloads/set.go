package workloads

import (
	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/plan"
)

// optionRemoves is the option of the workload set that has elements removed.
const optionRemoves = "removes"

// SetInfo describes the workload of sets.
func SetInfo() Info {
	return Info{
		Name: "set",
		Summary: "everybody adds elements to every set and reads it whole; each element is added once in " +
			"the run",
		Mix: map[string]int{history.FRead: 5, history.FAdd: 5},
		Options: withSpread(map[string]string{
			"ops_per_key": "operations after which a set retires and a fresh one takes its place, " +
				"so that sets stay small; 100 (default), 0 for never",
			optionRemoves: "share of the adds that are removes instead, of an element that the session has " +
				"seen there, each removed once at the most; 0% (default). With removes the property set " +
				"is not decided",
		}),
		Makes:  properties(setCheckers()),
		Offers: properties(setOffers()),
		New:    newSet,
	}
}

func setCheckers() []checkers.Checker {
	return []checkers.Checker{checkers.SetFull(checkers.SetOptions{}), checkers.Convergent(),
		checkers.Available()}
}

// setOffers returns the checkers of sets that experiments have to ask for: stores that merge sets do not
// promise that they are linearizable, and with removes it takes a search to decide.
func setOffers() []checkers.Checker {
	return []checkers.Checker{checkers.Linearizable(checkers.Set, checkers.LinOptions{})}
}

func newSet(p *Params) (Workload, error) {
	info := SetInfo()
	s := newSettings(p, info)
	removes := s.share(optionRemoves, 0)
	places := newPool(p.Prefix, s.places(), s.opsPerKey(100))
	player := &sets{
		elements: newElements(places, s.threads(), removes > 0),
		mix:      s.mix(info.Mix, history.FRead, history.FAdd),
		spread:   s.spread(),
		share:    removes,
	}
	return s.workload(player, setCheckers(), setOffers())
}

// sets is the player of the workload set.
type sets struct {
	elements
	mix    mix
	spread spread
	share  int64 // of the changes that are removes, parts in a million
}

func (s *sets) play(t turn, op *plan.Op) {
	i := s.spread.pick(t.draw.Named("key"))
	s.at[t.thread] = i
	op.F, op.Key = s.mix.pick(t.draw.Named("f")), s.use(i).key
	if op.F == history.FAdd {
		s.change(t, i, t.draw.Named("remove").PPM(s.share), op)
	}
}
