package workloads

import (
	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/plan"
)

// The option of the workload register that says who writes a key, and its values.
const (
	optionWriters = "writers"
	writersAll    = "all"
	writersOne    = "one"
)

// RegisterInfo describes the workload of plain registers: everybody reads every key, everybody or one session
// writes it, and every value is written once.
func RegisterInfo() Info {
	return Info{
		Name:    "register",
		Summary: "everybody reads and writes every key; each key's written values count from 1",
		Mix:     map[string]int{history.FRead: 5, history.FWrite: 5},
		Options: withSpread(map[string]string{
			"ops_per_key": "operations after which a key retires and a fresh one takes its place; " +
				"0 (default) for never",
			optionWriters: "all (default): every session writes every key; one: each key is written by one " +
				"session, and given up for a fresh one when the outcome of a write is unknown. Then " +
				"sessions beyond the number of keys only read",
		}),
		Makes:  properties(registerCheckers(false)),
		Offers: properties(registerOffers()),
		New:    newRegister,
	}
}

// registerCheckers returns the checkers of registers whose keys have a single writer each, or not. They
// decide the same properties.
func registerCheckers(single bool) []checkers.Checker {
	sessions := checkers.Sessions(checkers.AnyOrder)
	if single {
		sessions = checkers.Sessions(checkers.WriterOrder, sessions.Properties()...)
	}
	return append([]checkers.Checker{
		checkers.Linearizable(checkers.Register, checkers.LinOptions{}), sessions,
	}, stateCheckers()...)
}

func newRegister(p *Params) (Workload, error) {
	info := RegisterInfo()
	s := newSettings(p, info)
	r := &register{
		mix:     s.mix(info.Mix, history.FRead, history.FWrite),
		pool:    newPool(p.Prefix, s.places(), s.opsPerKey(0)),
		spread:  s.spread(),
		single:  s.word(optionWriters, writersAll, writersOne) == writersOne,
		writing: make([]int, s.threads()),
	}
	return s.workload(r, registerCheckers(r.single), registerOffers())
}

// register is the player of the workload register. Where keys have single writers, the key at place i is
// written by thread i modulo the number of threads.
type register struct {
	*pool
	mix     mix
	spread  spread
	single  bool
	writing []int // by thread: the place its last write went to
}

func (r *register) play(t turn, op *plan.Op) {
	i := r.spread.pick(t.draw.Named("key"))
	op.F = r.mix.pick(t.draw.Named("f"))
	if op.F == history.FWrite && r.single {
		if mine := r.mine(t.thread, i); mine >= 0 {
			i = mine
		} else {
			op.F = history.FRead
		}
	}
	at := r.use(i)
	op.Key = at.key
	if op.F == history.FWrite {
		r.writing[t.thread] = i
		op.Value = at.fresh()
	}
}

// mine returns a place that the thread writes, one near to place i; -1 when it writes none.
func (r *register) mine(thread, i int) int {
	threads := len(r.writing)
	place := i - i%threads + thread
	if place >= len(r.places) {
		place -= threads
	}
	return max(place, -1)
}

// ended gives a key of a single writer up whose write has an unknown outcome, and all keys of a session that
// is lost: so each has one writer, and its versions are in the order of its values.
func (r *register) ended(t turn, ev *history.Event) {
	if !r.single {
		return
	}
	if i := r.writing[t.thread]; ev.F == history.FWrite && ev.Type == history.Info &&
		r.places[i].key == ev.Key {
		r.renew(i)
	}
	if ev.Err.Code == history.TokenLost {
		for i := t.thread; i < len(r.places); i += len(r.writing) {
			r.renew(i)
		}
	}
}
