package workloads

import (
	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/plan"
)

// CASInfo describes the workload of registers with compare-and-set.
func CASInfo() Info {
	return Info{
		Name: "cas",
		Summary: "everybody reads, writes and compares-and-sets every key; new values count from 1, " +
			"expected ones are what was seen last",
		Mix: map[string]int{history.FRead: 4, history.FWrite: 2, history.FCAS: 4},
		Options: map[string]string{
			"ops_per_key": "operations after which a key retires and a fresh one takes its place; " +
				"100 (default), 0 for never",
		},
		Makes:  properties(casCheckers()),
		Offers: properties(registerOffers()),
		New:    newCAS,
	}
}

func casCheckers() []checkers.Checker {
	return append([]checkers.Checker{
		checkers.Linearizable(checkers.CASRegister, checkers.LinOptions{}),
	}, stateCheckers()...)
}

func newCAS(p *Params) (Workload, error) {
	info := CASInfo()
	s := newSettings(p, info)
	c := &cas{
		pool: newPool(p.Prefix, s.places(), s.opsPerKey(100)),
		mix:  s.mix(info.Mix, history.FRead, history.FWrite, history.FCAS),
		at:   make([]int, s.threads()),
	}
	c.seen = make([]sighting, len(c.places))
	return s.workload(c, casCheckers(), registerOffers())
}

// cas is the player of the workload cas.
type cas struct {
	*pool
	mix  mix
	at   []int      // by thread: the place of its operation
	seen []sighting // by place
}

// sighting is what is known of a key's value: the two last values that completions told of.
type sighting struct {
	key           string // of which key; a place's key may have changed since
	last, earlier history.Value
}

// staleInMillion is the share of compare-and-sets that expect a value which is known to be old, parts in
// a million. They should be refused.
const staleInMillion = 150_000

func (c *cas) play(t turn, op *plan.Op) {
	i := t.draw.Named("key").N(len(c.places))
	at := c.use(i)
	c.at[t.thread] = i
	op.F, op.Key = c.mix.pick(t.draw.Named("f")), at.key
	switch op.F {
	case history.FWrite:
		op.Value = at.fresh()
	case history.FCAS:
		op.Value = history.ListValue(c.expect(i, t), at.fresh())
	}
}

// expect returns the value that a compare-and-set at place i shall expect, null for a key that nobody
// has seen yet.
func (c *cas) expect(i int, t turn) history.Value {
	seen := &c.seen[i]
	switch {
	case seen.key != c.places[i].key:
		return history.Value{}
	case t.draw.Named("stale").PPM(staleInMillion):
		return seen.earlier
	}
	return seen.last
}

func (c *cas) ended(t turn, ev *history.Event) {
	i := c.at[t.thread]
	if ev.Type != history.Ok || ev.Key != c.places[i].key {
		return
	}
	value, known := held(ev)
	seen := &c.seen[i]
	if seen.key != ev.Key {
		*seen = sighting{key: ev.Key}
	}
	if known && !value.Equal(seen.last) {
		seen.last, seen.earlier = value, seen.last
	}
}

// held returns the value that a key held when the operation took effect, and whether the completion
// tells.
func held(ev *history.Event) (value history.Value, known bool) {
	list, isList := ev.Value.AsList()
	switch {
	case ev.F != history.FCAS:
		return ev.Value, true
	case isList && len(list) == 2: // refused: [false current]
		return list[1], true
	}
	return history.Value{}, false
}
