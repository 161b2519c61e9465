package workloads

import (
	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/plan"
)

// CartInfo describes the workload of shopping carts, after the example of DeCandia et al. 2007, "Dynamo:
// Amazon's Highly Available Key-value Store".
func CartInfo() Info {
	return Info{
		Name: "cart",
		Summary: "several sessions share a shopping cart: each looks into it before every change, puts in " +
			"articles that are added once in the run, and takes out articles that it has seen there, each " +
			"once at the most",
		Mix: map[string]int{history.FRead: 1, history.FAdd: 3, history.FRemove: 2},
		Options: map[string]string{
			"sharers": "sessions that share a cart, at the least; 3 (default)",
			"ops_per_key": "operations after which a cart retires and a fresh one takes its place; " +
				"60 (default), 0 for never",
		},
		Makes:  properties(cartCheckers()),
		Offers: properties(setOffers()),
		New:    newCart,
	}
}

// cartCheckers returns the workload's checkers. That of sets is not among them: it knows no removes.
func cartCheckers() []checkers.Checker {
	return []checkers.Checker{checkers.Convergent(), checkers.Available()}
}

func newCart(p *Params) (Workload, error) {
	info := CartInfo()
	s := newSettings(p, info)
	threads, places := s.threads(), s.places()
	sharers := s.integer("sharers", 3, 1, maxThreads)
	player := &carts{
		elements: newElements(newPool(p.Prefix, places, s.opsPerKey(60)), threads, true),
		mix:      s.mix(info.Mix, history.FRead, history.FAdd, history.FRemove),
		groups:   min(max(1, threads/sharers), places),
		looked:   make([]look, threads),
	}
	return s.workload(player, cartCheckers(), setOffers())
}

// carts is the player of the workload cart. Threads and places belong to the same group that have the same
// remainder modulo the number of groups; the threads of a group share its places.
type carts struct {
	elements
	mix    mix
	groups int
	looked []look // by thread
}

// look is the cart that a thread has just read; key "" for none.
type look struct {
	place int
	key   string
}

// play changes the cart that the thread has just read, or looks into a drawn one.
func (c *carts) play(t turn, op *plan.Op) {
	last := c.looked[t.thread]
	c.looked[t.thread] = look{}
	i, f := last.place, history.FRead
	if last.key != "" {
		f = c.mix.pick(t.draw.Named("f"))
	}
	if f == history.FRead {
		i = c.cart(t)
	}
	c.at[t.thread] = i
	op.F, op.Key = f, c.use(i).key
	switch {
	case op.Key != last.key: // the cart has retired since, or it is another one that is looked into
		op.F = history.FRead
	case f != history.FRead:
		c.change(t, i, f == history.FRemove, op)
	}
}

// cart draws one of the places of the thread's group.
func (c *carts) cart(t turn) int {
	group := t.thread % c.groups
	count := (len(c.places) - group + c.groups - 1) / c.groups
	return group + c.groups*t.draw.Named("key").N(count)
}

func (c *carts) ended(t turn, ev *history.Event) {
	c.elements.ended(t, ev)
	if ev.F == history.FRead && ev.Type == history.Ok {
		c.looked[t.thread] = look{place: c.at[t.thread], key: ev.Key}
	}
}
