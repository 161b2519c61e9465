package workloads

import (
	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/plan"
)

// The operations of the workload session, as its mix names them.
const (
	sessionWrite     = "write"
	sessionReadOwn   = "read-own"
	sessionReadOther = "read-other"
	sessionReadTwo   = "read-two"
)

// SessionInfo describes the workload that session guarantees are tested with.
func SessionInfo() Info {
	return Info{
		Name: "session",
		Summary: "every user counts up on keys of their own and reads their own and other users' keys, " +
			"moving between nodes and devices",
		Mix: map[string]int{sessionWrite: 4, sessionReadOwn: 3, sessionReadOther: 3, sessionReadTwo: 0},
		Options: map[string]string{
			"roam": "mean number of a user's operations between two moves to another node; " +
				"10 (default), 0 for never",
			"devices":      "devices of a user, used one at a time; 1 (default) or 2",
			"device_every": "mean number of a user's operations between two changes of device; 5 (default)",
		},
		Makes:  properties(sessionCheckers(true)),
		Offers: properties(registerOffers()),
		New:    newSession,
	}
}

// sessionCheckers returns the workload's checkers. Reads of two keys decide two guarantees more.
func sessionCheckers(two bool) []checkers.Checker {
	guarantees := []string{checkers.ReadYourWrites, checkers.MonotonicReads}
	if two {
		guarantees = append(guarantees, checkers.MonotonicWrites, checkers.WritesFollowReads)
	}
	return append([]checkers.Checker{
		checkers.Linearizable(checkers.Register, checkers.LinOptions{}),
		checkers.Sessions(checkers.WriterOrder, guarantees...),
	}, stateCheckers()...)
}

func newSession(p *Params) (Workload, error) {
	info := SessionInfo()
	s := newSettings(p, info)
	threads := s.threads()
	two := s.Mix[sessionReadTwo] > 0
	own := max(1, s.places()/threads)
	if two {
		own = max(2, own) // a user's writes to different keys have an order to show
	}
	u := &users{
		pool:        newPool(p.Prefix, threads*own, 0),
		mix:         s.mix(info.Mix, sessionWrite, sessionReadOwn, sessionReadOther, sessionReadTwo),
		own:         own,
		threads:     threads,
		writing:     make([]int, threads),
		near:        make([]int, threads),
		nodes:       p.Nodes,
		seed:        p.Seed,
		roam:        s.integer("roam", 10, 0, 1_000_000),
		devices:     s.integer("devices", 1, 1, 2),
		deviceEvery: s.integer("device_every", 5, 1, 1_000_000),
	}
	return s.workload(u, sessionCheckers(two), registerOffers())
}

// users is the player of the workload session. The places of the pool from thread*own on are the
// thread's; nobody else writes their keys.
type users struct {
	*pool
	mix         mix
	own         int // places a thread
	threads     int
	writing     []int // by thread: the place its last write went to
	near        []int // by thread: the node the user is near to, by its place in nodes
	nodes       []string
	seed        keyed.Key
	roam        int // 0 for never
	devices     int
	deviceEvery int
}

// deviceNames are those of a user's devices, where there are two.
var deviceNames = [2]string{"d1", "d2"}

// sit implements seated: users begin near to drawn nodes, on their first device.
func (u *users) sit(seats []seat) {
	for i := range seats {
		if len(u.nodes) > 0 {
			u.near[i] = u.seed.Named("near").With(uint64(i)).N(len(u.nodes))
			seats[i].node = u.nodes[u.near[i]]
		}
		if u.devices > 1 {
			seats[i].device = deviceNames[0]
		}
	}
}

func (u *users) play(t turn, op *plan.Op) {
	u.move(t)
	what := u.mix.pick(t.draw.Named("f"))
	owner := t.thread
	if what == sessionReadOther || what == sessionReadTwo {
		owner = u.another(owner, t.draw.Named("owner"))
	}
	i := owner*u.own + t.draw.Named("key").N(u.own)
	at := u.use(i)
	op.F, op.Key = history.FRead, at.key
	switch what {
	case sessionWrite:
		u.writing[t.thread] = i
		op.F, op.Value = history.FWrite, at.fresh()
	case sessionReadTwo:
		op.Key, op.Keys = "", []string{at.key, u.use(u.beside(i, t.draw.Named("second"))).key}
	}
}

// another returns a thread other than the given one, if there is one.
func (u *users) another(thread int, draw keyed.Key) int {
	if u.threads == 1 {
		return thread
	}
	return (thread + 1 + draw.N(u.threads-1)) % u.threads
}

// beside returns a second place to be read together with place i: as often as not the same user's, whose
// writes have an order, otherwise another user's, who may have read the first one's.
func (u *users) beside(i int, draw keyed.Key) int {
	owner, place := i/u.own, i%u.own
	if draw.N(2) == 0 {
		return owner*u.own + (place+1+draw.Named("place").N(u.own-1))%u.own
	}
	other := u.another(owner, draw.Named("owner"))
	if other == owner {
		return owner*u.own + (place+1)%u.own
	}
	return other*u.own + draw.Named("place").N(u.own)
}

// move lets the user change node and device now and then, before the operation.
func (u *users) move(t turn) {
	if n := len(u.nodes); u.roam > 0 && n > 1 && t.draw.Named("roam").N(u.roam) == 0 {
		u.near[t.thread] = (u.near[t.thread] + 1 + t.draw.Named("to").N(n-1)) % n
		t.seat.node = u.nodes[u.near[t.thread]]
	}
	if u.devices > 1 && t.draw.Named("device").N(u.deviceEvery) == 0 {
		if t.seat.device == deviceNames[0] {
			t.seat.device = deviceNames[1]
		} else {
			t.seat.device = deviceNames[0]
		}
	}
}

// ended gives a key up whose write has an unknown outcome: the write may take effect after the next one,
// and then the key's versions would not be in the order of its values. When the session is lost, the user's
// keys are given up, so that each is written by one session.
func (u *users) ended(t turn, ev *history.Event) {
	if ev.F == history.FWrite && ev.Type == history.Info {
		u.renew(u.writing[t.thread])
	}
	if ev.Err.Code == history.TokenLost {
		for i := range u.own {
			u.renew(t.thread*u.own + i)
		}
	}
}
