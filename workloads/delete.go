package workloads

import (
	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/plan"
)

// DeleteInfo describes the workload of registers that are deleted.
func DeleteInfo() Info {
	return Info{
		Name: "delete",
		Summary: "everybody writes and reads every key and deletes the key whose value it has read last; " +
			"each value is written once in the run",
		Mix: map[string]int{history.FRead: 4, history.FWrite: 4, history.FDelete: 2},
		Options: map[string]string{
			"ops_per_key": "operations after which a key retires and a fresh one takes its place; " +
				"60 (default), 0 for never",
		},
		Makes:  properties(deleteCheckers()),
		Offers: properties(deleteOffers()),
		New:    newDelete,
	}
}

// deleteCheckers returns the workload's checkers. That of durability tells of deletes that are undone.
func deleteCheckers() []checkers.Checker { return stateCheckers() }

// deleteOffers returns the checkers that experiments have to ask for. With deletes it takes a search to
// decide linearizability.
func deleteOffers() []checkers.Checker {
	return append([]checkers.Checker{
		checkers.Linearizable(checkers.Register, checkers.LinOptions{}),
	}, staleness()...)
}

func newDelete(p *Params) (Workload, error) {
	info := DeleteInfo()
	s := newSettings(p, info)
	d := &deletes{
		pool: newPool(p.Prefix, s.places(), s.opsPerKey(60)),
		mix:  s.mix(info.Mix, history.FRead, history.FWrite, history.FDelete),
		at:   make([]int, s.threads()),
		seen: make([]look, s.threads()),
	}
	return s.workload(d, deleteCheckers(), deleteOffers())
}

// deletes is the player of the workload delete.
type deletes struct {
	*pool
	mix  mix
	at   []int  // by thread: the place of its operation
	seen []look // by thread: the key that it read a value of last, and has not deleted since
}

func (d *deletes) play(t turn, op *plan.Op) {
	f, i := d.mix.pick(t.draw.Named("f")), t.draw.Named("key").N(len(d.places))
	seen := d.seen[t.thread]
	if f == history.FDelete {
		if seen.key == "" {
			f = history.FRead
		} else {
			i, d.seen[t.thread] = seen.place, look{}
		}
	}
	at := d.use(i)
	d.at[t.thread] = i
	op.F, op.Key = f, at.key
	switch {
	case f == history.FWrite:
		op.Value = d.unique()
	case f == history.FDelete && at.key != seen.key: // the key has retired since
		op.F = history.FRead
	}
}

func (d *deletes) ended(t turn, ev *history.Event) {
	switch {
	case ev.Err.Code == history.TokenLost:
		d.seen[t.thread] = look{}
	case ev.F == history.FRead && ev.Type == history.Ok && len(integers(nil, ev.Value)) > 0:
		d.seen[t.thread] = look{place: d.at[t.thread], key: ev.Key}
	}
}
